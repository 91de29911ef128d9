package playout

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// lines is every output of a player.
type lines struct {
	all  []*Line
	work sync.WaitGroup
}

// add makes another line.
func (ls *lines) add(l *Line) { ls.all = append(ls.all, l) }

// run feeds every output until close. ctx cuts short the waits for outputs that are being restarted.
func (ls *lines) run(ctx context.Context) {
	for _, l := range ls.all {
		ls.work.Go(func() { l.Run(ctx) })
	}
}

// standings are how the outputs do.
func (ls *lines) standings() (all []Standing) {
	for _, l := range ls.all {
		all = append(all, l.Standing())
	}
	return all
}

// put hands every output the block that it wants.
func (ls *lines) put(b Block) {
	for _, l := range ls.all {
		if b.In != nil || len(b.PCM) == 0 || l.out.Continuous() {
			l.Put(b)
		}
	}
}

// continuous reports whether any output wants what lies between windows.
func (ls *lines) continuous() bool {
	for _, l := range ls.all {
		if l.out.Continuous() {
			return true
		}
	}
	return false
}

// renderAhead is what the deck has in hand beyond what the outputs need, so that decoding makes no block late.
const renderAhead = 100 * time.Millisecond

// lead is how long before it is heard a block is rendered.
func (ls *lines) lead() time.Duration {
	lead := renderAhead
	for _, l := range ls.all {
		lead = max(lead, l.out.Latency()+renderAhead)
	}
	return lead
}

// close ends all lines and waits for them, but no longer than limit for one that hangs.
func (ls *lines) close(limit time.Duration) error {
	for _, l := range ls.all {
		l.End()
	}
	done := make(chan struct{})
	go func() { ls.work.Wait(); close(done) }()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return fmt.Errorf("playout: an output did not end within %v", limit)
	}
}
