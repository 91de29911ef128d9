package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// commented puts an ID3v2.3 tag with one comment before a file.
func commented(b []byte, description, text string) []byte {
	body := append([]byte("\x00eng"), description+"\x00"+text...)
	frame := append(binary.BigEndian.AppendUint32([]byte("COMM"), uint32(len(body))), 0, 0)
	frame = append(frame, body...)
	n := len(frame)
	head := []byte{'I', 'D', '3', 3, 0, 0, 0, 0, byte(n >> 7), byte(n & 127)}
	return slices.Concat(head, frame, b)
}

// smpb returns the comment as iTunes writes it.
func smpb(delay, padding int, samples int64) string {
	return fmt.Sprintf(" 00000000 %08X %08X %016X 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
		delay, padding, samples)
}

// A recording of a known number of samples has exactly these, whether LAME's tag or iTunes' comment states them.
// Impossible statements are ignored.
func TestDelayAndPaddingOfTheITunesCommentAreNotHeard(t *testing.T) {
	const samples = 100_003
	pcm := make([]byte, 2*samples)
	for i := range samples {
		binary.LittleEndian.PutUint16(pcm[2*i:], uint16(int16(i*i%20_011-10_000)))
	}
	for _, c := range []struct {
		rate            string
		samplesPerFrame int
	}{{"44.1", 1152}, {"22.05", 576}} {
		raw := temp(t, "known.raw")
		writeFile(t, raw, string(pcm))
		whole := contents(t, encode(t, raw, "-r", "-s", c.rate, "--resample", c.rate, "--bitwidth", "16", "--signed",
			"--little-endian", "-m", "m", "-b", "64"))
		lame := analyse(t, whole)
		if lame.Samples != samples {
			t.Fatalf("%d samples by LAME's tag", lame.Samples)
		}
		// The second frame begins at the end of the first, which holds only LAME's tag.
		first, ok := parseHeader(whole)
		if !ok {
			t.Fatal("no frame")
		}
		bare := whole[first.Size():]
		frames := lame.Damage.TotalFrames * int64(c.samplesPerFrame)
		if plain := analyse(t, bare); plain.Samples != frames {
			t.Fatalf("%d samples without any tag, not %d", plain.Samples, frames)
		}
		good := commented(bare, "iTunSMPB", smpb(lame.Delay, lame.Padding, samples))
		got := analyse(t, good)
		if got.Samples != samples || got.Delay != lame.Delay || got.Padding != lame.Padding ||
			got.Duration != lame.Duration || got.Tags.Comment != "" {
			t.Errorf("%s kHz: %d samples, delay %d, padding %d, comment %q; not %d, %d, %d", c.rate, got.Samples, got.Delay,
				got.Padding, got.Tags.Comment, int64(samples), lame.Delay, lame.Padding)
		}
		if a, b := pcmOf(t, good), pcmOf(t, whole); !slices.Equal(a[4*c.samplesPerFrame:], b[4*c.samplesPerFrame:]) ||
			len(a) != samples {
			t.Errorf("%s kHz: the reader plays something else than with LAME's tag", c.rate)
		}
		for name, text := range map[string]string{
			"not of whole frames": smpb(lame.Delay, lame.Padding, samples+1), "no figures": " 00000000 XYZ", "empty": "",
			"nothing heard":   smpb(576, 576, 0),
			"too many digits": " 00000000 FFFFFFFFFFFFFFFFF 00000000 0000000000000480",
			"negative":        " 00000000 -0000240 00000240 0000000000000480",
		} {
			if got := analyse(t, commented(bare, "iTunSMPB", text)); got.Samples != frames || got.Delay != 0 {
				t.Errorf("%s kHz, %s: %d samples, not %d", c.rate, name, got.Samples, frames)
			}
		}
		if got := analyse(t, commented(whole, "iTunSMPB", smpb(0, 0, frames))); got.Samples != samples {
			t.Errorf("%s kHz: LAME's tag does not go first: %d samples", c.rate, got.Samples)
		}
	}
	if tags := analyse(t, commented(bytes.Clone(tagged(t)), "", "a comment")).Tags; tags.Comment != "a comment" {
		t.Errorf("an ordinary comment: %q", tags.Comment)
	}
}
