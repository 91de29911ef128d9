package audio

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The expected facts of these tests come from independent tools: lame and ffmpeg encode, mpg123 and ffmpeg decode and
// measure. A test fails if a tool that it needs is missing.

var workDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "audio")
	if err != nil {
		panic(err)
	}
	workDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// run runs a tool and returns its standard output and standard error.
func run(t testing.TB, name string, args ...string) (stdout, stderr []byte) {
	t.Helper()
	stdout, stderr, err := try(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr)
	}
	return stdout, stderr
}

func try(name string, args ...string) (stdout, stderr []byte, err error) {
	var o, e bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.Bytes(), e.Bytes(), err
}

// temp returns the path of a file of the test.
func temp(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(t.TempDir(), name)
}

// programme returns a WAV file, which it makes once: seven seconds, 48 kHz, stereo, 16 bits; panned speech over soft
// chords, with a pause and some transients, so that encoders use short blocks and joint stereo.
var programme = sync.OnceValue(func() string {
	speech, mix := filepath.Join(workDir, "speech.wav"), filepath.Join(workDir, "programme.wav")
	const text = "The appeal goes out tonight across the closed border. Nobody shall be forgotten. The sea remembers " +
		"every name."
	for _, args := range [][]string{
		{"espeak-ng", "-s", "150", "-w", speech, text},
		{"sox", "-R", "-M",
			"|sox -R " + speech + " -r 48000 -p gain -4 trim 0 6 pad 0.2 0.8",
			"|sox -R " + speech + " -r 48000 -p gain -9 pad 0.21 0 trim 0 6 pad 0 1",
			"|sox -R -n -r 48000 -p synth 7 pluck A2 pluck E3 pluck C4 remix - gain -12",
			"|sox -R -n -r 48000 -p synth 7 pinknoise tremolo 3 90 gain -30",
			"-b", "16", mix, "remix", "1,3v0.5,4", "2v0.8,3v0.4,4v0.7"},
	} {
		if _, e, err := try(args[0], args[1:]...); err != nil {
			panic(args[0] + ": " + err.Error() + "\n" + string(e))
		}
	}
	return mix
})

// encode makes an MP3 of the WAV file in with lame.
func encode(t testing.TB, in string, args ...string) string {
	t.Helper()
	out := temp(t, "out.mp3")
	run(t, "lame", append(append([]string{"--quiet"}, args...), in, out)...)
	return out
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// analyse analyses bytes that must be accepted.
func analyse(t testing.TB, b []byte) Facts {
	t.Helper()
	f, err := Analyse(context.Background(), bytes.NewReader(b), Options{})
	if err != nil {
		t.Fatalf("Analyse: %v", err)
	}
	return f
}

// pcmOf reads a whole MP3 through a Reader.
func pcmOf(t testing.TB, b []byte) []float32 {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	out := make([]float32, int(r.Samples())*r.Channels())
	for n := 0; n < len(out); {
		k, err := r.Read(out[n:])
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		n += k * r.Channels()
	}
	return out
}

// mpg123PCM decodes a file with mpg123, gapless, to float32.
func mpg123PCM(t testing.TB, path string) []float32 {
	t.Helper()
	raw, _ := run(t, "mpg123", "-q", "--no-resync", "-e", "f32", "-s", path)
	return floats(raw)
}

// ffmpegPCM decodes a file with ffmpeg to float32.
func ffmpegPCM(t testing.TB, path string) []float32 {
	t.Helper()
	raw, _ := run(t, "ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-f", "f32le", "-")
	return floats(raw)
}

func floats(raw []byte) []float32 {
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// snr returns the power of want divided by that of the difference, in dB, without samples beyond full scale in either.
func snr(got, want []float32) float64 {
	var signal, noise float64
	for i, w := range want {
		if math.Abs(float64(w)) >= 0.999 || math.Abs(float64(got[i])) >= 0.999 {
			continue
		}
		d := float64(got[i]) - float64(w)
		signal += float64(w) * float64(w)
		noise += d * d
	}
	return 10 * math.Log10(signal/noise)
}

// ebur holds the measurements of ffmpeg's ebur128.
type ebur struct{ integrated, lra, truePeak, samplePeak float64 }

var eburLine = regexp.MustCompile(`(I|LRA|Peak):\s+(-?[\d.]+|-?inf|nan) (LUFS|LU|dBFS)`)

func ffmpegEBUR(t testing.TB, path string) ebur {
	t.Helper()
	_, e := run(t, "ffmpeg", "-hide_banner", "-nostats", "-i", path, "-map", "0:a", "-af",
		"ebur128=peak=true+sample:framelog=verbose", "-f", "null", "-")
	text := string(e)
	var m ebur
	peaks := 0
	for _, l := range eburLine.FindAllStringSubmatch(text[strings.LastIndex(text, "Summary:"):], -1) {
		v, err := strconv.ParseFloat(l[2], 64)
		if err != nil {
			t.Fatalf("ffmpeg said %q", l[0])
		}
		switch {
		case l[1] == "I":
			m.integrated = v
		case l[1] == "LRA":
			m.lra = v
		case peaks == 0:
			m.samplePeak, peaks = v, 1
		default:
			m.truePeak = v
		}
	}
	return m
}

// diff describes the difference of two values, if there is one.
func diff(want, got any) string { return cmp.Diff(want, got) }

// within fails unless got is not nil and at most tolerance from want.
func within(t testing.TB, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is not measured, want %.2f", what, want)
	} else if math.Abs(*got-want) > tolerance {
		t.Errorf("%s = %.3f, want %.3f ± %.2f", what, *got, want, tolerance)
	}
}

// voiced makes a WAV of speech, with a different recording for each number.
func voiced(t testing.TB, dir string, n int) string {
	t.Helper()
	words := []string{"border", "family", "letter", "winter", "mother", "station", "harbour", "village", "promise",
		"morning",
		"mountain", "signal"}
	text := ""
	for i := range 14 {
		text += words[(n*7+i*(n%5+1)+i*i)%len(words)] + " " + words[(n*3+i*5)%len(words)] + ". "
	}
	out := filepath.Join(dir, fmt.Sprintf("voice%d.wav", n))
	voice := []string{"en", "en+f3", "en+m3", "ko", "de", "ru"}[n%6]
	run(t, "espeak-ng", "-v", voice, "-s", fmt.Sprint(130+n%7*10), "-p", fmt.Sprint(30+n%9*6), "-w", out, text)
	return out
}
