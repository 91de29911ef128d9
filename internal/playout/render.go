package playout

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/playout/spool"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Rendering renders one window of a queue as the deck does on the air, as fast as the machine can. Package render makes
// files of it.
//
// The queue has only that window; its fallback and its recalled segments are those of the station. Several decks render
// the slots of the window concurrently: a deck that begins with a slot has the same state as the station's deck, as
// long as everything before it aired as planned. After a slot in which something did not air as planned, only that
// slot's deck knows how to continue, and it renders the rest alone.
type Rendering struct {
	rate       dsp.Rate
	silence    time.Duration
	recordings Recordings
	open       Open
	holdings   *Holdings
	span       *TimedWindow

	sink  Sink
	mu    sync.Mutex
	next  int         // the first slot that no worker has begun
	state []itemState // of each slot
	final int64       // frame up to which the sink has been told that the sound is final
}

type itemState struct {
	at   int64 // frame up to which it is rendered
	done bool
	deck *Deck // deck to continue with, because something in the slot did not air as planned; nil: everything did
}

// Sink receives the sound of a Rendering. Its methods are called by several goroutines.
type Sink interface {
	// Put writes interleaved 16-bit little-endian stereo at a frame of the window.
	Put(frame int64, pcm []byte) error
	// Final reports that everything before frame was put and will not change.
	Final(frame int64)
}

// NewRendering returns a Rendering of the queue's only window at rate, with the player's limit of silence. It fails
// unless the queue has exactly one window.
func NewRendering(q *wire.Queue, rate dsp.Rate, silence time.Duration, recordings Recordings, open Open) (*Rendering,
	error) {
	if len(q.Windows) != 1 {
		return nil, fmt.Errorf("playout: render: a queue of %d windows", len(q.Windows))
	}
	h := &Holdings{Generation: 1, Queues: map[schedules.Date]*wire.Queue{q.Date: q}}
	h.index()
	spans, _ := timetable(h, q.Windows[0].StartAt.Time, rate)
	if len(spans) != 1 {
		return nil, fmt.Errorf("playout: render: the queue of %s has expired before its window", q.Date)
	}
	s := spans[0]
	return &Rendering{rate: rate, silence: silence, recordings: recordings, open: open, holdings: h, span: s,
		final: s.Start,
		state: make([]itemState, len(s.Items))}, nil
}

// Frames returns the window's length in frames.
func (r *Rendering) Frames() int64 { return r.span.End - r.span.Start }

// Run renders the whole window into sink, with the given number of workers. It returns what did not air as planned.
func (r *Rendering) Run(ctx context.Context, sink Sink, workers int) (problems []string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.sink = sink
	defer r.leave()
	var work sync.WaitGroup
	for range max(workers, 1) {
		work.Go(func() {
			for i := r.begin(); i < len(r.state); i = r.begin() {
				if err := r.slot(ctx, i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	i := r.broken()
	if i == len(r.state) {
		return nil, nil
	}
	deck := r.state[i].deck
	err = r.play(ctx, deck, r.span.Items[i].End, r.span.End, func() bool { return false }, func(pos int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.finalLocked(pos)
	})
	return deck.problems.List(), err
}

// leave closes the open recordings of the decks that do not continue.
func (r *Rendering) leave() {
	for _, s := range r.state {
		if s.deck != nil {
			s.deck.Leave(s.at, "")
		}
	}
}

// begin returns the next slot to render; there is none after something did not air as planned.
func (r *Rendering) begin() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.brokenLocked() < len(r.state) {
		return len(r.state)
	}
	i := r.next
	r.next = min(i+1, len(r.state))
	return i
}

// broken returns the first slot in which something did not air as planned.
func (r *Rendering) broken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.brokenLocked()
}

func (r *Rendering) brokenLocked() int {
	for i := range r.state {
		if r.state[i].deck != nil {
			return i
		}
	}
	return len(r.state)
}

// slot renders one slot with its own deck.
func (r *Rendering) slot(ctx context.Context, i int) error {
	slot := r.span.Items[i]
	watch := &replacements{}
	deck := NewDeck(r.rate, 0, r.silence, func() *Holdings { return r.holdings }, NewCuer(r.recordings, r.open, r.rate,
		renderPatience),
		watch, nil, NewProblems(time.Now, slog.New(slog.DiscardHandler)), func(Notice) {})
	idle := func() bool { return r.broken() < i } // another deck renders the rest
	err := r.play(ctx, deck, slot.Start, slot.End, idle, func(pos int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.state[i].at = pos
		r.tellLocked()
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state[i].done = err == nil
	if watch.replaced || len(deck.problems.List()) > 0 {
		r.state[i].deck = deck
		return err
	}
	deck.Leave(r.state[i].at, "")
	r.tellLocked()
	return err
}

// renderPatience is how long a rendering waits for a recording to be opened: it has no listeners to keep waiting.
const renderPatience = time.Hour

// play renders [from, to) of the timeline into the sink and calls reached after each block. It ends early, without an
// error, when idle returns true.
func (r *Rendering) play(ctx context.Context, deck *Deck, from, to int64, idle func() bool, reached func(int64)) error {
	// The same blocks as the player's, counted from the start of the window: a failure occurs at the same frame.
	block := max(r.rate.Frames(output.BlockLength), 1)
	pcm := make([]float32, block*dsp.Channels)
	var bytes []byte
	for pos := from; pos < to && !idle(); {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := min(block-(pos-r.span.Start)%block, to-pos)
		deck.Render(pos, pcm[:n*dsp.Channels])
		bytes = output.AppendPCM16(bytes[:0], pcm[:n*dsp.Channels])
		if err := r.sink.Put(pos-r.span.Start, bytes); err != nil {
			return err
		}
		pos += n
		reached(pos)
	}
	return nil
}

// tellLocked tells the sink which frames are final: those of the finished slots, as long as everything in them aired as
// planned, and the rendered frames of the next slot. The caller holds r.mu.
func (r *Rendering) tellLocked() {
	final := r.span.Start
	for i := range r.state {
		final = max(final, r.state[i].at)
		if !r.state[i].done || r.state[i].deck != nil {
			break
		}
	}
	r.finalLocked(final)
}

func (r *Rendering) finalLocked(pos int64) {
	if pos > r.final {
		r.final = pos
		r.sink.Final(pos - r.span.Start)
	}
}

// replacements is the airing log of a rendering. It records whether any item was replaced.
type replacements struct{ replaced bool }

// Begin records whether the fallback airs.
func (w *replacements) Begin(on spool.OnAir) { w.replaced = w.replaced || on.Fallback }

// End does nothing.
func (w *replacements) End(schedules.AsRun) {}

// Aside does nothing: the deck reports such an item as a problem, too.
func (w *replacements) Aside(schedules.AsRun) {}

// Heard does nothing.
func (w *replacements) Heard(spool.Heard) {}
