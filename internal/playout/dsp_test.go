package playout

import (
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// synth is a Decoder of a function of time.
type synth struct {
	rate, channels int
	samples, at    int64
	tone           func(frame int64, channel int) float64
}

func (s *synth) SampleRate() int { return s.rate }
func (s *synth) Channels() int   { return s.channels }
func (s *synth) Samples() int64  { return s.samples }

func (s *synth) SeekTo(n int64) error { s.at = n; return nil }

func (s *synth) Read(dst []float32) (int, error) {
	n := min(int64(len(dst)/s.channels), s.samples-s.at, 1152)
	if n == 0 && len(dst) > 0 {
		return 0, io.EOF
	}
	for i := range n {
		for c := range s.channels {
			dst[int(i)*s.channels+c] = float32(s.tone(s.at+i, c))
		}
	}
	s.at += n
	return int(n), nil
}

func sine(hz float64, rate int, amplitude float64) func(int64, int) float64 {
	return func(n int64, _ int) float64 { return amplitude * math.Sin(2*math.Pi*hz*float64(n)/float64(rate)) }
}

func resampled(t *testing.T, in, out int, from, n int64, tone func(int64, int) float64) []float32 {
	t.Helper()
	s := &source{dec: &synth{rate: in, channels: 1, samples: int64(in) * 100, tone: tone}, channels: 1}
	r, err := newResampler(in, out, 1, from, s.read)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.seek(r.sourceStart()); err != nil {
		t.Fatal(err)
	}
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
	for _, c := range []struct{ in, out int }{{8000, 48000}, {11025, 48000}, {12000, 48000}, {16000, 48000}, {22050, 48000},
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

// limited runs stereo PCM through a limiter in blocks of uneven size.
func limited(t *testing.T, frames int, at func(int64, int) float64) []float32 {
	t.Helper()
	s := &source{dec: &synth{rate: 48000, channels: 2, samples: int64(frames), tone: at}, channels: 2}
	l := newLimiter(48000, 2, func(dst []float32) error { _, err := s.read(dst); return err })
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
			for j := -63; j <= 64; j++ {
				x := float64(j) - frac
				v += float64(pcm[2*(i+j)+channel]) * sinc(x) * (0.5 + 0.5*math.Cos(math.Pi*x/65))
			}
			top = max(top, math.Abs(v))
		}
	}
	return top
}

func TestLimiterKeepsTruePeaksUnderTheCeiling(t *testing.T) {
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

type closer struct{}

func (closer) Close() error { return nil }

func voiceOf(t *testing.T, d *synth, it wire.QueueItem, offset int64) *voice {
	t.Helper()
	v, err := newVoice(nil, closer{}, 0, func(io.ReaderAt, int64) (Decoder, error) { return d, nil }, &it, 48000, offset)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVoiceRejoinsAtTheVerySampleAndEndsAtItsCue(t *testing.T) {
	d := func() *synth {
		return &synth{rate: 24000, channels: 1, samples: 24000 * 20, tone: func(n int64, _ int) float64 {
			return 0.9 * math.Sin(float64(n)*float64(n)/1e6)
		}}
	}
	it := wire.QueueItem{CueIn: schedules.Ms(120), CueOut: schedules.Ms(9_453), Duration: schedules.Ms(9_333),
		FadeOut: schedules.Ms(500), GainDB: 6}
	whole := make([]float32, 2*(9_333*48+1000))
	v := voiceOf(t, d(), it, 0)
	if err := v.Read(whole); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{1, 4_801, 100_000, 9_333*48 - 5} {
		part := make([]float32, 2*500)
		if err := voiceOf(t, d(), it, offset).Read(part); err != nil {
			t.Fatal(err)
		}
		for i, x := range part {
			if diff := math.Abs(float64(x - whole[2*offset+int64(i)])); diff > 1.0/32768 {
				t.Fatalf("rejoined at %d, sample %d is %v off", offset, i, diff)
			}
		}
	}
	for i, x := range whole[2*9_333*48:] {
		if x != 0 {
			t.Fatalf("sample %d after cue out is %v", i, x)
		}
	}
	loudest := 0.0
	for _, x := range whole[2*(9_333*48-200) : 2*9_333*48] {
		loudest = max(loudest, math.Abs(float64(x)))
	}
	if loudest > 0.01 {
		t.Errorf("the fade ends at %v", loudest)
	}
	if v.left() != 0 {
		t.Errorf("%d frames are left", v.left())
	}
}

func TestRecordingShorterThanItsCuesIsRefusedOnlyBeyondItsEnd(t *testing.T) {
	it := wire.QueueItem{CueOut: schedules.Ms(5_000), Duration: schedules.Ms(5_000)}
	d := &synth{rate: 48000, channels: 2, samples: 48000, tone: sine(440, 48000, 0.5)}
	if v := voiceOf(t, d, it, 0); v.left() != int64(Rate(48000).Frames(time.Second)) {
		t.Errorf("%d frames are left", v.left())
	}
	open := func(io.ReaderAt, int64) (Decoder, error) { return d, nil }
	if _, err := newVoice(nil, closer{}, 0, open, &it, 48000, 48000); err == nil {
		t.Error("joined beyond the recording's end")
	}
}

func TestGainOutOfBoundsIsHeldWithinThem(t *testing.T) {
	for _, gain := range [][2]float64{{44.9, schedules.MostGain}, {400, schedules.MostGain}, {-300, schedules.LeastGain}} {
		var heard [2][]float32
		for i, db := range gain {
			it := wire.QueueItem{CueOut: schedules.Ms(1000), Duration: schedules.Ms(1000), GainDB: db}
			heard[i] = make([]float32, 2*4800)
			if err := voiceOf(t, &synth{rate: 48000, channels: 1, samples: 48000, tone: sine(440, 48000, 0.01)}, it, 0).Read(heard[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(heard[0], heard[1]) {
			t.Errorf("%v dB does not sound as %v dB", gain[0], gain[1])
		}
	}
}
