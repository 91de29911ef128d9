package endtoend

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// systemd starts what waits for the service or the player when it is told that they are ready, and ends one that it
// does not hear of.
func TestSystemdIsToldOfServiceAndPlayer(t *testing.T) {
	longform.Only(t)
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	settings := serveDefaults(furnish(t))
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "300000")
	hear := func(want ...string) {
		t.Helper()
		for n, b := 0, make([]byte, 100); n < len(want); {
			if err := l.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			size, err := l.Read(b)
			if err != nil {
				t.Fatalf("after %v: %v", want[:n], err)
			}
			switch said := string(b[:size]); {
			case said == want[n]:
				n++
			case said != "WATCHDOG=1":
				t.Fatalf("%q after %v", said, want[:n])
			}
		}
	}
	end := func(cmd *exec.Cmd) {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		hear("STOPPING=1")
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	service, url, _ := launch(t, arguments(settings)...)
	hear("READY=1", "WATCHDOG=1")
	resp, err := http.Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("ready, and /readyz answers %s", resp.Status)
	}
	end(service)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	player := exec.Command(filepath.Join(filepath.Dir(path), "playout"), "--server", url, "--station", "harbour-dawn",
		"--trust-on-first-use", "--state", filepath.Join(t.TempDir(), "player"), "--output", "wav:"+t.TempDir())
	if err := player.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { player.Process.Kill() })
	hear("READY=1", "WATCHDOG=1")
	end(player)
}
