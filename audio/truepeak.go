package audio

import "math"

// truePeak finds the largest magnitude of the signal between its samples (ITU-R BS.1770-5, annex 2): it is oversampled
// by a polyphase filter, at least four times and to no less than 176.4 kHz, so that the rate's own error is at most
// 0.7 dB at the very edge of the band and far less below. Stretches that cannot raise the peak are not computed: the
// output is at most the largest input under the filter times the sum of the magnitudes of its coefficients, so that
// leaving out what stays below the peak by this bound changes nothing. The bound is widened by more than all rounding.
type truePeak struct {
	phases [][]float32 // coefficients, of each fraction of a sample
	limit  float32     // the largest sum of magnitudes of a phase, and a margin for rounding
	lines  []peakLine  // per channel
	peak   float32
	all    bool // compute everything; for the tests of the bound
}

// peakLine is what a channel's filter remembers.
type peakLine struct {
	x    []float32 // the last peakTaps-1 samples, then a block
	prev float32   // the largest of those
}

const (
	peakTaps   = 24      // per phase
	peakRate   = 176400  // Hz
	peakStep   = 16      // outputs that are decided on together
	peakMargin = 1.00001 // more than 24 roundings of 2^-24
)

func newTruePeak(rate, channels int) *truePeak {
	factor := 4
	for factor*rate < peakRate && factor < 16 {
		factor *= 2
	}
	t := &truePeak{lines: make([]peakLine, channels)}
	for p := 1; p < factor; p++ {
		h := peakPhase(float64(p) / float64(factor))
		var sum float32
		for _, v := range h {
			sum += max(v, -v)
		}
		t.phases, t.limit = append(t.phases, h), max(t.limit, sum*peakMargin)
	}
	for i := range t.lines {
		t.lines[i].x = make([]float32, peakTaps-1)
	}
	return t
}

// peakPhase returns the coefficients that give the signal at fraction f between the two samples in the middle of the
// taps: a sinc under a Kaiser window, scaled to pass a constant unchanged.
func peakPhase(f float64) []float32 {
	const beta = 7.0
	h := make([]float64, peakTaps)
	var sum float64
	for i := range h {
		x := float64(i-(peakTaps/2-1)) - f
		w := 1 - math.Pow(x/(peakTaps/2), 2)
		h[i] = bessel0(beta*math.Sqrt(max(0, w))) / bessel0(beta) * math.Sin(math.Pi*x) / (math.Pi * x)
		sum += h[i]
	}
	out := make([]float32, peakTaps)
	for i, v := range h {
		out[i] = float32(v / sum)
	}
	return out
}

// bessel0 is the modified Bessel function of the first kind and order zero.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= x / (2 * k) * (x / (2 * k))
		sum += term
	}
	return sum
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
	if reach*t.limit > t.peak || t.all {
		t.scan(l.x)
	}
	keep := l.x[len(l.x)-(peakTaps-1):]
	l.prev = magnitude(keep)
	l.x = l.x[:copy(l.x, keep)]
}

// scan computes the outputs of the filter over x that could raise the peak.
func (t *truePeak) scan(x []float32) {
	for at := 0; at+peakTaps <= len(x); at += peakStep {
		window := x[at:min(at+peakStep-1+peakTaps, len(x))]
		if magnitude(window)*t.limit <= t.peak && !t.all {
			continue
		}
		for i := 0; i+peakTaps <= len(window); i++ {
			in := (*[peakTaps]float32)(window[i:])
			for _, h := range t.phases {
				t.peak = max(t.peak, fir(in, (*[peakTaps]float32)(h)))
			}
		}
	}
}

// fir is the magnitude of the filter's output.
func fir(x, h *[peakTaps]float32) float32 {
	var a, b, c, d float32
	for i := 0; i < peakTaps; i += 4 {
		a += x[i] * h[i]
		b += x[i+1] * h[i+1]
		c += x[i+2] * h[i+2]
		d += x[i+3] * h[i+3]
	}
	v := (a + b) + (c + d)
	return max(v, -v)
}

// finish lets the last samples pass through the filter.
func (t *truePeak) finish() {
	zeros := make([]float32, peakTaps)
	for ch := range t.lines {
		t.channel(&t.lines[ch], zeros, 0)
	}
}

func (t *truePeak) facts(f *Facts) {
	f.TruePeakDBTP = decibels(float64(t.peak))
	if t.peak > 1 {
		f.warn(WarnTruePeak, 0, "The true peak is %.1f dBTP, over full scale, where players and transmitters distort: lower the level before encoding.", *f.TruePeakDBTP)
	}
}
