package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// listener is a receiver of a webhook.
type listener struct {
	*httptest.Server
	mu      sync.Mutex
	refuses bool
	held    chan struct{}   // non-nil: the next request blocks until it is closed, and is never answered
	holds   chan struct{}   // closed when the request has arrived
	tries   int             // requests that arrived
	took    []wire.Delivery // in order of arrival
	raw     []heardRequest
	news    chan struct{}
}

// heardRequest is a request as it arrived.
type heardRequest struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func listen(t *testing.T) *listener {
	l := &listener{news: make(chan struct{}, 1)}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it was killed meanwhile
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	defer func() {
		select {
		case l.news <- struct{}{}:
		default:
		}
	}()
	request := heardRequest{Headers: map[string]string{}, Body: string(body)}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		request.Headers[name] = r.Header.Get(name)
	}
	l.raw = append(l.raw, request)
	if l.refuses {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var d wire.Delivery
	if err := json.Unmarshal(body, &d); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	l.took = append(l.took, d)
	if held := l.held; held != nil {
		close(l.holds)
		l.held = nil
		l.mu.Unlock()
		<-held
		l.mu.Lock()
	}
}

func (l *listener) refuse(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses = yes
}

// hold blocks the next request; taken is closed when it has arrived.
func (l *listener) hold() (taken <-chan struct{}, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.held, l.holds = held, make(chan struct{})
	return l.holds, func() { close(held) }
}

// until waits until enough has arrived.
func (l *listener) until(t *testing.T, what string, enough func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	for {
		l.mu.Lock()
		ok := enough()
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-l.news:
		case <-ctx.Done():
			t.Fatalf("%s: in vain; it came %d times and took %d", what, l.tries, len(l.took))
		}
	}
}

// firsts returns the changes in the order of their first arrival, without test deliveries, and the number of repeats.
// It fails if a repeat differs, or if a change arrives that is older than the last acknowledged one.
func (l *listener) firsts(t *testing.T) (out []string, again int) {
	t.Helper()
	known := map[int64]wire.Delivery{}
	for _, d := range l.took {
		if d.Type == wire.DeliveryPing {
			continue
		}
		if before, came := known[d.Data.ID]; came {
			if again++; before != d {
				t.Errorf("change %d is %+v and then %+v", d.Data.ID, before, d)
			}
			continue
		}
		known[d.Data.ID] = d
		out = append(out, fmt.Sprint(d.Data.ID, " ", d.Type, " ", d.Data.Name, " ", d.Data.Revision))
	}
	return out, again
}

// audited returns the changes after one for which a webhook of these tests is notified, by the audit trail.
func audited(t *testing.T, c *client.Client, after int64) (out []string) {
	t.Helper()
	records, err := c.Audit(t.Context(), url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"segment": "segment", "recalls": "recall", "queue": "queue", "rundown": "rundown"}
	for _, r := range records {
		name := names[r.Kind]
		if r.Kind == "chain-link" && r.Action == "as-run.seal" {
			name = "as-run"
		}
		if name != "" && r.Sequence > after {
			out = append(out, fmt.Sprint(r.Sequence, " ", name, " ", r.ID, " ", r.To))
		}
	}
	return out
}

var toldInTests = []string{"segment", "recall", "queue", "rundown", "as-run"}

// A receiver fails for a while; the service is killed while it waits for its next try, and again during a delivery:
// every change arrives, in order, signed by the scheme.
func TestWebhooksArriveThoughReceiverFailsAndServiceIsKilled(t *testing.T) {
	longform.Only(t)
	c := serveDefaults(furnish(t))
	c.Webhooks = []string{"127.0.0.0/8"}
	secret := adminOf(t, c)
	l := listen(t)
	p := startProcess(t, c, secret)
	defer func() { p.kill(t) }()
	work := newLedger()
	n := 0
	do := func() { // an upload, a plan, a publication and a report
		t.Helper()
		for _, w := range works {
			n++
			if err := w(t.Context(), p.client, work, n); err != nil {
				t.Fatal(err)
			}
		}
	}
	cli := func(args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		if status := commands.Run(t.Context(), append([]string{"webhooks"}, append(args, "--server", p.url, "--token",
			secret)...), &out, &said); status != 0 {
			t.Fatalf("webhooks %v: %s", args, said.String())
		}
		return out.String()
	}
	made := cli("put", "newsroom", l.URL+"/hook", "--changes", strings.Join(toldInTests, ","))
	_, key, ok := strings.Cut(strings.TrimSpace(made), "shown only now: ")
	if !ok || !strings.HasPrefix(key, "whsec_") {
		t.Fatalf("no secret in %q", made)
	}
	d, err := p.client.Deliveries(t.Context(), "newsroom")
	if err != nil {
		t.Fatal(err)
	}
	began := d.Standing.Delivered
	cli("test", "newsroom")
	do()
	l.until(t, "the first ones", func() bool { return len(l.took) > 4 })

	l.refuse(true)
	do()
	tries := l.tries
	l.until(t, "two failures", func() bool { return l.tries >= tries+2 })
	if shown := cli("deliveries", "newsroom"); !strings.Contains(shown, "answered 503") || !strings.Contains(shown,
		"failing since") {
		t.Errorf("deliveries shows\n%s", shown)
	}
	p.kill(t)
	p = startProcess(t, c, secret)
	do()
	l.refuse(false)
	taken, release := l.hold()
	<-taken // it is in progress
	p.kill(t)
	release()
	p = startProcess(t, c, secret)
	do()

	whole := func() bool {
		got, _ := l.firsts(t)
		return len(got) > 0 && slices.Equal(got, audited(t, p.client, began))
	}
	l.until(t, "everything", whole)
	got, again := l.firsts(t)
	kinds := map[string]int{}
	for _, change := range got {
		kinds[strings.Fields(change)[1]]++
	}
	for _, kind := range []string{"segment", "queue", "rundown", "as-run"} {
		if kinds[kind] == 0 {
			t.Errorf("nothing was told of %s: %v", kind, kinds)
		}
	}
	if again == 0 {
		t.Error("the delivery that was under way did not come again")
	}
	t.Logf("%d changes %v in order, %d came again, %d requests, 2 kills", len(got), kinds, again, l.tries)
	verifySignatures(t, key, l.raw)
	cli("list")
	cli("remove", "newsroom")
	if files := holding(t, c.Data, key); len(files) > 0 {
		t.Errorf("the secret stands in %v", files)
	}
}

// verifySignatures verifies the deliveries with the scheme's own library.
func verifySignatures(t *testing.T, secret string, requests []heardRequest) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "webhooks"))); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for _, r := range requests {
		if err := json.NewEncoder(&lines).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"npm", "install", "--no-audit", "--no-fund", "--silent"},
		{"node", "verify.js", secret}} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		var said bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(lines.Bytes()), &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", args[0], err, out, said.String())
		}
		if args[0] == "node" && strings.TrimSpace(string(out)) != strconv.Itoa(len(requests)) {
			t.Errorf("of %d requests %s are signed", len(requests), out)
		}
	}
}

// holding lists the files in a directory that contain a text.
func holding(t *testing.T, dir, text string) (out []string) {
	t.Helper()
	raw := []byte(strings.TrimPrefix(text, "whsec_"))
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, raw) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Two replicas share the work: normally each change is delivered once, in order, and when one replica stops the other
// continues at once.
func TestConcurrentReplicasTellWebhooksOnceEach(t *testing.T) {
	t.Parallel()
	c := onRedis(t, harness.StartRedis(t, harness.Durable...))
	c.Webhooks = []string{"127.0.0.0/8"}
	a, b := start(t, c), start(t, c)
	l := listen(t)
	admin := a.as("admin", access.NewToken{Name: "Ada", Role: access.Admin})
	if _, err := admin.PutWebhook(t.Context(), wire.Webhook{ID: "newsroom", URL: l.URL, Changes: toldInTests,
		Enabled: true}); err != nil {
		t.Fatal(err)
	}
	d, err := admin.Deliveries(t.Context(), "newsroom")
	if err != nil {
		t.Fatal(err)
	}
	began := d.Standing.Delivered
	told := func(h *house) {
		t.Helper()
		l.until(t, "everything", func() bool {
			got, _ := l.firsts(t)
			return len(got) > 0 && slices.Equal(got, audited(t, h.scheduler, began))
		})
	}
	houses := []*house{a, b}
	for n := range 12 {
		h := houses[n%2]
		if r, err := h.scheduler.Plan(t.Context(), crashRequest(n)); err != nil || r[0].Problem != nil {
			t.Fatal(err, r)
		}
		if r, err := h.scheduler.Publish(t.Context(), crashRequest(n)); err != nil || r[0].Problem != nil {
			t.Fatal(err, r)
		}
		if n%4 == 3 {
			told(h)
		}
	}
	a.stop()
	if r, err := b.scheduler.Plan(t.Context(), crashRequest(100)); err != nil || r[0].Problem != nil {
		t.Fatal(err, r)
	}
	told(b)
	got, again := l.firsts(t)
	if again > 0 {
		t.Errorf("%d came twice", again)
	}
	t.Logf("%d changes from two replicas, each once, in order", len(got))
}

// A webhook's settings follow the contract, and its secret is never shown again.
func TestWebhookIsAResourceAsTheContractSays(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir())
	h.as("admin", access.NewToken{Name: "Ada", Role: access.Admin})
	admin := h.secrets["admin"]
	send := func(method, path, match, body string) answer {
		t.Helper()
		header := map[string]string{"Content-Type": "application/json"}
		if match != "" {
			header["If-Match"] = match
		}
		return h.do(method, "/v1/webhooks"+path, admin, header, []byte(body))
	}
	for name, bad := range map[string]struct{ body, field string }{
		"an unknown field": {`{"url":"https://a.example/","changes":["queue"],"speed":1}`, "speed"},
		"no TLS":           {`{"url":"http://a.example/","changes":["queue"]}`, "url"},
		"a user":           {`{"url":"https://u:p@a.example/","changes":["queue"]}`, "url"},
		"another scheme":   {`{"url":"file:///etc/passwd","changes":["queue"]}`, "url"},
		"no kind":          {`{"url":"https://a.example/"}`, "changes"},
		"no such kind":     {`{"url":"https://a.example/","changes":["queue","token"]}`, "changes[1]"},
		"a bad station":    {`{"url":"https://a.example/","changes":["queue"],"stations":["A B"]}`, "stations[0]"},
		"an inner address": {`{"url":"https://127.0.1.1:9/","changes":["queue"]}`, "url"},
	} {
		got := send("PUT", "/newsroom", "", bad.body)
		var p wire.Problem
		if got.into(t, &p); got.status != http.StatusUnprocessableEntity || len(p.Errors) != 1 ||
			p.Errors[0].Field != bad.field {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	near := serveDefaults(t.TempDir())
	near.Webhooks = []string{"127.0.0.0/24"} // nobody listens there, and the address needs no lookup
	h = start(t, near)
	h.as("admin", access.NewToken{Name: "Ada", Role: access.Admin})
	admin = h.secrets["admin"]
	good := `{"url":"https://127.0.0.1:9/","changes":["queue"],"description":"x"}`
	made := send("PUT", "/newsroom", "", good)
	var w wire.Webhook
	if made.into(t, &w); made.status != http.StatusCreated || !w.Enabled || w.Secret == "" ||
		made.header.Get("Cache-Control") != "no-store" || made.header.Get("ETag") != `"1"` {
		t.Fatalf("%d %v %s", made.status, made.header, made.body)
	}
	if got := send("PUT", "/newsroom", "", good); got.status != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %d", got.status)
	}
	if got := send("PUT", "/newsroom", `"7"`, good); got.status != http.StatusPreconditionFailed {
		t.Errorf("from another revision: %d", got.status)
	}
	back := send("GET", "/newsroom", "", "")
	again := send("PUT", "/newsroom", `"1"`, string(back.body))
	test := send("POST", "/newsroom/test", "", "")
	var attempt wire.Attempt
	if test.into(t, &attempt); test.status != http.StatusOK || attempt.Error == "" ||
		attempt.Status != 0 {
		t.Errorf("a test of an address where nobody listens: %d %s", test.status, test.body)
	}
	for name, a := range map[string]answer{"GET": back, "PUT of what was read": again, "the list": send("GET", "", "", ""),
		"deliveries": send("GET", "/newsroom/deliveries", "", ""),
		"audit":      h.do("GET", "/v1/audit?limit=500", admin, nil, nil),
		"metrics":    h.do("GET", "/metrics", admin, nil, nil)} {
		if a.status != http.StatusOK || bytes.Contains(a.body, []byte("whsec_")) || name != "audit" && name != "metrics" &&
			bytes.Contains(a.body, []byte(w.Secret[6:])) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	rotated := send("POST", "/newsroom/rotate", "", "")
	var other wire.Webhook
	if rotated.into(t, &other); other.Secret == "" || other.Secret == w.Secret || other.Revision != 3 {
		t.Errorf("rotated: %d %s", rotated.status, rotated.body)
	}
	if got := send("DELETE", "/newsroom", "", ""); got.status != http.StatusPreconditionRequired {
		t.Errorf("removed without If-Match: %d", got.status)
	}
	if got := send("DELETE", "/newsroom", `"3"`, ""); got.status != http.StatusNoContent {
		t.Errorf("removed: %d %s", got.status, got.body)
	}
	if got := send("GET", "/newsroom", "", ""); got.status != http.StatusNotFound {
		t.Errorf("after that: %d", got.status)
	}
}

// A malformed network is reported at the start.
func TestWebhookNetworksAreNetworks(t *testing.T) {
	t.Parallel()
	c := serveDefaults(t.TempDir())
	c.Webhooks = []string{"10.0.0.0/8", "10.0.0.1"}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "--webhook-networks") {
		t.Error(err)
	}
}
