//go:build linux

package storage_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/client"
	"lifeline/internal/harness"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// day is the day that is planned and pulled.
var day = schedules.Date{Year: 2027, Month: 2, Day: 3}

// service is a running service with an administrator's token.
type service struct {
	program  string
	settings []string // of its data and store
	url      string
	pid      int
	token    string
	desk     *client.Client
}

// build builds the program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "lifeline")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"lifeline/cmd/lifeline").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// serve starts a service, which ends with the test.
func serve(t *testing.T, program string, settings ...string) *service {
	t.Helper()
	s := &service{program: program, settings: settings, url: "http://" + harness.FreeAddress(t)}
	cmd := exec.Command(program, append([]string{"serve", "--rate", "0", "--open-metrics", "--log-level", "warn",
		"--public-url", "http://lifeline.example",
		"--listen", strings.TrimPrefix(s.url, "http://")}, settings...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only if it has ended already
		_ = cmd.Wait()         // reports that it was killed
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the service did not start: %q, %v", line, err)
	}
	s.pid = cmd.Process.Pid
	s.token = s.lifeline(t, "token", "create", "--name", "Minjun", "--role", "scheduler")
	s.desk = client.New(s.url, s.token, &http.Client{})
	return s
}

// lifeline runs a command against the service.
func (s *service) lifeline(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.program, append(args, s.settings...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lifeline %v: %v\n%s", args, err, said.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// furnish approves the samples, applies the example network, and returns so many stations, each with a plan.
func (s *service) furnish(t *testing.T, stations int) []string {
	t.Helper()
	producer := s.lifeline(t, "token", "create", "--name", "Hana", "--role", "producer")
	upload := exec.CommandContext(t.Context(), s.program, "upload", "--quiet", "--server", s.url, filepath.Join("..", "..",
		"..", "audio", "samples", "catalogue.yaml"))
	upload.Env = append(os.Environ(), "LIFELINE_TOKEN="+producer)
	if out, err := upload.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	segments, err := s.desk.Segments(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, segment := range segments {
		if _, err := s.desk.Approve(t.Context(), segment, wire.Approval{Reason: "heard"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.desk.Apply(t.Context(), bytes.NewReader(examples.Network), false); err != nil {
		t.Fatal(err)
	}
	known, err := s.desk.Stations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var pattern schedules.Station
	for _, st := range known {
		if st.ID == "harbour-dawn" {
			pattern = st
		}
	}
	var names []string
	for n := 0; n < stations; n += 100 {
		var network struct {
			Stations []schedules.Station `json:"stations"`
		}
		for i := n; i < min(n+100, stations); i++ {
			st := pattern
			st.ID, st.Revision = fmt.Sprintf("station-%04d", i), 0
			network.Stations, names = append(network.Stations, st), append(names, st.ID)
		}
		text, err := json.Marshal(network)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Apply(t.Context(), bytes.NewReader(text), false); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// plan plans a station's day, and returns the request that publishes it.
func (s *service) plan(t *testing.T, station string) wire.ManyRequest {
	t.Helper()
	request := wire.ManyRequest{Stations: []string{station}, Dates: []schedules.Date{day}, Seed: 1}
	if r, err := s.desk.Plan(t.Context(), request); err != nil || r[0].Problem != nil {
		t.Fatalf("plan: %v %+v", err, r)
	}
	return request
}

func (s *service) publish(t *testing.T, request wire.ManyRequest) {
	t.Helper()
	if r, err := s.desk.Publish(t.Context(), request); err != nil || r[0].Problem != nil {
		t.Fatalf("publish: %v %+v", err, r)
	}
}
