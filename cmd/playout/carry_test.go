package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// command runs another command of the player's binary and returns its output.
func command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1", "LIFELINE_TOKEN=secret")
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, said)
	}
	return string(said)
}

func TestBundleIsCarriedToAPlayerWithoutALinkAndItsReportBack(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	s, dir := newService(t), t.TempDir()
	start := time.Now().Add(15 * time.Second).Truncate(time.Second)
	s.publish(t, start, []wire.QueueItem{s.sample(t, "a", "time-signal", 3*time.Second)})
	file, state := filepath.Join(dir, "week.tar"), filepath.Join(dir, "state")
	command(t, "bundle", "--plain", "--server", s.URL, "--station", "lantern", "--days", "1", file)

	cmd, _ := player(t, s, dir, start)
	for i := range cmd.Args {
		if cmd.Args[i] == s.URL {
			cmd.Args[i] = "http://127.0.0.1:1"
		}
	}
	cmd.Stderr = nil
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if said := command(t, "import", "--state", state, file); !strings.Contains(said,
		"1 documents and 1 recordings taken") {
		t.Errorf("import said %q", said)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	expectSame(t, left(t, dir, start), 0, 3*48000-1000, decoded(t, "time-signal"), 0)
	if said := command(t, "inventory", "--state", state); len(strings.Fields(said)) != 1 {
		t.Errorf("inventory said %q", said)
	}
	back := filepath.Join(dir, "back.json")
	command(t, "export", "--state", state, back)
	b, err := os.ReadFile(back)
	if err != nil {
		t.Fatal(err)
	}
	var report wire.AsRunReport
	if err := json.Unmarshal(b, &report); err != nil || len(report.Entries) != 1 ||
		report.Entries[0].Outcome != schedules.Aired {
		t.Errorf("%v\n%s", err, b)
	}
}
