package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/secret"
)

// Connection configures how a program reaches the service, by flags, variables or a configuration file. The zero
// Connection trusts the system's authorities and requires TLS for all hosts but this machine.
type Connection struct {
	AllowPlainHTTP bool     `name:"allow-plain-http" env:"LIFELINE_ALLOW_PLAIN_HTTP" help:"Allow http to a service on another machine. Anyone on the link can then read the token and all other data."`
	Pins           []string `name:"tls-pin" env:"LIFELINE_TLS_PIN" placeholder:"PIN" help:"Key that the server's certificate, or an authority above it, must have: sha256/ and the base64 of its SHA-256. Several for a change of key; may be repeated. A server whose own key is pinned needs no authority, and is trusted whatever the clock says."`
	Authorities    string   `name:"tls-ca" env:"LIFELINE_TLS_CA_FILE" type:"path" placeholder:"FILE" help:"Certificates of the authorities to trust in place of the system's, PEM."`
	Certificate    string   `name:"tls-client-cert" env:"LIFELINE_TLS_CLIENT_CERT_FILE" type:"path" placeholder:"FILE" help:"Certificate chain for a service that asks for one, PEM. The token is needed too."`
	Key            string   `name:"tls-client-key" env:"LIFELINE_TLS_CLIENT_KEY_FILE" type:"path" placeholder:"FILE" help:"The private key of --tls-client-cert, PEM."`
}

// Transport returns a transport to the service at address, which Address has validated. It fails with Invalid if the
// configuration is invalid. The minimum is TLS 1.2: earlier versions sign with SHA-1 and MD5, and are withdrawn (RFC
// 8996).
func (l *Connection) Transport(address string) (*Transport, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	check := verification{host: u.Hostname(), now: time.Now}
	if check.pins, err = pins(l.Pins); err != nil {
		return nil, err
	}
	if l.Authorities != "" {
		if check.roots, err = authorities(l.Authorities); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "--tls-ca")
		}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: check.host,
		InsecureSkipVerify: true, VerifyConnection: check.verify} // verify verifies in its place, with pins
	if (l.Certificate == "") != (l.Key == "") {
		return nil, fault.New(fault.Invalid, "--tls-client-cert, --tls-client-key: must be given together")
	}
	var own *tls.Certificate
	if l.Certificate != "" {
		if err := secret.Check(l.Key); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "--tls-client-key")
		}
		pair, err := tls.LoadX509KeyPair(l.Certificate, l.Key)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "--tls-client-cert, --tls-client-key")
		}
		own = &pair
	}
	t.MaxResponseHeaderBytes, t.MaxConnsPerHost, t.TLSHandshakeTimeout = maxHeader, connectionsMost, handshakeMost
	out := &Transport{Transport: t}
	t.TLSClientConfig.GetClientCertificate = func(wanted *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if own == nil || wanted.SupportsCertificate(own) != nil {
			out.uncertified.Store(true)
			return &tls.Certificate{}, nil // the server may do without one
		}
		return own, nil
	}
	return out, nil
}

// Reach returns the address that a person wrote as the flag --server, in the form that New takes, and a transport to
// it.
func (l *Connection) Reach(server string) (address string, t *Transport, err error) {
	if address, err = l.Address(server); err != nil {
		return "", nil, fmt.Errorf("--server: %w", err)
	}
	t, err = l.Transport(address)
	return address, t, err
}

// Transport is an http.Transport that explains why a server closes the connections of a client without a certificate
// that it trusts. A server refuses such a client after the handshake (TLS 1.3), at any moment of the first request.
type Transport struct {
	*http.Transport
	uncertified atomic.Bool // a server asked for a certificate, and there is none that it trusts
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if err != nil && r.Context().Err() == nil && t.uncertified.Load() && !failedToDial(err) {
		err = uncertified{err}
	}
	return resp, err
}

// failedToDial reports whether no connection was made.
func failedToDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// uncertified is the error of a request that a server ended after it had asked for a certificate in vain.
type uncertified struct{ error }

func (u uncertified) Unwrap() error { return u.error }

// authorities reads the certificates in a file.
func authorities(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate: it must be PEM, and begin with -----BEGIN CERTIFICATE-----", file)
	}
	return pool, nil
}

// pin is the SHA-256 of a certificate's public key (RFC 7469, section 2.4).
type pin [sha256.Size]byte

func (p pin) String() string { return "sha256/" + base64.StdEncoding.EncodeToString(p[:]) }

// Pin returns the pin of a certificate's key in the form of --tls-pin.
func Pin(c *x509.Certificate) string { return pinOf(c).String() }

func pinOf(c *x509.Certificate) pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// pinLength is the length of a pin in base64.
const pinLength = 44

// pins parses pins in the form of curl ("sha256//…"), in that of browsers ("sha256/…"), or as base64 alone.
func pins(texts []string) (out []pin, err error) {
	for _, text := range texts {
		bare := strings.TrimPrefix(strings.TrimSpace(text), "sha256")
		for len(bare) > pinLength && bare[0] == '/' { // the base64 itself may begin with a slash
			bare = bare[1:]
		}
		b, err := base64.StdEncoding.DecodeString(bare)
		if err != nil || len(b) != sha256.Size {
			return nil, fault.New(fault.Invalid, "--tls-pin: %q is no pin: it must be sha256/ and 44 characters, as lifeline "+
				"serve says at its start", text)
		}
		out = append(out, pin(b))
	}
	return out, nil
}

// verification contains the requirements for a server's certificate.
type verification struct {
	host  string
	roots *x509.CertPool // nil: the system's
	pins  []pin
	now   func() time.Time
}

// verify checks chain, dates and name by the standard rules and, if there are pins, that a key in the chain is pinned.
// For a certificate whose own key is pinned it checks only the name (RFC 7858, section 4.2): a station that has lost
// its clock must reach its service, and a key is revoked by removing its pin.
func (v verification) verify(c tls.ConnectionState) error {
	leaf := c.PeerCertificates[0]
	refuse := func(err error) error {
		return &tls.CertificateVerificationError{UnverifiedCertificates: c.PeerCertificates, Err: err}
	}
	if v.pinned(leaf) {
		if err := leaf.VerifyHostname(v.host); err != nil {
			return refuse(err)
		}
		return nil
	}
	o := x509.VerifyOptions{Roots: v.roots, DNSName: v.host, CurrentTime: v.now(), Intermediates: x509.NewCertPool()}
	for _, between := range c.PeerCertificates[1:] {
		o.Intermediates.AddCert(between)
	}
	chains, err := leaf.Verify(o)
	if err != nil {
		return refuse(err)
	}
	if len(v.pins) == 0 {
		return nil
	}
	for _, chain := range chains {
		for _, one := range chain {
			if v.pinned(one) {
				return nil
			}
		}
	}
	return unpinned{pinOf(leaf)}
}

func (v verification) pinned(c *x509.Certificate) bool {
	own, found := pinOf(c), 0
	for _, p := range v.pins {
		found |= subtle.ConstantTimeCompare(p[:], own[:])
	}
	return found == 1
}

// unpinned is the error for a server whose key is not pinned.
type unpinned struct{ seen pin }

func (u unpinned) Error() string { return "its key " + u.seen.String() + " is not pinned" }

// untrusted returns an error that describes why a server is not trusted; nil if err has another cause.
func untrusted(base string, err error, now time.Time) error {
	var cert *tls.CertificateVerificationError
	var key unpinned
	switch {
	case errors.As(err, &key):
		return fault.New(fault.Unavailable, "the server at %s shows the key %s, which is none of those pinned by --tls-pin "+
			"or LIFELINE_TLS_PIN: its key was changed, or somebody is in between. Ask whoever runs the service, by another "+
			"way, before you pin it", base, key.seen)
	case errors.As(err, &cert) && len(cert.UnverifiedCertificates) > 0:
		return fault.New(fault.Unavailable, "the certificate of the server at %s is not trusted: %s", base,
			certificateFault(cert.Err, cert.UnverifiedCertificates[0], now))
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, new(tls.RecordHeaderError)):
		return fault.New(fault.Unavailable, "the server at %s does not speak TLS: is the address right?", base)
	}
	var alert *net.OpError // by which a server refuses the client's certificate
	if errors.As(err, new(uncertified)) ||
		errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate") {
		return fault.New(fault.Unavailable, "the server at %s wants a certificate that it trusts (%v): give yours by "+
			"--tls-client-cert and --tls-client-key", base, err)
	}
	return nil
}

// certificateFault describes what is wrong with a certificate, and the cure. The text is the same all day, because a
// player reports each problem once.
func certificateFault(err error, leaf *x509.Certificate, now time.Time) string {
	var invalid x509.CertificateInvalidError
	const day = time.DateTime + " UTC"
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(leaf.NotBefore):
		return fmt.Sprintf("it is valid from %s on, and the clock here says %s. Set the clock, or pin the server's key by "+
			"--tls-pin or LIFELINE_TLS_PIN: it is then trusted whatever the clock says", leaf.NotBefore.UTC().Format(day),
			now.UTC().Format(time.DateOnly))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("it, or that of an authority above it, has ended; its own end is %s, and the clock here says %s. "+
			"If the clock is right, whoever runs the service must renew it", leaf.NotAfter.UTC().Format(day),
			now.UTC().Format(time.DateOnly))
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "no authority that is trusted here has signed it. If the service has an authority of its own, give its " +
			"certificate by --tls-ca or LIFELINE_TLS_CA_FILE; otherwise somebody is in between"
	case errors.As(err, new(x509.HostnameError)):
		return fmt.Sprintf("it is for %s, and not for this address", namesOf(leaf))
	}
	return err.Error()
}

// namesOf returns the first few names of a certificate.
func namesOf(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	const most = 5
	switch {
	case len(names) == 0:
		return "no name"
	case len(names) > most:
		names = append(names[:most:most], "…")
	}
	return strings.Join(names, ", ")
}
