package dsp

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFramesAndInstantsAgreeToHalfAFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate(rapid.SampledFrom([]int{1000, 8000, 22050, 44100, 48000, 96000}).Draw(t, "rate"))
		at := time.Unix(0, rapid.Int64Range(0, 4e18).Draw(t, "ns"))
		if off := rate.Time(rate.Frame(at)).Sub(at).Abs(); off > time.Second/time.Duration(2*rate)+1 {
			t.Fatalf("%v is %v off", at, off)
		}
		f := rapid.Int64Range(0, 1e14).Draw(t, "frame")
		if got := rate.Frame(rate.Time(f)); got != f {
			t.Fatalf("frame %d comes back as %d", f, got)
		}
		ms := time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, "ms")) * time.Millisecond
		if off := (rate.Duration(rate.Frames(ms)) - ms).Abs(); off > time.Second/time.Duration(2*rate)+1 {
			t.Fatalf("%v is %v off", ms, off)
		}
	})
}
