package statedir

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestADirectoryIsNoLongerWritableForEverybody(t *testing.T) {
	for mode, want := range map[os.FileMode]os.FileMode{0o777: 0o775, 0o757: 0o755, 0o770: 0o770, 0o700: 0o700} {
		dir := t.TempDir()
		must(t, os.Chmod(dir, mode))
		root, err := os.OpenRoot(dir)
		must(t, err)
		must(t, Own(root))
		info, err := os.Stat(dir)
		must(t, err)
		must(t, root.Close())
		if got := info.Mode().Perm(); got != want {
			t.Errorf("of %o becomes %o", mode, got)
		}
	}
}

func TestAStateDirectoryIsClosedToOthersAndItsSecretsToAllButTheOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := Open(dir)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "identity.json"), nil, 0o600))
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chmod(filepath.Join(dir, "identity.json"), 0o640))
	for _, want := range [][]string{{".", "identity.json"}, nil} {
		open, err := s.Seal("identity.json", "none")
		if must(t, err); !slices.Equal(open, want) {
			t.Errorf("open were %q, want %q", open, want)
		}
	}
	for name, want := range map[string]os.FileMode{".": 0o750, "identity.json": 0o600} {
		info, err := s.Root.Stat(name)
		if must(t, err); info.Mode().Perm() != want {
			t.Errorf("%s has the mode %o", name, info.Mode().Perm())
		}
	}
	must(t, s.Close())
}
