package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/openapi/conform"
	"lifeline/internal/service"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/examples"
)

// house is a running service in its own data directory, with a client for each role.
type house struct {
	t         testing.TB
	url       string
	producer  *client.Client // Hana, who uploads
	editor    *client.Client // Ruth, who approves
	scheduler *client.Client
	secrets   map[string]string // by role, and station:ID
	service   *service.Service
	config    config.Serve
	stop      func()
}

// furnished is a data directory with the samples approved and the example network applied. It is made once, and each
// test gets a copy.
var (
	furnished  string
	furnishing sync.Mutex
)

// ofTests are the variables that request long proofs.
var ofTests = []string{"LIFELINE_PROVE", "LIFELINE_SEED", "LIFELINE_INPUTS"}

// seedOr returns the seed that LIFELINE_SEED names, or another one.
func seedOr(t *testing.T, other uint64) uint64 {
	t.Helper()
	text := os.Getenv("LIFELINE_SEED")
	if text == "" {
		return other
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lifeline-test-")
	if err != nil {
		panic(err)
	}
	furnished = filepath.Join(dir, "furnished")
	for _, name := range os.Environ() { // of the user who runs the tests
		if name, _, _ = strings.Cut(name, "="); strings.HasPrefix(name, "LIFELINE_") && !slices.Contains(ofTests, name) {
			os.Unsetenv(name)
		}
	}
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "none")) // no settings there
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// open starts the service over dir on a free port; it stops with the test.
func open(t testing.TB, dir string) *house { t.Helper(); return start(t, serveDefaults(dir)) }

// comingDay returns a day to come: what a test publishes must not be over when it runs.
func comingDay(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }

// serveDefaults returns the configuration of the embedded store over dir.
func serveDefaults(dir string) config.Serve {
	return config.Serve{Data: dir, Store: "sqlite", Audio: "local", Listen: "127.0.0.1:0", MaxUpload: 64 << 20,
		MaxWaiting: 1 << 30, MediaLife: 36 * time.Hour}
}

// startAt is open at a given address.
func startAt(t testing.TB, dir, address string) *house {
	t.Helper()
	cfg := serveDefaults(dir)
	cfg.Listen = address
	return start(t, cfg)
}

// start starts the service; it stops with the test, or before.
func start(t testing.TB, cfg config.Serve) *house { t.Helper(); return startBelow(t, cfg, "") }

// startBelow is start behind a proxy that serves the service below a path, and removes the path.
func startBelow(t testing.TB, cfg config.Serve, base string) *house {
	t.Helper()
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, url: "http://" + l.Addr().String() + base, secrets: map[string]string{}, config: cfg}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	if h.service, err = service.Open(t.Context(), cfg, h.url, log); err != nil {
		t.Fatal(err)
	}
	h.service.Server.Handler = http.StripPrefix(base, contract(t, h.service.Server.Handler).Watch(h.service.Server.Handler,
		func(err error) {
			t.Error("not as the document says:", err)
		}))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.service.Run(ctx, l) }()
	h.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error("the service ended with", err)
		}
		if err := h.service.Close(); err != nil {
			t.Error("the service closed with", err)
		}
	})
	t.Cleanup(h.stop)
	h.producer = h.as("producer", access.NewToken{Name: "Hana", Role: access.Producer})
	h.editor = h.as("editor", access.NewToken{Name: "Ruth", Role: access.Producer})
	h.scheduler = h.as("scheduler", access.NewToken{Name: "Minjun", Role: access.SchedulerJob})
	return h
}

// contract returns the OpenAPI document of a service.
func contract(t testing.TB, service http.Handler) *conform.Contract {
	t.Helper()
	w := httptest.NewRecorder()
	service.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	c, err := conform.Read(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *house) as(name string, n access.NewToken) *client.Client {
	h.t.Helper()
	token, err := h.service.Access.Create(h.t.Context(), access.System, n)
	if err != nil {
		h.t.Fatal(err)
	}
	h.secrets[name] = token.Secret
	return client.New(h.url, token.Secret, http.DefaultClient)
}

// station returns a client with the token of a station's player.
func (h *house) station(id string) *client.Client {
	h.t.Helper()
	return h.as("station:"+id, access.NewToken{Name: id, Role: access.StationJob, Station: id})
}

// furnish returns a copy of the furnished data directory.
func furnish(t *testing.T) string {
	t.Helper()
	furnishing.Lock()
	defer furnishing.Unlock()
	if _, err := os.Stat(furnished); err != nil {
		t.Run("furnish", func(t *testing.T) { // in a subtest, so that its service ends here
			h := open(t, furnished)
			succeed(t, "upload", "--quiet", "--server", h.url, "--token", h.secrets["producer"],
				filepath.Join("..", "..", "audio", "samples", "catalogue.yaml"))
			segments, err := h.producer.Segments(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range segments {
				if _, err := h.editor.Approve(t.Context(), s, wire.Approval{Reason: "heard"}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.scheduler.Apply(t.Context(), bytes.NewReader(examples.Network), false); err != nil {
				t.Fatal(err)
			}
		})
	}
	dir := filepath.Join(t.TempDir(), "data")
	copyPrivate(t, dir, furnished)
	return dir
}

// copyPrivate copies a folder so that only its owner may read the copies, as the service keeps its files.
func copyPrivate(t testing.TB, to, from string) {
	t.Helper()
	err := os.CopyFS(to, os.DirFS(from))
	if err == nil {
		err = filepath.WalkDir(to, func(name string, f fs.DirEntry, err error) error {
			if err == nil && !f.IsDir() {
				err = os.Chmod(name, 0o600)
			}
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one request: method, path, token, headers, body.
func (h *house) do(method, path, secret string, header map[string]string, body []byte) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// approve approves a segment as it is now.
func approve(ctx context.Context, c *client.Client, id string) (wire.ChangedSegment, error) {
	s, err := c.Segment(ctx, id)
	if err != nil {
		return wire.ChangedSegment{}, err
	}
	return c.Approve(ctx, s, wire.Approval{Reason: "heard"})
}

// patch changes a segment's metadata as its producer.
func (h *house) patch(id string, fields any) {
	h.t.Helper()
	s, err := h.producer.Segment(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		h.t.Fatal(err)
	}
	got := h.do(http.MethodPatch, wire.Segment(id), h.secrets["producer"],
		map[string]string{"Content-Type": "application/merge-patch+json",
			"If-Match": strconv.Quote(strconv.FormatInt(s.Revision, 10))}, body)
	if h.secondConfirms(got); got.status != http.StatusOK && got.status != http.StatusForbidden {
		h.t.Fatalf("%d %s", got.status, got.body)
	}
}

// approveAgain approves a segment as it is after an edit.
func (h *house) approveAgain(id string) {
	h.t.Helper()
	if _, err := approve(h.t.Context(), h.editor, id); err != nil {
		h.t.Fatal(err)
	}
}

// secondConfirms confirms, as Amos, the change that an answer says waits for a second person.
func (h *house) secondConfirms(got answer) {
	h.t.Helper()
	if got.status != http.StatusForbidden {
		return
	}
	all, err := h.second().Waiting(h.t.Context())
	if err != nil || len(all) != 1 || !strings.Contains(string(got.body), all[0].ID) {
		h.t.Fatalf("%d %s, and %+v wait (%v)", got.status, got.body, all, err)
	}
	if _, err := h.second().DecideWaiting(h.t.Context(), all[0].ID, "confirm"); err != nil {
		h.t.Fatal(err)
	}
}

// second returns a client of a person who confirms what others ask for. The token is by name, so that a store in the
// format of an older program takes it.
func (h *house) second() *client.Client {
	h.t.Helper()
	if secret := h.secrets["second"]; secret != "" {
		return client.New(h.url, secret, http.DefaultClient)
	}
	made := h.as("second", access.NewToken{Name: "Amos", Role: access.Admin})
	amos := wire.Member{ID: "amos", Name: "Amos", Roles: []string{"admin"}, Sensitive: true}
	if _, err := access.NewMembers(h.service.Replica, time.Now).Add(h.t.Context(), access.System, amos); err != nil {
		h.t.Fatal(err)
	}
	return made
}

// analysed returns a segment after its analysis.
func (h *house) analysed(id string) (s schedules.Segment) {
	h.t.Helper()
	eventually(h.t, func() bool {
		var err error
		if s, err = h.producer.Segment(h.t.Context(), id); err != nil {
			h.t.Fatal(err)
		}
		return s.State != schedules.Analysing
	})
	return s
}

func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

func date(t testing.TB, s string) schedules.Date {
	t.Helper()
	d, err := schedules.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
