package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

func TestReleasedMigrationsAreNeverEdited(t *testing.T) {
	released := []string{
		"d55266be537939fc3050df411eb8fd4133f0398bbce51155278bb560d3c9b034", // contract
		"8862b6fba167aaacbc7f5a3c74cf66432f7c529b1d1d31880ee530157b2dcb76", // leases
		"27a28afa345010b5ac78e0530e29d1fc1e86eecbec6a16a29610a1d5d331f355", // trimmed
		"03dfd9f3ab0cf2075f517cc662f6c6faa1c4afda328c6dd71b46d4936213d599", // origin
		"e8863e40cb12d5f4d10c887f89d6ff6fee47a5efb8406b7365af450d9d45e30c", // fields
	}
	all, err := steps(migrations)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if sum := sha256.Sum256([]byte(m.text)); i >= len(released) || hex.EncodeToString(sum[:]) != released[i] {
			t.Errorf("%s has the hash %x: add a migration instead of editing one", m.name, sum)
		}
	}
}

func TestMigrationsAreNumberedWithoutGapOrLaterInsertion(t *testing.T) {
	for name, c := range map[string]struct {
		names []string
		wants string // file and number of the error; "": none
	}{
		"in order":              {[]string{"0001-a.sql", "0002-b.sql", "0003-c.sql"}, ""},
		"a gap":                 {[]string{"0001-a.sql", "0003-c.sql"}, "0003-c.sql must be 0002"},
		"a number twice":        {[]string{"0001-a.sql", "0002-b.sql", "0002-c.sql"}, "0002-c.sql must be 0003"},
		"before the first":      {[]string{"0000-z.sql", "0001-a.sql"}, "0000-z.sql must be 0001"},
		"a number of two forms": {[]string{"0001-a.sql", "2-b.sql"}, "2-b.sql must be 0002"},
	} {
		files := fstest.MapFS{}
		for _, n := range c.names {
			files["migrations/"+n] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		all, err := steps(files)
		switch {
		case c.wants == "" && (err != nil || len(all) != len(c.names) || all[2].version != 3):
			t.Errorf("%s: %v, %v", name, all, err)
		case c.wants != "" && (err == nil || strings.Replace(err.Error(), ": the number of this migration", "", 1) !=
			"migrations/"+c.wants):
			t.Errorf("%s: %v, want %q", name, err, c.wants)
		}
	}
}

func TestOpenRefusesWhatItMustNotTouch(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  string
	}{
		"another application's file": {func(t *testing.T, path string) { run(t, path, "CREATE TABLE theirs (x)") },
			"another application"},
		"another application's id": {func(t *testing.T, path string) { run(t, path, "PRAGMA application_id = 7") },
			"another application"},
		"a newer schema": {func(t *testing.T, path string) {
			fill(t, path)
			run(t, path, "INSERT INTO schema VALUES (99, 'x')")
		}, "use the newer program"},
		"an edited migration": {func(t *testing.T, path string) {
			fill(t, path)
			run(t, path, "UPDATE schema SET hash = 'x'")
		}, "another text"},
		"no database": {func(t *testing.T, path string) {
			write(t, path, bytes.Repeat([]byte("not a database. "), 1024))
		}, "not a database"},
		"a damaged page": {func(t *testing.T, path string) {
			fill(t, path)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for at := 4096; at < len(b); at += 4096 {
				copy(b[at:], "damage damage damage damage")
			}
			write(t, path, b)
		}, "damaged"},
		"a cut file": {func(t *testing.T, path string) {
			fill(t, path)
			if err := os.Truncate(path, 3*4096); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lifeline.db")
			c.spoil(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), path)
			if err == nil {
				t.Fatalf("opened; close: %v", s.Close())
			}
			if !strings.Contains(err.Error(), c.says) && !strings.Contains(err.Error(), "malformed") {
				t.Fatalf("%q does not say %q", err, c.says)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// Opening may change only the journal mode, at bytes 18 and 19, and the counters that change with it.
			if len(after) != len(before) || len(after) > 100 && !bytes.Equal(after[100:], before[100:]) {
				t.Fatal("the refused file was changed")
			}
		})
	}
}

func TestOpenFailsWhereThereIsNoDirectory(t *testing.T) {
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "none", "lifeline.db")); err == nil {
		t.Fatal("opened")
	}
}

func TestFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%q: %v, %v", suffix, info, err)
		}
	}
}

func TestWriterSyncsEveryCommit(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1",
		"fullfsync": "1"} {
		var got string
		if err := s.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
	if _, err := s.readers.Exec("DELETE FROM changes"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestCloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	fill(t, path)
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Fatalf("left: %v, %v", names, err)
	}
}

func TestOldLibrariesAreUnsound(t *testing.T) {
	for version, want := range map[string]bool{"3.51.2": false, "3.51.3": true, "3.52.0": true, "3.7.17": false,
		"4.0.0": true, "2.99.99": false, "": false, "x": false} {
		if sound(version) != want {
			t.Errorf("%q: sound %v", version, !want)
		}
	}
}

func TestFullDatabaseKeepsWhatItHas(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.writer.Exec("PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	small := store.Commit{Writes: []store.Write{{Kind: "k", ID: "small", Body: []byte("x")}}}
	if _, err := s.Commit(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	large := store.Commit{Writes: []store.Write{{Kind: "k", ID: "also", Body: []byte("x")}, {Kind: "k", ID: "large",
		Body: make([]byte, 1<<20)}}}
	if _, err := s.Commit(t.Context(), large); !fault.Is(err, fault.Full) {
		t.Fatalf("commit: %v; want Full", err)
	}
	if _, err := s.Append(t.Context(), []store.Entry{{Station: "s", Body: make([]byte, 1<<20)}}); !fault.Is(err,
		fault.Full) {
		t.Fatalf("append: %v; want Full", err)
	}
	if list, err := s.List(t.Context(), "k", "", 10); err != nil || len(list) != 1 {
		t.Fatalf("list: %v, %v", list, err)
	}
	if _, err := s.Commit(t.Context(),
		store.Commit{Writes: []store.Write{{Kind: "k", ID: "small", Expect: 1}}}); err != nil {
		t.Fatalf("a small commit after the refused: %v", err)
	}
}

func TestCommitGivesUpWithItsContextWhileAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	other, err := pool(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: "k", ID: "i"}}})
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil || ctx.Err() == nil {
		t.Fatal("committed")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Latest(t.Context()); err != nil || n != 0 {
		t.Fatalf("latest: %d, %v", n, err)
	}
}

// fill creates a Store with some content.
func fill(t *testing.T, path string) {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(),
		store.Commit{Writes: []store.Write{{Kind: "k", ID: "i", Body: bytes.Repeat([]byte("x"), 1<<16)}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
