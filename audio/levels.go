package audio

import (
	"fmt"
	"math"
	"time"
)

// levels measures sample peak, clipping, DC offset, and anomalies between two channels.
type levels struct {
	peak     float32
	sum      []float64
	power    []float64
	cross    float64
	samples  int64
	run      []int64 // per channel: length of the current run at full scale
	clipping ClippingFacts
	firstAt  int64 // sample of the first run
}

const (
	clipRun      = 3     // consecutive samples that count as clipped
	deadLevel    = 1e-7  // mean square, -70 dBFS: below it a channel is dead
	aliveLevel   = 1e-5  // mean square, -50 dBFS: above it the other channel is not dead
	oppositeness = -0.6  // correlation below which a channel is inverted
	offsetLimit  = 0.005 // of full scale
)

func newLevels(channels int) *levels {
	return &levels{sum: make([]float64, channels), power: make([]float64, channels), run: make([]int64, channels)}
}

func (l *levels) add(b *block) {
	l.samples += int64(b.len())
	l.cross += b.cross
	for ch := range b.pcm {
		l.peak = max(l.peak, b.peak[ch])
		l.sum[ch] += b.sum[ch]
		l.power[ch] += b.power[ch]
		if b.peak[ch] >= fullScale {
			l.clipped(ch, b)
		} else {
			l.run[ch] = 0
		}
	}
}

// clipped counts a channel's samples at full scale.
func (l *levels) clipped(ch int, b *block) {
	for i, v := range b.pcm[ch] {
		if v < fullScale && v > -fullScale {
			l.run[ch] = 0
			continue
		}
		l.clipping.Samples++
		l.run[ch]++
		if l.run[ch] == clipRun {
			if l.clipping.Runs == 0 {
				l.firstAt = b.start + int64(i) - clipRun + 1
			}
			l.clipping.Runs++
		}
		l.clipping.Longest = max(l.clipping.Longest, l.run[ch])
	}
}

func (l *levels) facts(f *Facts) {
	f.SamplePeakDBFS = decibels(float64(l.peak))
	f.Clipping = l.clipping
	f.Clipping.First = samplesTime(l.firstAt, f.SampleRate)
	n := float64(max(l.samples, 1))
	for _, s := range l.sum {
		f.DCOffset = append(f.DCOffset, s/n)
	}
	for _, d := range f.DCOffset {
		if math.Abs(d) > offsetLimit {
			f.warn(WarnDCOffset, 0, "The signal is off centre by %.1f%% of full scale, which costs headroom and clicks at "+
				"edits: remove the DC offset.", 100*math.Abs(d))
			break
		}
	}
	if l.clipping.Runs > 0 {
		f.warn(WarnClipping, f.Clipping.First, "The audio is clipped in %d places, first at %s: lower the level before "+
			"encoding.", l.clipping.Runs, timeText(f.Clipping.First))
	}
	if len(l.sum) == 2 {
		f.Stereo = l.stereo(n)
		l.warnStereo(f)
	}
}

func (l *levels) stereo(n float64) *StereoFacts {
	s := &StereoFacts{}
	if p := math.Sqrt(l.power[0] * l.power[1]); p > 0 {
		s.Correlation = max(-1, min(1, l.cross/p))
	}
	switch left, right := l.power[0]/n, l.power[1]/n; {
	case left < deadLevel && right > aliveLevel:
		s.DeadChannel = "left"
	case right < deadLevel && left > aliveLevel:
		s.DeadChannel = "right"
	}
	return s
}

func (l *levels) warnStereo(f *Facts) {
	if s := f.Stereo; s.DeadChannel != "" {
		f.warn(WarnDeadChannel, 0, "The %s channel is silent: export it as mono, or mend the recording.", s.DeadChannel)
	} else if s.Correlation < oppositeness {
		f.warn(WarnPhase, 0, "The two channels are opposite in phase (correlation %.2f), so that mono receivers hear "+
			"little or nothing: invert one of them.", s.Correlation)
	}
}

// timeText formats a time for people: 1:02:03.4, or 2:03.4.
func timeText(d time.Duration) string {
	d = d.Round(100 * time.Millisecond)
	h, m, s, t := d/time.Hour, d/time.Minute%60, d/time.Second%60, d/(100*time.Millisecond)%10
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d.%d", h, m, s, t)
	}
	return fmt.Sprintf("%d:%02d.%d", m, s, t)
}
