package commands

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// numbersAbove is what a service on the store numbers signed documents above, and how often that was raised; 0: never.
func numbersAbove(t *testing.T, c config.Serve) (above, raised int64) {
	t.Helper()
	s, err := openService(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	d, err := s.store.Get(t.Context(), "floor", "floor")
	if fault.Is(err, fault.NotFound) {
		return 0, 0
	}
	var floor struct{ Above int64 }
	if err = errors.Join(err, json.Unmarshal(d.Body, &floor)); err != nil {
		t.Fatal(err)
	}
	return floor.Above, d.Revision
}

func TestWhatWasSetBackIsNumberedAboveAllThatStationsHaveSeen(t *testing.T) {
	began := time.Now().Unix()
	c, restored := serveDefaults(t.TempDir()), serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), restored.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	if above, _ := numbersAbove(t, c); above != 0 {
		t.Errorf("a store that was never set back numbers above %d", above)
	}
	backup := filepath.Join(t.TempDir(), "backup.tar")
	succeed(t, "backup", "--data", c.Data, "--with-keys", backup)
	restore := func() error {
		return (&restoreCmd{Serve: restored, File: backup}).Run(t.Context(), new(strings.Builder))
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing to raise, after a restore that was refused
		if above, raised := numbersAbove(t, restored); above < began || raised != 1 {
			t.Errorf("a restored store numbers above %d, raised %d times", above, raised)
		}
		if err := restore(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("restore over a store: %v", err)
		}
	}
	if _, err := os.Stat(restoredFile(restored)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file beside the store stays: %v", err)
	}
	rekey := func() error { return (&rekeyCmd{Serve: c, By: "Ruth"}).Run(t.Context(), new(strings.Builder)) }
	if err := rekey(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "signs already") {
		t.Errorf("rekey with the key that signs: %v", err)
	}
	if err := errors.Join(os.Rename(c.Key, filepath.Join(t.TempDir(), "stolen")), rekey()); err != nil {
		t.Fatal(err)
	}
	if above, raised := numbersAbove(t, c); above < began || raised != 1 {
		t.Errorf("a store with a new key numbers above %d, raised %d times", above, raised)
	}
	older, err := os.ReadFile(c.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := openService(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.store.Commit(t.Context(), store.Commit{Origin: store.Origin{By: "Ruth", Action: "token.create"}})
	if err := errors.Join(err, s.close(), os.WriteFile(c.StoreFile(), older, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := (&fsckCmd{Serve: c, Quick: true, AcceptOlder: true}).Run(t.Context(), new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	if above, raised := numbersAbove(t, c); above < began || raised != 2 {
		t.Errorf("a store that was accepted numbers above %d, raised %d times", above, raised)
	}
}
