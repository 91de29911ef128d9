// Package notify wakes those who wait for changes, through one look at the feed that all of them share.
package notify

import (
	"context"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// Notifier knows how far the feed has come. While anybody waits it looks for what other processes write.
type Notifier struct {
	cancel context.CancelFunc
	over   chan struct{}
	first  chan struct{} // tells the watch of the first waiter

	mu      sync.Mutex
	latest  int64
	changed chan struct{} // closed, and replaced, when latest grows
	waiters int
}

// Look says how far the feed has come, and for how long not to look again. Since is what is known; a Look may wait for
// more. One that fails is made again: the waiters have their own deadlines, and whoever then reads learns what is
// wrong.
type Look func(ctx context.Context, since int64) (latest int64, rest time.Duration)

// Start runs a Notifier of a feed that has come to from, until Stop.
func Start(from int64, look Look) *Notifier {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{
		cancel:  cancel,
		over:    make(chan struct{}),
		first:   make(chan struct{}, 1),
		latest:  from,
		changed: make(chan struct{}),
	}
	go n.watch(ctx, look)
	return n
}

// Cancel ends the watch, and all waiting with it; Stop also waits until it has ended.
func (n *Notifier) Cancel() { n.cancel() }

// Stop is as Cancel says.
func (n *Notifier) Stop() {
	n.cancel()
	<-n.over
}

// Announce says that there are changes up to latest.
func (n *Notifier) Announce(latest int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if latest > n.latest {
		n.come(latest)
	}
}

// Return says that the feed has come to latest, which may be less than before when the store lost its data.
func (n *Notifier) Return(latest int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.come(latest)
}

func (n *Notifier) come(latest int64) {
	if latest > n.latest {
		close(n.changed)
		n.changed = make(chan struct{})
	}
	n.latest = latest
}

// Await returns as soon as there is a change after since. It fails with ctx's error, and with Unavailable when the
// Notifier is stopped.
func (n *Notifier) Await(ctx context.Context, since int64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiters++
	defer func() { n.waiters-- }()
	if n.waiters == 1 {
		select {
		case n.first <- struct{}{}:
		default:
		}
	}
	for n.latest <= since {
		changed := n.changed
		n.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		case <-n.over:
			err = fault.New(fault.Unavailable, "the store is closed")
		}
		n.mu.Lock()
		if err != nil {
			return err
		}
	}
	return nil
}

// watch looks while anybody waits.
func (n *Notifier) watch(ctx context.Context, look Look) {
	defer close(n.over)
	for {
		select {
		case <-n.first:
		case <-ctx.Done():
			return
		}
		for since, awaited := n.state(); awaited; since, awaited = n.state() {
			latest, rest := look(ctx, since)
			if latest > since { // else it tells nothing, and may be of before a Return
				n.Announce(latest)
			}
			select {
			case <-time.After(rest):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (n *Notifier) state() (latest int64, awaited bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.latest, n.waiters > 0
}
