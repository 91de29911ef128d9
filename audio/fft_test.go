package audio

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestSpectrumIsTheFourierTransform(t *testing.T) {
	s, r := newSpectrum(), rand.New(rand.NewPCG(7, 8))
	for range 3 { // it keeps nothing of the window before
		x := make([]float64, fingerFFT)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		s.transform(x)
		for k := 1; k < fingerFFT/2; k++ {
			var sum complex128
			for i, v := range x {
				sum += complex(v, 0) * cmplx.Rect(1, -2*math.Pi*float64(i*k%fingerFFT)/fingerFFT)
			}
			want := real(sum)*real(sum) + imag(sum)*imag(sum)
			if got := s.power(k); math.Abs(got-want) > 1e-9*fingerFFT {
				t.Fatalf("bin %d has power %g, want %g", k, got, want)
			}
		}
	}
}

func BenchmarkSpectrum(b *testing.B) {
	s, x := newSpectrum(), make([]float64, fingerFFT)
	for i := range x {
		x[i] = math.Sin(float64(i * i))
	}
	for b.Loop() {
		s.transform(x)
	}
}
