package endtoend

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/cmd/lifeline/commands"
	"lifeline/internal/access"
	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/harness"
)

// privateFile creates a file that only its owner may read.
func privateFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A caller needs both a certificate and a token if the service requires both. The metrics show the expiry of the
// service's own certificate, and the log shows its key, for clients that pin it.
func TestAServiceTakesCallersWithACertificateAndAToken(t *testing.T) {
	own, other := harness.NewIssuer(t), harness.NewIssuer(t)
	from, until := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour).Truncate(time.Second)
	server := own.Issue(t, "127.0.0.1", from, until)
	s := serveWith(t, func(c *config.Serve) {
		c.Guard.TLSCert, c.Guard.TLSKey = harness.WritePair(t, server)
		c.Guard.TLSClientCA, c.Guard.OpenMetrics = own.File(t), true
	}, nil)
	token := privateFile(t, s.token(t, access.Viewer))
	pair := func(i *harness.Issuer) []string {
		cert, key := harness.WritePair(t, i.Issue(t, "desk", from, until))
		return []string{"--tls-client-cert", cert, "--tls-client-key", key}
	}
	known := []string{"--tls-ca", own.File(t), "--tls-pin", client.Pin(server.Leaf)}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"both":                            {append(pair(own), "--token-file", token), 0, ""},
		"no certificate":                  {[]string{"--token-file", token}, 1, "--tls-client-cert"},
		"a certificate of another issuer": {append(pair(other), "--token-file", token), 1, "--tls-client-cert"},
		"no token":                        {pair(own), 1, "token"},
	} {
		var out bytes.Buffer
		args := append([]string{"segments", "--server", s.url, "--config", privateFile(t, "")}, known...)
		code := commands.Run(t.Context(), append(args, c.args...), &out, &out)
		if (code == 0) != (c.code == 0) || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %d %s", name, code, out.String())
		}
	}
	if logs := s.logs.String(); !strings.Contains(logs, client.Pin(server.Leaf)) || !strings.Contains(logs, "renew it") {
		t.Errorf("the log: %s", logs)
	}
	reach := client.Connection{Authorities: own.File(t)}
	reach.Certificate, reach.Key = harness.WritePair(t, own.Issue(t, "desk", from, until))
	transport, err := reach.Transport(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	figures := get(t, &http.Client{Transport: transport}, s.url+"/metrics", "")
	if want := "lifeline_certificate_ends_timestamp_seconds"; !bytes.Contains(figures.body, []byte("\n"+want+" ")) {
		t.Errorf("no %s", want)
	}
}

// A setting from a file or a variable is equivalent to a flag, and a service on a public address needs TLS.
func TestPlainHTTPBeyondThisMachineIsRefusedByBothSides(t *testing.T) {
	said := func(args ...string) (string, int) {
		var out bytes.Buffer
		code := commands.Run(t.Context(), args, &out, &out)
		return out.String(), code
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if text, code := said("segments", "--server", "http://lifeline.invalid"); code == 0 ||
		!strings.Contains(text, "--allow-plain-http") {
		t.Errorf("%d %s", code, text)
	}
	allowed := privateFile(t, "server: http://lifeline.invalid\nallow-plain-http: true\n")
	if text, code := said("segments", "--config", allowed); code == 0 || !strings.Contains(text, "cannot be reached") {
		t.Errorf("%d %s", code, text)
	}
	data := filepath.Join(t.TempDir(), "data")
	if text, code := said("serve", "--data", data, "--listen", "0.0.0.0:0"); code == 0 ||
		!strings.Contains(text, "--serve-plain-http") || !strings.Contains(text, "--tls-cert") {
		t.Errorf("%d %s", code, text)
	}
}
