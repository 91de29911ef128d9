package service

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"lifeline/internal/config"
)

// tlsConfig is how the service speaks TLS; nil when it does not.
func tlsConfig(c config.Serve, log *slog.Logger) (*tls.Config, error) {
	if len(c.Guard.TLSDomains) > 0 {
		m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.CertificateDir()),
			HostPolicy: autocert.HostWhitelist(c.Guard.TLSDomains...)}
		if c.Guard.TLSDirectory != "" {
			m.Client = &acme.Client{DirectoryURL: c.Guard.TLSDirectory}
		}
		out := m.TLSConfig()
		out.MinVersion = tls.VersionTLS12
		return out, nil
	}
	if c.Guard.TLSCert == "" {
		return nil, nil
	}
	f := &certificateFile{cert: c.Guard.TLSCert, key: c.Guard.TLSKey, log: log}
	if err := f.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.get}, nil
}

// certificateFile is a certificate that is read again when its file changes.
type certificateFile struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	written time.Time
}

// get answers the latest certificate. One that cannot be read, such as half of a renewal, leaves the one before.
func (f *certificateFile) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if info, err := os.Stat(f.cert); err == nil && !info.ModTime().Equal(f.written) {
		if err := f.read(); err != nil {
			f.log.Warn("the renewed certificate cannot be read yet", "error", err)
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
