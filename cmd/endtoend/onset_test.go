package endtoend

import (
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// airRate is the rate in Hz at which sound is compared.
const airRate = 48000

// hear decodes an audio file to mono at airRate by ffmpeg, which shares no code with the tested programs.
func hear(t *testing.T, file string) []float64 {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", fmt.Sprint(airRate), "-f", "s16le",
		"-").Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v", file, err)
	}
	pcm := make([]float64, len(out)/2)
	for i := range pcm {
		pcm[i] = float64(int16(binary.LittleEndian.Uint16(out[2*i:])))
	}
	return pcm
}

// onset finds the best match for the beginning of source in air, within reach of the expected sample. It returns the
// offset in samples and the quality of the match (1: equal except for level).
func onset(air, source []float64, expected, reach int) (offset int, fit float64) {
	n := min(len(source), airRate*3/2)
	for d := -reach; d <= reach; d++ {
		var cross, a, s float64
		for i := 0; i < n; i += 3 { // a third of the samples is enough for sample precision on speech
			if k := expected + d + i; k >= 0 && k < len(air) {
				cross += air[k] * source[i]
				a += air[k] * air[k]
				s += source[i] * source[i]
			}
		}
		if f := cross / math.Sqrt(a*s+1e-9); f > fit {
			offset, fit = d, f
		}
	}
	return offset, fit
}

// checkAir compares a window's WAV, read by independent tools, with the queue: its length within 10 ms, each item's
// onset within 5 ms.
func checkAir(t *testing.T, wav string, items []wire.QueueItem, start time.Time, length time.Duration,
	original func(schedules.Segment) string) {
	t.Helper()
	air := hear(t, wav)
	if off := time.Duration(float64(len(air))/airRate*float64(time.Second)) - length; off.Abs() > 10*time.Millisecond {
		t.Errorf("%s is off its length of %v by %v", filepath.Base(wav), length, off)
	}
	for _, i := range items {
		source := hear(t,
			original(schedules.Segment{ID: i.SegmentID, Recording: &schedules.Recording{SHA256: i.Audio.SHA256}}))
		source = source[min(len(source), int(i.CueIn.Seconds()*airRate)):]
		source = source[:min(len(source), int(i.Duration.Seconds()*airRate))]
		at := int(math.Round(i.StartAt.Sub(start).Seconds() * airRate))
		off, fit := onset(air, source, at, airRate/50)
		t.Logf("%-24s planned at %8.3f s, heard %+.2f ms off, fit %.3f", i.SegmentID, i.StartAt.Sub(start).Seconds(),
			float64(off)*1000/airRate, fit)
		if fit < 0.9 {
			t.Errorf("%s is not heard where it was planned: the best fit is %.2f", i.SegmentID, fit)
		} else if ms := math.Abs(float64(off)) * 1000 / airRate; ms > 5 {
			t.Errorf("%s is heard %.2f ms off", i.SegmentID, ms)
		}
	}
}

// The demonstration as a user runs it: it ends with 0, and its player's sound is the plan to the millisecond, by tools
// that share no code with it.
func TestDemoAirsWhatWasPlanned(t *testing.T) {
	longform.Only(t)
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), path, "demo", "--exit", "--dir", dir).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wavs, err := filepath.Glob(filepath.Join(dir, "air", "*.wav"))
	if err != nil || len(wavs) != 1 {
		t.Fatalf("%v, %v\n%s", wavs, err, out)
	}
	h := open(t, filepath.Join(dir, "service"))
	stations, err := h.scheduler.Stations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stations {
		day, err := st.DateAt(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []schedules.Date{day, day.AddDays(-1)} {
			if h.do("GET", wire.Station(st.ID, "rundowns", d.String()), h.secrets["scheduler"], nil, nil).status != 200 {
				continue
			}
			q := h.queue(st.ID, d.String())
			for _, w := range q.Windows {
				if w.Window != commands.DemoWindow {
					continue
				}
				var items []wire.QueueItem
				for _, i := range q.Items {
					if i.Window == commands.DemoWindow {
						items = append(items, i)
					}
				}
				checkAir(t, wavs[0], items, w.StartAt.Time, commands.DemoLength, func(s schedules.Segment) string {
					return filepath.Join(dir, "service", "audio", s.Recording.SHA256[:2], s.Recording.SHA256+"")
				})
				return
			}
		}
	}
	t.Error("no station published the demonstration's window")
}
