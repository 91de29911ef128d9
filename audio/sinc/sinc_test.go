package sinc

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPhasePassesAConstantAndDelaysByItsFraction(t *testing.T) {
	for _, frac := range []float64{0, 0.25, 0.5, 0.9} {
		taps := Phase(48, frac, 0.97, 10)
		sum, sine := 0.0, 0.0
		for i, h := range taps {
			sum += float64(h)
			sine += float64(h) * math.Sin(float64(i-47)/3)
		}
		if math.Abs(sum-1) > 1e-6 || math.Abs(sine-math.Sin(frac/3)) > 1e-4 {
			t.Errorf("at %v: a constant becomes %v, a sine %v, not %v", frac, sum, sine, math.Sin(frac/3))
		}
	}
}

func TestNothingBetweenSamplesIsOverTheMetersReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewTruePeak(rapid.SampledFrom([]int{8000, 22050, 44100, 48000, 96000}).Draw(t, "rate"))
		x := [Taps]float32(rapid.SliceOfN(rapid.Float32Range(-1, 1), Taps, Taps).Draw(t, "x"))
		largest := float32(0)
		for _, v := range x {
			largest = max(largest, v, -v)
		}
		if got := m.Between(&x); got > largest*m.Reach() {
			t.Fatalf("%v between samples of at most %v, over the reach of %v", got, largest, m.Reach())
		}
	})
}

func TestPeakBetweenSamplesIsFound(t *testing.T) {
	var x [Taps]float32
	for i := range x { // a quarter of the rate, sampled at 45 degrees: 0.71 at each sample, 1 between them
		x[i] = float32(math.Sin(math.Pi/2*float64(i-Taps/2+1) + math.Pi/4))
	}
	if got := NewTruePeak(48000).Between(&x); math.Abs(float64(got)-1) > 0.01 {
		t.Errorf("%v", got)
	}
}
