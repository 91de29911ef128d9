package spool

import (
	"context"
	"errors"
	"sync"
	"time"

	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/text"
	"lifeline/schedules"
)

// Logbook records what airs, in order, without making the deck wait for the disk.
type Logbook struct {
	spool    *Spool
	pulse    *pulse
	problems func(format string, args ...any)

	mu       sync.Mutex
	queue    []logged
	position Heard
	wake     chan struct{} // holds one token when there is something to write
}

// logged is one record to write: an item that went on the air, or an entry.
type logged struct {
	on    *OnAir
	entry schedules.AsRun
	ends  bool
}

// OpenLogbook first reports an airing that a crash interrupted: as cut at the time until which it was last known to be
// heard.
func OpenLogbook(spool *Spool, state *statedir.Dir, problems func(format string, args ...any)) (*Logbook, error) {
	pulse, beats, damaged, err := openPulse(state)
	if err != nil {
		return nil, err
	}
	l := &Logbook{spool: spool, pulse: pulse, problems: problems, wake: make(chan struct{}, 1)}
	on := spool.OnAir()
	if on == nil {
		return l, nil
	}
	if damaged || len(beats) == 0 {
		problems("%s is damaged or empty: the end of item %s may be reported too early", pulseName, on.ItemID)
	}
	until := on.StartedAt
	for _, h := range beats {
		if h.ItemID == on.ItemID && h.StartedAt.Equal(on.StartedAt.Time) && h.Until.After(until.Time) {
			until = h.Until
		}
	}
	outcome := schedules.Cut
	if on.Fallback {
		outcome = schedules.FellBack
	}
	_, err = spool.Append(schedules.AsRun{ItemID: on.ItemID, SegmentID: on.SegmentID, SHA256: on.SHA256,
		StartedAt: on.StartedAt, EndedAt: until, Outcome: outcome,
		StarvedSince: on.StarvedSince,
		Detail:       text.Join(on.Detail, "the player stopped without warning; last known to be heard at the end given"),
	}, true)
	if err != nil {
		return nil, errors.Join(err, pulse.file.Close())
	}
	return l, nil
}

// Begin records that an item went on the air.
func (l *Logbook) Begin(on OnAir) { l.add(logged{on: &on}) }

// End records the outcome of the item on the air.
func (l *Logbook) End(e schedules.AsRun) { l.add(logged{entry: e, ends: true}) }

// Aside records an item that did not air.
func (l *Logbook) Aside(e schedules.AsRun) { l.add(logged{entry: e}) }

// Heard records until when the item on the air was heard.
func (l *Logbook) Heard(h Heard) {
	l.mu.Lock()
	l.position = h
	l.mu.Unlock()
	l.signal()
}

func (l *Logbook) add(x logged) {
	l.mu.Lock()
	l.queue = append(l.queue, x)
	l.mu.Unlock()
	l.signal()
}

func (l *Logbook) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Waiting returns the number of records that are still to be written.
func (l *Logbook) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// Run writes records until ctx is done and all are written, or stop has passed since. Then it closes its file.
func (l *Logbook) Run(ctx context.Context, stop time.Duration) error {
	l.write(ctx, stop)
	return l.pulse.file.Close()
}

func (l *Logbook) write(ctx context.Context, stop time.Duration) {
	done := ctx.Done()
	var late <-chan time.Time
	for failures := 0; ; {
		var again <-chan time.Time
		empty, err := l.writeAll()
		if err != nil {
			l.problems("the report of what aired cannot be stored, and is tried again: %v", err)
			again = time.After(retry.Backoff(failures))
			failures++
		} else {
			failures = 0
		}
		if done == nil && empty {
			return
		}
		select {
		case <-done:
			done, late = nil, time.After(stop)
		case <-late:
			return
		case <-l.wakeUnless(again):
		case <-again:
		}
	}
}

// wakeUnless returns the wake channel, or nil while a retry is pending.
func (l *Logbook) wakeUnless(again <-chan time.Time) <-chan struct{} {
	if again != nil {
		return nil
	}
	return l.wake
}

// writeAll writes the waiting records, and reports whether none is left.
func (l *Logbook) writeAll() (empty bool, err error) {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			h := l.position
			l.position = Heard{}
			l.mu.Unlock()
			if h.ItemID == "" {
				return true, nil
			}
			return true, l.pulse.beat(h)
		}
		x := l.queue[0]
		l.mu.Unlock()
		if x.on != nil {
			err = l.spool.Begin(*x.on)
		} else if x.ends || !l.spool.Told(x.entry) { // after a restart within the item's time, the player gives it up again
			_, err = l.spool.Append(x.entry, x.ends)
		}
		if err != nil {
			return false, err
		}
		l.mu.Lock()
		l.queue = l.queue[1:]
		l.mu.Unlock()
	}
}
