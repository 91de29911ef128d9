package audio

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestBitsAreCopiedWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOfN(rapid.Byte(), 40, 40).Draw(t, "src")
		var w bitWriter
		var want []int
		for range rapid.IntRange(1, 8).Draw(t, "pieces") {
			from := rapid.IntRange(0, 200).Draw(t, "from")
			n := rapid.IntRange(0, 100).Draw(t, "n")
			ones := rapid.IntRange(0, 30).Draw(t, "ones")
			w.copy(src, from, n)
			w.ones(ones)
			for i := range n {
				want = append(want, readBits(src, from+i, 1))
			}
			for range ones {
				want = append(want, 1)
			}
		}
		for i, v := range want {
			if got := readBits(w.out, i, 1); got != v {
				t.Fatalf("bit %d is %d, want %d", i, got, v)
			}
		}
		if len(w.out) != (len(want)+7)/8 {
			t.Fatalf("%d bytes for %d bits", len(w.out), len(want))
		}
	})
}

func TestWriteBitsIsReadBitsInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "b")
		at, v := rapid.IntRange(0, 50).Draw(t, "at"), rapid.IntRange(0, 4095).Draw(t, "v")
		before := bytes.Clone(b)
		writeBits(b, at, 12, v)
		if got := readBits(b, at, 12); got != v {
			t.Fatalf("%d, want %d", got, v)
		}
		for i := range 64 {
			if (i < at || i >= at+12) && readBits(b, i, 1) != readBits(before, i, 1) {
				t.Fatalf("bit %d changed", i)
			}
		}
	})
}

// The file is joint stereo of a low bitrate, whose short blocks go-mp3 alone decodes incorrectly.
func TestMiddleSideOfShortBlocksIsExact(t *testing.T) {
	for _, args := range [][]string{
		{"-b", "16", "-m", "j", "--resample", "22.05"}, {"-b", "48", "-m", "j", "--resample", "44.1"}, {"-b", "24", "-m", "j",
			"--resample", "12"},
	} {
		path := encode(t, programme(), args...)
		if db := snr(pcmOf(t, contents(t, path)), mpg123PCM(t, path)); db < 68 {
			t.Errorf("%v: %.1f dB from mpg123, want 68 or more", args, db)
		}
	}
}
