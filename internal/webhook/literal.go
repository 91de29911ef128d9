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

// errNumber is a host that no name is, and no address as they are written: some resolvers read such a one as IPv4 in
// decimal, octal or hexadecimal (inet_aton), others do not.
var errNumber = errors.New("has a number in place of a name: an address is written as 93.184.216.34")

// endsInNumber matches the hosts that browsers take for IPv4 addresses (WHATWG URL, "ends in a number").
var endsInNumber = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)

// Check is part of control.Poster: it fails where the host of an address is written as one that is not dialled. What a
// name leads to is looked at when it is dialled.
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
