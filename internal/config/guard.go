package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"lifeline/internal/client"
	"lifeline/internal/secret"
	"lifeline/internal/text"
)

// Guard holds the settings that protect and monitor the service. The zero Guard limits no rate and has no TLS.
type Guard struct {
	StoreFile     string   `name:"store-file" help:"File with the store's address, for an address that contains a password." env:"LIFELINE_STORE_FILE" type:"path"`
	TLSCert       string   `name:"tls-cert" help:"File of the TLS certificate chain, PEM. It is read again when it is renewed." env:"LIFELINE_TLS_CERT" type:"path"`
	TLSKey        string   `name:"tls-key" help:"File of the certificate's private key, PEM." env:"LIFELINE_TLS_KEY_FILE" type:"path"`
	TLSDomains    []string `name:"tls-domains" help:"Host names for which to get certificates by ACME (TLS-ALPN-01: port 443 must reach the service). With it you agree to the authority's terms." env:"LIFELINE_TLS_DOMAINS"`
	TLSDirectory  string   `name:"tls-directory" help:"The ACME authority's directory. Default: Let's Encrypt." env:"LIFELINE_TLS_DIRECTORY"`
	TLSClientCA   string   `name:"tls-client-ca" help:"File of certificate authorities, PEM. Every caller (players, commands, browsers) must then have a certificate from one of them, besides its token. Default: no client certificates." env:"LIFELINE_TLS_CLIENT_CA_FILE" type:"path"`
	ServePlain    bool     `name:"serve-plain-http" help:"Serve other machines without TLS. Anyone on the link can then read tokens and all other data." env:"LIFELINE_SERVE_PLAIN_HTTP"`
	Proxies       []string `name:"trusted-proxies" help:"Networks, such as 10.1.2.3/32, of proxies on other machines that end TLS. The service accepts requests that they mark as https (X-Forwarded-Proto), refuses others without TLS, and takes the address that they name (X-Forwarded-For) for the caller's, in the audit too. Default: none, and nobody is believed." env:"LIFELINE_TRUSTED_PROXIES"`
	Origins       []string `help:"Further addresses, besides --public-url, at which browsers reach the console, such as http://radio.lan. Needed if a proxy changes the Host header." env:"LIFELINE_ORIGINS"`
	Rate          float64  `help:"Requests per second for each token, over all replicas on one Redis; 0 means no limit." default:"100" env:"LIFELINE_RATE"`
	RateBurst     int      `help:"Burst of requests for each token, before --rate limits it." default:"500" env:"LIFELINE_RATE_BURST"`
	OpenMetrics   bool     `name:"open-metrics" help:"Serve /metrics to everybody, without names of stations and webhooks. Default: to administrators and to their tokens that are limited to getMetrics." env:"LIFELINE_OPEN_METRICS"`
	MetricsListen string   `help:"Separate address at which /metrics is open to everybody, without names of stations and webhooks. Default: none." env:"LIFELINE_METRICS_LISTEN"`
	Traces        string   `help:"OpenTelemetry collector to send traces to (OTLP over HTTP), such as http://127.0.0.1:4318. Default: none." env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	LogLevel      string   `help:"Lowest level to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"LIFELINE_LOG_LEVEL"`
}

// TLS reports whether the service speaks TLS.
func (g *Guard) TLS() bool { return g.TLSCert != "" || len(g.TLSDomains) > 0 }

// CertificateDir returns the directory of certificates that the service obtained itself.
func (s *Serve) CertificateDir() string { return filepath.Join(s.Data, "certificates") }

// TrustedProxies are the networks of the proxies that end TLS.
func (g *Guard) TrustedProxies() ([]netip.Prefix, error) {
	return networks("--trusted-proxies", g.Proxies)
}

// Exposed returns an error for settings that would expose the service without TLS beyond this machine without explicit
// permission.
func (s *Serve) Exposed() error {
	g := &s.Guard
	var wrong []error
	if s.TLSOnly() && !g.TLS() && len(g.Proxies) == 0 {
		wrong = append(wrong, fmt.Errorf("--listen: at %s other machines reach the service, and it has no TLS: whoever has "+
			"the link would read every token. Give a certificate by --tls-cert and --tls-key or --tls-domains; name the "+
			"proxy that ends TLS by --trusted-proxies; or, on a network that you trust, say --serve-plain-http", s.Listen))
	}
	if u, err := url.Parse(s.PublicURL); err == nil && !g.ServePlain && u.Scheme == "http" &&
		!client.OfThisMachine(u.Hostname()) {
		wrong = append(wrong, fmt.Errorf("--public-url: stations would connect without TLS: write https://%s, or, "+
			"on a network that you trust, say --serve-plain-http", u.Host))
	}
	return errors.Join(wrong...)
}

// TLSOnly reports whether other machines can reach the service and must use TLS.
func (s *Serve) TLSOnly() bool {
	host, _, err := net.SplitHostPort(s.Listen)
	return err == nil && !client.OfThisMachine(host) && !s.Guard.ServePlain
}

func (s *Serve) checkGuard() error {
	var wrong []error
	g := &s.Guard
	if _, err := g.TrustedProxies(); err != nil {
		wrong = append(wrong, err)
	}
	if g.TLSClientCA != "" && !g.TLS() {
		wrong = append(wrong, errors.New("--tls-client-ca: callers show certificates by TLS alone: give --tls-cert and "+
			"--tls-key, or --tls-domains"))
	}
	if g.StoreFile != "" {
		b, err := secret.Read(g.StoreFile)
		if err != nil {
			return fmt.Errorf("--store-file: %w", err)
		}
		s.Store = strings.TrimSpace(string(b))
	}
	if (g.TLSCert == "") != (g.TLSKey == "") {
		wrong = append(wrong, errors.New("--tls-cert, --tls-key: must be given together"))
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

// Redacted returns the whole configuration as indented JSON, without passwords. Other secrets are in files.
func (s *Serve) Redacted() (string, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // an address is redacted as it was given
	err := e.Encode(s)
	return text.Redact(strings.TrimSuffix(out.String(), "\n")), err
}
