package service

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"lifeline/internal/client"
	"lifeline/internal/config"
	"lifeline/internal/secret"
	"lifeline/internal/telemetry"
)

// tlsConfig returns the TLS configuration of the service; nil if it does not use TLS. The minimum is TLS 1.2: earlier
// versions are withdrawn (RFC 8996).
func tlsConfig(c config.Serve, log *slog.Logger, figures *telemetry.Figures) (*tls.Config, error) {
	out, err := certified(c, log)
	if out == nil || err != nil {
		return nil, err
	}
	out.MinVersion = tls.VersionTLS12
	shown := &ending{get: out.GetCertificate, log: log}
	out.GetCertificate = shown.certificate
	_, _ = shown.certificate(&tls.ClientHelloInfo{}) // an ACME certificate is known after a request by name
	figures.Certificate(shown.ends)
	if c.Guard.TLSClientCA == "" {
		return out, nil
	}
	b, err := os.ReadFile(c.Guard.TLSClientCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	open := out.Clone()
	out.ClientCAs, out.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !out.ClientCAs.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("--tls-client-ca: %s holds no certificate: it must be PEM, and begin with -----BEGIN "+
			"CERTIFICATE-----", c.Guard.TLSClientCA)
	}
	out.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
			return open, nil // an ACME authority presents no client certificate and gets no other access
		}
		return nil, nil
	}
	return out, nil
}

// certified returns a configuration with the service's certificate; nil if it has none.
func certified(c config.Serve, log *slog.Logger) (*tls.Config, error) {
	if len(c.Guard.TLSDomains) > 0 {
		m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.CertificateDir()),
			HostPolicy: autocert.HostWhitelist(c.Guard.TLSDomains...)}
		if c.Guard.TLSDirectory != "" {
			m.Client = &acme.Client{DirectoryURL: c.Guard.TLSDirectory}
		}
		return m.TLSConfig(), nil
	}
	if c.Guard.TLSCert == "" {
		return nil, nil
	}
	f := &certificateFile{cert: c.Guard.TLSCert, key: c.Guard.TLSKey, log: log}
	if err := secret.Check(f.key); err != nil {
		return nil, fmt.Errorf("--tls-key: %w", err)
	}
	if err := f.read(); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: f.get}, nil
}

// certificateSoon is how long before its expiry a certificate is reported.
const certificateSoon = 14 * 24 * time.Hour

// ending provides the service's certificate and its expiry.
type ending struct {
	get func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	log *slog.Logger

	mu   sync.Mutex
	at   time.Time // zero: none was shown yet
	told time.Time // when the log last reported that it expires soon
}

// certificate returns the certificate, and logs once a day if it expires soon.
func (e *ending) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c, err := e.get(hello)
	if err != nil || c == nil || len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		return c, err
	}
	leaf := c.Leaf
	if leaf == nil {
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.at.IsZero() {
		e.log.Info("the service shows its certificate", "ends", leaf.NotAfter, "pin", client.Pin(leaf))
	}
	e.at = leaf.NotAfter
	if e.at.Sub(now) < certificateSoon && now.Sub(e.told) >= 24*time.Hour {
		e.told = now
		e.log.Error("the service's certificate ends soon, and no station is reached then: renew it", "ends", e.at)
	}
	return c, nil
}

// ends returns when the certificate expires; zero if none was shown yet.
func (e *ending) ends() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at
}

// certificateFile is a certificate that is read again when its file changes.
type certificateFile struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	written time.Time
}

// get returns the latest certificate. If the files cannot be read, for example in the middle of a renewal, it returns
// the previous one. A renewed key that others may read is served and logged: without it no station would be reached.
func (f *certificateFile) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if info, err := os.Stat(f.cert); err == nil && !info.ModTime().Equal(f.written) {
		if err := f.read(); err != nil {
			f.log.Warn("the renewed certificate cannot be read yet", "error", err)
		} else if err := secret.Check(f.key); err != nil {
			f.log.Error("the renewed certificate is served, and the next start of the service refuses its key", "error", err)
		}
	}
	return f.current, nil
}

func (f *certificateFile) read() error {
	info, err := os.Stat(f.cert)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	f.current, f.written = &pair, info.ModTime()
	return nil
}
