package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"lifeline/internal/cmdline/flagtest"
)

func TestEveryFlagOfThePlayerIsTakenOnTheLineAndByItsVariable(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("lifeline_x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flagtest.Program{
		New:     func() (*kong.Kong, error) { return newParser(t.Context(), time.Now) },
		Samples: map[string]string{"server": "https://lifeline.example/radio", "token-file": token, "log-level": "WARN"},
		Apart:   [][]string{{"token", "token-file"}},
	}.Drive(t)
}
