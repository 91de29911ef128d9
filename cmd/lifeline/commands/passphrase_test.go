package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRootKeysAreLockedByTheirPassphrases(t *testing.T) {
	normal := passphraseWork
	passphraseWork = 10
	t.Cleanup(func() { passphraseWork = normal })
	dir, words := filepath.Join(t.TempDir(), "safe"), filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(words, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	done(t, "key", "init", dir, "--passphrase-file", words)
	done(t, "key", "renew", dir)
	names, err := filepath.Glob(filepath.Join(dir, "*.rootkey"))
	if err != nil || len(names) != 3 {
		t.Fatalf("%q, %v", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if info, _ := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(b),
			"-----BEGIN AGE ENCRYPTED FILE-----") {
			t.Errorf("%s: %v %s", name, err, b)
		}
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("another passphrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := tried(t, "key", "sign", dir, "--with", names[0], "--passphrase-file", other); code == 0 ||
		!strings.Contains(said, "does not open with this passphrase") {
		t.Errorf("with another passphrase: %d %s", code, said)
	}
	if said := done(t, "key", "sign", dir, "--with", names[0], "--with", names[2], "--passphrase-file",
		words); !strings.Contains(said, "Root 2 is complete") {
		t.Error(said)
	}
}

// tried runs a command, and returns its exit code and output.
func tried(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var said strings.Builder
	code := Run(t.Context(), args, &said, &said)
	return code, said.String()
}

// done runs a command that must succeed.
func done(t *testing.T, args ...string) string {
	t.Helper()
	code, said := tried(t, args...)
	if code != 0 {
		t.Fatalf("lifeline %s: %d\n%s", strings.Join(args, " "), code, said)
	}
	return said
}
