package replica

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Leases gives named pieces of work to one holder for a time.
type Leases interface {
	// Claim gives the lease to holder for the duration life, by the store's clock, and reports whether it did. It fails to
	// while another holder has the lease, and renews the holder's own.
	Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error)
	// Release ends the lease if holder has it.
	Release(ctx context.Context, name, holder string) error
}

// WorkLock runs a piece of work on one replica at a time. It only avoids double work: a holder that was suspended for
// longer than its lease may run beside its successor. Writes of leased work therefore name the revision that they start
// from.
type WorkLock struct {
	replica *Replica
	holder  string
	Life    time.Duration
}

// NewWorkLock returns the lock of a replica with the given unique name. After a crash its leases end after life, or at
// once for a replica that restarts under the same name.
func NewWorkLock(m *Replica, holder string, life time.Duration) *WorkLock {
	return &WorkLock{replica: m, holder: holder, Life: life}
}

// ErrElsewhere means that another replica does the work.
var ErrElsewhere = errors.New("replica: another replica does this work")

// errLost means that a lease could not be renewed.
var errLost = errors.New("replica: the lease on this work was lost")

// Do runs work under the lease with the given name. It fails with ErrElsewhere while another replica has the lease. It
// brings the copy up to date first, so that work can see what another replica has just finished; work must check again
// whether there is anything to do. After a success the lease is kept for the duration rest.
func (c *WorkLock) Do(ctx context.Context, name string, rest time.Duration,
	work func(ctx context.Context) error) error {
	held, err := c.replica.Store.Claim(ctx, name, c.holder, c.Life)
	if err != nil {
		return err
	}
	if !held {
		return ErrElsewhere
	}
	working, lose := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		c.keep(working, name, lose)
	}()
	err = c.replica.CatchUp(working)
	if err == nil {
		err = work(working)
	}
	if lost := context.Cause(working); errors.Is(lost, errLost) {
		err = errors.Join(err, lost)
	}
	lose(nil)
	<-kept
	// also when the service stops, so that other replicas need not wait
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Life)
	defer cancel()
	if err == nil && rest > 0 {
		_, err = c.replica.Store.Claim(ending, name, c.holder, rest)
		return err
	}
	return errors.Join(err, c.replica.Store.Release(ending, name, c.holder))
}

// keep renews the lease until ctx ends. It cancels the work when the lease could not be renewed for a whole life.
func (c *WorkLock) keep(ctx context.Context, name string, lose context.CancelCauseFunc) {
	renew := time.NewTicker(c.Life / 3)
	defer renew.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
		}
		held, err := c.replica.Store.Claim(ctx, name, c.holder, c.Life)
		switch {
		case err == nil && held:
			last = time.Now()
		case err == nil, time.Since(last) > c.Life:
			lose(fmt.Errorf("%w: %s", errLost, name))
			return
		}
	}
}
