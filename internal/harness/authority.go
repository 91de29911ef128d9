package harness

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a real ACME authority (RFC 8555) that resolves every name to the loopback address.
type Authority struct {
	Directory string // URL of its directory
	Roots     string // file with the certificate of its own server, PEM
	Stop      func()

	manage string
}

// StartAuthority runs an authority that connects to the given port for its TLS-ALPN-01 challenges (RFC 8737).
func StartAuthority(t testing.TB, port int) Authority {
	t.Helper()
	dir := t.TempDir()
	names, address, manage := FreeAddress(t), FreeAddress(t), FreeAddress(t)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	WriteCertificate(t, cert, key, "authority")
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{"listenAddress": address,
		"managementListenAddress": manage,
		"certificate":             cert, "privateKey": key, "tlsPort": port, "httpPort": 1,
		"retryAfter": map[string]int{"authz": 1, "order": 1}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	const version = "v2.10.1"
	resolver := exec.Command(tool(t, "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv", version), "-dnsserver",
		names,
		"-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-doh", "", "-http01", "", "-https01", "", "-tlsalpn01", "",
		"-management", FreeAddress(t))
	pebble := exec.Command(tool(t, "github.com/letsencrypt/pebble/v2/cmd/pebble", version), "-config", file, "-dnsserver",
		names, "-strict")
	pebble.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	stopResolver, stopPebble := background(t, resolver), background(t, pebble)
	a := Authority{Directory: "https://" + address + "/dir", Roots: cert, manage: "https://" + manage,
		Stop: func() { stopPebble(); stopResolver() }}
	a.Root(t) // wait until it serves
	return a
}

// Root returns the root certificate of the certificates that the authority issues.
func (a Authority) Root(t testing.TB) *x509.CertPool {
	t.Helper()
	own := pool(t, a.Roots)
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own}, DisableKeepAlives: true}}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for range 1000 {
		if resp, err := c.Get(a.manage + "/roots/0"); err == nil {
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			roots := x509.NewCertPool()
			if err != nil || !roots.AppendCertsFromPEM(body) {
				t.Fatalf("the authority's root: %v\n%s", err, body)
			}
			return roots
		}
		<-poll.C
	}
	t.Fatal("the authority does not answer")
	return nil
}

// background runs a command until stop is called or the test ends.
func background(t testing.TB, cmd *exec.Cmd) (stop func()) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	died := make(chan struct{})
	go func() { defer close(died); cmd.Wait() }() // it is killed
	stop = func() {
		_ = cmd.Process.Kill() // fails only when it has died already
		<-died
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), said.String())
		}
	})
	return stop
}

func pool(t testing.TB, file string) *x509.CertPool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(b) {
		t.Fatalf("%s holds no certificate", file)
	}
	return p
}
