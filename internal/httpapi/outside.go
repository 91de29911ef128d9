package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"lifeline/internal/fault"
)

// outside is the service's public address, which may be that of a proxy.
type outside struct {
	base   string // path prefix without a slash at its end; empty: none
	guards *http.CrossOriginProtection

	tlsOnly bool           // other machines need TLS
	proxies []netip.Prefix // trusted to report TLS and callers
}

// newOutside reads the public address and the further origins for browsers. The configuration has validated them.
func newOutside(p Parts) (o outside) {
	o = outside{guards: http.NewCrossOriginProtection(), tlsOnly: p.TLSOnly, proxies: p.Proxies}
	for i, address := range append([]string{p.PublicURL}, p.Origins...) {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			continue
		}
		if i == 0 {
			o.base = strings.TrimRight(u.EscapedPath(), "/")
		}
		host := strings.ToLower(u.Host)
		if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
			host = strings.TrimSuffix(host, ":"+port)
		}
		if err := o.guards.AddTrustedOrigin(u.Scheme + "://" + host); err != nil {
			continue // the protection refuses it, and does not trust it then
		}
	}
	return o
}

// inside returns the request with the path of the routes, whether or not the proxy has removed the public prefix. moved
// is the root's address if the path is the prefix without its slash.
func (o outside) inside(r *http.Request) (in *http.Request, moved string) {
	if o.base == "" {
		return r, ""
	}
	escaped := r.URL.EscapedPath()
	if escaped == o.base {
		return r, o.base + "/"
	}
	rest, below := strings.CutPrefix(escaped, o.base+"/")
	if !below {
		return r, ""
	}
	path, err := url.PathUnescape("/" + rest)
	if err != nil {
		return r, ""
	}
	u := *r.URL
	u.Path, u.RawPath = path, "/"+rest
	in = r.WithContext(r.Context())
	in.URL = &u
	return in, ""
}

// located adds the public prefix to the paths in an answer's headers.
func (o outside) located(h http.Header) {
	if o.base == "" {
		return
	}
	for _, name := range []string{"Location", "Content-Location"} {
		if at := h.Get(name); strings.HasPrefix(at, "/") && !strings.HasPrefix(at, o.base+"/") {
			h.Set(name, o.base+at)
		}
	}
}

// overTLS reports whether a request came by TLS, directly or by a trusted proxy. Of several values in the header it
// takes the last, since the trusted proxy wrote that one.
func (o outside) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !o.trusts(from.Addr().String()) {
		return false
	}
	said := strings.Join(r.Header.Values("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(said[strings.LastIndexByte(said, ',')+1:]), "https")
}

// remoteOf returns the network address that a request came from, without the port: the one that trusted proxies name
// (X-Forwarded-For), if any. Each proxy adds the address that it sees, so that the last one that is no trusted proxy's
// counts; what stands before it came from the caller.
func (o outside) remoteOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if from, err := netip.ParseAddr(host); err == nil {
		host = from.Unmap().WithZone("").String()
	}
	named := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for n := len(named) - 1; n >= 0 && o.trusts(host); n-- {
		said, err := netip.ParseAddr(strings.TrimSpace(named[n]))
		if err != nil {
			break
		}
		host = said.Unmap().WithZone("").String()
	}
	return host
}

// trusts reports whether an address is that of a trusted proxy.
func (o outside) trusts(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(o.proxies, func(network netip.Prefix) bool {
		return network.Contains(ip.Unmap().WithZone(""))
	})
}

// private reports whether the connection may carry a token: it uses TLS, or is local, or other machines may omit TLS.
func (o outside) private(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return !o.tlsOnly || o.overTLS(r) || err == nil && from.Addr().IsLoopback()
}

// sameOrigin fails with Forbidden for a request from a page of another site.
func (o outside) sameOrigin(r *http.Request) error {
	err := o.guards.Check(r)
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Forbidden, err, "a page of another site may not do this. If %q is where you reach the "+
		"console, behind a proxy that "+
		"gives another Host, start the service with that as --public-url, or name it with --origins", r.Header.Get("Origin"))
}
