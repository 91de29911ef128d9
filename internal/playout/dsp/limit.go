package dsp

import (
	"math"
	"slices"

	"lifeline/audio/sinc"
)

// Limiter constants. The ceiling leaves room for the lossy encoders that follow a station's output.
const (
	ceilingDBTP    = -1.0
	limitLookahead = 5e-3  // seconds over which the gain comes down before a peak
	limitRelease   = 80e-3 // time constant with which it comes back
)

// Limiter keeps interleaved PCM under a true-peak ceiling. It looks ahead in its source and adds no delay: Read returns
// the source's frames, attenuated around peaks. All channels have the same gain, which is exactly 1 away from loud
// passages.
type Limiter struct {
	channels int
	meter    *sinc.TruePeak // the meter that also measures recordings
	read     func(dst []float32) error
	ceiling  float64
	release  float64 // per frame
	ahead    int

	pcm    []float32 // frames not yet returned, after the history that the interpolation needs
	wanted []float64 // for each frame from ahead-1 before the next one: the gain that its peak allows, with release
	last   float64
}

// history is the number of frames before and after a frame that its measurement reads.
const history = sinc.Taps

// NewLimiter limits the frames that read delivers.
func NewLimiter(rate Rate, channels int, read func([]float32) error) *Limiter {
	l := &Limiter{
		channels: channels,
		meter:    sinc.NewTruePeak(int(rate)),
		read:     read,
		ceiling:  math.Pow(10, ceilingDBTP/20),
		last:     1,
		release:  1 - math.Exp(-1/(limitRelease*float64(rate))),
		ahead:    max(int(limitLookahead*float64(rate)), 1),
	}
	l.pcm = make([]float32, history*channels)
	for range l.ahead - 1 {
		l.wanted = append(l.wanted, 1)
	}
	return l
}

// Read fills dst with whole frames.
func (l *Limiter) Read(dst []float32) error {
	ch := l.channels
	n := len(dst) / ch
	past := l.ahead - 1
	need := n + l.ahead // the gains of the n frames depend on the peaks of these
	if have := len(l.wanted) - past; have < need {
		at := len(l.pcm)
		l.pcm = append(l.pcm, make([]float32, (need+history-(at/ch-history))*ch)...)
		if err := l.read(l.pcm[at:]); err != nil {
			l.pcm = l.pcm[:at]
			return err
		}
		for i := have; i < need; i++ {
			l.last += (1 - l.last) * l.release
			if l.last > 1-1e-6 {
				l.last = 1
			}
			l.last = min(l.last, l.ceiling/l.peak(i+history))
			l.wanted = append(l.wanted, l.last)
		}
	}
	copy(dst, l.pcm[history*ch:])
	l.apply(dst, n)
	l.pcm = l.pcm[:copy(l.pcm, l.pcm[n*ch:])]
	l.wanted = l.wanted[:copy(l.wanted, l.wanted[n:])]
	return nil
}

// apply scales n frames. The gain of a frame is the mean of the minima of all lookahead intervals that contain it: it
// falls linearly before a peak and never exceeds the gain that the frame's own peak allows.
func (l *Limiter) apply(dst []float32, n int) {
	wanted := l.wanted[:l.ahead-1+n+l.ahead]
	if slices.Min(wanted) >= 1 {
		return
	}
	lows := slidingMin(wanted, l.ahead)
	sum := 0.0
	for _, w := range lows[:l.ahead-1] {
		sum += w
	}
	for i := range n {
		sum += lows[i+l.ahead-1]
		gain := float32(min(sum/float64(l.ahead), 1))
		for c := range l.channels {
			dst[i*l.channels+c] *= gain
		}
		sum -= lows[i]
	}
}

// peak returns the largest true peak of all channels between frame i of pcm and the next.
func (l *Limiter) peak(i int) float64 {
	ch := l.channels
	top := float32(1e-9)
	var x [sinc.Taps]float32
	for c := range ch {
		loudest := float32(0)
		for j := range x {
			x[j] = l.pcm[(i-sinc.Taps/2+1+j)*ch+c]
			loudest = max(loudest, abs32(x[j]))
		}
		top = max(top, abs32(x[sinc.Taps/2-1]))
		if loudest*l.meter.Reach() > float32(l.ceiling) {
			top = max(top, l.meter.Between(&x))
		}
	}
	return float64(top)
}

// slidingMin returns, for each index i, the minimum of the n values from i on; of fewer at the end.
func slidingMin(v []float64, n int) []float64 {
	out := make([]float64, len(v))
	queue := make([]int, 0, n+1) // indices of rising values, from the right
	head := 0
	for i := len(v) - 1; i >= 0; i-- {
		for len(queue) > head && v[queue[len(queue)-1]] >= v[i] {
			queue = queue[:len(queue)-1]
		}
		queue = append(queue, i)
		if queue[head] >= i+n {
			head++
		}
		out[i] = v[queue[head]]
	}
	return out
}

func abs32(x float32) float32 { return float32(math.Abs(float64(x))) }
