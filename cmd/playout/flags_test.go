package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"lifeline/internal/cmdline"
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

// What is mistyped does not become a player's directory.
func TestNothingButRunMakesAStateDirectory(t *testing.T) {
	k, err := newParser(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, leaf := range k.Model.Leaves(true) {
		flags := slices.Concat(leaf.AllFlags(true)...)
		has := func(name string) bool {
			return slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == name })
		}
		if leaf.Name == "run" || !has("state") {
			continue
		}
		dir := filepath.Join(t.TempDir(), "mistyped")
		args := []string{leaf.Name, "--state", dir}
		if has("wait") {
			args = append(args, "--wait", "1ms")
		}
		for range leaf.Positional {
			args = append(args, file)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1")
		said, _ := cmd.CombinedOutput() // its exit code says how it ended
		if code := cmd.ProcessState.ExitCode(); code != cmdline.Failed || !strings.Contains(string(said), dir) || !strings.Contains(string(said), "--state") {
			t.Errorf("%s: exit %d: %s", leaf.Name, code, said)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s made the directory", leaf.Name)
		}
	}
}
