package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The packages install the printed file for the players of a machine. The file of one station, which --config names,
// has precedence over it.
func TestPrintedSettingsOfThePlayerChangeNothingWhenAllAreInForce(t *testing.T) {
	home := t.TempDir()
	said := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), "PLAYOUT_TEST_PLAYER=1", "XDG_CONFIG_HOME="+home)
		b, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, b)
		}
		return string(b)
	}
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	printed := said("manual", "--settings", "run")
	line := regexp.MustCompile(`(?m)^#([a-z0-9-]+:)`)
	if n := len(line.FindAllString(printed, -1)); n < 25 {
		t.Errorf("only %d settings are there", n)
	}
	all := line.ReplaceAllString(printed, "$1")
	station := write("station.yaml", "station: lantern\nserver: https://lifeline.example\nstate: player\noutput: [alsa]\n")
	none := said("run", "--config", station, "--print-config")
	write("lifeline/playout.yaml", all)
	empty := regexp.MustCompile(`(?m)^.*: \[\]\n`) // lists of nothing
	if got := empty.ReplaceAllString(said("run", "--config", station, "--print-config"), ""); got != none {
		t.Errorf("with all settings in force:\n%s\nand with none:\n%s", got, none)
	}
	write("lifeline/playout.yaml", strings.Replace(all, "days: 7", "days: 3", 1))
	if got := said("run", "--config", station, "--print-config"); !strings.Contains(got, "days: 3\n") {
		t.Errorf("a setting of all players is not in force:\n%s", got)
	}
	write("station.yaml", "station: lantern\nserver: https://lifeline.example\nstate: player\noutput: [alsa]\ndays: 5\n")
	if got := said("run", "--config", station, "--print-config"); !strings.Contains(got, "days: 5\n") {
		t.Errorf("the station's own setting is not in force:\n%s", got)
	}
}
