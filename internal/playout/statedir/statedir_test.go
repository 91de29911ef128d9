package statedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"lifeline/internal/fault"
)

func open(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestFileIsReplacedWholeAndNothingElseIsLeft(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	for _, content := range []string{"the first", "second"} {
		if err := d.Replace("queues/a", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if b, err := d.Read("queues/a", 100); err != nil || string(b) != content {
			t.Errorf("%q, %v", b, err)
		}
	}
	if _, err := d.Read("queues/a", 5); err == nil {
		t.Error("a file over the limit was read")
	}
	if left, err := os.ReadDir(filepath.Join(dir, "queues")); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if err := errors.Join(d.Remove("queues/a"), d.Remove("queues/a")); err != nil {
		t.Error(err)
	}
	if _, err := d.Read("queues/a", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestNamesNeverLeaveTheDirectory(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "state"))
	if err := d.Replace("../outside", []byte("x")); err == nil {
		t.Error("a file outside the directory was written")
	}
}

func TestDirectoryIsOnePlayersAlone(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if err := first.Lock(); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "queues", "a.7.tmp")
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir)
	if err := second.Lock(); err == nil {
		t.Error("two players hold it")
	}
	if _, err := os.Stat(half); err != nil {
		t.Errorf("who did not get the lock has swept: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Lock(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a crash left half written is still there: %v", err)
	}
}

func TestDirectoryThatNoPlayerMadeIsNotFound(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v was made, %v", left, err)
	}
}
