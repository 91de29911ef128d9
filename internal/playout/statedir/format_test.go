package statedir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/fault"
)

func TestAStateDirectoryOfANewerPlayerIsRefusedByName(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.Mark("playout 1"))
	must(t, s.Close())
	s = open(t, dir) // reads its own version
	must(t, s.Record(map[string]any{"version": 3, "by": "playout 3", "more": []int{1}}, formatName))
	_, err := Open(dir)
	for _, words := range []string{"version 3", "up to 2", "playout 3", "Start that one"} {
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), words) {
			t.Errorf("it is opened with %v, which does not say %q", err, words)
		}
	}
}

func TestADamagedMarkOfAStateDirectorySilencesNoStation(t *testing.T) {
	dir := t.TempDir()
	for _, damaged := range []string{"", "{", "\x00\x00", `{"version":"2"}`} {
		must(t, os.WriteFile(filepath.Join(dir, formatName), []byte(damaged), 0o600))
		s, err := Open(dir)
		if err != nil {
			t.Errorf("%q: %v", damaged, err)
			continue
		}
		must(t, s.Mark("playout 1"))
		must(t, s.Close())
	}
}
