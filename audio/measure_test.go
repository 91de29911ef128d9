package audio

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/internal/harness/longform"
)

// soxMP3 makes an MP3 of audio that sox synthesises.
func soxMP3(t testing.TB, lame []string, args ...string) []byte {
	t.Helper()
	wav := temp(t, "in.wav")
	run(t, "sox", append([]string{"-R", "-D", "-n", "-r", "44100", "-b", "16"},
		strings.Fields(strings.ReplaceAll(strings.Join(args, " "), "OUT", wav))...)...)
	return contents(t, encode(t, wav, lame...))
}

func codes(f Facts) string {
	var s []string
	for _, w := range f.Warnings {
		s = append(s, w.Code)
	}
	return strings.Join(s, " ")
}

var silenceLine = regexp.MustCompile(`silence_(start|end): (-?[\d.]+)`)

func TestSilencesAreThoseOfFfmpeg(t *testing.T) {
	in := programme()
	wav := temp(t, "gaps.wav")
	run(t, "sox", in, wav, "trim", "0", "3", "fade", "t", "0.3", "0", "0.3", "pad", "1.25", "2.5", "repeat", "1")
	path := encode(t, wav, "-b", "128", "-m", "s")
	_, e := run(t, "ffmpeg", "-hide_banner", "-nostats", "-i", path, "-af", "silencedetect=noise=-60dB:d=0.5", "-f",
		"null", "-")
	var want []float64
	for _, m := range silenceLine.FindAllStringSubmatch(string(e), -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, max(v, 0))
	}
	f := analyse(t, contents(t, path))
	var got []float64
	for _, s := range f.Silences {
		got = append(got, s.Start.Seconds(), s.End.Seconds())
	}
	if len(want) < 6 || len(got) != len(want) {
		t.Fatalf("silences %v, ffmpeg has %v", got, want)
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 0.003 {
			t.Errorf("edge %d of a silence at %.4f s, ffmpeg has %.4f", i, got[i], want[i])
		}
	}
	if c := codes(f); c != "head_silence silence tail_silence" {
		t.Errorf("warnings %q", c)
	}
}

func TestCuesTrimSilenceAndKeepSpeech(t *testing.T) {
	longform.Only(t)
	dir := t.TempDir()
	for i := range 6 {
		wav := voiced(t, dir, i)
		// The beginning and end of the synthesiser's own sound, by sox at -60 dBFS.
		length := func(args ...string) float64 {
			out := temp(t, "trimmed.wav")
			run(t, "sox", append([]string{wav, out}, args...)...)
			s, _ := run(t, "soxi", "-D", out)
			v, err := strconv.ParseFloat(strings.TrimSpace(string(s)), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		all := length()
		onset := all - length("silence", "1", "0.01", "-60d")
		rest := all - length("reverse", "silence", "1", "0.01", "-60d")
		for _, noise := range []string{"", "-64"} {
			padded := temp(t, "padded.wav")
			args := []string{"-m", "|sox " + wav + " -r 44100 -p pad 1.5 2.5", "-v", "1", "|sox -n -r 44100 -p synth " +
				fmt.Sprint(all+4) + " pinknoise gain -n -100", padded}
			if noise != "" {
				args[4] = strings.Replace(args[4], "-100", noise, 1)
			}
			run(t, "sox", append(args, "gain", "0")...)
			f := analyse(t, contents(t, encode(t, padded, "-b", "64", "-m", "m")))
			in, out := 1.5+onset, 1.5+all-rest
			if c := f.CueIn.Seconds(); c > in+0.005 || c < in-0.5 {
				t.Errorf("recording %d, noise %q: cue in at %.3f s, speech begins at %.3f", i, noise, c, in)
			}
			if c := f.CueOut.Seconds(); c < out-0.005 || c > out+0.8 {
				t.Errorf("recording %d, noise %q: cue out at %.3f s, speech ends at %.3f", i, noise, c, out)
			}
		}
	}
}

func TestSilenceHasNoMadeUpNumbers(t *testing.T) {
	f := analyse(t, soxMP3(t, []string{"-b", "64"}, "OUT trim 0 5"))
	for name, v := range map[string]*float64{
		"integrated": f.IntegratedLUFS, "range": f.RangeLU, "short-term": f.MaxShortTermLUFS, "momentary": f.MaxMomentaryLUFS,
		"true peak": f.TruePeakDBTP, "sample peak": f.SamplePeakDBFS,
	} {
		if v != nil {
			t.Errorf("%s of silence is %v", name, *v)
		}
	}
	if c := codes(f); c != WarnSilent {
		t.Errorf("warnings %q", c)
	}
	if f.CueIn != 0 || f.CueOut != f.Duration || len(f.Silences) != 1 {
		t.Errorf("cues %v to %v, silences %v", f.CueIn, f.CueOut, f.Silences)
	}
}

func TestFaultsOfStereoAreFound(t *testing.T) {
	stereo := []string{"-b", "192", "-m", "s"}
	for name, c := range map[string]struct{ args, codes, dead string }{
		"fine":       {"-c 2 OUT synth 3 pinknoise pinknoise gain -20", "", ""},
		"left dead":  {"OUT synth 3 pinknoise remix 0 1 gain -20", WarnDeadChannel, "left"},
		"right dead": {"OUT synth 3 pinknoise remix 1 0 gain -20", WarnDeadChannel, "right"},
		"inverted":   {"OUT synth 3 pinknoise remix 1 1i gain -20", WarnPhase, ""},
		"off centre": {"OUT synth 3 pinknoise gain -20 dcshift 0.05 remix 1 1", WarnDCOffset, ""},
	} {
		f := analyse(t, soxMP3(t, stereo, c.args))
		if f.Stereo == nil || f.Stereo.DeadChannel != c.dead || codes(f) != c.codes {
			t.Errorf("%s: %+v, warnings %q, want %q", name, f.Stereo, codes(f), c.codes)
		}
	}
}

func TestClippingIsCounted(t *testing.T) {
	f := analyse(t, soxMP3(t, []string{"-b", "320", "-m", "m", "--scale", "1"}, "-c 1 OUT synth 3 sine 100 gain 12"))
	if f.Clipping.Runs < 100 || f.Clipping.Longest < 10 || codes(f) != WarnTruePeak+" "+WarnClipping {
		t.Errorf("%+v, warnings %q", f.Clipping, codes(f))
	}
}

func TestTruePeakBoundChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]int{11025, 22050, 32000, 48000}).Draw(t, "rate")
		gain := rapid.Float64Range(0.001, 1).Draw(t, "gain")
		hz := rapid.Float64Range(20, 0.49*float64(rate)).Draw(t, "hz")
		step := rapid.Float64Range(0, 2).Draw(t, "step")
		noise := rapid.SliceOfN(rapid.Float32Range(-1, 1), 64, 64).Draw(t, "noise")
		x := make([]float32, 3000)
		for i := range x {
			g := gain * (1 + step*float64(i)/3000) / 3
			x[i] = float32(g*math.Sin(2*math.Pi*hz*float64(i)/float64(rate))) + float32(g)*noise[i*7%64]
		}
		fast, full := newTruePeak(rate, 1), newTruePeak(rate, 1)
		full.all = true
		newBlocker(rate, 1, fast.add).add([][]float32{x})
		newBlocker(rate, 1, full.add).add([][]float32{x})
		if fast.peak != full.peak {
			t.Fatalf("true peak %v with the bound, %v without", fast.peak, full.peak)
		}
	})
}

func TestBlocksCoverAllSamplesInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]int{11025, 22050, 44100, 48000}).Draw(t, "rate")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 2000), 1, 30).Draw(t, "sizes")
		next, blocks := 0, 0
		k := newBlocker(rate, 1, func(b *block) {
			blocks++
			if b.start != int64(next) {
				t.Fatalf("block %d starts at %d, want %d", blocks, b.start, next)
			}
			for _, v := range b.pcm[0] {
				if v != float32(next) {
					t.Fatalf("sample %v, want %d", v, next)
				}
				next++
			}
		})
		total := 0
		for _, n := range sizes {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(total)
				total++
			}
			k.add([][]float32{x})
		}
		k.flush()
		if next != total || blocks != (total*100+rate-1)/rate {
			t.Fatalf("%d samples in %d blocks, want %d in %d", next, blocks, total, (total*100+rate-1)/rate)
		}
	})
}

func TestFactsSurviveJSON(t *testing.T) {
	want := analyse(t, contents(t, encode(t, programme(), "-b", "64", "--tt", "Title")))
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Facts
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
	if want.Duration != samplesTime(want.Samples, want.SampleRate) || want.Tags.Title != "Title" {
		t.Errorf("duration %v of %d samples, title %q", want.Duration, want.Samples, want.Tags.Title)
	}
}

func TestSamplesTimeRoundsToTheNearestNanosecond(t *testing.T) {
	for n, want := range map[int64]time.Duration{0: 0, 1: 22676, 2: 45351, 3: 68027, 44100: time.Second,
		44100 * 36000: 10 * time.Hour} {
		if got := samplesTime(n, 44100); got != want {
			t.Errorf("%d samples are %d ns, want %d", n, got, want)
		}
	}
}
