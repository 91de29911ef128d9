package endtoend

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
	"lifeline/internal/harness/longform"
)

func TestABackupIsEncryptedToTheNamedKeys(t *testing.T) {
	longform.Only(t)
	dir, files := furnish(t), t.TempDir()
	at := func(name string) string { return filepath.Join(files, name) }
	succeed(t, "token", "create", "--data", dir, "--name", "Hana", "--role", "producer")
	if err := os.WriteFile(at("words"), []byte("a passphrase of the tests\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := succeed(t, "key", "backup", at("safe.key"), "--passphrase-file", at("words"))
	recipient := regexp.MustCompile(`age1[0-9a-z]+`).FindString(said)
	other := regexp.MustCompile(`age1[0-9a-z]+`).FindString(succeed(t, "key", "backup", at("other.key"), "--plain"))
	if recipient == "" || other == "" {
		t.Fatalf("no recipient is named: %s", said)
	}
	if code, said := command(t, "backup", "--data", dir, at("none")); code != cmdline.Misunderstood ||
		!strings.Contains(said, "lifeline key backup") {
		t.Errorf("without a recipient: %d, %s", code, said)
	}
	succeed(t, "backup", "--data", dir, "--with-audio", "--with-keys", "--recipient", recipient, at("backup"))
	succeed(t, "backup", "--data", dir, "--plain", at("plain.tar"))
	b, err := os.ReadFile(at("backup"))
	if err != nil || bytes.Contains(b, []byte("Hana")) || bytes.Contains(b, []byte("ustar")) {
		t.Errorf("the backup is not encrypted, %v", err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"check-backup", at("backup")}, "--identity"},
		{[]string{"check-backup", "--identity", at("other.key"), at("backup")}, "another key"},
		{[]string{"check-backup", "--identity", at("words"), at("backup")}, "no age key"},
		{[]string{"restore", "--data", at("restored"), at("backup")}, "--identity"},
	} {
		if code, said := command(t, c.args...); code != cmdline.Failed || !strings.Contains(said, c.says) {
			t.Errorf("%q: %d, %s", c.args, code, said)
		}
	}
	if _, err := os.Stat(at("restored")); err == nil {
		t.Error("a refused restore made a directory")
	}
	key := []string{"--identity", at("other.key"), "--identity", at("safe.key"), "--passphrase-file", at("words")}
	succeed(t, append([]string{"check-backup", at("backup")}, key...)...)
	succeed(t, append([]string{"restore", "--data", at("restored"), at("backup")}, key...)...)
	succeed(t, "fsck", "--data", at("restored"))
	succeed(t, "check-backup", at("plain.tar"))
	cut := b[:len(b)/2]
	if err := os.WriteFile(at("cut"), cut, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := command(t, append([]string{"check-backup", at("cut")}, key...)...); code != cmdline.Failed {
		t.Errorf("a cut backup: %d, %s", code, said)
	}
}
