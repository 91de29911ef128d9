//go:build unix

package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lifeline/internal/blob"
	"lifeline/internal/blob/blobtest"
	"lifeline/internal/fault"
)

func TestLocalKeepsThePort(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Bench {
		dir := t.TempDir()
		return blobtest.Bench{
			Open:  func() blob.Store { return openLocal(t, dir) },
			Flip:  func(sha string, at int64) { flip(t, filepath.Join(dir, sha[:2], sha), at) },
			Spool: func() []string { return entries(t, filepath.Join(dir, "tmp")) },
		}
	})
}

func TestOpeningSweepsWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	child := again(t, "BLOB_CHILD_DIR="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, filepath.Join(dir, "tmp")); len(got) != 1 {
		t.Fatalf("the child writes %v", got)
	}
	openLocal(t, dir)
	if got := entries(t, filepath.Join(dir, "tmp")); len(got) != 1 {
		t.Fatal("opening swept what a living process writes")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	local := openLocal(t, dir)
	if got := entries(t, filepath.Join(dir, "tmp")); len(got) != 0 {
		t.Fatalf("left: %v", got)
	}
	if list, err := local.List(t.Context(), "", 10); err != nil || len(list) != 0 {
		t.Fatalf("list: %v, %v", list, err)
	}
}

// The file size limit of a process simulates a full disk: the system refuses the write itself.
func TestPutWithoutSpaceIsFullAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	child := again(t, "BLOB_CHILD_DIR="+dir, "BLOB_CHILD_LIMIT=65536")
	if out, err := child.CombinedOutput(); err != nil || string(out) != "full" {
		t.Fatalf("child: %s, %v", out, err)
	}
	if got := entries(t, filepath.Join(dir, "tmp")); len(got) != 0 {
		t.Fatalf("left: %v", got)
	}
	local := openLocal(t, dir)
	if list, err := local.List(t.Context(), "", 10); err != nil || len(list) != 1 {
		t.Fatalf("list: %v, %v; want the small one", list, err)
	}
}

func TestStrayFilesAreNoBlobs(t *testing.T) {
	dir := t.TempDir()
	local := openLocal(t, dir)
	kept, err := local.Put(t.Context(), strings.NewReader("x"), 10)
	if err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, kept.SHA256[:2])
	other := fmt.Sprintf("%s%062x", kept.SHA256[:2], 1)
	link := fmt.Sprintf("%s%062x", kept.SHA256[:2], 2)
	if err := errors.Join(
		os.WriteFile(filepath.Join(sub, "notes.txt"), nil, 0o600), os.WriteFile(filepath.Join(sub, strings.Repeat("0", 64)),
			nil, 0o600),
		os.Mkdir(filepath.Join(sub, other), 0o700), os.Symlink("/etc/passwd", filepath.Join(sub, link)),
	); err != nil {
		t.Fatal(err)
	}
	list, err := local.List(t.Context(), "", 10)
	if err != nil || len(list) != 1 || list[0] != kept {
		t.Fatalf("list: %v, %v", list, err)
	}
	if _, _, err := local.Open(t.Context(), other); !fault.Is(err, fault.NotFound) {
		t.Fatalf("open a directory: %v", err)
	}
	if content, _, err := local.Open(t.Context(), link); err == nil {
		content.Close()
		t.Fatal("opened a file outside")
	}
}

func TestOpenContentOutlivesDeletion(t *testing.T) {
	local := openLocal(t, t.TempDir())
	p := bytes.Repeat([]byte("x"), 100_000)
	stored, err := local.Put(t.Context(), bytes.NewReader(p), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	content, _, err := local.Open(t.Context(), stored.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if err := local.Delete(t.Context(), stored.SHA256); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, p) {
		t.Fatalf("read %d bytes, %v", len(got), err)
	}
}

func openLocal(t *testing.T, dir string) *blob.Local {
	t.Helper()
	local, err := blob.OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := local.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return local
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{^b[0]}, at); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// again returns a command that runs this test binary as a child process.
func again(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), env...)
	return child
}

func TestMain(m *testing.M) {
	dir := os.Getenv("BLOB_CHILD_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	local, err := blob.OpenLocal(dir)
	if err != nil {
		panic(err)
	}
	if os.Getenv("BLOB_CHILD_WORK") != "" {
		putAndDelete(local)
	}
	var limit uint64
	if _, err := fmt.Sscan(os.Getenv("BLOB_CHILD_LIMIT"), &limit); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			panic(err)
		}
		_, small := local.Put(context.Background(), bytes.NewReader(make([]byte, limit)), 1<<30)
		_, large := local.Put(context.Background(), bytes.NewReader(make([]byte, limit+1)), 1<<30)
		if small == nil && fault.Is(large, fault.Full) {
			fmt.Print("full")
			return
		}
		panic(fmt.Sprint(small, large))
	}
	r, w := io.Pipe()
	go func() {
		w.Write(make([]byte, 200_000))
		fmt.Print("!")
	}()
	local.Put(context.Background(), r, 1<<30)
}
