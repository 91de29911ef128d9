package sinc

import "math"

// Phase returns the filter of 2*half taps that computes the signal at fraction frac between the two middle samples,
// from half-1 samples before to half after. It passes frequencies below cut, a fraction of the Nyquist frequency, and
// leaves a constant unchanged. beta is the parameter of the Kaiser window: a larger one gives more rejection and a
// wider transition.
func Phase(half int, frac, cut, beta float64) []float32 {
	taps := make([]float64, 2*half)
	sum := 0.0
	norm := bessel0(beta)
	for i := range taps {
		x := float64(i-half+1) - frac
		y := x / float64(half)
		window := 0.0
		if math.Abs(y) < 1 {
			window = bessel0(beta*math.Sqrt(1-y*y)) / norm
		}
		taps[i] = cut * sinc(cut*x) * window
		sum += taps[i]
	}
	out := make([]float32, len(taps))
	for i, v := range taps {
		out[i] = float32(v / sum)
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function of the first kind of order zero, computed by its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}
