package made

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/internal/delivery/form"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

const sourceRate = 48_000

// programme returns a rendered window of speech and music.
func programme(t testing.TB, length time.Duration) *RenderedWindow {
	t.Helper()
	file := filepath.Join(t.TempDir(), "window.wav")
	said, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-y",
		"-i", "../../../audio/samples/reading-ko-short-hana.mp3", "-i", "../../../audio/samples/music-river.mp3",
		"-filter_complex", "[0:a]aformat=channel_layouts=stereo[a];[1:a]aformat=channel_layouts=stereo,volume=0.5[b];"+
			"[b][a]concat=n=2:v=0:a=1,apad", "-t", fmt.Sprint(length.Seconds()), "-ar", fmt.Sprint(sourceRate),
		"-ac", "2", "-c:a", "pcm_s16le", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, said)
	}
	return open(t, file)
}

func open(t testing.TB, path string) *RenderedWindow {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	s, err := OpenWindow(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wavOf returns a window of those samples, which are stereo.
func wavOf(t testing.TB, pcm []int16) *RenderedWindow {
	t.Helper()
	head, err := form.WAVHead(form.Coding{Codec: form.WAV, Rate: sourceRate, Channels: 2}, int64(len(pcm)/2))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range pcm {
		head = binary.LittleEndian.AppendUint16(head, uint16(v))
	}
	s, err := OpenWindow(bytes.NewReader(head))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contract(c form.Coding, level form.Level) form.Contract {
	return form.Contract{ID: "relay", Station: "harbour", Broadcaster: "Lifeline", Programme: "Appeal",
		Audio: c, Level: level, Naming: form.Naming{Template: "{utc} {programme}", Zone: "UTC"},
		Sidecars: []form.Sidecar{{Kind: form.SHA256}}}
}

func slot(length time.Duration) form.Occasion {
	at := time.Date(2026, 5, 1, 13, 0, 0, 0, time.UTC)
	return form.Occasion{Station: "harbour", Window: "dawn", StartAt: at, EndAt: at.Add(length), Revision: 1}
}

func coder(tools Tools) *Coder {
	return NewCoder(Options{Tools: tools, AtOnce: 1, Version: "test", Now: func() time.Time { return slot(0).StartAt }})
}

// only returns the tools of those names.
func only(t testing.TB, names ...string) Tools {
	all, out := FindTools(), Tools{}
	for _, name := range names {
		if all[name] == "" {
			t.Fatalf("%s is not on this machine", name)
		}
		out[name] = all[name]
	}
	return out
}

func number(v float64) *float64 { return &v }

// heard decodes a file by another program, and returns its frames, its loudness and its true peak.
func heard(t testing.TB, path string, by string, channels int) (frames int64, lufs, dbtp float64) {
	t.Helper()
	argv := []string{"ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "-"}
	if by == "mpg123" {
		argv = []string{"mpg123", "-q", "-e", "s16", "-s", path}
	}
	pcm, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-nostats", "-i", path, "-af",
		"ebur128=peak=true:framelog=verbose", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, said)
	}
	value := func(form string) float64 {
		m := regexp.MustCompile(form).FindSubmatch(said)
		if m == nil {
			t.Fatalf("%s is not in %s", form, said)
		}
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return int64(len(pcm) / 2 / channels), value(`I:\s+(-?[0-9.]+) LUFS`), value(`Peak:\s+(-?[0-9.]+) dBFS`)
}

func TestAWindowIsMadeInTheFormOfEachContract(t *testing.T) {
	length := 12 * time.Second
	source := programme(t, length)
	prss := form.Level{Target: number(-24), Tolerance: 2, Peak: number(-2)}
	for name, c := range map[string]struct {
		coding  form.Coding
		level   form.Level
		tools   Tools
		decoder string
	}{
		"mp2 by twolame": {form.Coding{Codec: form.MP2, Rate: 44_100, Channels: 2, Kbps: 256, Joint: true}, prss,
			only(t, "twolame", "ffmpeg"), "mpg123"},
		"mp2 by ffmpeg": {form.Coding{Codec: form.MP2, Rate: 48_000, Channels: 1, Kbps: 96}, prss,
			only(t, "ffmpeg"), "mpg123"},
		"mp3 by lame, without ffmpeg": {form.Coding{Codec: form.MP3, Rate: 22_050, Channels: 1, Kbps: 64},
			form.Level{Target: number(-20), Peak: number(-1)}, only(t, "lame", "mpg123"), "ffmpeg"},
		"mp3 of short wave": {form.Coding{Codec: form.MP3, Rate: 22_050, Channels: 1, Kbps: 32},
			form.Level{Target: number(-23), Peak: number(-10)}, FindTools(), "mpg123"},
		"mp3 of affiliates": {form.Coding{Codec: form.MP3, Rate: 44_100, Channels: 2, Kbps: 128, Joint: true},
			form.Level{Target: number(-16), Peak: number(-6)}, only(t, "lame", "ffmpeg"), "mpg123"},
		"wav": {form.Coding{Codec: form.WAV, Rate: 48_000, Channels: 2}, prss, nil, "ffmpeg"},
		"wav of one channel at another rate": {form.Coding{Codec: form.WAV, Rate: 44_100, Channels: 1},
			form.Level{Target: number(-16), Peak: number(-9)}, nil, "ffmpeg"},
		"flac": {form.Coding{Codec: form.FLAC, Rate: 48_000, Channels: 2}, prss, nil, "ffmpeg"},
		"flac of one channel": {form.Coding{Codec: form.FLAC, Rate: 32_000, Channels: 1},
			form.Level{Target: number(-30), Peak: number(-1)}, nil, "ffmpeg"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := coder(c.tools).Make(t.Context(), t.TempDir(),
				Order{Contract: contract(c.coding, c.level), Occasion: slot(length), Window: source})
			if err != nil {
				t.Fatal(err)
			}
			frames, lufs, dbtp := heard(t, made.Path, c.decoder, c.coding.Channels)
			want := int64(c.coding.Rate) * int64(length/time.Second)
			near := int64(0)
			if c.coding.Codec.Lossy() {
				near = int64(c.coding.FrameSamples())
			}
			if off := frames - want; max(off, -off) > near {
				t.Errorf("%d samples, and not %d", frames, want)
			}
			if math.Abs(lufs-*c.level.Target) > 0.1+1e-9 {
				t.Errorf("%.1f LUFS, and not %.1f", lufs, *c.level.Target)
			}
			if dbtp > *c.level.Peak+1e-9 {
				t.Errorf("a true peak of %.1f dBTP, over %.1f", dbtp, *c.level.Peak)
			}
			t.Logf("%d samples (%+d), %.1f LUFS, %.1f dBTP", frames, frames-want, lufs, dbtp)
			content, err := os.ReadFile(made.Path)
			if err != nil {
				t.Fatal(err)
			}
			if c.coding.Codec.Lossy() { // a constant bit rate; the first frames of mp3 are of the codec
				want := float64(frames) / float64(c.coding.Rate) * float64(c.coding.Kbps) * 125
				near := 2.0
				if c.coding.Codec == form.MP3 {
					near = 6 * float64(c.coding.FrameSamples()) / float64(c.coding.Rate) * float64(c.coding.Kbps) * 125
				}
				if math.Abs(float64(len(content))-want) > near {
					t.Errorf("%d bytes, and not %.0f", len(content), want)
				}
			}
			side := string(made.Beside[made.Name+".sha256"])
			if !strings.HasPrefix(side, made.Sums.SHA256+"  ") || made.Sums.Bytes != int64(len(content)) {
				t.Errorf("the sidecar says %q of %+v", side, made.Sums)
			}
			if left, err := os.ReadDir(filepath.Dir(made.Path)); err != nil || len(left) != 1 {
				t.Errorf("%v is in the folder, %v", left, err)
			}
		})
	}
}

func TestFilesHoldTheMetadataOfTheirContract(t *testing.T) {
	length := 5 * time.Second
	for _, c := range []struct {
		coding   form.Coding
		metadata []form.Metadata
		read     []string
		says     []string
	}{
		{form.Coding{Codec: form.MP3, Rate: 44_100, Channels: 2, Kbps: 128}, []form.Metadata{form.ID3},
			[]string{"ffprobe", "-v", "error", "-of", "default=nw=1", "-show_entries", "format_tags:stream=duration_ts"},
			[]string{"TAG:title=Appeal 2026-05-01", "TAG:END=2026-05-01T13:00:05Z", "TAG:TLEN=5000"}},
		{form.Coding{Codec: form.WAV, Rate: 44_100, Channels: 2}, []form.Metadata{form.Cart, form.BWF},
			[]string{"sndfile-info", "--broadcast"}, []string{"Loudness value : -18.0", "T=Lifeline test"}},
		{form.Coding{Codec: form.WAV, Rate: 44_100, Channels: 2}, []form.Metadata{form.Cart, form.BWF},
			[]string{"sndfile-info", "--cart"}, []string{"End date : 2026-05-01", "End time : 13:00:05"}},
	} {
		order := contract(c.coding, form.Level{Target: number(-18)})
		order.Metadata = c.metadata
		made, err := coder(FindTools()).Make(t.Context(), t.TempDir(),
			Order{Contract: order, Occasion: slot(length), Window: programme(t, length)})
		if err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), c.read[0], append(c.read[1:], made.Path)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, said)
		}
		for _, line := range c.says {
			if !strings.Contains(strings.Join(strings.Fields(string(said)), " "), line) {
				t.Errorf("%q is not in %s", line, said)
			}
		}
		if frames, _, _ := heard(t, made.Path, "ffmpeg", 2); frames != 5*44_100 {
			t.Errorf("%s has %d samples", made.Name, frames)
		}
	}
}

func TestAFLACFileHasTheHashOfItsSamples(t *testing.T) {
	made, err := coder(nil).Make(t.Context(), t.TempDir(), Order{Window: programme(t, 3*time.Second),
		Contract: contract(form.Coding{Codec: form.FLAC, Rate: 48_000, Channels: 2}, form.Level{}),
		Occasion: slot(3 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "sox", made.Path, "-t", "raw", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(made.Path)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := form.Sum(bytes.NewReader(out))
	if got := fmt.Sprintf("%x", content[26:42]); err != nil || got != sums.MD5 {
		t.Errorf("the header says %s of samples whose hash is %s, %v", got, sums.MD5, err)
	}
}

func TestSamplesThatNeedNoChangeAreKept(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, 2*sourceRate)
	for i := range pcm {
		pcm[i] = int16(noise.IntN(8000) - 4000)
	}
	c := contract(form.Coding{Codec: form.WAV, Rate: sourceRate, Channels: 2}, form.Level{})
	c.Length = form.Length{LeadIn: schedules.Ms(250), Tail: schedules.Ms(500)}
	made, err := coder(nil).Make(t.Context(), t.TempDir(),
		Order{Contract: c, Occasion: slot(1750 * time.Millisecond), Window: wavOf(t, pcm)})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(made.Path)
	if err != nil {
		t.Fatal(err)
	}
	got := content[44:]
	if want := 4 * sourceRate * 7 / 4; len(got) != want {
		t.Fatalf("%d bytes of samples, and not %d", len(got), want)
	}
	for i := 0; 2*i < len(got); i++ {
		want := int16(0)
		if j := i - sourceRate/2; j >= 0 && j < len(pcm) {
			want = pcm[j]
		}
		if v := int16(binary.LittleEndian.Uint16(got[2*i:])); v != want {
			t.Fatalf("sample %d is %d, and not %d", i, v, want)
		}
	}
}

func TestWhatAContractDoesNotTakeIsRefusedAndLeavesNothing(t *testing.T) {
	wav := form.Coding{Codec: form.WAV, Rate: sourceRate, Channels: 2}
	loud := make([]int16, 4*sourceRate)
	for i := range loud {
		loud[i] = int16(20000 * math.Sin(float64(i/2)/20))
	}
	mp2 := form.Coding{Codec: form.MP2, Rate: 48_000, Channels: 2, Kbps: 192}
	mp3 := form.Coding{Codec: form.MP3, Rate: 48_000, Channels: 2, Kbps: 192}
	over := form.Level{Target: number(-10), Peak: number(-15)}
	shorter := contract(wav, form.Level{})
	shorter.Length = form.Length{Shorter: schedules.Ms(90_000)}
	for name, c := range map[string]struct {
		contract form.Contract
		pcm      []int16
		tools    Tools
		kind     fault.Kind
		says     string
	}{
		"a window as long as its slot": {shorter, loud, nil, fault.Invalid, "plan that"},

		"silence":           {contract(wav, form.Level{}), make([]int16, 4*sourceRate), nil, fault.Invalid, "silent"},
		"no encoder":        {contract(mp2, form.Level{}), loud, Tools{}, fault.Unavailable, "twolame or ffmpeg"},
		"no decoder":        {contract(mp3, form.Level{}), loud, only(t, "lame"), fault.Unavailable, "ffmpeg or mpg123"},
		"a loud tone":       {contract(wav, over), loud, nil, fault.Unsatisfiable, "no level"},
		"no whole contract": {contract(form.Coding{}, form.Level{}), loud, nil, fault.Invalid, "audio.codec"},
	} {
		dir := t.TempDir()
		_, err := coder(c.tools).Make(t.Context(), dir,
			Order{Contract: c.contract, Occasion: slot(2 * time.Second), Window: wavOf(t, c.pcm)})
		if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v, %v", name, left, err)
		}
	}
}

// program writes a shell script that stands in for a tool.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAProgramThatFailsLiesOrHangsMakesNoFile(t *testing.T) {
	tools := only(t, "lame", "ffmpeg")
	lame, ffmpeg := tools["lame"], tools["ffmpeg"]
	pcm := make([]int16, 4*sourceRate)
	for i := range pcm {
		pcm[i] = int16(9000 * math.Sin(float64(i/2)/20))
	}
	c := contract(form.Coding{Codec: form.MP3, Rate: 22_050, Channels: 1, Kbps: 64}, form.Level{})
	for name, tools := range map[string]Tools{
		"an encoder that fails":         {"lame": program(t, "echo no such mode >&2; exit 3"), "ffmpeg": ffmpeg},
		"an encoder that takes nothing": {"lame": program(t, "exit 0"), "ffmpeg": ffmpeg},

		"an encoder that leaves out the end": {"lame": program(t, "head -c 60000 | "+lame+" \"$@\""), "ffmpeg": ffmpeg},

		"a decoder that goes on": {"lame": lame, "ffmpeg": program(t, "exec cat /dev/zero")},
		"a decoder that fails":   {"lame": lame, "ffmpeg": program(t, "echo damaged >&2; exit 1")},
	} {
		dir := t.TempDir()
		_, err := coder(tools).Make(t.Context(), dir,
			Order{Contract: c, Occasion: slot(2 * time.Second), Window: wavOf(t, pcm)})
		if err == nil {
			t.Errorf("%s made a file", name)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v, %v", name, left, err)
		}
	}
}

func TestAProgramThatHangsIsEnded(t *testing.T) {
	why := errors.New("nobody wants it any more")
	ctx, cancel := context.WithCancelCause(t.Context())
	hangs := program(t, "echo began; exec tail -f /dev/null")
	began := func(from io.Reader) error {
		b := make([]byte, 5)
		if _, err := from.Read(b); err != nil {
			return err
		}
		cancel(why)
		for {
			if _, err := from.Read(b); err != nil {
				return nil
			}
		}
	}
	if err := run(ctx, []string{hangs}, time.Hour, nil, began); !errors.Is(err, why) {
		t.Errorf("it ended with %v", err)
	}
	err := run(t.Context(), []string{hangs}, time.Nanosecond, nil, func(r io.Reader) error {
		_, err := r.Read(make([]byte, 99))
		for err == nil {
			_, err = r.Read(make([]byte, 99))
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "took longer") {
		t.Errorf("it ended with %v", err)
	}
}
