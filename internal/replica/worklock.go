package replica

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Leases give names to those who work on them, for a time.
type Leases interface {
	// Claim gives the lease to holder for life from now, by the store's own time, and says whether it did: another may
	// have it. Who has it already has it anew.
	Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error)
	// Release gives the lease back, if holder has it.
	Release(ctx context.Context, name, holder string) error
}

// WorkLock are what one replica works on while the others do not. A lease spares doubled work, no more: a holder that
// was suspended for longer than its lease wakes up beside its successor. That this does no harm is for compare-and-set
// to see to, so every write of leased work names the revision that it starts from.
type WorkLock struct {
	replica *Replica
	holder  string
	Life    time.Duration
}

// NewWorkLock are those of a replica that is called holder, by a name that no other living one has. What it held when
// it died is free after life, and at once for one that comes back under its name.
func NewWorkLock(m *Replica, holder string, life time.Duration) *WorkLock {
	return &WorkLock{replica: m, holder: holder, Life: life}
}

// ErrElsewhere is work that another replica is at.
var ErrElsewhere = errors.New("replica: another replica is at it")

// errLost is a lease that could not be kept.
var errLost = errors.New("replica: the lease on this work was lost")

// Do does a piece of work under a lease of that name and fails with ErrElsewhere where another replica has it. The copy
// is brought up to date first, so that work which another has just ended is seen to be done: work must look again
// whether there is anything to do. After work that succeeded the name rests, leased, for the time given.
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
	// also when the service stops: others need not wait
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Life)
	defer cancel()
	if err == nil && rest > 0 {
		_, err = c.replica.Store.Claim(ending, name, c.holder, rest)
		return err
	}
	return errors.Join(err, c.replica.Store.Release(ending, name, c.holder))
}

// keep renews the lease until ctx ends, and ends the work that could not be kept for a whole life.
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
