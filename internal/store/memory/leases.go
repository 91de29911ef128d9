package memory

import (
	"context"
	"time"

	"lifeline/internal/store"
)

// lease is the holder of a name and the end of the lease.
type lease struct {
	holder string
	ends   time.Time
}

// Claim gives the lease to holder for life from now, and reports whether it did; another holder may have it. A claim by
// the present holder renews the lease.
func (s *Store) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := store.CheckLease(name, holder, life); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if l, ok := s.leases[name]; ok && l.holder != holder && now.Before(l.ends) && l.ends.Sub(now) <= store.MostLease {
		return false, nil
	}
	s.leases[name] = lease{holder, now.Add(life)}
	return true, nil
}

// Release ends the lease if holder has it.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[name].holder == holder {
		delete(s.leases, name)
	}
	return nil
}
