package playout

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// slowShelf opens its only recording after a delay.
type slowShelf struct {
	after time.Duration
	file  *os.File
}

func (s *slowShelf) Has(wire.AudioRef) bool { return true }

func (s *slowShelf) Open(wire.AudioRef) (*os.File, error) {
	time.Sleep(s.after)
	return s.file, nil
}

func TestVoiceThatComesTooLateIsClosedBeforeTheCuerIs(t *testing.T) {
	name := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			open := func(io.ReaderAt, int64) (Decoder, error) {
				return &synth{rate: 48000, channels: 2, samples: 48000, tone: hum(0.5)}, nil
			}
			c := NewCuer(&slowShelf{10 * time.Second, file}, open, 48000, 2*time.Second)
			it := &wire.QueueItem{ID: "late", CueOut: schedules.Ms(1000), Duration: schedules.Ms(1000)}
			if _, err := c.Take(it, 0); err == nil {
				t.Error("a voice that was not ready was taken")
			}
			c.Close()
			if _, err := file.Stat(); err == nil {
				t.Error("the recording is still open")
			}
		})
	}
}
