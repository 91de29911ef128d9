// Package herald wakes those who wait for changes, through one look at the feed that all of them share.
package herald

import (
	"context"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// Herald knows how far the feed has come. While anybody waits it looks for what other processes write.
type Herald struct {
	cancel context.CancelFunc
	over   chan struct{}
	first  chan struct{} // tells the watch of the first waiter

	mu      sync.Mutex
	latest  int64
	changed chan struct{} // closed, and replaced, when latest grows
	waiters int
}

// Look says how far the feed has come, and for how long not to look again. Since is what is known; a Look may wait for
// more. One that fails is made again: the waiters have their own deadlines, and whoever then reads learns what is wrong.
type Look func(ctx context.Context, since int64) (latest int64, rest time.Duration)

// Proclaim starts a Herald of a feed that has come to from. Stop ends it.
func Proclaim(from int64, look Look) *Herald {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Herald{cancel: cancel, over: make(chan struct{}), first: make(chan struct{}, 1), latest: from, changed: make(chan struct{})}
	go h.watch(ctx, look)
	return h
}

// Cancel ends the watch, and all waiting with it; Stop also waits until it has ended.
func (h *Herald) Cancel() { h.cancel() }

// Stop is as Cancel says.
func (h *Herald) Stop() {
	h.cancel()
	<-h.over
}

// Announce says that there are changes up to latest.
func (h *Herald) Announce(latest int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if latest > h.latest {
		h.come(latest)
	}
}

// Return says that the feed has come to latest, which may be less than before when the store lost its data.
func (h *Herald) Return(latest int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.come(latest)
}

func (h *Herald) come(latest int64) {
	if latest > h.latest {
		close(h.changed)
		h.changed = make(chan struct{})
	}
	h.latest = latest
}

// Await returns as soon as there is a change after since. It fails with ctx's error, and with Unavailable when the Herald
// is stopped.
func (h *Herald) Await(ctx context.Context, since int64) error {
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

// watch looks while anybody waits.
func (h *Herald) watch(ctx context.Context, look Look) {
	defer close(h.over)
	for {
		select {
		case <-h.first:
		case <-ctx.Done():
			return
		}
		for since, awaited := h.state(); awaited; since, awaited = h.state() {
			latest, rest := look(ctx, since)
			if latest > since { // else it tells nothing, and may be of before a Return
				h.Announce(latest)
			}
			select {
			case <-time.After(rest):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (h *Herald) state() (latest int64, awaited bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest, h.waiters > 0
}
