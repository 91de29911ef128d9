package endtoend

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/config"
	"lifeline/internal/harness"
	"lifeline/internal/service"
	"lifeline/internal/wire"
)

// serving is a service with its own configuration, and its log.
type serving struct {
	*service.Service
	url  string
	logs *syncBuffer
	stop func()
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serveWith starts a service with changed defaults; before runs between opening and serving.
func serveWith(t *testing.T, change func(*config.Serve), before func(*http.Server)) *serving {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := serveDefaults(filepath.Join(t.TempDir(), "data"))
	change(&cfg)
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	s := &serving{url: "http://" + l.Addr().String(), logs: &syncBuffer{}}
	if cfg.Guard.TLS() {
		s.url = "https://" + l.Addr().String()
	}
	if s.Service, err = service.Open(t.Context(), cfg, s.url,
		slog.New(slog.NewJSONHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))); err != nil {
		t.Fatal(err)
	}
	if before != nil {
		before(s.Server)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	s.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

func (s *serving) token(t *testing.T, role access.Role) string {
	t.Helper()
	token, err := s.Access.Create(t.Context(), access.System, access.NewToken{Name: "T", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return token.Secret
}

func get(t *testing.T, c *http.Client, url, secret string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// A token that exceeds its rate gets the time of its next try; another token is not affected.
func TestTokenHasItsPace(t *testing.T) {
	t.Parallel()
	s := serveWith(t, func(c *config.Serve) { c.Guard.Rate, c.Guard.RateBurst = 0.01, 3 }, nil)
	fast, other := s.token(t, access.Viewer), s.token(t, access.Viewer)
	for range 3 {
		if a := get(t, http.DefaultClient, s.url+"/v1/clocks", fast); a.status != http.StatusOK {
			t.Fatalf("%d within the burst: %s", a.status, a.body)
		}
	}
	a := get(t, http.DefaultClient, s.url+"/v1/clocks", fast)
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusTooManyRequests || err != nil ||
		after < 90 || after > 100 {
		t.Errorf("%d, Retry-After %q after the burst: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	if a := get(t, http.DefaultClient, s.url+"/v1/clocks", other); a.status != http.StatusOK {
		t.Errorf("another token is answered %d", a.status)
	}
	if a := get(t, http.DefaultClient, s.url+"/healthz", ""); a.status != http.StatusOK {
		t.Errorf("health is answered %d", a.status)
	}
}

// Failed logins are throttled, and do not lock out a caller with a valid token.
func TestFailedLoginsAreThrottledByAddress(t *testing.T) {
	t.Parallel()
	s := serveWith(t, func(*config.Serve) {}, nil)
	good := s.token(t, access.Viewer)
	statuses := map[int]int{}
	for n := range 60 {
		statuses[get(t, http.DefaultClient, s.url+"/v1/clocks", fmt.Sprintf("lifeline_%020d_guess", n)).status]++
	}
	if statuses[401] < 20 || statuses[429] < 30 || statuses[401]+statuses[429] != 60 {
		t.Errorf("guesses are answered %v", statuses)
	}
	if a := get(t, http.DefaultClient, s.url+"/v1/clocks", good); a.status != http.StatusOK {
		t.Errorf("a good token is answered %d", a.status)
	}
}

// Every answer has its security headers, and a page of another site is refused, with old browsers too.
func TestBrowsersAreKeptInBounds(t *testing.T) {
	t.Parallel()
	s := serveWith(t, func(*config.Serve) {}, nil)
	for _, path := range []string{"/healthz", "/docs", "/openapi.json", "/nowhere", "/v1/clocks"} {
		a := get(t, http.DefaultClient, s.url+path, "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'"} {
			if got := a.header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/tokens",
		strings.NewReader(`{"name":"x","role":"admin"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("browser", s.token(t, access.Admin))
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("another site's page is answered %d", resp.StatusCode)
	}
}

// A client that is slow but makes progress is served; one that stalls is cut, in its headers as in its body; a stream
// lasts longer than the deadline for reading a request.
func TestSlowClientsAreCutAndPatientOnesServed(t *testing.T) {
	t.Parallel()
	s := serveWith(t, func(*config.Serve) {}, func(h *http.Server) {
		h.ReadHeaderTimeout, h.ReadTimeout = 300*time.Millisecond, 600*time.Millisecond
	})
	secret := s.token(t, access.SchedulerJob)
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(time.Minute))
		return conn
	}
	stream := dial()
	fmt.Fprintf(stream, "GET /v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", secret)
	lines := bufio.NewScanner(stream)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "id: ") {
	}
	headers := dial()
	fmt.Fprint(headers, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
	if b, err := io.ReadAll(headers); err != nil || bytes.Contains(b, []byte("200 OK")) {
		t.Errorf("headers that never end: %q, %v", b, err)
	}
	body := dial()
	fmt.Fprintf(body, "POST /v1/plan HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "+
		"application/json\r\nContent-Length: 100\r\n\r\n{", secret)
	if b, err := io.ReadAll(body); err != nil || bytes.Contains(b, []byte("200 OK")) {
		t.Errorf("a body that never ends: %q, %v", b, err)
	}
	// The body was cut at the read deadline, and the stream began before it.
	change := dial()
	const script = `{"languages":["en"],"versions":[]}`
	fmt.Fprintf(change,
		"PUT /v1/scripts/s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", secret,
		len(script), script)
	for lines.Scan() && lines.Text() != "event: script" {
	}
	if err := lines.Err(); err != nil || lines.Text() != "event: script" {
		t.Errorf("the stream ended before the change: %v", err)
	}
}

// The log contains requests, and no token, however it was sent.
func TestLogHoldsRequestsAndNoTokens(t *testing.T) {
	t.Parallel()
	s := serveWith(t, func(*config.Serve) {}, nil)
	secret := s.token(t, access.Admin)
	a := get(t, http.DefaultClient, s.url+"/v1/clocks?token="+secret, secret)
	get(t, http.DefaultClient, s.url+"/v1/clocks/none?x="+secret, secret)
	get(t, http.DefaultClient, s.url+"/v1/clocks", secret+"x")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/tokens",
		strings.NewReader(`{"name":"N","role":"viewer"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("anybody", secret)
	req.Header.Set("Idempotency-Key", "once")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	made, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status, err)
	}
	var token wire.Token
	answer{body: made}.into(t, &token)
	s.stop()
	logs := s.logs.String()
	if id := a.header.Get("X-Request-Id"); !strings.Contains(logs, `"request_id":"`+id+`"`) {
		t.Errorf("the request %s is not in the log", id)
	}
	for _, hidden := range []string{secret, token.Secret} {
		_, key, _ := strings.Cut(hidden[len("lifeline_"):], "_")
		if strings.Contains(logs, key) {
			t.Errorf("a token is in the log:\n%s", logs)
		}
	}
	if n := strings.Count(logs, `"msg":"request"`); n < 4 {
		t.Errorf("%d requests are in the log", n)
	}
}

// Every part has its metrics, for everybody only where they are opened, and names that callers choose are no labels.
func TestFiguresTellOfEveryPart(t *testing.T) {
	t.Parallel()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := own.Addr().String()
	own.Close()
	for _, apart := range []bool{false, true} {
		s := serveWith(t, func(c *config.Serve) {
			if c.Guard.OpenMetrics = !apart; apart {
				c.Guard.MetricsListen = address
			}
		}, nil)
		at := s.url
		if apart {
			if a := get(t, http.DefaultClient, s.url+"/metrics", ""); a.status != http.StatusUnauthorized {
				t.Errorf("/metrics is answered %d where it is not open", a.status)
			}
			at = "http://" + address
		}
		secret := s.token(t, access.Producer)
		for n := range 5 {
			get(t, http.DefaultClient, fmt.Sprintf("%s/v1/clocks/c-%d", s.url, n), secret)
			get(t, http.DefaultClient, fmt.Sprintf("%s/nowhere/%d", s.url, n), secret)
		}
		a := get(t, http.DefaultClient, at+"/metrics", "")
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"lifeline_http_requests_total", "lifeline_http_request_seconds", "lifeline_waiters",
			"lifeline_store_seconds",
			"lifeline_changes_total", "lifeline_feed_sequence", "lifeline_queues", "go_goroutines", "process_open_fds"} {
			if families[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
		if !strings.Contains(string(a.body),
			`lifeline_http_requests_total{method="GET",route="/v1/clocks/:clock",status="404"} 5`) {
			t.Errorf("requests are not counted by their route:\n%s", a.body)
		}
		if strings.Contains(string(a.body), "nowhere") || strings.Contains(string(a.body), "c-1") {
			t.Error("a name that a caller chose is a label")
		}
		s.stop()
	}
}

// A renewed certificate is used for the next connection; an incomplete one is not.
func TestRenewedCertificateIsTakenUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, "first", time.Now())
	s := serveWith(t, func(c *config.Serve) { c.Guard.TLSCert, c.Guard.TLSKey = cert, key }, nil)
	served := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := served(); name != "first" {
		t.Errorf("serves %s", name)
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name := served(); name != "first" {
		t.Errorf("serves %s while the renewal is half written", name)
	}
	writeCertificate(t, cert, key, "second", time.Now().Add(time.Hour))
	if name := served(); name != "second" {
		t.Errorf("serves %s after the renewal", name)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true}}
	if a := get(t, c, s.url+"/healthz", ""); a.header.Get("Strict-Transport-Security") == "" {
		t.Error("there is no Strict-Transport-Security")
	}
}

func writeCertificate(t *testing.T, cert, key, name string, at time.Time) {
	t.Helper()
	harness.WriteCertificate(t, cert, key, name)
	if err := os.Chtimes(cert, at, at); err != nil {
		t.Fatal(err)
	}
}

// Neither the printed configuration nor the error of an unreachable store contains a password.
func TestConfigurationIsPrintedWithoutSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(file, []byte("redis://user:hunter2@127.0.0.1:1/0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := commands.Run(t.Context(), []string{"serve", "--print-config", "--store-file", file, "--data", t.TempDir()},
		&out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	if s := out.String(); strings.Contains(s, "hunter2") || !strings.Contains(s, "redis://user:redacted@127.0.0.1:1/0") {
		t.Error(s)
	}
	out.Reset()
	code := commands.Run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--public-url", "https://x.example",
		"--store-file", file, "--data", t.TempDir()}, &out, &errs)
	if s := errs.String() + out.String(); code != 1 || strings.Contains(s, "hunter2") {
		t.Errorf("%d %s", code, s)
	}
}

// A request is one trace together with its calls to the store, and continues the caller's trace.
func TestTracesReachTheCollector(t *testing.T) {
	t.Parallel()
	spans := make(chan []byte, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil && r.URL.Path == "/v1/traces" {
			spans <- b
		}
	}))
	defer collector.Close()
	s := serveWith(t, func(c *config.Serve) { c.Guard.Traces = collector.URL }, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/audit", nil)
	if err != nil {
		t.Fatal(err)
	}
	parent := bytes.Repeat([]byte{0xAB}, 16)
	req.Header.Set("Traceparent", fmt.Sprintf("00-%x-00f067aa0ba902b7-01", parent))
	secret := s.token(t, access.SchedulerJob)
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.stop() // sends the rest
	b := <-spans
	for _, want := range []string{"GET /v1/audit", "store.audit", string(parent), resp.Header.Get("X-Request-Id")} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("%q is not in what the collector got", want)
		}
	}
	if bytes.Contains(b, []byte(secret)) {
		t.Error("the token is in the trace")
	}
}
