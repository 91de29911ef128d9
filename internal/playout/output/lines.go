package output

import (
	"context"
	"fmt"
	"time"
)

// Lines holds all outputs of a player.
type Lines struct {
	all   []*Line
	ended chan struct{} // receives one value for each line that has ended
}

// Add adds a line.
func (ls *Lines) Add(l *Line) { ls.all = append(ls.all, l) }

// Run feeds every output until Close. Cancelling ctx shortens the wait for outputs that are being restarted.
func (ls *Lines) Run(ctx context.Context) {
	ls.ended = make(chan struct{}, len(ls.all))
	for _, l := range ls.all {
		go func() { l.Run(ctx); ls.ended <- struct{}{} }()
	}
}

// States returns the state of each output.
func (ls *Lines) States() (all []LineState) {
	for _, l := range ls.all {
		all = append(all, l.State())
	}
	return all
}

// Put passes the block to each output that needs it.
func (ls *Lines) Put(b Block) {
	for _, l := range ls.all {
		if b.In != nil || len(b.PCM) == 0 || l.out.Continuous() {
			l.Put(b)
		}
	}
}

// Continuous reports whether any output needs the silence between windows.
func (ls *Lines) Continuous() bool {
	for _, l := range ls.all {
		if l.out.Continuous() {
			return true
		}
	}
	return false
}

// renderAhead is the reserve of rendered sound beyond the outputs' latency, so that decoding delays no block.
const renderAhead = 100 * time.Millisecond

// Lead returns how long before it is heard a block is rendered.
func (ls *Lines) Lead() time.Duration {
	lead := renderAhead
	for _, l := range ls.all {
		lead = max(lead, l.out.Latency()+renderAhead)
	}
	return lead
}

// Close ends all lines. It waits at most limit for one that hangs.
func (ls *Lines) Close(limit time.Duration) error {
	for _, l := range ls.all {
		l.End()
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	for range ls.all {
		select {
		case <-ls.ended:
		case <-t.C:
			return fmt.Errorf("playout: an output did not end within %v", limit)
		}
	}
	return nil
}
