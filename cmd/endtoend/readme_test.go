package endtoend

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The README's example with curl, unchanged except for port and data directory, ends with a published queue.
func TestReadmeWalkWithCurlWorks(t *testing.T) {
	longform.Only(t)
	out, said, err := readmeWalk(t, harness.FreeAddress(t), "")
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, said, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var q wire.Queue
	answer{body: []byte(lines[len(lines)-1])}.into(t, &q)
	checkQueue(t, schedules.Station{ID: "harbour-dawn"}, q)
	if q.PublishedAt.Before(time.Now().Add(-5 * time.Minute)) {
		t.Errorf("published at %s", q.PublishedAt)
	}
}

// Whoever holds the port answers as if the service were there.
func TestReadmeWalkSaysThatTheServiceDidNotStart(t *testing.T) {
	longform.Only(t)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	out, said, err := readmeWalk(t, other.Listener.Addr().String(), "HANA=")
	if err != nil || !strings.Contains(out, "did not start") || !strings.Contains(said, "address already in use") {
		t.Errorf("with the port taken: %v\n%s\n%s", err, said, out)
	}
}

// readmeWalk runs the README's example with curl up to a text, at an address and in a directory of its own.
func readmeWalk(t *testing.T, address, before string) (out, said string, err error) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "## With curl alone")
	_, walk, begun := strings.Cut(section, "```sh\n")
	walk, _, ended := strings.Cut(walk, "```")
	if !found || !begun || !ended {
		t.Fatal("the README has no walk with curl")
	}
	if before != "" {
		walk, _, _ = strings.Cut(walk, before)
	}
	service, err := program()
	if err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\ntrap 'kill $(jobs -p) || true' EXIT\nexport LIFELINE_SERVER=http://" + address + "\n" +
		strings.NewReplacer(
			"serve --listen 127.0.0.1:8080 &", "serve --listen "+address+" >&2 &",
			"127.0.0.1:8080", address,
			"LIFELINE_DATA=data", "LIFELINE_DATA="+t.TempDir(),
			"go build -o bin/ ./cmd/lifeline ./cmd/playout", ":", // built above
			"bin/lifeline", service).Replace(walk)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = filepath.Join("..", "..")
	var errors strings.Builder
	cmd.Stderr = &errors
	b, err := cmd.Output()
	return string(b), errors.String(), err
}
