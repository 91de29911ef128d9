package output

import (
	"os"
	"slices"
	"sync"
	"time"

	"lifeline/internal/playout/dsp"
)

// steady keeps an output with a clock of its own, such as a sound card, in step with the timeline. It holds the amount
// of buffered sound at its initial value by changing the rate by a few millionths. That is inaudible, and items still
// start at their instants after days.
//
// The output starts to play when its own buffer, half of the latency, is full. During the latency it is given less than
// that; the rest is sent afterwards and waits in the pipe, where it can be measured.
type steady struct {
	stretch *dsp.Stretch
	steer   *steer
	rate    dsp.Rate
	due     int64 // frames until the output is to start playing
	may     int64 // frames that it may be given before that
	held    []float32
	ratio   float64 // of the last block
}

// ownBuffer is the part of a latency that the output buffers, in periods of ownPeriod. Short periods make the
// measurement more precise.
func ownBuffer(latency time.Duration) time.Duration { return latency / 2 }
func ownPeriod(latency time.Duration) time.Duration {
	return min(ownBuffer(latency)/4, 25*time.Millisecond)
}

// steadySlack is the largest rounding error, in frames, of the held-back count.
const steadySlack = 8

func newSteady(rate dsp.Rate, latency time.Duration) *steady {
	return &steady{
		stretch: dsp.NewStretch(),
		steer:   &steer{least: ownBuffer(latency).Seconds() / 5},
		rate:    rate,
		due:     rate.Frames(latency),
		may:     rate.Frames(ownBuffer(latency) - ownPeriod(latency)),
		ratio:   1,
	}
}

// feed returns the samples to write now, from the next block and those held back.
func (s *steady) feed(pcm []float32) []float32 {
	frames := int64(len(pcm) / dsp.Channels)
	s.ratio = s.steer.towards(s.ratio, s.rate.Duration(frames).Seconds())
	s.held = append(s.held, s.stretch.Convert(pcm, s.ratio)...)
	n := len(s.held)
	if s.due > 0 {
		n = min(n, int(s.may)*dsp.Channels)
		s.may -= int64(n / dsp.Channels)
		if s.due -= frames; s.due <= 0 {
			s.steer.begin() // with the next block
		}
	}
	out := slices.Clone(s.held[:n])
	s.held = s.held[:copy(s.held, s.held[n:])]
	return out
}

// The parameters of the control loop. Its natural frequency is low enough to ignore the jitter of the measurement, and
// high enough that a clock error of 100 millionths moves the sound by at most half a millisecond.
const (
	steerFrequency = 0.08   // radians per second, until the loop has settled; critically damped
	steerCalm      = 0.03   // afterwards, since a clock drifts slowly
	steerMost      = 400e-6 // the largest change of the rate
	steerSlew      = 50e-6  // the largest change of that per second: 0.005%
	steerLearn     = 2.0    // seconds of measurement that determine the target
	steerPeriod    = 1.0    // seconds between two corrections
	steerFast      = 10.0   // seconds for which nearly nothing waits when the output's clock is faster than can be steered
)

// steer computes the rate from measurements of the buffered sound. The measurements come from another goroutine.
type steer struct {
	mu      sync.Mutex
	sum     float64 // buffered seconds, summed over this period's measurements
	count   int
	begun   bool
	learned float64 // seconds of learning so far
	target  float64 // buffered seconds to hold
	passed  float64 // seconds of this period so far
	age     float64 // seconds since the start
	clock   float64 // the estimated error of the output's clock
	goal    float64 // offset of the rate
	least   float64 // the least buffered seconds of an output with a correct clock
	empty   float64 // seconds for which fewer were buffered
}

// The intervals of measurement, short until the loop has settled. The buffer changes in lumps; an interval that is not
// a simple fraction of theirs samples all phases evenly.
const (
	steerSample  = 3090170 * time.Nanosecond
	steerLater   = 17090170 * time.Nanosecond
	steerSettles = time.Minute
)

// note adds one measurement.
func (s *steer) note(waits time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum += waits.Seconds()
	s.count++
}

// watch measures the data in a pipe until the reading process has exited.
func (s *steer) watch(exited <-chan struct{}, pipe *os.File, rate dsp.Rate) {
	tick, settled := time.NewTicker(steerSample), time.NewTimer(steerSettles)
	defer tick.Stop()
	defer settled.Stop()
	for {
		select {
		case <-exited:
			return
		case <-settled.C:
			tick.Reset(steerLater)
			continue
		case <-tick.C:
		}
		bytes, err := unread(pipe)
		if err != nil {
			return // closed, or a system that cannot tell: the rate stays as it is
		}
		s.note(rate.Duration(int64(bytes / wavFrame)))
	}
}

// begin says that the output plays.
func (s *steer) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.sum, s.count, s.passed = true, 0, 0, 0
}

// towards returns the ratio for a block of the given length in seconds, from the ratio of the block before.
func (s *steer) towards(ratio, lasts float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed += lasts
	switch mean := s.sum / float64(s.count); {
	case !s.begun || s.count == 0:
		s.passed = 0
	case s.learned < steerLearn && s.passed >= steerLearn:
		s.target, s.learned = mean, s.passed
		s.next(mean)
	case s.learned >= steerLearn && s.passed >= steerPeriod:
		e := s.target - mean // too little is buffered: make more samples
		frequency := steerFrequency
		if s.age += s.passed; s.age > steerSettles.Seconds() {
			frequency = steerCalm
		}
		s.clock += frequency * frequency * e * s.passed
		s.goal = 2*frequency*e + s.clock
		s.goal = max(-steerMost, min(steerMost, s.goal))
		s.next(mean)
	}
	most := steerSlew * lasts
	return ratio + max(-most, min(most, 1+s.goal-ratio))
}

// next ends a period in which mean seconds were buffered on average.
func (s *steer) next(mean float64) {
	if s.empty += s.passed; mean >= s.least {
		s.empty = 0
	}
	s.sum, s.count, s.passed = 0, 0, 0
}

// fast reports whether the output has drained its buffer for a while. Only a clock beyond the range of the loop does
// that.
func (s *steer) fast() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.empty >= steerFast
}
