package endtoend

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

	"lifeline/internal/cmdline"
	"lifeline/internal/config"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/service"
	"lifeline/internal/store"
)

// numbersAbove returns the floor of a service's signed documents, and how often it was raised; 0: never.
func numbersAbove(t *testing.T, c config.Serve) (above, raised int64) {
	t.Helper()
	s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	d, err := s.Store.Get(t.Context(), "floor", "floor")
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
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	began := time.Now().Unix()
	c, restored := serveDefaults(t.TempDir()), serveDefaults(t.TempDir())
	if err := errors.Join(c.Check(), restored.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	if above, _ := numbersAbove(t, c); above != 0 {
		t.Errorf("a store that was never set back numbers above %d", above)
	}
	backup := filepath.Join(t.TempDir(), "backup.tar")
	succeed(t, "backup", "--plain", "--data", c.Data, "--with-keys", backup)
	succeed(t, "restore", "--data", restored.Data, backup)
	for range 2 { // the second finds nothing to raise, after a restore that was refused
		if above, raised := numbersAbove(t, restored); above < began || raised != 1 {
			t.Errorf("a restored store numbers above %d, raised %d times", above, raised)
		}
		if code, out := command(t, "restore", "--data", restored.Data, backup); code != cmdline.Failed ||
			!strings.Contains(out, "not empty") {
			t.Errorf("restore over a store: exit %d\n%s", code, out)
		}
	}
	// An earlier version marked a restored store by a file, until the first start.
	noted := filepath.Join(restored.Data, "restored")
	if err := os.WriteFile(noted, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, raised := numbersAbove(t, restored); raised != 2 {
		t.Errorf("what an earlier version restored is raised %d times", raised)
	}
	if _, err := os.Stat(noted); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file beside the store stays: %v", err)
	}
	rekey := []string{"rekey", "--by", "Ruth", "--data", c.Data}
	if code, out := command(t, rekey...); code != cmdline.Failed || !strings.Contains(out, "signs already") {
		t.Errorf("rekey with the key that signs: exit %d\n%s", code, out)
	}
	if err := os.Rename(c.Key, filepath.Join(t.TempDir(), "stolen")); err != nil {
		t.Fatal(err)
	}
	succeed(t, rekey...)
	if above, raised := numbersAbove(t, c); above < began || raised != 1 {
		t.Errorf("a store with a new key numbers above %d, raised %d times", above, raised)
	}
	older, err := os.ReadFile(c.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := service.Open(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Store.Commit(t.Context(), store.Commit{Origin: store.Origin{By: "Ruth", Action: "token.create"}})
	if err := errors.Join(err, s.Close(), os.WriteFile(c.StoreFile(), older, 0o600)); err != nil {
		t.Fatal(err)
	}
	succeed(t, "fsck", "--quick", "--accept-older", "--data", c.Data)
	if above, raised := numbersAbove(t, c); above < began || raised != 2 {
		t.Errorf("a store that was accepted numbers above %d, raised %d times", above, raised)
	}
}

// On a shared store any replica may start first, with a data directory that the restore has never used.
func TestARestoredStoreIsNumberedAboveByWhicheverReplicaStartsFirst(t *testing.T) {
	began := time.Now().Unix()
	c, first := serveDefaults(t.TempDir()), serveDefaults(t.TempDir())
	first.Store, first.Redis.Prefix = "redis://"+harness.StartRedis(t, harness.Durable...).Addr, "lifeline"
	first.PublicURL = "http://127.0.0.1:1"
	if err := errors.Join(c.Check(), first.Check(), started(t, c)); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.tar")
	succeed(t, "backup", "--plain", "--data", c.Data, "--with-keys", backup)
	succeed(t, "restore", "--data", t.TempDir(), "--key", first.Key, "--store", first.Store, backup)
	if above, raised := numbersAbove(t, first); above < began || raised != 1 {
		t.Errorf("the first replica numbers above %d, raised %d times", above, raised)
	}
	succeed(t, "fsck", "--quick", "--data", first.Data, "--store", first.Store)
}
