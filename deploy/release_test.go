package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// releaseKey makes a key and returns its file, and what the file of signers says of it.
func releaseKey(t *testing.T) (file, signer string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "key")
	if said, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	public, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(public))
	return file, `lifeline-release namespaces="lifeline-release" ` + words[0] + " " + words[1] + "\n"
}

func TestReleaseIsRefusedWithoutItsKey(t *testing.T) {
	key, signer := releaseKey(t)
	other, _ := releaseKey(t)
	signers, none := filepath.Join(t.TempDir(), "signers"), filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(signers, []byte(signer), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ version, key, signers, says string }{
		{"one", key, signers, "one is no version"},
		{"1.2.0", key, none, "the head of this script says how to make it"},
		{"1.2.0", other, signers, "is not the key of"},
		{"1.2.0", none, signers, "none"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		cmd := exec.CommandContext(t.Context(), "./release.sh", c.version, c.key, out)
		cmd.Env = append(os.Environ(), "LIFELINE_RELEASE_SIGNERS="+c.signers)
		if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), c.says) {
			t.Errorf("%+v: %v: %s", c, err, said)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%+v: it made a folder", c)
		}
	}
}
