//go:build unix

package endtoend

import (
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/harness/longform"
)

// One service at a time uses a data directory with the embedded store. Commands that only read or that make a token
// work beside it, and kill -9 frees the directory.
func TestOneServiceHasADataDirectory(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	file := filepath.Join(t.TempDir(), "backup.tar")
	first := startProcess(t, serveDefaults(dir), "")
	refused := func(args ...string) {
		t.Helper()
		if code, out := command(t, append(args, "--data", dir)...); code == 0 || !strings.Contains(out,
			"another service runs on it") || !strings.Contains(out, dir) {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
	refused("serve", "--listen", "127.0.0.1:0")
	succeed(t, "backup", "--plain", "--data", dir, "--with-audio", file)
	succeed(t, "fsck", "--data", dir)
	succeed(t, "token", "create", "--data", dir, "--name", "Ada", "--role", "admin")
	refused("restore", file)
	first.kill(t)
	second := startProcess(t, serveDefaults(dir), "")
	refused("serve", "--listen", "127.0.0.1:0")
	second.kill(t)
}
