package endtoend

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/harness/longform"
	"lifeline/schedules"
)

// The service's measurements of each sample equal those of independent tools.
func TestCatalogueTellsWhatIndependentToolsMeasured(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	h := open(t, furnish(t))
	b, err := samples.Files.ReadFile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	var facts map[string]struct {
		SHA256   string  `json:"sha256"`
		Bytes    int64   `json:"bytes"`
		Rate     int     `json:"sample_rate_hz"`
		Channels int     `json:"channels"`
		Samples  int64   `json:"samples"`
		LUFS     float64 `json:"integrated_lufs"`
		PeakDBTP float64 `json:"true_peak_dbtp"`
	}
	if err := json.Unmarshal(b, &facts); err != nil {
		t.Fatal(err)
	}
	for id, want := range facts {
		var s schedules.Segment
		h.do("GET", "/v1/segments/"+id, h.secrets["producer"], nil, nil).into(t, &s)
		r := s.Recording
		ms := (want.Samples*1000 + int64(want.Rate)/2) / int64(want.Rate)
		if r.SHA256 != want.SHA256 || r.Bytes != want.Bytes || r.SampleRate != want.Rate || r.Channels != want.Channels ||
			r.Duration.Milliseconds() != ms {
			t.Errorf("%s: %+v, want %+v and %d ms", id, r, want, ms)
		}
		if d := *r.IntegratedLUFS - want.LUFS; d > 0.15 || d < -0.15 { // ffmpeg prints tenths
			t.Errorf("%s: %.2f LUFS, ffmpeg says %.1f", id, *r.IntegratedLUFS, want.LUFS)
		}
		if d := *r.TruePeakDBTP - want.PeakDBTP; d > 0.35 || d < -0.35 {
			t.Errorf("%s: %.2f dBTP, ffmpeg says %.1f", id, *r.TruePeakDBTP, want.PeakDBTP)
		}
		var w struct {
			Version, Length, Bits, Channels int
			SampleRate                      int `json:"sample_rate"`
			SamplesPerPixel                 int `json:"samples_per_pixel"`
			Data                            []int
		}
		h.do("GET", "/v1/segments/"+id+"/waveform", h.secrets["producer"], nil, nil).into(t, &w)
		pixels := (want.Samples + int64(w.SamplesPerPixel) - 1) / int64(max(w.SamplesPerPixel, 1))
		if w.Version != 2 || w.SampleRate != want.Rate || int64(w.Length) != pixels || len(w.Data) != 2*w.Length*w.Channels {
			t.Errorf("%s: a waveform of %d pixels at %d samples, want %d", id, w.Length, w.SamplesPerPixel, pixels)
		}
	}
	if len(facts) < 30 {
		t.Errorf("only %d samples", len(facts))
	}
}

// throttled reads at a link's rate, and records when the last byte was read.
type throttled struct {
	rest      []byte
	perSecond int
	began     time.Time
	taken     int
	last      time.Time
}

func (r *throttled) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 8192)], r.rest)
	r.rest, r.taken = r.rest[n:], r.taken+n
	<-time.After(time.Until(r.began.Add(time.Duration(r.taken) * time.Second / time.Duration(r.perSecond))))
	r.last = time.Now()
	return n, nil
}

// The wait of a producer on a link of 8 Mbit/s after the last byte: the median of the rounds, reported as ms/op.
func BenchmarkLastByteToPending(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	h := open(b, dir)
	producer := h.as("bench", access.NewToken{Name: "bench", Role: access.Producer})
	for _, minutes := range []int{1, 10, 40} {
		file := filepath.Join(b.TempDir(), "a.mp3")
		tone := fmt.Sprintf("anoisesrc=d=%d:c=pink:a=0.3:r=44100", minutes*60)
		if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", tone, "-ac", "2", "-b:a", "128k",
			file).CombinedOutput(); err != nil {
			b.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		audio, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dmin", minutes), func(b *testing.B) {
			var waits []time.Duration
			for n := range b.N {
				unique := append(fmt.Appendf(nil, "TAG%-125d", n), audio...)
				r := &throttled{rest: unique, perSecond: 1_000_000, began: time.Now()}
				s, err := producer.Upload(b.Context(), map[string]any{"kind": "music", "title": "t", "language": "zxx"}, r)
				if err != nil || s.State != schedules.Pending {
					b.Fatal(s.State, err)
				}
				waits = append(waits, time.Since(r.last))
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "ms-after-last-byte")
			b.ReportMetric(0, "ns/op")
		})
	}
}
