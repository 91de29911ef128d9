package dsp

import (
	"math"
	"testing"
)

// sounding reads interleaved frames of a tone from frame at on; before the first and after the last of n there is
// silence.
func sounding(channels int, at, n int64, tone func(frame int64, channel int) float64) func(dst []float32) (int, error) {
	return func(dst []float32) (int, error) {
		for i := range dst {
			dst[i] = 0
			if f := at + int64(i/channels); f >= 0 && f < n {
				dst[i] = float32(tone(f, i%channels))
			}
		}
		at += int64(len(dst) / channels)
		return len(dst) / channels, nil
	}
}

func sine(hz float64, rate int, amplitude float64) func(int64, int) float64 {
	return func(n int64, _ int) float64 { return amplitude * math.Sin(2*math.Pi*hz*float64(n)/float64(rate)) }
}

func resampled(t *testing.T, in, out int, from, n int64, tone func(int64, int) float64) []float32 {
	t.Helper()
	r, err := NewResampler(in, out, 1, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.read = sounding(1, r.SourceStart(), int64(in)*100, tone)
	dst := make([]float32, n)
	if err := r.Read(dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// fit finds the amplitude and phase of a tone of known frequency and the power of all else, by least squares under a
// window.
func fit(pcm []float32, first int64, hz float64, rate int) (amplitude, phase, rest float64) {
	var ss, cc, sc, xs, xc, xx, ws float64
	for i, x := range pcm {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(pcm)))
		s, c := math.Sincos(2 * math.Pi * hz * float64(first+int64(i)) / float64(rate))
		ss, cc, sc = ss+w*s*s, cc+w*c*c, sc+w*s*c
		xs, xc = xs+w*float64(x)*s, xc+w*float64(x)*c
		xx, ws = xx+w*float64(x)*float64(x), ws+w
	}
	d := ss*cc - sc*sc
	a, b := (xs*cc-xc*sc)/d, (xc*ss-xs*sc)/d
	return math.Hypot(a, b), math.Atan2(b, a), math.Sqrt(max(0, xx-a*xs-b*xc) / ws)
}

func dB(x float64) float64 { return 20 * math.Log10(x) }

func TestResamplerIsFlatLinearAndFreeOfAliases(t *testing.T) {
	for _, c := range []struct{ in, out int }{
		{8000, 48000}, {11025, 48000}, {12000, 48000}, {16000, 48000}, {22050, 48000},
		{24000, 48000}, {32000, 48000}, {44100, 48000}, {48000, 44100}, {48000, 32000}, {44100, 24000}} {
		low := float64(min(c.in, c.out)) / 2
		ripple, noise, delay := 0.0, -200.0, 0.0
		for _, part := range []float64{0.01, 0.05, 0.2, 0.4, 0.6, 0.75, 0.85, 0.9} {
			hz := part * low
			a, phase, rest := fit(resampled(t, c.in, c.out, 12_345, 16384, sine(hz, c.in, 0.5)), 12_345, hz, c.out)
			ripple = max(ripple, math.Abs(dB(a/0.5)))
			noise = max(noise, dB(rest/(0.5/math.Sqrt2)))
			delay = max(delay, math.Abs(phase)/(2*math.Pi*hz)*1e9)
		}
		alias := -200.0
		if c.out < c.in { // what would fold into the pass band must be gone
			for _, hz := range []float64{low * 1.1, low * 1.2, low * 1.33} {
				if hz > 0.49*float64(c.in) {
					continue
				}
				_, _, rest := fit(resampled(t, c.in, c.out, 12_345, 16384, sine(hz, c.in, 0.5)), 0, 1, c.out)
				alias = max(alias, dB(rest/(0.5/math.Sqrt2)))
			}
		}
		t.Logf("%5d -> %5d Hz: ripple %.5f dB to 0.9 Nyquist, images and noise %.1f dB, aliases %.1f dB, delay %.2f ns",
			c.in, c.out, ripple, noise, alias, delay)
		if ripple > 0.01 || noise > -90 || alias > -90 || delay > 50 {
			t.Errorf("%d -> %d Hz is not good enough", c.in, c.out)
		}
	}
}

func TestResamplerRejoinsAtTheVerySample(t *testing.T) {
	whole := resampled(t, 44100, 48000, 0, 20_000, sine(997, 44100, 0.5))
	for _, from := range []int64{1, 147, 160, 9_999} {
		for i, x := range resampled(t, 44100, 48000, from, 1000, sine(997, 44100, 0.5)) {
			if x != whole[from+int64(i)] {
				t.Fatalf("from %d, frame %d: %v, not %v", from, i, x, whole[from+int64(i)])
			}
		}
	}
}
