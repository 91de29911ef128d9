package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// Nobody on the link between two machines may read a token, and a header that any client can send does not prove TLS.
func TestATokenIsTakenFromAnotherMachineByTLSAlone(t *testing.T) {
	s := newServed(t)
	s.parts.TLSOnly = true
	s.parts.Proxies = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32"), netip.MustParsePrefix("2001:db8::/64")}
	strict := New(s.parts)
	for _, c := range []struct {
		from  string
		proto []string // X-Forwarded-Proto
		tls   bool
		want  int
	}{
		{"127.0.0.1:1", nil, false, 200},
		{"[::1]:1", nil, false, 200},
		{"[::ffff:127.0.0.1]:1", nil, false, 200},
		{"192.0.2.1:1", nil, false, 403},
		{"192.0.2.1:1", []string{"https"}, false, 403},
		{"192.0.2.1:1", nil, true, 200},
		{"10.1.2.3:1", nil, false, 403},
		{"10.1.2.3:1", []string{"http"}, false, 403},
		{"10.1.2.3:1", []string{"https"}, false, 200},
		{"[::ffff:10.1.2.3]:1", []string{"HTTPS"}, false, 200},
		{"[2001:db8::7]:1", []string{"http, https"}, false, 200},
		{"10.1.2.3:1", []string{"https", "http"}, false, 403}, // the client's value, then the proxy's
		{"10.1.2.4:1", []string{"https"}, false, 403},
		{"nonsense", []string{"https"}, false, 403},
	} {
		for name, h := range map[string]http.Handler{"strict": strict, "free": s.handler} {
			r := httptest.NewRequest(http.MethodGet, "/v1/stations", nil)
			r.RemoteAddr, r.Header["X-Forwarded-Proto"] = c.from, c.proto
			r.Header.Set("Authorization", "Bearer "+s.token)
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want := c.want
			if name == "free" {
				want = http.StatusOK
			}
			if w.Code != want || w.Code == http.StatusForbidden && !strings.Contains(w.Body.String(), "--trusted-proxies") {
				t.Errorf("%s, %+v: %d %s", name, c, w.Code, w.Body)
			}
		}
	}
	list := s.addresses(s.stationToken().Secret)
	if got := fetch(strict, list[0], "192.0.2.1:1"); got != http.StatusForbidden {
		t.Errorf("a media address: %d", got)
	}
	if got := fetch(strict, "/healthz", "192.0.2.1:1"); got != http.StatusOK {
		t.Errorf("what needs no token: %d", got)
	}
}
