package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/wire"
)

// secured starts a server with a certificate and returns its address.
func secured(t *testing.T, c *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"now":"2026-11-29T12:00:00.000Z"}`)
	}))
	s.TLS, s.EnableHTTP2 = c, true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func speak(t *testing.T, l Connection, address string) error {
	t.Helper()
	transport, err := l.Transport(address)
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	_, err = New(address, "secret", &http.Client{Transport: transport}).Time(t.Context())
	return err
}

func TestPlainHTTPBeyondThisMachineIsRefusedUnlessItIsSaid(t *testing.T) {
	for _, text := range []string{"http://lifeline.example", "HTTP://192.0.2.7:8080", "http://[2001:db8::1]/radio",
		"http://localhost.example", "http://127.0.0.1.example", "http://0.0.0.0:8080", "http://10.0.0.1"} {
		if got, err := new(Connection).Address(text); err == nil || !strings.Contains(err.Error(), "--allow-plain-http") ||
			!strings.Contains(err.Error(), "LIFELINE_ALLOW_PLAIN_HTTP") || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s is taken as %q: %v", text, got, err)
		}
		if _, err := (&Connection{AllowPlainHTTP: true}).Address(text); err != nil {
			t.Errorf("%s is refused though it is said: %v", text, err)
		}
	}
	for _, text := range []string{"http://127.0.0.1:8080", "http://127.5.6.7", "http://[::1]:8080", "http://LOCALHOST",
		"http://[::ffff:127.0.0.1]", "https://lifeline.example"} {
		if _, err := new(Connection).Address(text); err != nil {
			t.Errorf("%s is refused: %v", text, err)
		}
	}
}

func TestAServerIsBelievedByItsAuthorityAndItsPin(t *testing.T) {
	now := time.Now()
	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	own, other := harness.NewIssuer(t), harness.NewIssuer(t)
	good := own.Issue(t, "127.0.0.1", hour(-1), hour(1))
	ended, future := own.Issue(t, "127.0.0.1", hour(-2), hour(-1)), own.Issue(t, "127.0.0.1", hour(1), hour(2))
	elsewhere, between := own.Issue(t, "radio.example", hour(-1), hour(1)), other.Issue(t, "127.0.0.1", hour(-1), hour(1))
	wrong, early := Pin(other.Root), own.Issue(t, "127.0.0.1", now.AddDate(-40, 0, 0), now.AddDate(-30, 0, 0))
	for name, c := range map[string]struct {
		shows tls.Certificate
		ca    *harness.Issuer // nil: the system's
		pins  []string
		why   []string // of the refusal; empty: the server is trusted
	}{
		"its authority is known":          {good, own, nil, nil},
		"its authority is not known":      {good, nil, nil, []string{"no authority", "--tls-ca"}},
		"another authority has signed it": {between, own, nil, []string{"no authority", "somebody is in between"}},
		"its key is pinned":               {good, own, []string{Pin(good.Leaf)}, nil},
		"one of two keys is":              {good, own, []string{wrong, Pin(good.Leaf)}, nil},
		"its authority's key is pinned":   {good, own, []string{Pin(own.Root)}, nil},
		"another key is pinned": {good, own, []string{wrong}, []string{Pin(good.Leaf), "--tls-pin",
			"LIFELINE_TLS_PIN"}},
		"a pinned key needs no authority":                    {good, nil, []string{Pin(good.Leaf)}, nil},
		"a pinned authority must be known":                   {good, nil, []string{Pin(own.Root)}, []string{"no authority"}},
		"another authority, but pinned":                      {between, own, []string{Pin(between.Leaf)}, nil},
		"it ended before its authority began, but is pinned": {early, own, []string{Pin(early.Leaf)}, nil},
		"it has ended": {ended, own, nil, []string{"has ended", "renew"}},
		"it is not valid yet": {future, own, nil, []string{"valid from", "the clock here says",
			"--tls-pin"}},
		"it has ended, and its key is pinned":    {ended, own, []string{Pin(ended.Leaf)}, nil},
		"it is not valid yet, but pinned":        {future, own, []string{Pin(future.Leaf)}, nil},
		"it has ended, and its authority pinned": {ended, own, []string{Pin(own.Root)}, []string{"has ended"}},
		"it is another's":                        {elsewhere, own, nil, []string{"radio.example"}},
		"it is another's, with a pinned key":     {elsewhere, own, []string{Pin(elsewhere.Leaf)}, []string{"radio.example"}},
	} {
		l := Connection{Pins: c.pins}
		if c.ca != nil {
			l.Authorities = c.ca.File(t)
		}
		err := speak(t, l, secured(t, &tls.Config{Certificates: []tls.Certificate{c.shows}}))
		if c.why == nil && err != nil || c.why != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
		for _, word := range c.why {
			if err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("%s: no %q in %v", name, word, err)
			}
		}
	}
}

func TestTLSBefore12IsNotSpoken(t *testing.T) {
	own := harness.NewIssuer(t)
	cert := own.Issue(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	l := Connection{Authorities: own.File(t)}
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true} {
		err := speak(t, l, secured(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10,
			MaxVersion: version}))
		if want != (err == nil) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestAClientShowsItsCertificateToAServiceThatWantsOne(t *testing.T) {
	own, other := harness.NewIssuer(t), harness.NewIssuer(t)
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	trusted := x509.NewCertPool()
	trusted.AddCert(own.Root)
	for _, protocol := range []string{"h2", "http/1.1"} {
		address := secured(t, &tls.Config{Certificates: []tls.Certificate{own.Issue(t, "127.0.0.1", from, until)},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted, NextProtos: []string{protocol}})
		for range 20 { // the server's refusal arrives at another moment of the request each time
			l := Connection{Authorities: own.File(t)}
			if err := speak(t, l, address); err == nil || !strings.Contains(err.Error(), "--tls-client-cert") {
				t.Errorf("%s, without one: %v", protocol, err)
			}
			l.Certificate, l.Key = harness.WritePair(t, other.Issue(t, "lantern", from, until))
			if err := speak(t, l, address); err == nil || !strings.Contains(err.Error(), "--tls-client-cert") {
				t.Errorf("%s, of another issuer: %v", protocol, err)
			}
		}
		l := Connection{Authorities: own.File(t)}
		l.Certificate, l.Key = harness.WritePair(t, own.Issue(t, "lantern", from, until))
		if err := speak(t, l, address); err != nil {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}

func TestWhatCannotBeALinkIsSaidByItsFlag(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(none, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, l := range map[string]Connection{
		"--tls-pin":          {Pins: []string{"sha256/short"}},
		"--tls-ca":           {Authorities: none},
		"--tls-client-cert":  {Certificate: none},
		"--tls-client-key":   {Key: none},
		"--tls-client-cert,": {Certificate: none, Key: none},
	} {
		if _, err := l.Transport("https://x"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestAClientKeyThatOthersMayReadIsRefusedWithItsCure(t *testing.T) {
	own := harness.NewIssuer(t)
	var l Connection
	l.Certificate, l.Key = harness.WritePair(t, own.Issue(t, "lantern", own.Root.NotBefore, own.Root.NotAfter))
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(l.Key, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Transport("https://x"); !fault.Is(err, fault.Invalid) ||
			!strings.Contains(err.Error(), "--tls-client-key") || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%04o: %v", mode, err)
		}
	}
	if err := errors.Join(os.Chmod(l.Key, 0o600), os.Chmod(l.Certificate, 0o644)); err != nil { // that is no secret
		t.Fatal(err)
	}
	if _, err := l.Transport("https://x"); err != nil {
		t.Error(err)
	}
}

func TestAPinIsTakenAsOthersWriteIt(t *testing.T) {
	const bare = "//8HV0bIxbUbqhYt/z8s6+5Q4C+vqmG6SyqtO6lDEUs="
	for _, text := range []string{bare, "sha256/" + bare, "sha256//" + bare, " sha256/" + bare + "\n"} {
		if got, err := pins([]string{text}); err != nil || got[0].String() != "sha256/"+bare {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "sha256/", "sha1/" + bare, bare[1:], bare + "="} {
		if _, err := pins([]string{text}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// A misconfigured link does not improve at the next attempt.
func TestAnUploadEndsAtARedirectAndAtAServerThatIsNotBelieved(t *testing.T) {
	asked := 0
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "https://lifeline.example"+r.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	defer redirecting.Close()
	own := harness.NewIssuer(t)
	strange := secured(t, &tls.Config{Certificates: []tls.Certificate{
		own.Issue(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))}})
	for address, why := range map[string]string{redirecting.URL: "redirects to https://lifeline.example: use that address",
		strange: "no authority"} {
		transport, err := new(Connection).Transport(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(address, "secret", &http.Client{Transport: transport}).UploadInPieces(t.Context(),
			Recording{Audio: strings.NewReader("sound"), Length: 5, SHA256: "a"}, func(int64) {})
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if asked != 1 {
		t.Errorf("the server that redirects was asked %d times", asked)
	}
}

// A login page or a redirect in place of the service does not confirm a status.
func TestAStatusIsSentOnlyWhenTheServiceSaysSo(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>Sign in to this network</html>")
		},
		"a word":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") },
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://x"+r.URL.Path, http.StatusFound)
		},
	} {
		c := serve(t, answer)
		if err := c.Station("s").SendStatus(t.Context(), wire.Status{}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if results, err := c.Station("s").SendAsRun(t.Context(), nil); err == nil {
			t.Errorf("as-run, %s: %v", name, results)
		}
	}
}

// What a person must mend, such as the address, stays as it is at the next attempt; an outage does not.
func TestWhatTryingAgainDoesNotMendIsToldApartFromAnOutage(t *testing.T) {
	answers := func(status int, body string) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if strings.HasPrefix(body, "<") {
				w.Header().Set("Content-Type", "text/html")
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}).base
	}
	own := harness.NewIssuer(t)
	strange := secured(t, &tls.Config{Certificates: []tls.Certificate{
		own.Issue(t, "127.0.0.1", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))}})
	withoutTLS := "http" + strings.TrimPrefix(strange, "https")
	pinned := Connection{Authorities: own.File(t), Pins: []string{"sha256/" + strings.Repeat("A", 43) + "="}}
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	go func() {
		for {
			c, err := listening.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 16<<10)) // a server answers what it has read
			io.WriteString(c, "\x15\x03\x01\x00\x02\x02\x46")
			c.Close()
		}
	}()
	plain := answers(http.StatusNotFound, "404 page not found")
	for name, c := range map[string]struct {
		link    Connection
		address string
		says    string
		lasts   bool
	}{
		"a redirect": {address: serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://lifeline.example"+r.URL.Path, http.StatusPermanentRedirect)
		}).base, says: "use that address", lasts: true},
		"a certificate that is not believed": {address: strange, says: "no authority", lasts: true},
		"another key than the pinned one":    {link: pinned, address: strange, says: "none of those pinned", lasts: true},
		"plain HTTP to TLS":                  {address: withoutTLS, says: "write " + strange, lasts: true},
		"plain HTTP to another TLS": {address: "http://" + listening.Addr().String(),
			says: "write https://" + listening.Addr().String(), lasts: true},
		"TLS to plain HTTP":  {address: "https" + strings.TrimPrefix(plain, "http"), says: "does not speak TLS", lasts: true},
		"another server":     {address: plain, says: "is the address right", lasts: true},
		"another's page":     {address: answers(http.StatusOK, "<html>"), says: "answered with a page", lasts: true},
		"a proxy in trouble": {address: answers(http.StatusInternalServerError, "oops"), says: "answers 500"},
		"a proxy alone":      {address: answers(http.StatusBadGateway, "oops"), says: "does not reach the service"},
		"nobody":             {address: "http://127.0.0.1:1", says: "cannot be reached"},
	} {
		err := speak(t, c.link, c.address)
		if !fault.Is(err, fault.Unavailable) || fault.Lasts(err) != c.lasts || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s (lasts: %v): %v", name, fault.Lasts(err), err)
		}
	}
}
