package audio

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// frameOffsets returns the offsets of a file's frames.
func frameOffsets(t testing.TB, b []byte) []int {
	t.Helper()
	s := NewScanner(bytes.NewReader(b))
	var at []int
	for {
		f, err := s.Next()
		if err != nil {
			return at
		}
		at = append(at, int(f.Offset))
	}
}

// damages lists ways to damage a file. Each name gives the position as a share of the length, so that the test can
// check it.
var damages = map[string]func(b []byte, offsets []int) []byte{
	"truncated": func(b []byte, o []int) []byte { return b[:o[len(o)/2]+50] },
	"header flipped": func(b []byte, o []int) []byte {
		b[o[len(o)/2]] ^= 0x10
		return b
	},
	"sixty bits flipped": func(b []byte, o []int) []byte {
		r := rand.New(rand.NewPCG(5, 6))
		for range 60 {
			b[o[len(o)/2]+r.IntN(2000)] ^= 1 << r.IntN(8)
		}
		return b
	},
	"1 KiB dropped":  func(b []byte, o []int) []byte { return slices.Delete(b, o[len(o)/2]+100, o[len(o)/2]+100+1024) },
	"1 KiB inserted": func(b []byte, o []int) []byte { return slices.Insert(b, o[len(o)/2]+100, noise(1024)...) },
	"1 KiB of text between frames": func(b []byte, o []int) []byte {
		return slices.Insert(b, o[len(o)/2], bytes.Repeat([]byte("lifeline"), 128)...)
	},
	"100,000 bytes of text between frames": func(b []byte, o []int) []byte {
		return slices.Insert(b, o[len(o)/2], bytes.Repeat([]byte("lifeline"), 12500)...)
	},
	"ten frames zeroed": func(b []byte, o []int) []byte {
		clear(b[o[len(o)/2]:o[len(o)/2+10]])
		return b
	},
	"start cut off":           func(b []byte, o []int) []byte { return b[o[len(o)/2]+33:] },
	"half a frame at the end": func(b []byte, o []int) []byte { return b[:len(b)-100] },
	"leading junk":            func(b []byte, _ []int) []byte { return append(noise(3000), b...) },
	"leading text": func(b []byte, _ []int) []byte {
		return append(bytes.Repeat([]byte("a line\n"), 1000),
			b...)
	},
	"trailing junk": func(b []byte, _ []int) []byte { return append(b, noise(3000)...) },
	"concatenated":  func(b []byte, _ []int) []byte { return append(b, b...) },
	"spliced": func(b []byte, o []int) []byte {
		return append(slices.Clone(b[:o[len(o)/3]+77]), b[o[2*len(o)/3]+41:]...)
	},
}

// noise returns bytes without frames.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32()) & 0x7F
	}
	return b
}

// TestDamagedFilesAreHeardAsFarAsMpg123Hears compares each damaged file with the output of mpg123.
func TestDamagedFilesAreHeardAsFarAsMpg123Hears(t *testing.T) {
	longform.Only(t)
	dir := t.TempDir()
	encodings := [][]string{{"-b", "128", "-m", "s"}, {"-b", "32", "-m", "m", "--resample", "22.05"}}
	if prove("damage") {
		encodings = append(encodings, []string{"-V", "4"}, []string{"-b", "320", "-p"}, []string{"-b", "16", "-m", "m",
			"--resample", "11.025"},
			[]string{"-b", "8", "-m", "s", "--resample", "24"}, []string{"--abr", "112"})
	}
	for _, args := range encodings {
		whole := contents(t, encode(t, programme(), args...))
		offsets := frameOffsets(t, whole)
		for name, hurt := range damages {
			t.Run(strings.Join(args, " ")+" "+name, func(t *testing.T) {
				t.Parallel()
				b := hurt(slices.Clone(whole), offsets)
				path := filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_")+".mp3")
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				checkDamaged(t, b, path, name)
			})
		}
	}
}

// checkDamaged compares the damaged file b, which is also at path, with the output of mpg123.
func checkDamaged(t *testing.T, b []byte, path, name string) {
	f := analyse(t, b)
	raw, _ := run(t, "mpg123", "-q", "--resync-limit", "-1", "-e", "f32", "-s", path)
	theirs := int64(len(raw)/4) / int64(f.Channels)
	// The content of a damaged place is unknown, so decoders may differ by a few frames.
	if f.Samples < theirs-4*1152 || f.Samples > theirs+16*1152 {
		t.Errorf("%d samples, mpg123 hears %d", f.Samples, theirs)
	}
	if f.TruePeakDBTP == nil || *f.TruePeakDBTP > 0 {
		t.Errorf("true peak %v: garbage is heard", f.TruePeakDBTP)
	}
	// Flipped bits can go unnoticed in a file without check words, and so can a join in a file without a header of its
	// own.
	hidden := name == "sixty bits flipped" || name == "concatenated" && f.Encoder == ""
	if len(f.Warnings) == 0 && !hidden {
		t.Error("no warning")
	}
	got := pcmOf(t, b)
	if int64(len(got)/f.Channels) != f.Samples {
		t.Errorf("the reader has %d samples, the facts %d", len(got)/f.Channels, f.Samples)
	}
	sameChunked(t, b, 5)
	sameAfterSeeks(t, b, got)
}

func TestDamageIsLocated(t *testing.T) {
	whole := contents(t, encode(t, programme(), "-b", "128", "-m", "s"))
	offsets := frameOffsets(t, whole)
	middle := offsets[len(offsets)/2]
	want := samplesTime(newTimeline(infoFrame{lame: true, frames: 1 << 30, delay: 576}, 1152).audible(
		int64(len(offsets)/2-1)*1152), 48000)
	for name, kind := range map[string]string{
		"header flipped": "lost", "1 KiB dropped": "damaged", "1 KiB inserted": "damaged",
		"1 KiB of text between frames": "damaged", "ten frames zeroed": "lost",
	} {
		f := analyse(t, damages[name](slices.Clone(whole), offsets))
		if len(f.Damage.Spots) == 0 {
			t.Errorf("%s: not noticed", name)
			continue
		}
		s := f.Damage.Spots[0]
		if s.Kind != kind {
			t.Errorf("%s: %q, want %q", name, s.Kind, kind)
		}
		if d := s.Offset - int64(middle); d < -1500 || d > 1500 {
			t.Errorf("%s: at byte %d, want about %d", name, s.Offset, middle)
		}
		if d := (s.At - want).Abs(); d > 60*time.Millisecond {
			t.Errorf("%s: at %v, want about %v", name, s.At, want)
		}
	}
	ten := analyse(t, damages["ten frames zeroed"](slices.Clone(whole), offsets))
	if all := analyse(t, whole); ten.Samples != all.Samples || ten.Damage.Frames < 10 {
		t.Errorf("with ten frames zeroed there are %d samples of %d and %d silent frames", ten.Samples, all.Samples,
			ten.Damage.Frames)
	}
}

// TestLostFramesAreCounted uses lame's output as the model of how frames of a constant bitrate fill bytes.
func TestLostFramesAreCounted(t *testing.T) {
	for _, args := range [][]string{
		{"-b", "128", "--resample", "44.1"}, {"-b", "320", "--resample", "48"}, {"-b", "32", "-m", "m", "--resample",
			"22.05"},
		{"-b", "8", "-m", "s", "--resample", "24"}, {"-b", "16", "-m", "m", "--resample", "11.025"},
	} {
		b := contents(t, encode(t, programme(), args...))
		offsets := frameOffsets(t, b)[1:] // after the frame with the file's header
		s := NewScanner(bytes.NewReader(b))
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		is := make(map[int64]bool) // lengths of whole frames
		for i, from := range offsets {
			for k, to := range offsets[i+1:] {
				is[int64(to-from)] = true
				if got := s.framesIn(int64(to - from)); got != k+1 {
					t.Fatalf("%v: %d bytes are %d frames, want %d", args, to-from, got, k+1)
				}
			}
		}
		for n := range int64(5000) {
			if !is[n] && s.framesIn(n) != 0 {
				t.Errorf("%v: %d bytes are said to be %d frames", args, n, s.framesIn(n))
			}
		}
	}
}

func TestRejectionsSayWhatAFileIs(t *testing.T) {
	convert := func(name string, args ...string) []byte {
		out := temp(t, name)
		run(t, "ffmpeg", append(append([]string{"-v", "error", "-i", programme(), "-t", "3"}, args...), out)...)
		return contents(t, out)
	}
	lame := func(args ...string) []byte { return contents(t, encode(t, programme(), args...)) }
	short := lame("-b", "64", "--resample", "44.1")
	id3 := append([]byte("ID3\x03\x00\x00\x00\x00\x00\x0a"), make([]byte, 10)...)
	for name, c := range map[string]struct {
		b    []byte
		code string
		says string
	}{
		"empty":             {nil, RejectEmpty, "empty"},
		"zeros":             {make([]byte, 100000), RejectEmpty, "zeros"},
		"text":              {[]byte(strings.Repeat("This is not audio at all.\n", 400)), RejectNotMP3, "text"},
		"html":              {[]byte("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"), RejectNotMP3, "web page"},
		"noise":             {noise(100000), RejectNotMP3, "No MP3"},
		"random":            {random(300000), RejectNotMP3, "No MP3"},
		"wav":               {contents(t, programme()), RejectNotMP3, "WAV"},
		"flac":              {convert("a.flac"), RejectNotMP3, "FLAC"},
		"vorbis":            {convert("a.ogg", "-c:a", "libvorbis"), RejectNotMP3, "Vorbis"},
		"opus":              {convert("a.opus", "-c:a", "libopus"), RejectNotMP3, "Opus"},
		"m4a":               {convert("a.m4a", "-c:a", "aac"), RejectNotMP3, "M4A"},
		"aac":               {convert("a.aac", "-c:a", "aac"), RejectNotMP3, "AAC"},
		"aiff":              {convert("a.aiff"), RejectNotMP3, "AIFF"},
		"wma":               {convert("a.wma"), RejectNotMP3, "WMA"},
		"webm":              {convert("a.webm", "-c:a", "libopus"), RejectNotMP3, "WebM"},
		"layer II":          {convert("a.mp2", "-c:a", "mp2"), RejectLayer, "Layer II"},
		"8 kHz":             {lame("--resample", "8", "-b", "16", "-m", "m"), RejectRate, "22.05 kHz"},
		"free format":       {lame("--freeformat", "-b", "200", "--resample", "44.1"), RejectFreeFormat, "free format"},
		"tag only":          {id3, RejectNoAudio, "no audio"},
		"tag that overruns": {append([]byte("ID3\x03\x00\x00\x7f\x7f\x7f\x7f"), short[:2000]...), RejectTag, "tag"},
		"flac behind a tag": {append(slices.Clone(id3), convert("b.flac")...), RejectNotMP3, "FLAC"},
		"rate change": {append(slices.Clone(short), lame("-b", "64", "--resample", "48")...), RejectRateChange,
			"44100 Hz to 48000 Hz"},
		"version change": {append(slices.Clone(short), lame("-b", "32", "--resample", "22.05", "-m", "m")...),
			RejectRateChange, "22050"},
	} {
		_, err := Analyse(context.Background(), bytes.NewReader(c.b), Options{})
		var r *Rejection
		if !errors.As(err, &r) {
			t.Errorf("%s: err = %v, want a rejection", name, err)
			continue
		}
		if r.Code != c.code || !strings.Contains(r.Message, c.says) {
			t.Errorf("%s: %s: %q, want %s with %q", name, r.Code, r.Message, c.code, c.says)
		}
		if _, err := Open(bytes.NewReader(c.b), int64(len(c.b))); !errors.As(err, &r) || r.Code != c.code {
			t.Errorf("%s: Open: %v, want %s", name, err, c.code)
		}
	}
}

// random returns bytes of all values.
func random(n int) []byte {
	r := rand.New(rand.NewPCG(2, 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestChannelChangesAreHeardInTheFirstMode(t *testing.T) {
	longform.Only(t)
	stereo := contents(t, encode(t, programme(), "-b", "128", "-m", "s", "-t"))
	mono := contents(t, encode(t, programme(), "-b", "64", "-m", "m", "-t", "--resample", "48"))
	for _, b := range [][]byte{append(slices.Clone(stereo), mono...), append(slices.Clone(mono), stereo...)} {
		f := analyse(t, b)
		if !slices.ContainsFunc(f.Warnings, func(w Warning) bool { return w.Code == WarnChannelChange }) {
			t.Errorf("no warning: %v", f.Warnings)
		}
		sameChunked(t, b, 1, 7, 100)
		if got := pcmOf(t, b); int64(len(got)/f.Channels) != f.Samples {
			t.Errorf("%d samples, %d in the facts", len(got)/f.Channels, f.Samples)
		}
	}
}
