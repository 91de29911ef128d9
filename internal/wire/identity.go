package wire

import (
	"net/netip"
	"net/url"
)

// Identity is how an identity provider knows somebody.
type Identity struct {
	Issuer  string `json:"issuer"`  // the provider, as it names itself, such as https://id.example
	Subject string `json:"subject"` // its own name for that one (sub), which is never an address or a name of a person
}

// The bounds of an identity, in characters. That of subjects is of OpenID Connect Core 1.0, section 2.
const (
	mostIssuer  = 500
	mostSubject = 255
)

// ValidIssuer reports whether an address may be that of an identity provider: https, or http on this machine.
func ValidIssuer(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(address) > mostIssuer {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (err == nil && ip.IsLoopback() || u.Hostname() == "localhost")
}

// ValidSubject reports whether a text may be a subject: printable ASCII.
func ValidSubject(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= mostSubject
}
