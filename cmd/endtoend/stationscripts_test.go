package endtoend

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// The script feeds an ffmpeg that ended at once, since nobody listens at its mount: nothing of it was heard.
func TestTheScriptOfFFmpegReportsNothingAsAiredThatItsMountDidNotTake(t *testing.T) {
	t.Parallel()
	longform.Only(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lists, name := t.TempDir(), strings.Repeat("a", 64)+"-0123456789abcdef"
	start := time.Now().Add(2 * time.Second)
	for file, b := range map[string][]byte{"air/" + name + ".wav": make([]byte, 44+192*4000), "reports/.keep": nil,
		"next": fmt.Appendf(nil, "%d %d %s title\n", start.UnixMilli(), start.Add(4*time.Second).UnixMilli(), name)} {
		path := filepath.Join(lists, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithDeadline(t.Context(), start.Add(5*time.Second))
	defer stop()
	cmd := exec.CommandContext(ctx, "sh", filepath.Join("..", "..", "deploy", "stations", "ffmpeg.sh"))
	cmd.Env = append(os.Environ(), "LIFELINE_LISTS="+lists, "LIFELINE_MOUNT=icecast://source:x@"+l.Addr().String()+"/h")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); ctx.Err() == nil || !strings.Contains(said.String(), "refused") {
		t.Fatalf("it ended with %v, and said %s", err, &said)
	}
	reports, err := filepath.Glob(filepath.Join(lists, "reports", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if b, err := os.ReadFile(r); err != nil || strings.Contains(string(b), " aired ") {
			t.Errorf("it reported %s, %v", b, err)
		}
	}
}
