// Package notify wakes callers that wait for changes. All of them share one watch of the feed.
package notify

import (
	"context"
	"sync"
	"time"

	"lifeline/internal/fault"
)

// Notifier tracks the end of the feed. While callers wait, it also looks for changes by other processes.
type Notifier struct {
	cancel context.CancelFunc
	over   chan struct{}
	first  chan struct{} // signals the watch that there is a waiter

	mu      sync.Mutex
	latest  int64
	changed chan struct{} // closed and replaced when latest grows
	waiters int
}

// Look returns the end of the feed, and the time to rest before the next look. since is the known end; a Look may block
// until there is more. The Notifier repeats a failed look: its waiters have their own deadlines, and the next reader
// gets the error itself.
type Look func(ctx context.Context, since int64) (latest int64, rest time.Duration)

// Start starts a Notifier of a feed that ends at from. It runs until Stop.
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

// Cancel ends the watch and all waiting; Stop also waits until the watch has ended.
func (n *Notifier) Cancel() { n.cancel() }

// Stop ends the watch and all waiting, and waits until the watch has ended.
func (n *Notifier) Stop() {
	n.cancel()
	<-n.over
}

// Announce reports changes up to latest.
func (n *Notifier) Announce(latest int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if latest > n.latest {
		n.come(latest)
	}
}

// Return reports that the feed ends at latest, which may be less than before if the store lost its data.
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

// Await returns as soon as there is a change after since. It fails with ctx's error, and with Unavailable if the
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

// watch looks for changes while callers wait.
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
			if latest > since { // an older end means nothing, and may precede a Return
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
