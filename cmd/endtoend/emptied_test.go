package endtoend

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/service"
	"lifeline/internal/store"
)

// An empty or missing database beside recordings is not a fresh start.
func TestServeAndFsckRefuseAnEmptiedStoreBesideItsRecordings(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(file string) error{
		"of no bytes": func(file string) error { return os.Truncate(file, 0) },
		"missing":     os.Remove,
	} {
		dir := furnish(t)
		file := filepath.Join(dir, "lifeline.db")
		if err := spoil(file); err != nil {
			t.Fatal(err)
		}
		c := serveDefaults(dir)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		_, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "lifeline restore") {
			t.Errorf("serve on a database that is %s: %v", name, err)
		}
		if code, out := command(t, "fsck", "--quick", "--data", c.Data); code == 0 {
			t.Errorf("fsck is content with a database that is %s:\n%s", name, out)
		}
		if there, err := os.Stat(file); err == nil && there.Size() > 0 {
			t.Errorf("a database was made where one was %s", name)
		}
	}
}

// serve and fsck detect a database that was copied without its journal while the service ran, or replaced by an older
// copy, and name the cure, until an operator accepts the database.
func TestServeAndFsckRefuseADatabaseThatLacksAcknowledgedChangesUntilItIsAccepted(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	dir, copied := furnish(t), t.TempDir()
	c, other := serveDefaults(dir), serveDefaults(copied)
	if err := errors.Join(c.Check(), other.Check()); err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(c.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Store.Commit(t.Context(), store.Commit{Origin: store.Origin{By: "Minjun",
		Action: "token.create"}}); err != nil {
		t.Fatal(err)
	}
	alone, err := os.ReadFile(c.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(c.Key)
	if err == nil {
		err = os.WriteFile(other.Key, key, 0o600)
	}
	if err := errors.Join(err, os.WriteFile(c.StoreFile(), older, 0o600), os.WriteFile(other.StoreFile(), alone,
		0o600)); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]config.Serve{"an older copy": c, "copied alone": other} {
		_, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "--accept-older") {
			t.Errorf("serve on %s: %v", what, err)
		}
		if code, out := command(t, "fsck", "--quick", "--data", c.Data); code == 0 || !strings.Contains(out,
			"--accept-older") {
			t.Errorf("fsck of %s: exit %d\n%s", what, code, out)
		}
		_, out := command(t, "fsck", "--quick", "--accept-older", "--data", c.Data) // the copy has no recordings
		if !strings.Contains(out, "accepted as it is") || strings.Contains(out, "lacks changes") {
			t.Errorf("fsck --accept-older of %s:\n%s", what, out)
		}
		s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Errorf("serve on %s that was accepted: %v", what, err)
		}
	}
}
