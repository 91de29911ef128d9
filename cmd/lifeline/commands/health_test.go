package commands

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/cmdline"
)

func TestHealthIsZeroOnlyIfTheServiceItselfSaysThatItIsReady(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	const ready = `{"parts":{"store":"ready","audio":"ready","room":"40 MB are left"}}`
	hangs := make(chan struct{})
	for name, c := range map[string]struct {
		status      int
		kind, body  string
		code        int
		out, failed string
	}{
		"ready": {200, "application/json", ready, cmdline.Done, "audio: ready\nroom: 40 MB are left\nstore: ready\n", ""},
		"not ready": {503, "application/json", `{"parts":{"store":"out of reach"}}`, cmdline.Later, "store: out of reach\n",
			"the service is not ready"},
		"a proxy's page":     {503, "text/html", "<h1>no backend</h1>", cmdline.Later, "", "does not reach the service"},
		"another service":    {200, "application/json", `{"status":"ok"}`, cmdline.Failed, "", "not as a Lifeline service does"},
		"a page":             {200, "text/html", "<h1>hello</h1>", cmdline.Failed, "", "not as a Lifeline service does"},
		"a service of old":   {404, "application/json", `{}`, cmdline.Failed, "", "not as a Lifeline service does"},
		"one that is silent": {0, "", "", cmdline.Later, "", "did not answer within 20ms"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.status == 0 {
				<-hangs
				return
			}
			if r.URL.Path != "/readyz" || r.Method != http.MethodGet {
				t.Errorf("%s: asked %s %s", name, r.Method, r.URL)
			}
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		args := []string{"health", "--server", s.URL}
		if c.status == 0 {
			args = append(args, "--timeout", "20ms")
		}
		var out, failed bytes.Buffer
		code := Run(t.Context(), args, &out, &failed)
		if c.status == 0 {
			close(hangs)
		}
		s.Close()
		if code != c.code || out.String() != c.out || !strings.Contains(failed.String(), c.failed) ||
			c.failed == "" && failed.Len() > 0 {
			t.Errorf("%s: %d, %q, %q", name, code, out.String(), failed.String())
		}
	}
	var out, failed bytes.Buffer
	code := Run(t.Context(), []string{"health", "--server", "http://127.0.0.1:1"}, &out, &failed)
	if code != cmdline.Later || !strings.Contains(failed.String(), "cannot be reached") {
		t.Errorf("nobody listens: %d, %q, %q", code, out.String(), failed.String())
	}
}
