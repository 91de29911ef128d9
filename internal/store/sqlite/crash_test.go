package sqlite_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lifeline/internal/store/sqlite"
	"lifeline/internal/store/storetest"
)

// TestKilledProcessLosesNoAcknowledgedWrite kills a real process; with LIFELINE_PROVE=crash-store 500 times.
func TestKilledProcessLosesNoAcknowledgedWrite(t *testing.T) {
	rounds := 10
	if os.Getenv("LIFELINE_PROVE") == "crash-store" {
		rounds = 500
	}
	path := filepath.Join(t.TempDir(), "lifeline.db")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	storetest.Crash(t, rounds, storetest.Crashing{
		Start: func() (io.ReadCloser, func()) {
			child := exec.Command(self)
			child.Env = append(os.Environ(), childPath+"="+path)
			child.Stderr = os.Stderr
			acknowledged, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			child.Stdout = w
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			return acknowledged, func() {
				if err := child.Process.Kill(); err != nil {
					t.Fatalf("kill: %v", err)
				}
				_ = child.Wait() // reports that the process was killed
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
			}
		},
		Open: func() storetest.Store { return open(t, path) },
	})
}

const childPath = "LIFELINE_CRASH_PATH"

func TestMain(m *testing.M) {
	path := os.Getenv(childPath)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		panic(err)
	}
	if err := s.Keep(context.Background()); err != nil {
		panic(err)
	}
	panic(storetest.Work(context.Background(), s, os.Stdout))
}
