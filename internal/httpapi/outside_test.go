package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/store"
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

func TestCallersBehindATrustedProxyAreToldApart(t *testing.T) {
	o := outside{proxies: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}}
	for _, c := range []struct {
		from string
		said []string
		want string
	}{
		{"10.1.2.3:5", []string{"192.0.2.7"}, "192.0.2.7"},
		{"10.1.2.3:5", []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7"}, // the caller wrote the first
		{"10.1.2.3:5", []string{"198.51.100.1", "192.0.2.7, 10.1.2.4"}, "192.0.2.7"},
		{"10.1.2.3:5", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		{"10.1.2.3:5", []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		{"10.1.2.3:5", []string{"192.0.2.7, nonsense"}, "10.1.2.3"},
		{"10.1.2.3:5", nil, "10.1.2.3"},
		{"192.0.2.9:5", []string{"192.0.2.7"}, "192.0.2.9"}, // nobody trusts it
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = c.from
		r.Header["X-Forwarded-For"] = c.said
		if got := o.addressOf(r); got != c.want {
			t.Errorf("from %s, forwarded for %q: %s, not %s", c.from, c.said, got, c.want)
		}
	}
}

func TestTheAuditNamesTheCallerBehindATrustedProxyAndBelievesNobodyElse(t *testing.T) {
	s := newServed(t)
	viewer, err := s.parts.Access.Create(t.Context(), access.System, access.NewToken{Name: "Mina", Role: access.Viewer})
	s.must(err)
	s.parts.Proxies = []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}
	behind := New(s.parts)
	for _, c := range []struct {
		by         http.Handler
		from, want string
	}{
		{behind, "10.1.2.3:5", "192.0.2.7"},
		{behind, "192.0.2.9:5", "192.0.2.9"},
		{behind, "[2001:db8::9]:5", "2001:db8::9"},
		{s.handler, "10.1.2.3:5", "10.1.2.3"}, // by default nobody is trusted
		{s.handler, "127.0.0.1:5", "127.0.0.1"},
	} {
		for _, secret := range []string{viewer.Secret, "stolen-and-ended"} {
			s.now = s.now.Add(time.Minute) // what is repeated within a minute is counted
			r := httptest.NewRequest(http.MethodGet, "/v1/audit", nil)
			r.RemoteAddr = c.from
			r.Header["X-Forwarded-For"] = []string{"198.51.100.1, 192.0.2.7"}
			r.Header.Set("Authorization", "Bearer "+secret)
			c.by.ServeHTTP(httptest.NewRecorder(), r)
			records, _, err := s.parts.Logbook.Audit(t.Context(), store.AuditQuery{Newest: true, Limit: 1})
			s.must(err)
			if len(records) != 1 || !records[0].At.Equal(s.now) || records[0].Remote != c.want {
				t.Errorf("of a request from %s the audit has %+v, not the address %s", c.from, records, c.want)
			}
		}
	}
}
