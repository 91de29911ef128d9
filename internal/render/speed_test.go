//go:build unix

package render

import (
	"os"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// A window is rendered at least thirty times faster than real time on two cores, with any recordings and in any format:
// two minutes here, an hour with LIFELINE_PROVE=render. The test measures the processor time of two cores, because wall
// time on a shared machine depends on other load; it logs both.
func TestWindowIsRenderedThirtyTimesFasterThanRealTime(t *testing.T) {
	longform.Only(t)
	length := 2 * time.Minute
	if os.Getenv("LIFELINE_PROVE") == "render" {
		length = time.Hour
	}
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b := newBooth(t, 8<<30)
	for name, samples := range map[string][]string{
		"24 kHz mono":     {"reading-ko-full-hana", "testimony-ko-river", "letter-ko-sister"},
		"44.1 kHz stereo": {"ident-tone"},
	} {
		q := b.window("evening", length, samples...)
		for _, format := range []string{WAV, FLAC} {
			begun, before := time.Now(), spent()
			size := len(b.read(q, format))
			wall, cpu := time.Since(begun), spent()-before
			x := length.Seconds() / (cpu.Seconds() / 2)
			t.Logf("%v of %s as %s: %d MB in %v, %.0f times real time; by the processor time of two cores %.0f",
				length, name, format, size>>20, wall.Round(time.Millisecond), length.Seconds()/wall.Seconds(), x)
			if x < 30 {
				t.Error("that is too slow")
			}
		}
	}
}
