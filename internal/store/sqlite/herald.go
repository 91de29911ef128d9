package sqlite

import (
	"context"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// glance is how long a change by another process may go unseen. One look is a read of one index page, and nobody
// looks while nobody waits.
const glance = 25 * time.Millisecond

// herald wakes those who wait for changes: at once for what this process commits, within a glance for another's.
type herald struct {
	cancel context.CancelFunc
	over   chan struct{}
	first  chan struct{} // tells the watch of the first waiter

	mu      sync.Mutex
	latest  int64
	changed chan struct{} // closed, and replaced, when latest grows
	waiters int
}

// proclaim starts a herald whose watch asks latest; stop ends it.
func proclaim(from int64, latest func(context.Context) (int64, error)) *herald {
	ctx, cancel := context.WithCancel(context.Background())
	h := &herald{cancel: cancel, over: make(chan struct{}), first: make(chan struct{}, 1), latest: from, changed: make(chan struct{})}
	go h.watch(ctx, latest)
	return h
}

func (h *herald) stop() {
	h.cancel()
	<-h.over
}

// announce says that there are changes up to latest.
func (h *herald) announce(latest int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if latest > h.latest {
		h.latest = latest
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// await returns as soon as there is a change after since.
func (h *herald) await(ctx context.Context, since int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiters++
	defer func() { h.waiters-- }()
	if h.waiters == 1 {
		select {
		case h.first <- struct{}{}:
		default:
		}
	}
	for h.latest <= since {
		changed := h.changed
		h.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		case <-h.over:
			err = fault.New(fault.Unavailable, "the store is closed")
		}
		h.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// watch looks for other processes' changes while anybody waits. A look that fails is made again: the waiters have
// their own deadlines, and whoever then reads learns what is wrong.
func (h *herald) watch(ctx context.Context, latest func(context.Context) (int64, error)) {
	defer close(h.over)
	for {
		select {
		case <-h.first:
		case <-ctx.Done():
			return
		}
		for h.awaited() {
			if n, err := latest(ctx); err == nil {
				h.announce(n)
			}
			select {
			case <-time.After(glance):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (h *herald) awaited() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiters > 0
}
