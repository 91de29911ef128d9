package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// SIGTERM arrives halfway through an upload: the service takes the other half. It answers a long poll at once, closes
// the listener, and ends with 0.
func TestTermLetsAnUploadEndAndAnswersWhoWaits(t *testing.T) {
	longform.Only(t)
	dir := furnish(t)
	c := serveDefaults(dir)
	token := adminOf(t, c)
	c.Guard.OpenMetrics = true
	p := startProcess(t, c, token)
	defer p.cmd.Process.Kill()

	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	meta, err := json.Marshal(promo("slow"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WriteField("meta", string(meta)); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreateFormFile("audio", "a.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(part, uniqueSample(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	half := form.Len() / 2
	body, rest := io.Pipe()
	uploaded := p.asks(t, token, http.MethodPost, "/v1/segments?wait=30s", body, http.Header{
		"Content-Type": {w.FormDataContentType()}, "Expect": {"100-continue"}}) // the body is sent once the service reads it
	if _, err := rest.Write(form.Next(half)); err != nil {
		t.Fatal(err)
	}
	polled := p.asks(t, token, http.MethodGet, "/v1/recalls?wait=50s", nil, http.Header{"If-None-Match": {`"1"`}})
	awaitWaiting(t, p.url, "poll")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := answered(t, polled); got != "304" {
		t.Errorf("a long poll was answered %s", got)
	}
	if late, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err == nil {
		late.Close()
		t.Error("the listener is still open")
	}
	if _, err := rest.Write(form.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := rest.Close(); err != nil {
		t.Fatal(err)
	}
	if got := answered(t, uploaded); !strings.HasPrefix(got, "201") {
		t.Errorf("the upload was answered %s", got)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// answered returns the next answer.
func answered(t *testing.T, answers <-chan string) string {
	t.Helper()
	select {
	case got := <-answers:
		return got
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
		return ""
	}
}

// asks sends a request and returns its status, or its error, on a channel.
func (p *process) asks(t *testing.T, secret, method, path string, body io.Reader, headers http.Header) <-chan string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = headers
	r.Header.Set("Authorization", "Bearer "+secret)
	answer := make(chan string, 1)
	go func() {
		resp, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		if err != nil {
			said = []byte(err.Error())
		}
		answer <- strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", string(said)))
	}()
	return answer
}

// awaitWaiting returns once the metrics show a waiting request.
func awaitWaiting(t *testing.T, url, kind string) {
	t.Helper()
	eventually(t, func() bool {
		resp, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(said), fmt.Sprintf("lifeline_waiters{kind=%q} 1\n", kind))
	})
}

// A stopping service is not ready, even for clients that still reach it, and no client waits for changes any longer.
func TestStoppingServiceIsNotReadyAndEndsConcurrentLongPolls(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	polls := make(chan answer, 3)
	for _, path := range []string{"/v1/recalls?wait=50s", "/v1/recalls?wait=40s"} {
		tag := h.do(http.MethodGet, "/v1/recalls", h.secrets["scheduler"], nil, nil).header.Get("ETag")
		go func() {
			polls <- h.do(http.MethodGet, path, h.secrets["scheduler"], map[string]string{"If-None-Match": tag}, nil)
		}()
	}
	go func() { polls <- h.do(http.MethodGet, "/v1/changes", h.secrets["scheduler"], nil, nil) }()
	if got := h.do(http.MethodGet, "/readyz", "", nil, nil); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	h.service.Stopping()
	for range cap(polls) {
		if got := <-polls; got.status != http.StatusNotModified && got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if got := h.do(http.MethodGet, "/readyz", "", nil, nil); got.status != http.StatusServiceUnavailable ||
		!bytes.Contains(got.body, []byte("is stopping")) {
		t.Errorf("/readyz while it stops: %d %s", got.status, got.body)
	}
	if got := h.do(http.MethodGet, "/healthz", "", nil, nil); got.status != http.StatusOK {
		t.Errorf("/healthz while it stops: %d %s", got.status, got.body)
	}
}
