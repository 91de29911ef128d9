package output

import (
	"cmp"
	"context"
	"math"
	"sync/atomic"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/retry"
	"lifeline/schedules"
)

// Block is a stretch of the station's programme, in order, as it goes to the outputs. It lies in one window or
// between two. Its PCM is interleaved stereo in [-1, 1], which outputs do not change; without PCM it only tells that
// the timeline has come to Frame.
type Block struct {
	Frame int64
	PCM   []float32
	In    *Bounds // nil: between windows
}

// Bounds is the window occurrence that a block lies in, [Start, End) in frames.
type Bounds struct {
	schedules.Occurrence
	Start, End int64
	Recurs     bool // the window starts more than once on its day
}

// BlockLength is what the outputs are fed at a time.
const BlockLength = 20 * time.Millisecond

// Output takes the station's programme somewhere. One goroutine uses it.
type Output interface {
	// Name says which output it is, for logs.
	Name() string
	// Continuous reports whether it wants silence between windows.
	Continuous() bool
	// Latency is how long before it is heard a block must be written.
	Latency() time.Duration
	// Write takes the next block. After a failure the output is closed and opened anew.
	Write(b Block) error
	// Close ends what was written in good order. A Write after it begins anew.
	Close() error
}

// holder is an output behind which a device or a server takes what was written, later or not at all.
type holder interface {
	// Held is how much of what was written may not have been taken yet.
	Held() time.Duration
	// Fast reports whether it takes the sound faster than it lasts, so that what is heard has gaps.
	Fast() bool
}

// Line feeds one output by the wall clock, apart from the others: one that fails or hangs holds up nobody.
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

// lineDepth is how many blocks wait for an output that is slow before some are dropped.
const lineDepth = 250

// NewLine feeds out, and tells sound what it took. counts says whether what it takes has aired.
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

// Standing is how an output does.
type Standing struct {
	Name     string `json:"name"`
	Counts   bool   `json:"counts"`          // what it takes has aired
	Wrong    string `json:"wrong,omitempty"` // why it takes nothing now, or how it spoils the sound
	Restarts int64  `json:"restarts"`
	Dropped  int64  `json:"dropped_frames"`
}

// Standing is how the output does now.
func (l *Line) Standing() Standing {
	stands, ails := l.intake.sound.wrong(l.intake)
	return Standing{l.out.Name(), l.intake.counts, cmp.Or(stands, ails), l.reopens.Load(), l.dropped.Load()}
}

// Put hands the line a block, and drops it when the output is far behind.
func (l *Line) Put(b Block) {
	select {
	case l.blocks <- b:
	default:
		l.dropped.Add(int64(len(b.PCM) / dsp.Channels))
		l.problems("output %s is stuck: the programme goes on without it", l.out.Name())
	}
}

// End tells that no block follows.
func (l *Line) End() { close(l.blocks) }

// Run writes each block when it is due, until End. ctx cuts short the wait for an output that is being restarted.
func (l *Line) Run(ctx context.Context) {
	var again time.Time
	failures, behind := 0, false
	for b := range l.blocks {
		// A wall clock that steps must not hold the line longer than the lead that it was given.
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
			behind = len(l.blocks) > 0 // until it has caught up: the sound has one gap then, not many
			l.dropped.Add(int64(len(b.PCM) / dsp.Channels))
			continue
		}
		behind = false
		if err := l.out.Write(b); err != nil {
			l.reopens.Add(1)
			if took := l.intake.broke(err); l.rate.Duration(took) >= reopenSettled {
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

// An output that failed is left alone for reopenMost at the longest: until then what it should take is silent. The time
// grows with each failure, until one before which the output took reopenSettled of the programme.
const (
	reopenMost    = time.Second
	reopenSettled = 100 * time.Millisecond
)

// maxEarly is the longest that a block waits for its time; lateMost is how late an output that somebody listens to may
// get before it leaves something out.
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
