package output

import (
	"cmp"
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/retry"
	"lifeline/schedules"
)

// Block is a part of the programme, in order, for the outputs. It lies within one window or between two. Its PCM is
// interleaved stereo in [-1, 1], which outputs must not change. A block without PCM only says that the timeline has
// reached Frame.
type Block struct {
	Frame int64
	PCM   []float32
	In    *Bounds // nil: between windows
}

// Bounds is the window occurrence of a block, [Start, End) in frames.
type Bounds struct {
	schedules.Occurrence
	Start, End int64
	Recurs     bool // the window starts more than once on its day
}

// BlockLength is the length of one block.
const BlockLength = 20 * time.Millisecond

// Output delivers the programme. Only one goroutine uses it.
type Output interface {
	// Name returns the output's name, for logs.
	Name() string
	// Continuous reports whether the output needs silence between windows.
	Continuous() bool
	// Latency returns how long before it is heard a block must be written.
	Latency() time.Duration
	// Write writes the next block. After a failure the caller closes the output and writes to it again.
	Write(b Block) error
	// Close finishes what was written. A later Write opens the output again.
	Close() error
}

// holder is an output whose device or server may not have taken all that was written.
type holder interface {
	// Held returns the duration of the written sound that may not have been taken yet.
	Held() time.Duration
	// Fast reports whether the output consumes the sound faster than real time, which causes gaps.
	Fast() bool
}

// Line feeds one output by the wall clock. Outputs are independent: a failing or hanging one does not delay others.
type Line struct {
	out      Output
	rate     dsp.Rate
	now      func() time.Time
	problems func(format string, args ...any)
	intake   *intake

	blocks  chan Block
	dropped atomic.Int64 // frames
	reopens atomic.Int64
}

// lineDepth is the number of blocks that wait for a slow output before Put drops blocks.
const lineDepth = 250

// NewLine returns a Line that feeds out and reports the delivered frames to sound. counts means that frames delivered
// by this output count as aired.
func NewLine(
	out Output,
	counts bool,
	sound *Sound,
	rate dsp.Rate,
	now func() time.Time,
	problems func(format string, args ...any),
) *Line {
	return &Line{out: out, rate: rate, now: now, problems: problems, blocks: make(chan Block, lineDepth),
		intake: sound.output(out.Name(), counts, out.Continuous())}
}

// LineState is the state of an output.
type LineState struct {
	Name     string `json:"name"`
	Counts   bool   `json:"counts"`          // its delivered frames count as aired
	Wrong    string `json:"wrong,omitempty"` // why it takes nothing now, or how it spoils the sound
	Restarts int64  `json:"restarts"`
	Dropped  int64  `json:"dropped_frames"`
}

// State returns the output's current state.
func (l *Line) State() LineState {
	stands, ails := l.intake.sound.wrong(l.intake)
	return LineState{l.out.Name(), l.intake.counts, cmp.Or(stands, ails), l.reopens.Load(), l.dropped.Load()}
}

// Put queues a block. It drops the block when the output is far behind.
func (l *Line) Put(b Block) {
	select {
	case l.blocks <- b:
	default:
		l.dropped.Add(int64(len(b.PCM) / dsp.Channels))
		l.problems("output %s is stuck: the programme goes on without it", l.out.Name())
	}
}

// End says that no block follows.
func (l *Line) End() { close(l.blocks) }

// Run writes each block when it is due, until End. Cancelling ctx shortens the wait for an output that is being
// restarted.
func (l *Line) Run(ctx context.Context) {
	var again time.Time
	failures, behind := 0, false
	for b := range l.blocks {
		// A step of the wall clock must not delay the line by more than the lead.
		early := l.rate.Time(b.Frame).Add(-l.out.Latency()).Sub(l.now().Round(0))
		if early > 0 && early <= maxEarly {
			if err := retry.Pause(ctx, early); err != nil {
				early = 0 // what is left is written at once
			}
		}
		if time.Now().Before(again) {
			continue
		}
		if late := early < -lateMost; l.out.Continuous() && (late || behind && early < 0) {
			if !behind {
				l.intake.skipped()
			}
			behind = len(l.blocks) > 0 // until it has caught up, so that the sound has one gap and not many
			l.dropped.Add(int64(len(b.PCM) / dsp.Channels))
			continue
		}
		behind = false
		if err := l.out.Write(b); err != nil {
			l.reopens.Add(1)
			if took := l.intake.broke(err, l.rate.Frames(lostBefore(err))); l.rate.Duration(took) >= reopenSettled {
				failures = 0
			}
			again = time.Now().Add(min(retry.Backoff(failures)/4, reopenMost))
			failures++
			l.problems("output %s is restarted: %v", l.out.Name(), err)
			if err := l.out.Close(); err != nil {
				l.problems("output %s: %v", l.out.Name(), err)
			}
			continue
		}
		if n := int64(len(b.PCM) / dsp.Channels); n > 0 {
			held, fast := time.Duration(0), false
			if h, ok := l.out.(holder); ok {
				held, fast = h.Held(), h.Fast()
			}
			l.intake.wrote(b.Frame, b.Frame+n, l.rate.Frames(held), fast)
		}
	}
	if err := l.out.Close(); err != nil {
		l.problems("output %s: %v", l.out.Name(), err)
	}
}

// lostBefore returns for how long before its failure an output had taken nothing of what it seemed to take.
func lostBefore(err error) time.Duration {
	var s stopped
	if errors.As(err, &s) {
		return time.Since(s.since)
	}
	return 0
}

// reopenMost bounds the pause before a failed output is used again; the programme is silent there meanwhile. The pause
// grows with each failure. It is reset once the output has taken reopenSettled of the programme.
const (
	reopenMost    = time.Second
	reopenSettled = 100 * time.Millisecond
)

// maxEarly bounds the wait of a block for its time. lateMost is the delay at which an output with listeners skips
// blocks.
const (
	maxEarly = 5 * time.Second
	lateMost = 2 * time.Second
)

// AppendPCM16 appends PCM as little-endian 16-bit samples, rounded to nearest.
func AppendPCM16(dst []byte, pcm []float32) []byte {
	for _, x := range pcm {
		v := uint16(int16(math.RoundToEven(float64(max(-32768, min(32767, x*32768))))))
		dst = append(dst, byte(v), byte(v>>8))
	}
	return dst
}

// appendPCM32 appends PCM as little-endian 32-bit floats.
func appendPCM32(dst []byte, pcm []float32) []byte {
	for _, x := range pcm {
		v := math.Float32bits(x)
		dst = append(dst, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return dst
}
