package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// tool returns the path of a command that is built once from its module and kept in the user's cache.
func tool(t testing.TB, command, version string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(command)
	dir := filepath.Join(cache, "lifeline", name+"-"+version+"-"+runtime.Version())
	binary := filepath.Join(dir, name)
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	into, err := os.MkdirTemp(dir, "build")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(into)
	// Without inlining and symbols it is built in little more than half the time.
	build := exec.CommandContext(t.Context(), "go", "install", "-gcflags=github.com/...=-l", "-ldflags=-s -w",
		command+"@"+version)
	build.Dir, build.Env = into, append(os.Environ(), "GOBIN="+into, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	if err := os.Rename(filepath.Join(into, name), binary); err != nil {
		t.Fatal(err)
	}
	return binary
}
