package audio

import "lifeline/audio/sinc"

// truePeak finds the largest magnitude of the signal, between its samples too. Stretches that cannot raise the peak are
// not computed: the meter's answer is at most its reach times the largest sample that it takes in, so that leaving out
// what stays below the peak by this bound changes nothing.
type truePeak struct {
	meter *sinc.TruePeak
	lines []peakLine // per channel
	peak  float32
	all   bool // compute everything; for the tests of the bound
}

// peakLine is what a channel's filter remembers.
type peakLine struct {
	x    []float32 // the last sinc.Taps-1 samples, then a block
	prev float32   // the largest of those
}

const peakStep = 16 // positions that are decided on together

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

// channel takes the next samples of a channel, the largest of which is peak.
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

// scan computes the outputs of the filter over x that could raise the peak.
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

// finish lets the last samples pass through the filter.
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
