package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
)

// Open refuses a keeper's file that lacks changes until somebody accepts it. It accepts the state after a crash or
// after another process.
func TestOpenRefusesADatabaseThatLacksAcknowledgedChanges(t *testing.T) {
	for name, c := range map[string]struct {
		make   func(t *testing.T, kept, dir string) // fills dir from the file of a running or ended keeper
		ended  bool
		behind bool
	}{
		"copied without its journal while it is kept":  {make: copies(""), behind: true},
		"copied with its mark and without its journal": {make: copies("", "-mark"), behind: true},
		"copied with its journal, as after a crash":    {make: copies("", "-wal", "-mark")},
		"copied after its keeper has ended":            {make: copies(""), ended: true},
		"copied with all after its keeper has ended":   {make: copies("", "-mark"), ended: true},
		"older than its mark": {make: func(t *testing.T, kept, dir string) {
			fillTo(t, filepath.Join(dir, "lifeline.db"), 2)
			copies("-mark")(t, kept, dir)
		}, ended: true, behind: true},
		"another database beside the mark": {make: func(t *testing.T, kept, dir string) {
			fillTo(t, filepath.Join(dir, "lifeline.db"), 9)
			copies("-mark")(t, kept, dir)
		}, ended: true, behind: true},
		"without a mark, as earlier versions left it": {make: func(t *testing.T, _, dir string) {
			fillTo(t, filepath.Join(dir, "lifeline.db"), 2)
		}},
		"with a mark that a power cut has spoilt": {make: func(t *testing.T, kept, dir string) {
			copies("")(t, kept, dir)
			if err := os.WriteFile(filepath.Join(dir, "lifeline.db-mark"), make([]byte, 90), 0o600); err != nil {
				t.Fatal(err)
			}
		}, ended: true},
		"opened and closed beside its keeper before it was copied alone": {make: func(t *testing.T, kept, dir string) {
			fillTo(t, kept, 1)
			copies("")(t, kept, dir)
		}, behind: true},
		"crashed, behind a link": {make: func(t *testing.T, kept, dir string) {
			elsewhere := t.TempDir()
			copies("", "-wal", "-mark")(t, kept, elsewhere)
			if err := os.Symlink(filepath.Join(elsewhere, "lifeline.db"), filepath.Join(dir, "lifeline.db")); err != nil {
				t.Fatal(err)
			}
		}},
		"copied without its journal, behind a link": {make: func(t *testing.T, kept, dir string) {
			elsewhere := t.TempDir()
			copies("", "-mark")(t, kept, elsewhere)
			if err := os.Symlink(filepath.Join(elsewhere, "lifeline.db"), filepath.Join(dir, "lifeline.db")); err != nil {
				t.Fatal(err)
			}
		}, behind: true},
		"crashed, and then opened and closed by another": {make: func(t *testing.T, kept, dir string) {
			copies("", "-wal", "-mark")(t, kept, dir)
			fillTo(t, filepath.Join(dir, "lifeline.db"), 0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path, dir := filepath.Join(t.TempDir(), "lifeline.db"), t.TempDir()
			s := open(t, path)
			if err := s.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			put(t, s, 5)
			if c.ended {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			c.make(t, path, dir)
			got := filepath.Join(dir, "lifeline.db")
			for range 2 { // a refusal changes nothing
				s, err := sqlite.Open(t.Context(), got)
				if errors.Is(err, sqlite.ErrBehind) != c.behind || err != nil && !c.behind {
					t.Fatalf("open: %v; want it refused: %t", err, c.behind)
				}
				if err == nil {
					err = s.Close()
				} else {
					err = nil
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := sqlite.Accept(t.Context(), got, func(*sqlite.Store) error { return nil }); err != nil {
				t.Fatal(err)
			}
			fillTo(t, got, 1)
		})
	}
}

// copies returns a function that copies the files with these suffixes.
func copies(suffixes ...string) func(t *testing.T, kept, dir string) {
	return func(t *testing.T, kept, dir string) {
		t.Helper()
		for _, suffix := range suffixes {
			b, err := os.ReadFile(kept + suffix)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "lifeline.db"+suffix), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// fillTo opens the file, makes n changes and closes it.
func fillTo(t *testing.T, path string, n int) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *sqlite.Store, n int) {
	t.Helper()
	for range n {
		c := store.Commit{Origin: store.Origin{By: filepath.Base(t.Name()), Reason: t.TempDir()}}
		if _, err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenSaysWhatToDoAboutAMarkThatIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	fillTo(t, path, 1)
	if err := os.Mkdir(path+"-mark", 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := sqlite.Open(t.Context(), path); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(),
		"Move it away") {
		t.Errorf("open: %v, %v", s, err)
	}
}
