package playout

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/playout/output"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// stuck is an output that blocks on its first block until it is released.
type stuck struct{ let chan struct{} }

func (s stuck) Name() string             { return "stuck" }
func (s stuck) Continuous() bool         { return true }
func (s stuck) Latency() time.Duration   { return 0 }
func (s stuck) Write(output.Block) error { <-s.let; return nil }
func (s stuck) Close() error             { return nil }

// broken is an output that fails at every tenth write, and counts its input.
type broken struct{ writes, frames, closes int }

func (b *broken) Name() string           { return "broken" }
func (b *broken) Continuous() bool       { return true }
func (b *broken) Latency() time.Duration { return 50 * time.Millisecond }
func (b *broken) Close() error           { b.closes++; return nil }

func (b *broken) Write(x output.Block) error {
	if b.writes++; b.writes%10 == 0 {
		return errors.New("it broke")
	}
	b.frames += len(x.PCM) / 2
	return nil
}

func TestOutputThatHangsOrFailsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvening(t, 20*time.Second)
		e.service.publish(day("lantern", 1, e.start, e.length(), e.record(rec(1, 10), rec(2, 10))))
		hangs, fails := stuck{make(chan struct{})}, &broken{}
		e.outputs = []output.Output{hangs, fails}
		p, state := e.open()
		if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "did not end") {
			t.Errorf("the player ended with %v", err)
		}
		close(hangs.let)
		synctest.Wait()
		if err := state.Close(); err != nil {
			t.Error(err)
		}
		heard := e.heardWAV(e.file)
		expectSound(t, heard, 0, seconds(10), rec(1, 10), 0)
		expectSound(t, heard, seconds(10), seconds(20), rec(2, 10), 0)
		if fails.closes < 5 || fails.frames < int(seconds(20)) {
			t.Errorf("the failing output was closed %d times and took %d frames", fails.closes, fails.frames)
		}
		problems := strings.Join(p.problems.List(), "\n")
		if !strings.Contains(problems, "output stuck is stuck") || !strings.Contains(problems, "output broken is restarted") {
			t.Errorf("reported\n%s", problems)
		}
	})
}

func TestEachOccurrenceOfAWindowHasAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	wav, err := output.NewWAV(dir, testRate)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 12, 2, 19, 10, 0, 0, time.UTC)
	once := func(window string, start time.Time) schedules.Occurrence {
		return schedules.Occurrence{Window: window, Date: schedules.DateOf(at), StartAt: schedules.At(start),
			EndAt: schedules.At(start.Add(time.Minute))}
	}
	q := wire.Queue{Date: schedules.DateOf(at), ExpiresAt: schedules.At(at.Add(12 * time.Hour))}
	for _, o := range []schedules.Occurrence{once("news", at), once("evening", at.Add(time.Hour)),
		once("news", at.Add(2*time.Hour))} {
		q.Windows = append(q.Windows, schedules.Slot{Occurrence: o})
	}
	spans, _ := timetable(&Holdings{Queues: map[schedules.Date]*wire.Queue{q.Date: &q}}, at, testRate)
	for _, s := range spans {
		if err := wav.Write(output.Block{Frame: s.Start, PCM: make([]float32, 2), In: &s.Bounds}); err != nil {
			t.Fatal(err)
		}
	}
	if err := wav.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"2026-12-02-news-1910Z.wav", "2026-12-02-evening.wav", "2026-12-02-news-2110Z.wav"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
