package playout

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// pile is a directory of recordings as files.
type pile struct{ dir string }

func (p pile) Has(a wire.AudioRef) bool {
	_, err := os.Stat(filepath.Join(p.dir, a.SHA256))
	return err == nil
}
func (p pile) Open(a wire.AudioRef) (*os.File, error) {
	return os.Open(filepath.Join(p.dir, a.SHA256))
}

// pileOf writes recordings as files.
func pileOf(t testing.TB, audio map[string][]byte) pile {
	p := pile{t.TempDir()}
	for sha, b := range audio {
		if err := os.WriteFile(filepath.Join(p.dir, sha), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// memorySink stores the sound put into it, and checks that final frames were put before and are never put again.
type memorySink struct {
	mu    sync.Mutex
	pcm   []byte
	put   []bool // by frame
	final int64
	wrong []string
}

func (m *memorySink) Put(frame int64, pcm []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if frame < m.final {
		m.wrong = append(m.wrong, fmt.Sprintf("frame %d was put after %d was final", frame, m.final))
	}
	copy(m.pcm[frame*frameBytes:], pcm)
	for i := range int64(len(pcm) / frameBytes) {
		m.put[frame+i] = true
	}
	return nil
}

func (m *memorySink) Final(frame int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if frame <= m.final || slices.Contains(m.put[m.final:frame], false) {
		m.wrong = append(m.wrong, fmt.Sprintf("frames %d to %d are final but were not put", m.final, frame))
	}
	m.final = frame
}

func rendered(t testing.TB, q wire.Queue, rate dsp.Rate, recordings Recordings, open Open, workers int) (pcm []byte,
	problems []string) {
	t.Helper()
	r, err := NewRendering(&q, rate, SilenceLimit, recordings, open)
	if err != nil {
		t.Fatal(err)
	}
	sink := &memorySink{pcm: make([]byte, r.Frames()*frameBytes), put: make([]bool, r.Frames())}
	if problems, err = r.Run(t.Context(), sink, workers); err != nil {
		t.Fatal(err)
	}
	if sink.final != r.Frames() || len(sink.wrong) > 0 {
		t.Errorf("%d of %d frames are final; %v", sink.final, r.Frames(), sink.wrong)
	}
	return sink.pcm, problems
}

// sample returns an item that plays a stretch of one of the included samples.
func (s *service) sample(name string, in, out, gain float64) wire.QueueItem {
	b, err := os.ReadFile("../../audio/samples/" + name + ".mp3")
	if err != nil {
		s.t.Fatal(err)
	}
	sha := s.serveAudio(b)
	cueIn, cueOut := schedules.Ms(int64(in*1000)), schedules.Ms(int64(out*1000))
	return wire.QueueItem{ID: fmt.Sprintf("%s-%v", name, in), SegmentID: name, Kind: "reading", Language: "ko-KP",
		CueIn: cueIn, CueOut: cueOut,
		Duration: schedules.Ms(int64(out*1000) - int64(in*1000)), GainDB: gain,
		Audio: wire.AudioRef{SHA256: sha, Bytes: int64(len(b)), ContentType: "audio/mpeg", URL: wire.Audio(sha)}}
}

// A rendered window equals the player's output: real recordings at two rates, with cues, gains that the limiter must
// reduce, a fade, a start that cuts the previous item, and a gap that the fallback fills.
func TestRenderedWindowEqualsWhatThePlayerPutsOut(t *testing.T) {
	longform.Only(t)
	for _, rate := range []dsp.Rate{48_000, 44_100} {
		synctest.Test(t, func(t *testing.T) {
			e := newEvening(t, 62*time.Second)
			e.rate, e.decode = rate, OpenMP3
			items := []wire.QueueItem{
				e.service.sample("ident-tone", 0, 6, 3), e.service.sample("reading-ko-full-hana", 0.12, 14.003, 9),
				e.service.sample("music-river", 1.5, 11.5, -4.3), e.service.sample("letter-ko-sister", 0.4, 20, 0),
				e.service.sample("time-signal", 0, 3, 0)}
			items[2].FadeOut = schedules.Ms(2500)
			q := day("lantern", 1, e.start, e.length(), items, e.service.sample("evergreen-ko-1", 0, 12, 2))
			cut := schedules.At(e.start.Add(45*time.Second + 7*time.Millisecond)) // before the letter ends
			q.Items[4].StartAt, q.Items[4].StartMs, q.Items[4].Start = &cut, cut.UnixMilli(), schedules.Hard
			e.service.publish(q)
			e.run(t.Context())
			heard, err := os.ReadFile(filepath.Join(e.wav, e.file))
			if err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{1, 2, 5} {
				pcm, problems := rendered(t, q, rate, pileOf(t, e.service.audio), OpenMP3, workers)
				most, off := deviation(t, pcm, heard[headerBytes:])
				t.Logf("%d Hz, %d at once: %d frames, %d samples differ, by %d at most; %v", rate, workers, len(pcm)/frameBytes,
					off, most, problems)
				if most > 1 || len(pcm) != int(rate.Frames(e.length()))*frameBytes {
					t.Error("that is not what the player puts out")
				}
			}
		})
	}
}

// deviation returns the maximum difference of samples, and the number of samples that differ.
func deviation(t *testing.T, a, b []byte) (most, off int) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%d bytes are not %d", len(a), len(b))
	}
	for i := 0; i < len(a); i += 2 {
		d := int(int16(binary.LittleEndian.Uint16(a[i:]))) - int(int16(binary.LittleEndian.Uint16(b[i:])))
		if d != 0 {
			off++
		}
		most = max(most, d, -d)
	}
	return most, off
}

// If an item cannot air as planned, the deck that knows the reason continues alone: a chain stays broken and the
// fallback continues in its order, as in the player.
func TestRenderedWindowReplacesWhatFailsAsThePlayerDoes(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 100*time.Second)
		bad, mute := rec(3, 20), rec(6, 20)
		bad.BadAt, mute.MuteAt = seconds(5), seconds(4)
		items := e.record(rec(1, 10), rec(2, 10), bad, rec(4, 10), rec(5, 10), mute, rec(7, 20))
		for _, i := range []int{1, 2, 4} {
			items[i].Chain = "chain" // its second part fails, so its last must not air
		}
		q := day("lantern", 1, e.start, e.length(), items, e.record(rec(11, 9), rec(12, 8), rec(13, 14))...)
		e.service.publish(q)
		e.run(t.Context())
		heard, err := os.ReadFile(filepath.Join(e.wav, e.file))
		if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 3} {
			pcm, problems := rendered(t, q, testRate, pileOf(t, e.service.audio), openRecording, workers)
			if _, off := deviation(t, pcm, heard[headerBytes:]); off > 0 || len(problems) != 3 {
				t.Errorf("%d samples differ; problems %q", off, problems)
			}
		}
	})
}

type fullSink struct{ memorySink }

func (*fullSink) Put(int64, []byte) error { return errors.New("the disk is full") }

func TestRenderingEndsWithItsContextOrItsSink(t *testing.T) {
	s := newService(t)
	start := time.Now().Add(time.Hour).Truncate(time.Second)
	items := []wire.QueueItem{s.record(rec(1, 10)), s.record(rec(2, 10))}
	q := day("lantern", 1, start, 20*time.Second, items)
	r, err := NewRendering(&q, testRate, 0, pileOf(t, s.audio), openRecording)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(t.Context(), &fullSink{}, 2); err == nil || err.Error() != "the disk is full" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err = NewRendering(&q, testRate, 0, pileOf(t, s.audio), openRecording); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(ctx, &memorySink{}, 2); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// BenchmarkRender renders ten minutes of real programme on all processors; "x" is the speed relative to real time.
func BenchmarkRender(b *testing.B) {
	s := &service{t: nil, audio: map[string][]byte{}}
	for name, files := range map[string][]string{
		"24kHz mono":     {"reading-ko-full-hana", "testimony-ko-river", "letter-ko-sister"},
		"44.1kHz stereo": {"ident-tone"},
	} {
		b.Run(name, func(b *testing.B) {
			var items []wire.QueueItem
			length := time.Duration(0)
			for i := 0; length < 10*time.Minute; i++ {
				it := s.sample(files[i%len(files)], 0, 6, -3)
				it.ID = fmt.Sprint(i)
				items = append(items, it)
				length += it.Duration.Duration
			}
			q := day("lantern", 1, time.Now().Truncate(time.Second), length, items)
			recordings := pileOf(b, s.audio)
			for b.Loop() {
				if _, problems := rendered(b, q, 48_000, recordings, OpenMP3, runtime.GOMAXPROCS(0)); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
			b.ReportMetric(length.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "x")
		})
	}
}
