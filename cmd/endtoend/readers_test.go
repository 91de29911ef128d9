package endtoend

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A service whose log reader ends, as in serve | head, continues to serve.
func TestServiceGoesOnWhenTheReaderOfItsLogIsGone(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() }) // if it still runs
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	lines, url := bufio.NewScanner(read), ""
	for url == "" && lines.Scan() {
		if at, found := strings.CutPrefix(lines.Text(), "Lifeline serves at "); found {
			url = at
		}
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each is a line of the log
		resp, err := http.Get(url + "/v1/stations")
		if err != nil {
			t.Fatal("the service ended with its reader:", err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Error(resp.StatusCode, err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error("it ended with", err)
	}
}
