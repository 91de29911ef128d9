package dsp

import (
	"math"
	"testing"

	"lifeline/internal/harness/longform"
)

// limited runs stereo PCM through a limiter in blocks of uneven size.
func limited(t *testing.T, frames int, at func(int64, int) float64) []float32 {
	t.Helper()
	read := sounding(2, 0, int64(frames), at)
	l := NewLimiter(48000, 2, func(dst []float32) error { _, err := read(dst); return err })
	out := make([]float32, frames*2)
	for i, n := 0, 1; i < frames; i, n = i+n, n*7%1201+1 {
		if err := l.Read(out[i*2 : min(i+n, frames)*2]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// truePeak measures with sixteenfold oversampling by a long sinc, independent of the limiter's own interpolation.
func truePeak(pcm []float32, channel int) float64 {
	top := 0.0
	for i := 64; i+64 < len(pcm)/2; i++ {
		if math.Abs(float64(pcm[2*i+channel])) < 0.3 && math.Abs(float64(pcm[2*i+2+channel])) < 0.3 {
			continue
		}
		for p := range 16 {
			frac, v := float64(p)/16, 0.0
			if p == 0 {
				top = max(top, math.Abs(float64(pcm[2*i+channel])))
				continue
			}
			for j := -63; j <= 64; j++ {
				x := float64(j) - frac
				v += float64(pcm[2*(i+j)+channel]) * math.Sin(math.Pi*x) / (math.Pi * x) * (0.5 + 0.5*math.Cos(math.Pi*x/65))
			}
			top = max(top, math.Abs(v))
		}
	}
	return top
}

func TestLimiterKeepsTruePeaksUnderTheCeiling(t *testing.T) {
	longform.Only(t)
	for name, at := range map[string]func(int64, int) float64{
		"tone between samples": func(n int64, _ int) float64 { return 2 * math.Sin(math.Pi/2*float64(n)+math.Pi/4) },
		"bursts": func(n int64, c int) float64 {
			if n/1200%3 != 1 {
				return 0.05 * math.Sin(float64(n)/9)
			}
			return 3 * math.Sin(2*math.Pi*(997+3000*float64(c))*float64(n)/48000)
		},
		"clicks": func(n int64, c int) float64 {
			if n%5000 == 2500 {
				return 4
			}
			return 0.2 * math.Sin(float64(n)/31)
		},
	} {
		out := limited(t, 12_000, at)
		peak := max(truePeak(out, 0), truePeak(out, 1))
		t.Logf("%s: %.2f dBTP", name, dB(peak))
		if dB(peak) > ceilingDBTP+0.3 {
			t.Errorf("%s: true peak %.2f dBTP is over %.1f", name, dB(peak), ceilingDBTP)
		}
	}
}

func TestLimiterLeavesWhatIsNotTooLoudExactlyAlone(t *testing.T) {
	at := func(n int64, c int) float64 { return 0.85 * math.Sin(float64(n)/17+float64(c)) }
	for i, x := range limited(t, 20_000, at)[:2*19_500] { // where it breaks off it peaks between the samples
		if want := float32(at(int64(i/2), i%2)); x != want {
			t.Fatalf("sample %d is %v, not %v", i, x, want)
		}
	}
}
