package audio

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// The expected outline comes from mpg123's PCM: the minimum and maximum mean of the channels per pixel, in 8 bits.
func TestWaveformIsTheOutlineOfThePCM(t *testing.T) {
	for _, args := range [][]string{{"-b", "128", "-m", "s"}, {"-b", "48", "-m", "m", "--resample", "24"}} {
		path := encode(t, programme(), args...)
		f := analyse(t, contents(t, path))
		pcm := mpg123PCM(t, path)
		w := f.Waveform
		if want := (int(f.Samples) + w.SamplesPerPixel - 1) / w.SamplesPerPixel; w.Pixels() != want ||
			w.SampleRate != f.SampleRate {
			t.Fatalf("%d pixels at %d Hz, want %d at %d", w.Pixels(), w.SampleRate, want, f.SampleRate)
		}
		for p := range w.Pixels() {
			lo, hi := math.Inf(1), math.Inf(-1)
			for i := p * w.SamplesPerPixel; i < min((p+1)*w.SamplesPerPixel, int(f.Samples)); i++ {
				v := 0.0
				for ch := range f.Channels {
					v += float64(pcm[i*f.Channels+ch]) / float64(f.Channels)
				}
				lo, hi = min(lo, v), max(hi, v)
			}
			if math.Abs(float64(w.Data[2*p])-math.Floor(lo*128)) > 1 || math.Abs(float64(w.Data[2*p+1])-math.Floor(hi*128)) > 1 {
				t.Fatalf("%v: pixel %d is %v, want %.1f to %.1f", args, p, w.Data[2*p:2*p+2], lo*128, hi*128)
			}
		}
	}
}

func TestWaveformFormatsAreThoseOfAudiowaveform(t *testing.T) {
	w := Waveform{SampleRate: 44100, SamplesPerPixel: 512, Data: []int8{-3, 5, -128, 127}}
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"version":2,"channels":1,"sample_rate":44100,"samples_per_pixel":512,"bits":8,"length":2,"data":[-3,5,-128,127]}`; string(
		b) != want {
		t.Errorf("JSON %s, want %s", b, want)
	}
	var dat bytes.Buffer
	if err := w.WriteDat(&dat); err != nil {
		t.Fatal(err)
	}
	var head [6]uint32
	if err := binary.Read(bytes.NewReader(dat.Bytes()), binary.LittleEndian, &head); err != nil {
		t.Fatal(err)
	}
	if want := [6]uint32{2, 1, 44100, 512, 2, 1}; head != want {
		t.Errorf("head %v, want %v", head, want)
	}
	if want := "\xfd\x05\x80\x7f"; string(dat.Bytes()[24:]) != want {
		t.Errorf("data %x, want %x", dat.Bytes()[24:], want)
	}
}

func TestLongWaveformsAreHalvedAndStayBounded(t *testing.T) {
	o := newOutline(8)
	n := firstPerPixel*maxPixels*5 + 77
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%1000) / 1000
	}
	x[n/2] = -1
	newBlocker(48000, 1, o.add).add([][]float32{x})
	var f Facts
	o.facts(&f)
	w := f.Waveform
	if w.SamplesPerPixel != 8*firstPerPixel || w.Pixels() > maxPixels {
		t.Fatalf("%d pixels of %d samples", w.Pixels(), w.SamplesPerPixel)
	}
	if got := w.Data[2*(n/2/w.SamplesPerPixel)]; got != -128 {
		t.Errorf("the one deep sample is drawn as %d", got)
	}
}

func TestReportFitsATerminal(t *testing.T) {
	f := analyse(t, contents(t, encode(t, programme(), "-b", "64", "-m", "m", "--tt", "An \x1b[31mappeal", "--ta",
		"Hana")))
	var b strings.Builder
	if err := Report(&b, f); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", b.String())
	for i, line := range strings.Split(b.String(), "\n") {
		if n := len([]rune(line)); n > 80 && !strings.HasPrefix(line, "!") {
			t.Errorf("line %d has %d columns: %s", i, n, line)
		}
	}
	for _, part := range []string{"█", "[", "]", "LUFS", "dBTP", "Hana", "kb/s cbr", f.SHA256} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("no %q", part)
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("an escape from a tag reaches the terminal")
	}
	if err := Report(&b, Facts{}); err != nil {
		t.Error(err)
	}
}
