package statedir

import (
	"os"
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
