package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Guard is what protects the service, and how it is watched. The zero Guard limits no rate and has no TLS.
type Guard struct {
	StoreFile     string   `name:"store-file" help:"File that holds the store's address, for one with a password in it." env:"LIFELINE_STORE_FILE" type:"path"`
	TLSCert       string   `name:"tls-cert" help:"File of the TLS certificate chain, PEM. It is read again when it is renewed." env:"LIFELINE_TLS_CERT" type:"path"`
	TLSKey        string   `name:"tls-key" help:"File of its private key, PEM." env:"LIFELINE_TLS_KEY_FILE" type:"path"`
	TLSDomains    []string `name:"tls-domains" help:"Names to get certificates for by ACME (TLS-ALPN-01, so that port 443 must lead here). It says that you agree to the authority's terms." env:"LIFELINE_TLS_DOMAINS"`
	TLSDirectory  string   `name:"tls-directory" help:"The ACME authority's directory. Default: Let's Encrypt." env:"LIFELINE_TLS_DIRECTORY"`
	Origins       []string `help:"Other addresses than --public-url at which browsers reach the console, such as http://radio.lan, where a proxy gives another Host." env:"LIFELINE_ORIGINS"`
	Rate          float64  `help:"Requests a second that one token may make, at all replicas on one Redis together; 0 does not limit." default:"100" env:"LIFELINE_RATE"`
	RateBurst     int      `help:"Requests that it may make at once before that." default:"500" env:"LIFELINE_RATE_BURST"`
	MetricsListen string   `help:"Address of its own for /metrics. Default: where everything is." env:"LIFELINE_METRICS_LISTEN"`
	Traces        string   `help:"OpenTelemetry collector to send traces to (OTLP over HTTP), such as http://127.0.0.1:4318. Default: none." env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	LogLevel      string   `help:"Least level of what is logged: debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"LIFELINE_LOG_LEVEL"`
}

// TLS reports whether the service speaks TLS.
func (g *Guard) TLS() bool { return g.TLSCert != "" || len(g.TLSDomains) > 0 }

// CertificateDir is where certificates that the service got itself are kept.
func (s *Serve) CertificateDir() string { return filepath.Join(s.Data, "certificates") }

func (s *Serve) checkGuard() error {
	var wrong []error
	g := &s.Guard
	if g.StoreFile != "" {
		b, err := os.ReadFile(g.StoreFile)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--store-file: %w", err))
		}
		s.Store = strings.TrimSpace(string(b))
	}
	if (g.TLSCert == "") != (g.TLSKey == "") {
		wrong = append(wrong, errors.New("--tls-cert, --tls-key: are given together"))
	}
	if g.TLSCert != "" && len(g.TLSDomains) > 0 {
		wrong = append(wrong, errors.New("--tls-domains: certificates come from files or from an authority, not both"))
	}
	for _, origin := range g.Origins {
		if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
			strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			wrong = append(wrong, fmt.Errorf("--origins: %q must be an address such as http://radio.lan, without a path",
				origin))
		}
	}
	if g.Rate < 0 || g.Rate > 0 && g.RateBurst < 1 {
		wrong = append(wrong, errors.New("--rate, --rate-burst: must not be negative, and the burst at least 1"))
	}
	if g.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(g.MetricsListen); err != nil {
			wrong = append(wrong, fmt.Errorf("--metrics-listen: %w", err))
		}
	}
	if g.Traces != "" {
		if u, err := url.Parse(g.Traces); err != nil || u.Host == "" {
			wrong = append(wrong, errors.New("--traces: must be an address such as http://127.0.0.1:4318"))
		}
	}
	return errors.Join(wrong...)
}

// password is what stands between a user and a host in an address.
var password = regexp.MustCompile(`(//[^/@:\s"]*):[^/@\s"]+@`)

// Redact takes passwords out of addresses.
func Redact(s string) string { return password.ReplaceAllString(s, "$1:redacted@") }

// Redacted is the whole configuration as indented JSON, without passwords. Other secrets are in files.
func (s *Serve) Redacted() (string, error) {
	b, err := json.MarshalIndent(s, "", "  ")
	return Redact(string(b)), err
}
