package sqlite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
)

func TestPurgedFilesHaveNothingThatWasOverwrittenOrDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	const name = "리은혜, the name that is erased"
	commit := func(action, reason string, w ...store.Write) {
		t.Helper()
		if _, err := s.Commit(t.Context(), store.Commit{Writes: w, Origin: store.Origin{Action: action,
			Reason: reason}}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 200 { // pages of their own, and cells among others
		id := fmt.Sprint(n)
		commit("put", name, store.Write{Kind: "k", ID: id, Body: bytes.Repeat([]byte(name), 1+n%50*5)})
		commit("put", "", store.Write{Kind: "k", ID: id, Expect: 1, Body: []byte("{}")})
	}
	if _, err := s.Append(t.Context(), []store.Entry{{Station: "s", Sequence: 1, Body: []byte(name)}}); err != nil {
		t.Fatal(err)
	}
	var changes []store.Change
	for n := range int64(400) {
		changes = append(changes, store.Change{Sequence: n + 1, Origin: store.Origin{Action: "put"}})
	}
	if err := s.Redact(t.Context(), changes, []store.Entry{{Station: "s", Sequence: 1, Body: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v; want the database, its journal and its mark", files, err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err != nil || bytes.Contains(content, []byte("리은혜")) {
			t.Errorf("%s still has the name (%v)", file, err)
		}
	}
	// the mark is of the change as it is now
	if other, err := sqlite.Open(t.Context(), path); err != nil {
		t.Errorf("opened after the last change was redacted: %v", err)
	} else if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
