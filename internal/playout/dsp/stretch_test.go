package dsp

import (
	"math"
	"testing"
)

// A tone that is converted by a changing ratio stays a tone: nothing clicks, nothing is added.
func TestStretchedToneStaysPure(t *testing.T) {
	const rate = 48_000
	for _, hz := range []float64{997, 9_001, 18_003} {
		s := NewStretch()
		var out, phase []float64 // and where in the source each frame lies
		at := 0.0
		ratio := 1 - 100e-6
		for block := range 400 {
			pcm := make([]float32, 960*Channels)
			for i := range 960 {
				v := float32(0.5 * math.Sin(2*math.Pi*hz*float64(block*960+i)/rate))
				pcm[2*i], pcm[2*i+1] = v, -v
			}
			got := s.Convert(pcm, ratio)
			for i := 0; i < len(got); i += 2 {
				if got[i] != -got[i+1] {
					t.Fatal("the channels differ")
				}
				out, phase = append(out, float64(got[i])), append(phase, at)
				at += 1 / ratio
			}
			if ratio < 1+100e-6 {
				ratio += 50e-6 * 960 / rate // as fast as an output is steered
			}
		}
		// Every frame is what the tone is at its place.
		worst, noise := 0.0, 0.0
		for i := 2 * s.half; i < len(out); i++ {
			want := 0.5 * math.Sin(2*math.Pi*hz*phase[i]/rate)
			worst = max(worst, math.Abs(out[i]-want))
			noise += (out[i] - want) * (out[i] - want)
		}
		db := 10 * math.Log10(noise/float64(len(out))/0.125)
		t.Logf("%.0f Hz: everything but the tone is at %.1f dB, at most %.1f of a 16-bit step", hz, db, worst*32768)
		if db > -90 {
			t.Error("that is not pure")
		}
		if wanted := 400 * 960; math.Abs(float64(len(out)-wanted)) > 100 {
			t.Errorf("%d frames came of %d", len(out), wanted)
		}
	}
}
