//go:build unix

package endtoend

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
)

// rooted is a service whose documents are signed under a first root.
func rooted(t *testing.T) *ceremony {
	t.Helper()
	c := &ceremony{t, filepath.Join(t.TempDir(), "safe"), serveDefaults(t.TempDir())}
	c.key("init", "%s", "--plain")
	if err := c.conf.Check(); err != nil {
		t.Fatal(err)
	}
	c.deploy()
	if err := started(t, c.conf); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestABackupWithKeysCarriesTheRootsAndTheKeysOfTheRoles(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	c := rooted(t)
	bare, whole := filepath.Join(t.TempDir(), "bare"), filepath.Join(t.TempDir(), "whole")
	if said := succeed(t, "backup", "--plain", "--data", c.conf.Data, bare); !strings.Contains(said,
		"the roots and the keys of the roles are not in it") || !strings.Contains(said, c.conf.Keys) {
		t.Errorf("a backup without keys says:\n%s", said)
	}
	if said := succeed(t, "restore", "--data", t.TempDir(), bare); !strings.Contains(said, "signed under root 1") {
		t.Errorf("a restore without keys says:\n%s", said)
	}
	said := succeed(t, "backup", "--plain", "--data", c.conf.Data, "--with-keys", whole)
	if strings.Contains(said, "elsewhere, or") {
		t.Errorf("a backup with keys says:\n%s", said)
	}
	succeed(t, "check-backup", whole)

	there := serveDefaults(t.TempDir())
	if err := there.Check(); err != nil {
		t.Fatal(err)
	}
	if said := succeed(t, "restore", "--data", there.Data, whole); strings.Contains(said, "before the service starts") {
		t.Errorf("a restore with keys says:\n%s", said)
	}
	files, err := filepath.Glob(filepath.Join(c.conf.Keys, "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("the folder holds %q, %v", files, err)
	}
	for _, name := range files {
		want, err := os.ReadFile(name)
		restored := filepath.Join(there.Keys, filepath.Base(name))
		got, missing := os.ReadFile(restored)
		if err := errors.Join(err, missing); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: %q, %v", restored, got, err)
		}
		if info, err := os.Stat(restored); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", restored, info, err)
		}
	}
	if err := started(t, there); err != nil {
		t.Errorf("the restored service: %v", err)
	}

	// Restore keeps existing keys only if they are the same; otherwise it restores nothing.
	again, other := serveDefaults(t.TempDir()), serveDefaults(t.TempDir())
	if err := errors.Join(again.Check(), other.Check()); err != nil {
		t.Fatal(err)
	}
	copyPrivate(t, again.Keys, c.conf.Keys)
	copyPrivate(t, other.Keys, c.conf.Keys)
	if err := errors.Join(os.WriteFile(filepath.Join(other.Keys, "1.root.json"), []byte("{}"), 0o600)); err != nil {
		t.Fatal(err)
	}
	succeed(t, "restore", "--data", again.Data, whole)
	if code, said := command(t, "restore", "--data", other.Data, whole); code != cmdline.Failed || !strings.Contains(said,
		"is another 1.root.json than the one in the backup: move it away, or name another folder with --keys") {
		t.Errorf("over another root: exit %d\n%s", code, said)
	}
	if _, err := os.Stat(other.Key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the signing key was restored nonetheless: %v", err)
	}

	if err := os.RemoveAll(c.conf.Keys); err != nil {
		t.Fatal(err)
	}
	if code, said := command(t, "backup", "--plain", "--data", c.conf.Data, "--with-keys",
		whole+"2"); code != cmdline.Failed ||
		!strings.Contains(said, "Name the folder of the roots and keys with --keys") {
		t.Errorf("with the folder lost: exit %d\n%s", code, said)
	}
}

func TestServeAndFsckSayWhatTheFolderOfKeysLacks(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	c := rooted(t)
	if out := checked(t, c.conf); !strings.Contains(out, "no problem found") || strings.Contains(out, "chmod") {
		t.Errorf("fsck of the whole:\n%s", out)
	}
	queue := filepath.Join(c.conf.Keys, filepath.Base(c.files("queue-*.key")[0]))
	root, second := filepath.Join(c.conf.Keys, "1.root.json"), filepath.Join(c.conf.Keys, "2.root.json")
	dangle := func() error { return errors.Join(os.Remove(queue), os.Symlink("x", queue)) }
	for says, spoil := range map[string]func() error{
		"holds no root. Put the root documents":  func() error { return os.RemoveAll(c.conf.Keys) },
		"for the role queue":                     func() error { return os.Remove(queue) },
		"32 bytes in base64. Copy the file":      func() error { return os.WriteFile(queue, []byte("AAAA"), 0o600) },
		"is a link to a file that is not there.": dangle,
		"1.root.json: ":                          func() error { return os.WriteFile(root, []byte("{"), 0o600) },
		"1.root.json is missing, which comes":    func() error { return os.Rename(root, second) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := started(t, c.conf); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), says) {
			t.Errorf("serve does not say %q: %v", says, err)
		}
		if out := checked(t, c.conf); !strings.Contains(out, says) {
			t.Errorf("fsck does not say %q:\n%s", says, out)
		}
		if err := os.RemoveAll(c.conf.Keys); err != nil {
			t.Fatal(err)
		}
		c.deploy()
	}

	// A key that other users may read is refused.
	if err := os.Chmod(queue, 0o644); err != nil {
		t.Fatal(err)
	}
	cure := queue + ", whose mode is 0644: chmod 600"
	if err := started(t, c.conf); err == nil || !strings.Contains(err.Error(), cure) ||
		!strings.Contains(checked(t, c.conf), cure) {
		t.Errorf("a key with mode 0644: %v", err)
	}
}

func TestFoldersOfTheServiceThatOthersMayOpenAreClosedAtTheStart(t *testing.T) {
	t.Parallel()
	conf := serveDefaults(t.TempDir())
	if err := conf.Check(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{conf.Data, conf.Keys} {
		if err := errors.Join(os.MkdirAll(folder, 0o700), os.Chmod(folder, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := started(t, conf); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{conf.Data, conf.Keys} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", folder, info, err)
		}
	}
	if err := os.Chmod(conf.Key, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := started(t, conf); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a signing key with mode 0640: %v", err)
	}
}
