package playout

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"lifeline/schedules"
)

// Logbook writes down what airs, in order, without making the deck wait for the disk.
type Logbook struct {
	spool    *Spool
	state    *State
	problems *Problems

	mu       sync.Mutex
	queue    []logged
	position heard
	wake     chan struct{} // holds one token when there is something to write
}

// logged is one thing to write: what went on the air, or an entry.
type logged struct {
	on    *OnAir
	entry schedules.AsRun
	ends  bool
}

// heard is until when what is on the air was heard. ItemID and StartedAt say what that is.
type heard struct {
	ItemID    string            `json:"item_id"`
	StartedAt schedules.Instant `json:"started_at"`
	Until     schedules.Instant `json:"until"`
}

const heardName = "onair.json"

// OpenLogbook first reports what a crash interrupted: cut where it was last known to be heard.
func OpenLogbook(spool *Spool, state *State, problems *Problems) (*Logbook, error) {
	l := &Logbook{spool: spool, state: state, problems: problems, wake: make(chan struct{}, 1)}
	on := spool.OnAir()
	if on == nil {
		return l, nil
	}
	until := on.StartedAt
	var h heard
	if b, err := state.Read(heardName, 1<<16); err == nil && json.Unmarshal(b, &h) == nil &&
		h.ItemID == on.ItemID && h.StartedAt.Equal(on.StartedAt.Time) && h.Until.After(until.Time) {
		until = h.Until
	}
	outcome := schedules.Cut
	if on.Fallback {
		outcome = schedules.FellBack
	}
	_, err := spool.Append(schedules.AsRun{ItemID: on.ItemID, SegmentID: on.SegmentID, SHA256: on.SHA256,
		StartedAt: on.StartedAt, EndedAt: until, Outcome: outcome,
		Detail: joined(on.Detail, "the player stopped without warning; last known to be heard at the end given")}, true)
	return l, err
}

// Begin writes down what went on the air.
func (l *Logbook) Begin(on OnAir) { l.add(logged{on: &on}) }

// End writes down what became of what is on the air.
func (l *Logbook) End(e schedules.AsRun) { l.add(logged{entry: e, ends: true}) }

// Aside writes down what did not air.
func (l *Logbook) Aside(e schedules.AsRun) { l.add(logged{entry: e}) }

// Heard notes how far what is on the air was heard.
func (l *Logbook) Heard(h heard) {
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

// Run writes until ctx is done and nothing is left to write, or stop is over.
func (l *Logbook) Run(ctx context.Context, stop time.Duration) error {
	done := ctx.Done()
	var late <-chan time.Time
	for failures := 0; ; {
		var retry <-chan time.Time
		empty, err := l.writeAll()
		if err != nil {
			l.problems.Add("what aired cannot be written down, and is tried again: %v", err)
			retry = time.After(backoff(failures))
			failures++
		} else {
			failures = 0
		}
		if done == nil && empty {
			return nil
		}
		select {
		case <-done:
			done, late = nil, time.After(stop)
		case <-late:
			return nil
		case <-l.wakeUnless(retry):
		case <-retry:
		}
	}
}

// wakeUnless is the wake channel, but nil while a retry is awaited.
func (l *Logbook) wakeUnless(retry <-chan time.Time) <-chan struct{} {
	if retry != nil {
		return nil
	}
	return l.wake
}

// writeAll writes what waits, and reports whether nothing is left.
func (l *Logbook) writeAll() (empty bool, err error) {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			h := l.position
			l.position = heard{}
			l.mu.Unlock()
			if h.ItemID == "" {
				return true, nil
			}
			b, err := json.Marshal(h)
			if err == nil {
				err = l.state.Replace(heardName, b)
			}
			return true, err
		}
		x := l.queue[0]
		l.mu.Unlock()
		if x.on != nil {
			err = l.spool.Begin(*x.on)
		} else {
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

// joined joins what is not empty.
func joined(parts ...string) string {
	out := ""
	for _, p := range parts {
		if p != "" && out != "" {
			out += "; "
		}
		out += p
	}
	return out
}
