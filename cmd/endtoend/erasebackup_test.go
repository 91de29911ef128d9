package endtoend

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
)

// Whoever holds a backup and the key of its recipient cannot open it once the backup's own key was removed.
func TestBackupEndsWithItsOwnKey(t *testing.T) {
	longform.Only(t) // one client asks one thing after another
	t.Parallel()
	dir, files := furnish(t), t.TempDir()
	at := func(name string) string { return filepath.Join(files, name) }
	said := succeed(t, "key", "backup", at("safe.key"), "--plain")
	recipient := regexp.MustCompile(`age1[0-9a-z]+`).FindString(said)
	for _, name := range []string{"older", "newer"} {
		succeed(t, "backup", "--data", dir, "--with-audio", "--with-keys", "--recipient", recipient,
			"--own-keys", at("keys"), at(name))
	}
	keys, err := filepath.Glob(at("keys/*"))
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	check := func(backup string, more ...string) (int, string) {
		return command(t, append([]string{"check-backup", "--identity", at("safe.key"), at(backup)}, more...)...)
	}
	for _, backup := range []string{"older", "newer"} {
		if code, said := check(backup, "--own-keys", at("keys")); code != 0 {
			t.Fatalf("%s: %d, %s", backup, code, said)
		}
	}
	if code, said := check("older"); code != cmdline.Failed || !strings.Contains(said, "--own-keys") {
		t.Errorf("without the folder: %d, %s", code, said)
	}
	if code, said := check("older", "--own-keys", at("nowhere")); code != cmdline.Failed ||
		!strings.Contains(said, "cannot be read") {
		t.Errorf("with a folder that is not there: %d, %s", code, said)
	}
	older := keys[0] // of two within a second, either may be
	if err := os.Remove(older); err != nil {
		t.Fatal(err)
	}
	opened := 0
	for _, backup := range []string{"older", "newer"} {
		if code, said := check(backup, "--own-keys", at("keys")); code == 0 {
			opened++
			succeed(t, "restore", "--data", at("restored"), "--identity", at("safe.key"), "--own-keys", at("keys"), at(backup))
		} else if !strings.Contains(said, "nothing opens it any more") {
			t.Errorf("%s: %d, %s", backup, code, said)
		}
	}
	if opened != 1 {
		t.Errorf("%d backups open with one key", opened)
	}
	if code, said := command(t, "backup", "--data", dir, "--plain", "--own-keys", at("keys"),
		at("plain")); code != cmdline.Misunderstood {
		t.Errorf("plain, with a key: %d, %s", code, said)
	}
}
