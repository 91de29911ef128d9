//go:build unix

package render

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// mostOfFFmpeg is a bound of the ratio that TestRenderingIsNotMuchSlowerThanFFmpeg measures: twice the highest that was
// seen.
const mostOfFFmpeg = 40

// Rendering a window, which levels and limits what it plays and fills gaps, takes at most mostOfFFmpeg times the
// processor time in which ffmpeg decodes, resamples and encodes as much of the same recordings. Both share the machine,
// so the ratio holds on a busy one. LIFELINE_PROVE=render renders an hour instead of two minutes, and on a machine that
// does nothing else it must then be thirty times faster than real time on two cores.
func TestRenderingIsNotMuchSlowerThanFFmpeg(t *testing.T) {
	longform.Only(t)
	length, prove := 2*time.Minute, os.Getenv("LIFELINE_PROVE") == "render"
	if prove {
		length = time.Hour
	}
	b := newBooth(t, 8<<30)
	for name, samples := range map[string][]string{
		"24 kHz mono":     {"reading-ko-full-hana", "testimony-ko-river", "letter-ko-sister"},
		"44.1 kHz stereo": {"ident-tone"},
	} {
		q := b.window("evening", length, samples...)
		for _, format := range []string{WAV, FLAC} {
			before := processorTime(t, syscall.RUSAGE_SELF)
			size := len(b.read(q, format))
			took := processorTime(t, syscall.RUSAGE_SELF) - before
			before = processorTime(t, syscall.RUSAGE_CHILDREN)
			convert(t, samples[0], format, length)
			ffmpeg := processorTime(t, syscall.RUSAGE_CHILDREN) - before
			ratio, speed := took.Seconds()/ffmpeg.Seconds(), length.Seconds()/(took.Seconds()/2)
			t.Logf("%v of %s as %s: %d MB in %v of processor time, %.1f times ffmpeg's; %.0f times real time on two cores",
				length, name, format, size>>20, took.Round(time.Millisecond), ratio, speed)
			if ratio > mostOfFFmpeg || prove && speed < 30 {
				t.Error("that is too slow")
			}
		}
	}
}

// processorTime is that of this process, or of its children that have ended.
func processorTime(t testing.TB, of int) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(of, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// convert has ffmpeg decode a sample again and again, and encode it as a window is encoded.
func convert(t testing.TB, sample, format string, length time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-stream_loop", "-1",
		"-i", "../../audio/samples/"+sample+".mp3", "-t", strconv.Itoa(int(length.Seconds())),
		"-ar", "48000", "-ac", "2", "-f", format, "-y", os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
}
