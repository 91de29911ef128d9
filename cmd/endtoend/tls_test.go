package endtoend

import (
	"crypto/tls"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"testing"

	"lifeline/internal/harness"
	"lifeline/internal/harness/longform"
)

// With its names and a certificate authority configured, the service gets its certificate by itself, and still has it
// after a restart without the authority.
func TestCertificateComesFromAuthority(t *testing.T) {
	longform.Only(t)
	const name = "lifeline.example"
	address := harness.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	authority := harness.StartAuthority(t, number)
	t.Setenv("SSL_CERT_FILE", authority.Roots) // authorities that the service trusts for its connection to the authority
	roots, data := authority.Root(t), t.TempDir()
	serve := func() *exec.Cmd {
		cmd, _, said := launch(t, "serve", "--data", data, "--listen", address, "--public-url", "https://"+name,
			"--tls-domains", name, "--tls-directory", authority.Directory)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("the service said:\n%s", said)
			}
		})
		return cmd
	}
	healthy := func() {
		t.Helper()
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ServerName: name, RootCAs: roots},
			DisableKeepAlives: true}}
		if a := get(t, c, "https://"+address+"/healthz", ""); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	cmd := serve()
	healthy()
	if _, err := tls.Dial("tcp", address, &tls.Config{ServerName: "elsewhere.example", RootCAs: roots}); err == nil {
		t.Error("it has a certificate for another's name")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // it was killed: the error is expected
	authority.Stop()
	again := &process{cmd: serve()}
	defer again.kill(t)
	healthy()
}
