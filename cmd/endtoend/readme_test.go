package endtoend

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The README's example with curl, unchanged except for port and data directory, ends with a published queue.
func TestReadmeWalkWithCurlWorks(t *testing.T) {
	longform.Only(t)
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
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port; the example takes it a moment later
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	service, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	serving := "serve --listen " + address
	script := "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\nexport LIFELINE_SERVER=http://" + address + "\n" +
		strings.NewReplacer(
			"serve --listen 127.0.0.1:8080 &", serving+" >&2 &\nuntil curl -sf "+address+"/healthz >&2; do :; done",
			"127.0.0.1:8080", address,
			"LIFELINE_DATA=data", "LIFELINE_DATA="+dir,
			"go build -o bin/ ./cmd/lifeline ./cmd/playout", ":", // built above
			"bin/lifeline", service).Replace(walk)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = filepath.Join("..", "..")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, said.String(), out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var q wire.Queue
	answer{body: []byte(lines[len(lines)-1])}.into(t, &q)
	checkQueue(t, schedules.Station{ID: "harbour-dawn"}, q)
	if q.PublishedAt.Before(time.Now().Add(-5 * time.Minute)) {
		t.Errorf("published at %s", q.PublishedAt)
	}
}
