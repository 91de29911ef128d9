package audio

import "lifeline/audio/sinc"

// truePeak finds the largest magnitude of the signal, including the values between samples. It skips intervals that
// cannot raise the peak: the meter's result is at most its reach times the largest sample in its window, so skipping
// intervals whose bound is below the peak does not change the result.
type truePeak struct {
	meter *sinc.TruePeak
	lines []peakLine // per channel
	peak  float32
	all   bool // compute everything; used to test the bound
}

// peakLine is the state of a channel's filter.
type peakLine struct {
	x    []float32 // the last sinc.Taps-1 samples, followed by a block
	prev float32   // the largest magnitude of the former
}

const peakStep = 16 // positions that are skipped or computed together

func newTruePeak(rate, channels int) *truePeak {
	t := &truePeak{meter: sinc.NewTruePeak(rate), lines: make([]peakLine, channels)}
	for i := range t.lines {
		t.lines[i].x = make([]float32, sinc.Taps-1)
	}
	return t
}

func (t *truePeak) add(b *block) {
	for ch := range t.lines {
		t.channel(&t.lines[ch], b.pcm[ch], b.peak[ch])
	}
}

// channel consumes the next samples of a channel; peak is their largest magnitude.
func (t *truePeak) channel(l *peakLine, x []float32, peak float32) {
	t.peak = max(t.peak, peak)
	reach := max(peak, l.prev)
	l.x = append(l.x, x...)
	if reach*t.meter.Reach() > t.peak || t.all {
		t.scan(l.x)
	}
	keep := l.x[len(l.x)-(sinc.Taps-1):]
	l.prev = magnitude(keep)
	l.x = l.x[:copy(l.x, keep)]
}

// scan computes the filter outputs over x that could raise the peak.
func (t *truePeak) scan(x []float32) {
	for at := 0; at+sinc.Taps <= len(x); at += peakStep {
		window := x[at:min(at+peakStep-1+sinc.Taps, len(x))]
		if magnitude(window)*t.meter.Reach() <= t.peak && !t.all {
			continue
		}
		for i := 0; i+sinc.Taps <= len(window); i++ {
			t.peak = max(t.peak, t.meter.Between((*[sinc.Taps]float32)(window[i:])))
		}
	}
}

// finish passes the last samples through the filter.
func (t *truePeak) finish() {
	zeros := make([]float32, sinc.Taps)
	for ch := range t.lines {
		t.channel(&t.lines[ch], zeros, 0)
	}
}

func (t *truePeak) facts(f *Facts) {
	f.TruePeakDBTP = decibels(float64(t.peak))
	if t.peak > 1 {
		f.warn(WarnTruePeak, 0, "The true peak is %.1f dBTP, over full scale, where players and transmitters distort: "+
			"lower the level before encoding.", *f.TruePeakDBTP)
	}
}
