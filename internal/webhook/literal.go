package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// errNumber rejects a host that is neither a name nor an address in the usual form. Some resolvers interpret it as an
// IPv4 address in decimal, octal or hexadecimal (inet_aton), others do not.
var errNumber = errors.New("has a number in place of a name: an address is written as 93.184.216.34")

// endsInNumber matches hosts that browsers interpret as IPv4 addresses (WHATWG URL, "ends in a number").
var endsInNumber = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)

// Check implements webhooks.Poster. It fails if the host of an address is written as one that Post never dials. The
// addresses of a name are checked when they are dialled.
func (p *Poster) Check(u *url.URL) error {
	host := strings.ToLower(norm.NFKC.String(u.Hostname()))
	host = strings.TrimSuffix(strings.ReplaceAll(host, "\u3002", "."), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		if endsInNumber.MatchString(host) {
			return errNumber
		}
		return nil
	}
	at = at.WithZone("").Unmap()
	allowed := p.guardian.SafeAddr(at) == nil
	if u.Scheme == "http" {
		allowed = slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(at) })
	}
	if allowed {
		return nil
	}
	return fmt.Errorf("is %s: %w", at, errInner)
}
