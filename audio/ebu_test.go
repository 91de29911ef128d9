package audio

import (
	"fmt"
	"math"
	"testing"

	"lifeline/internal/harness/longform"
)

// The synthesised cases of EBU Tech 3341 (2023), table 1, and Tech 3342 (2023), table 1. Cases 7 and 8 of the former
// and 5 and 6 of the latter are recordings, which Lifeline does not include.

const ebuRate = 48000

// tone is a section of a 1 kHz sine at a level in dBFS; silence has a level of minus infinity.
type tone struct{ dB, seconds float64 }

var silent = math.Inf(-1)

// tones synthesises consecutive sections without phase jumps.
func tones(rate int, ts ...tone) []float32 {
	var out []float32
	var end float64
	for _, t := range ts {
		end += t.seconds
		gain := math.Pow(10, t.dB/20)
		for len(out) < int(math.Round(end*float64(rate))) {
			out = append(out, float32(gain*math.Sin(2*math.Pi*1000*float64(len(out))/float64(rate))))
		}
	}
	return out
}

// repeat returns ts n times.
func repeat(n int, ts ...tone) []tone {
	var out []tone
	for range n {
		out = append(out, ts...)
	}
	return out
}

// feedLoudness measures channels of equal length with the given weights.
func feedLoudness(l *loudness, rate int, channels ...[]float32) {
	b := newBlocker(rate, len(channels), l.add)
	b.add(channels)
}

func stereoLoudness(rate int, x []float32) *loudness {
	l := newLoudness(rate, 1, 1)
	feedLoudness(l, rate, x, x)
	return l
}

func TestEBUIntegratedLoudness(t *testing.T) {
	longform.Only(t)
	for name, c := range map[string]struct {
		want  float64
		tones []tone
	}{
		"1": {-23, []tone{{-23, 20}}},
		"2": {-33, []tone{{-33, 20}}},
		"3": {-23, []tone{{-36, 10}, {-23, 60}, {-36, 10}}},
		"4": {-23, []tone{{-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}}},
		"5": {-23, []tone{{-26, 20}, {-20, 20.1}, {-26, 20}}},
	} {
		for _, rate := range []int{ebuRate, 44100, 32000, 24000, 22050, 11025} {
			var f Facts
			stereoLoudness(rate, tones(rate, c.tones...)).facts(&f)
			within(t, fmt.Sprintf("3341-%s at %d Hz: I", name, rate), f.IntegratedLUFS, c.want, 0.1)
			if name <= "2" {
				within(t, "3341-"+name+": M", f.MaxMomentaryLUFS, c.want, 0.1)
				within(t, "3341-"+name+": S", f.MaxShortTermLUFS, c.want, 0.1)
			}
		}
	}
}

func TestEBUFiveChannels(t *testing.T) {
	longform.Only(t)
	l := newLoudness(ebuRate, 1, 1, 1, 1.41, 1.41)
	level := func(dB float64) []float32 { return tones(ebuRate, tone{dB, 20}) }
	feedLoudness(l, ebuRate, level(-28), level(-28), level(-24), level(-30), level(-30))
	var f Facts
	l.facts(&f)
	within(t, "3341-6: I", f.IntegratedLUFS, -23, 0.1)
}

// all fails unless every value in h is within 0.1 LU of want.
func (h *loudnessHistogram) all(t *testing.T, what string, want float64) {
	t.Helper()
	seen := int64(0)
	for i, b := range h.bins {
		if b.n == 0 {
			continue
		}
		seen += b.n
		if v := absoluteGate + (float64(i)+0.5)/binsPerLU; math.Abs(v-want) > 0.1+0.5/binsPerLU {
			t.Errorf("%s: %d values at %.2f, want %.1f ± 0.1", what, b.n, v, want)
		}
	}
	if seen == 0 {
		t.Errorf("%s: no values", what)
	}
}

func TestEBUShortTermAndMomentaryAreConstant(t *testing.T) {
	longform.Only(t)
	l := stereoLoudness(ebuRate, tones(ebuRate, repeat(5, tone{-20, 1.34}, tone{-30, 1.66})...))
	l.shortTerm.all(t, "3341-9: S", -23)
	l = stereoLoudness(ebuRate, tones(ebuRate, repeat(25, tone{-20, 0.18}, tone{-30, 0.22})...))
	l.gating.all(t, "3341-12: M", -23)
}

func TestEBUMaximaOfSegments(t *testing.T) {
	longform.Only(t)
	type segment func(i float64) ([]tone, float64)
	for _, c := range []struct {
		name    string
		max     func(l *loudness) *float64
		segment segment
	}{
		{"3341-10: max S", func(l *loudness) *float64 { return &l.maxS },
			func(i float64) ([]tone, float64) { return []tone{{silent, i * 0.15}, {-23, 3}, {silent, 1}}, -23 }},
		{"3341-11: max S", func(l *loudness) *float64 { return &l.maxS },
			func(i float64) ([]tone, float64) {
				return []tone{{silent, i * 0.15}, {-38 + i, 3}, {silent, 3 - i*0.15}}, -38 + i
			}},
		{"3341-13: max M", func(l *loudness) *float64 { return &l.maxM },
			func(i float64) ([]tone, float64) { return []tone{{silent, i * 0.02}, {-23, 0.4}, {silent, 1}}, -23 }},
		{"3341-14: max M", func(l *loudness) *float64 { return &l.maxM },
			func(i float64) ([]tone, float64) {
				return []tone{{silent, i * 0.02}, {-38 + i, 0.4}, {silent, 0.4 - i*0.02}}, -38 + i
			}},
	} {
		for _, rate := range []int{ebuRate, 44100} {
			l := newLoudness(rate, 1, 1)
			b := newBlocker(rate, 2, l.add)
			for i := range 20 {
				ts, want := c.segment(float64(i))
				*c.max(l) = 0
				x := tones(rate, ts...)
				b.add([][]float32{x, x})
				got := lufs(*c.max(l))
				within(t, fmt.Sprintf("%s of segment %d at %d Hz", c.name, i, rate), &got, want, 0.1)
			}
		}
	}
}

func TestEBULoudnessRange(t *testing.T) {
	longform.Only(t)
	for name, c := range map[string]struct {
		want  float64
		tones []tone
	}{
		"1": {10, []tone{{-20, 20}, {-30, 20}}},
		"2": {5, []tone{{-20, 20}, {-15, 20}}},
		"3": {20, []tone{{-40, 20}, {-20, 20}}},
		"4": {15, []tone{{-50, 20}, {-35, 20}, {-20, 20}, {-35, 20}, {-50, 20}}},
	} {
		var f Facts
		stereoLoudness(ebuRate, tones(ebuRate, c.tones...)).facts(&f)
		within(t, "3342-"+name+": LRA", f.RangeLU, c.want, 1)
	}
}

// taper fades x in and out over 10 ms.
func taper(x []float32) []float32 {
	n := ebuRate / 100
	for i := range n {
		g := float32(i) / float32(n)
		x[i] *= g
		x[len(x)-1-i] *= g
	}
	return x
}

// decimated synthesises case 20: at four times the rate, a sine of fs/6 at half scale with one period of fs/4 at full
// scale inserted at a zero crossing; then low-passed and decimated by four from offset on.
func decimated(offset int) []float32 {
	const n, burst = 4 * ebuRate / 2, 24 * 1000
	x := make([]float64, n)
	for i := range x {
		switch {
		case i < burst:
			x[i] = 0.5 * math.Sin(2*math.Pi*float64(i)/24)
		case i < burst+16:
			x[i] = math.Sin(2 * math.Pi * float64(i-burst) / 16)
		default:
			x[i] = 0.5 * math.Sin(2*math.Pi*float64(i-burst-16)/24)
		}
	}
	const half = 256
	h := make([]float64, 2*half+1)
	for i := range h {
		v := float64(i - half)
		s := 0.25
		if v != 0 {
			s = math.Sin(math.Pi*v/4) / (math.Pi * v)
		}
		h[i] = s * (0.42 + 0.5*math.Cos(math.Pi*v/half) + 0.08*math.Cos(2*math.Pi*v/half))
	}
	var out []float32
	for at := half + offset; at+half < n; at += 4 {
		var s float64
		for i, c := range h {
			s += c * x[at+i-half]
		}
		out = append(out, float32(s))
	}
	return taper(out)
}

func TestEBUTruePeak(t *testing.T) {
	longform.Only(t)
	sine := func(divisor, amplitude, degrees float64) []float32 {
		x := make([]float32, ebuRate/2)
		for i := range x {
			x[i] = float32(amplitude * math.Sin(2*math.Pi*(float64(i)/divisor+degrees/360)))
		}
		return taper(x)
	}
	for name, c := range map[string]struct {
		want float64
		x    []float32
	}{
		"15": {-6, sine(4, 0.5, 0)}, "16": {-6, sine(4, 0.5, 45)}, "17": {-6, sine(6, 0.5, 60)},
		"18": {-6, sine(8, 0.5, 67.5)}, "19": {3, sine(4, 1.41, 45)},
		"20": {0, decimated(0)}, "21": {0, decimated(1)}, "22": {0, decimated(2)}, "23": {0, decimated(3)},
	} {
		tp := newTruePeak(ebuRate, 2)
		newBlocker(ebuRate, 2, tp.add).add([][]float32{c.x, c.x})
		tp.finish()
		if got := *decibels(float64(tp.peak)); got > c.want+0.2 || got < c.want-0.4 {
			t.Errorf("3341-%s: true peak %.2f dBTP, want %.1f +0.2 -0.4", name, got, c.want)
		} else {
			t.Logf("3341-%s: %.3f", name, got)
		}
	}
}
