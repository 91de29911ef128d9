package service

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"lifeline/internal/config"
	"lifeline/internal/harness"
)

func TestAKeyOfTheServicesCertificateThatOthersMayReadIsRefusedAtTheStart(t *testing.T) {
	own := harness.NewIssuer(t)
	var c config.Serve
	pair := own.Issue(t, "127.0.0.1", own.Root.NotBefore, own.Root.NotAfter)
	c.Guard.TLSCert, c.Guard.TLSKey = harness.WritePair(t, pair)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(c.Guard.TLSKey, mode); err != nil {
			t.Fatal(err)
		}
		_, err := certified(c, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "--tls-key: ") || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%04o: %v", mode, err)
		}
	}
	if err := errors.Join(os.Chmod(c.Guard.TLSKey, 0o600), os.Chmod(c.Guard.TLSCert, 0o644)); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	served, err := certified(c, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	renewed := own.Root.NotBefore.Add(time.Minute) // another time of the file than that of the first
	if err := errors.Join(os.Chmod(c.Guard.TLSKey, 0o640), os.Chtimes(c.Guard.TLSCert, renewed, renewed)); err != nil {
		t.Fatal(err)
	}
	if got, err := served.GetCertificate(nil); err != nil || got == nil || !strings.Contains(said.String(), "chmod 600") {
		t.Errorf("renewed: %v, %v; logged: %s", got != nil, err, &said)
	}
}
