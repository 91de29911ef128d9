package commands

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
)

// settingLine matches a line of a printed configuration file that a person can put in force.
var settingLine = regexp.MustCompile(`(?m)^#([a-z0-9-]+:)`)

// The packages install the printed file as the service's own.
func TestPrintedSettingsOfServeChangeNothingWhenAllAreInForce(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var printed bytes.Buffer
	if code := Run(t.Context(), []string{"manual", "--settings", "serve"}, &printed, io.Discard); code != cmdline.Done {
		t.Fatalf("exit %d", code)
	}
	parser, err := newParser(t.Context(), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, line := range settingLine.FindAllStringSubmatch(printed.String(), -1) {
		named[strings.TrimSuffix(line[1], ":")] = true
	}
	for _, command := range parser.Model.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			if !named[flag.Name] && flag.Name != "help" && flag.Name != "print-config" {
				t.Errorf("--%s is not there", flag.Name)
			}
		}
	}
	if len(named) < 40 {
		t.Errorf("only %d settings are there", len(named))
	}
	file := filepath.Join(t.TempDir(), "lifeline.yaml")
	inForce := func(text string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, failed bytes.Buffer
		if code := Run(t.Context(), []string{"serve", "--config", file, "--print-config"}, &out, &failed); code != 0 {
			t.Fatalf("exit %d: %s", code, failed.String())
		}
		return strings.ReplaceAll(out.String(), "[]", "null") // a list of nothing is no list
	}
	all := settingLine.ReplaceAllString(printed.String(), "$1")
	if got, want := inForce(all), inForce(printed.String()); got != want {
		t.Errorf("with all settings in force:\n%s\nand with none:\n%s", got, want)
	}
	if inForce(strings.Replace(all, "rate: 100", "rate: 7", 1)) == inForce(all) {
		t.Error("a changed setting is not in force")
	}
}
