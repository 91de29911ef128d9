package output

import (
	"os"
	"slices"
	"sync"
	"time"

	"lifeline/internal/playout/dsp"
)

// steady keeps an output in step with the timeline whose own clock, such as a sound card's, runs a little fast or slow.
// What waits in front of the output is held at the length that it had at first, by converting the sound to a rate that
// differs by a few millionths: nobody hears that, and what starts does so at its instant after days, too.
//
// The output starts to play once its own buffer is full, which is half of the latency. Until the latency is over it is
// not given so much; what is held back until then waits in the pipe from then on, where it can be measured.
type steady struct {
	stretch *dsp.Stretch
	steer   *steer
	rate    dsp.Rate
	due     int64 // frames still to come until the output is to play
	may     int64 // frames that it may be given before
	held    []float32
	ratio   float64 // of the latest block
}

// ownBuffer is what an output buffers itself of a latency, in periods of ownPeriod: the shorter they are, the better
// what waits can be measured.
func ownBuffer(latency time.Duration) time.Duration { return latency / 2 }
func ownPeriod(latency time.Duration) time.Duration {
	return min(ownBuffer(latency)/4, 25*time.Millisecond)
}

// steadySlack is how many frames what steady holds back may be counted wrong by, in rounding.
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

// feed answers what to write now, of the next block and what was held back.
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

// The loop that steers. Its natural frequency is low enough for what the measure jitters by, and high enough for a
// clock that is off by 100 millionths to move the sound by half a millisecond before it is caught.
const (
	steerFrequency = 0.08   // radians per second, until it has settled; critically damped
	steerCalm      = 0.03   // later: a clock changes slowly
	steerMost      = 400e-6 // by which the rate may differ
	steerSlew      = 50e-6  // by which that may change in a second: 0.005%
	steerLearn     = 2.0    // seconds for which the length is measured that is then held
	steerPeriod    = 1.0    // seconds between two looks
	steerFast      = 10.0   // seconds for which nearly nothing waits when the output's clock is faster than can be steered
)

// steer works out by how much to convert from measures of what waits. Measures come from another goroutine.
type steer struct {
	mu      sync.Mutex
	sum     float64 // seconds that waited, over all measures of this period
	count   int
	begun   bool
	learned float64 // seconds of learning so far
	target  float64 // seconds that should wait
	passed  float64 // seconds of this period
	age     float64 // seconds for which it has steered
	clock   float64 // by how much the output's clock is off, as far as it is known
	goal    float64 // offset of the rate
	least   float64 // seconds that wait before an output whose clock is right
	empty   float64 // seconds for which fewer have waited
}

// What waits is measured often until the loop has settled, then now and then. What is taken from it and put into it
// comes in lumps: an interval that is no simple fraction of theirs falls evenly upon all of their phases.
const (
	steerSample  = 3090170 * time.Nanosecond
	steerLater   = 17090170 * time.Nanosecond
	steerSettles = time.Minute
)

// note takes in one measure of how long what waits lasts.
func (s *steer) note(waits time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum += waits.Seconds()
	s.count++
}

// watch measures what waits in a pipe until the process that reads it has exited.
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
			return // closed, or a system that does not tell: the rate stays as it is
		}
		s.note(rate.Duration(int64(bytes / wavFrame)))
	}
}

// begin tells that the output plays.
func (s *steer) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.sum, s.count, s.passed = true, 0, 0, 0
}

// towards answers the ratio for a block of so many seconds, after one with the given ratio.
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
		e := s.target - mean // too little waits: make more of it
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

// next begins another period after one in which mean seconds waited.
func (s *steer) next(mean float64) {
	if s.empty += s.passed; mean >= s.least {
		s.empty = 0
	}
	s.sum, s.count, s.passed = 0, 0, 0
}

// fast reports whether the output has used up what waits for it for a while: only a clock that runs faster than can be
// steered does so.
func (s *steer) fast() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.empty >= steerFast
}
