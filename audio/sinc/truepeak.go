package sinc

// TruePeak finds the largest magnitude of a signal between its samples (ITU-R BS.1770-5, annex 2). It oversamples at
// least four times and to at least 176.4 kHz, so that the error of the rate is at most 0.7 dB at the edge of the band
// and far less below.
type TruePeak struct {
	phases [][Taps]float32 // coefficients for each fraction of a sample
	reach  float32
}

// Taps is the number of samples that a measurement between two samples uses.
const Taps = 24

const (
	peakRate   = 176400 // Hz
	peakBeta   = 7
	peakMargin = 1.00001 // exceeds 24 roundings of 2^-24
)

// NewTruePeak returns a meter for signals of the given rate.
func NewTruePeak(rate int) *TruePeak {
	factor := 4
	for factor*rate < peakRate && factor < 16 {
		factor *= 2
	}
	t := &TruePeak{}
	for p := 1; p < factor; p++ {
		h := [Taps]float32(Phase(Taps/2, float64(p)/float64(factor), 1, peakBeta))
		var sum float32
		for _, v := range h {
			sum += max(v, -v)
		}
		t.phases, t.reach = append(t.phases, h), max(t.reach, sum*peakMargin)
	}
	return t
}

// Reach returns the largest ratio of Between's result to the largest sample in its window, including rounding.
func (t *TruePeak) Reach() float32 { return t.reach }

// Between returns the largest magnitude between the two middle samples of x, excluding the samples themselves.
func (t *TruePeak) Between(x *[Taps]float32) (peak float32) {
	for i := range t.phases {
		peak = max(peak, fir(x, &t.phases[i]))
	}
	return peak
}

// fir returns the magnitude of the filter's output.
func fir(x, h *[Taps]float32) float32 {
	var a, b, c, d float32
	for i := 0; i < Taps; i += 4 {
		a += x[i] * h[i]
		b += x[i+1] * h[i+1]
		c += x[i+2] * h[i+2]
		d += x[i+3] * h[i+3]
	}
	v := (a + b) + (c + d)
	return max(v, -v)
}
