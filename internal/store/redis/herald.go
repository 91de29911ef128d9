package redis

import (
	"context"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// herald wakes those who wait for changes, through one read that all of them share.
type herald struct {
	cancel context.CancelFunc
	over   chan struct{}
	first  chan struct{} // tells the watch of the first waiter

	mu      sync.Mutex
	latest  int64
	changed chan struct{} // closed, and replaced, when latest grows
	waiters int
}

// proclaim starts a herald whose watch calls follow, which returns the latest change that it saw after since, or
// since when it has waited for long enough. Cancelling the herald ends it.
func proclaim(from int64, follow func(ctx context.Context, since int64) (int64, error)) *herald {
	ctx, cancel := context.WithCancel(context.Background())
	h := &herald{cancel: cancel, over: make(chan struct{}), first: make(chan struct{}, 1), latest: from, changed: make(chan struct{})}
	go h.watch(ctx, follow)
	return h
}

// announce says how far the feed has come. It may come to less than before when Redis lost its data.
func (h *herald) announce(latest int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if latest > h.latest {
		close(h.changed)
		h.changed = make(chan struct{})
	}
	h.latest = latest
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

// watch follows the feed while anybody waits. When Redis is out of reach it tries again, ever more slowly up to a
// second: the waiters have their own deadlines.
func (h *herald) watch(ctx context.Context, follow func(ctx context.Context, since int64) (int64, error)) {
	defer close(h.over)
	for {
		select {
		case <-h.first:
		case <-ctx.Done():
			return
		}
		pause := 10 * time.Millisecond
		for since, awaited := h.state(); awaited; since, awaited = h.state() {
			latest, err := follow(ctx, since)
			if err == nil {
				pause = 10 * time.Millisecond
				if latest > since {
					h.announce(latest)
				}
				continue
			}
			select {
			case <-time.After(pause):
				pause = min(2*pause, time.Second)
			case <-ctx.Done():
				return
			}
		}
	}
}

func (h *herald) state() (latest int64, awaited bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest, h.waiters > 0
}
