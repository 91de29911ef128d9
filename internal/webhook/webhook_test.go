package webhook

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/webhooks"
)

// whsec is a secret of 24 bytes.
const whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func message(address string) webhooks.Message {
	return webhooks.Message{URL: address, ID: "41", At: time.Unix(1614265330, 0), Secrets: []string{whsec},
		Body: []byte(`{"test": 2432232314}`)}
}

// The values are the example of the scheme's specification.
func TestSignatureIsThatOfTheScheme(t *testing.T) {
	m := message("")
	m.ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	got, err := sign(m)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	m.Secrets = append(m.Secrets, whsec)
	if got, err := sign(m); err != nil || len(strings.Fields(got)) != 2 {
		t.Errorf("with two secrets %q, %v", got, err)
	}
}

// No address of the machine or its network is dialled, under any name or spelling, with or without TLS.
func TestInnerAddressesAreNotDialled(t *testing.T) {
	p := NewPoster(nil)
	tried := 0
	for _, host := range []string{"127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0", "10.0.0.1", "172.16.5.5",
		"192.168.1.1", "100.64.0.1",
		"169.254.169.254", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fd00::1]",
		"[ff02::1]",
		"[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433", "0x7f.1"} {
		for _, scheme := range []string{"https", "http"} {
			tried++
			_, err := p.Post(t.Context(), message(scheme+"://"+host+":9/"))
			// A resolver may reject these before anything is dialled.
			resolved := !strings.Contains(host, "0x") && host != "2130706433"
			if err == nil || resolved && !errors.Is(err, errInner) {
				t.Errorf("%s://%s: %v", scheme, host, err)
			}
		}
	}
	t.Logf("%d addresses", tried)
}

// An inner address is rejected when it is configured, in whatever form it is written.
func TestInnerAddressesAreRefusedAsTheyAreWritten(t *testing.T) {
	p, named := NewPoster(nil), NewPoster([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("127.0.0.0/8")})
	check := func(p *Poster, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return p.Check(u)
	}
	for _, host := range []string{"10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1", "100.64.0.1",
		"0.0.0.0", "224.0.0.1", "255.255.255.255",
		"[::1]", "[::]", "[fe80::1]", "[fe80::1%25eth0]", "[fd00::1]", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]",
		"[64:ff9b::a00:1]", "[::127.0.0.1]",
		"2130706433", "0x7f000001", "017700000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "0xa.0x0.0x0.0x1",
		"010.0.0.1", "127.0.0.1.", "0", "8.8.8", "256.1.1.1", "1.2.3.4.5",
		"localhost", "LOCALHOST.", "db.localhost", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021"} {
		if err := check(p, "https://"+host+"/x"); !errors.Is(err, errInner) && !errors.Is(err, errNumber) {
			t.Errorf("%s is taken: %v", host, err)
		}
		if err := check(p, "https://"+host+":8443/x"); !errors.Is(err, errInner) && !errors.Is(err, errNumber) {
			t.Errorf("%s with a port is taken: %v", host, err)
		}
	}
	for _, host := range []string{"newsroom.example", "93.184.216.34", "[2606:2800:220:1::1]", "10.example",
		"0x7f.example", "4.newsroom"} {
		if err := check(p, "https://"+host+"/x"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for address, taken := range map[string]bool{"https://10.1.1.1/": true, "http://10.1.1.1/": true,
		"http://localhost:80/": true, "https://192.168.1.1/": false,
		"http://192.168.1.1/": false, "http://93.184.216.34/": false, "https://93.184.216.34/": true} {
		if err := check(named, address); taken != (err == nil) {
			t.Errorf("%s, where 10.0.0.0/8 and 127.0.0.0/8 are named: %v", address, err)
		}
	}
}

// Without TLS only the named networks are reached, and no other addresses, not even public ones.
func TestOnlyNamedNetworksAreReachedWithoutTLS(t *testing.T) {
	var hits int
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/endless":
			for r.Context().Err() == nil {
				w.Write(make([]byte, 1<<16))
			}
		}
	}))
	defer receiver.Close()
	named := NewPoster([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	other := NewPoster([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if _, err := other.Post(t.Context(), message(receiver.URL)); !errors.Is(err, errInner) || hits != 0 {
		t.Errorf("%d requests reached what is not named: %v", hits, err)
	}
	if _, err := named.Post(t.Context(), message("http://93.184.216.34/")); !errors.Is(err, errInner) {
		t.Errorf("a public address without TLS: %v", err)
	}
	for path, want := range map[string]webhooks.Reply{"/": {Status: 200}, "/elsewhere": {Status: 302},
		"/endless": {Status: 200},
		"/busy":    {Status: 503, RetryAfter: 2 * time.Minute}} {
		before := hits
		got, err := named.Post(t.Context(), message(receiver.URL+path))
		if err != nil || got != want || hits != before+1 {
			t.Errorf("%s: %+v after %d requests, %v", path, got, hits-before, err)
		}
	}
}

// A receiver that accepts the request and never responds costs no more than the limit.
func TestSilentReceiverIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPoster(nil)
		p.open.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		if _, err := p.Post(t.Context(), message("https://silent.example/")); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(start) != limit {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// A hostile response costs one attempt of bounded time and memory, and only its status counts.
func TestAnswerThatIsHostileCostsOneAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		repeat string // sent endlessly after it
		status int
	}{
		"garbage":              {answer: "\x16\x03\x01\x00\xff\r\n\r\n"},
		"nothing":              {},
		"half a header":        {answer: "HTTP/1.1 200 OK\r\nContent-Le"},
		"a header without end": {answer: "HTTP/1.1 200 OK\r\n", repeat: "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"},
		"a body that breaks":   {answer: "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf", status: 200},
		"a body without end":   {answer: "HTTP/1.1 200 OK\r\n\r\n", repeat: "more and more and more", status: 200},
		"gone":                 {answer: "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", status: 410},
		"moved, with its body": {answer: "HTTP/1.1 307 Temporary Redirect\r\nLocation: " +
			"http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", status: 307},
		"moved for ever": {answer: "HTTP/1.1 301 Moved Permanently\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
			status: 301},
		"a length that is none": {answer: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var asked atomic.Int32
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						io.Copy(io.Discard, r.Body) // the client may have gone
						asked.Add(1)
					}
					_, err = io.WriteString(conn, c.answer)
					for err == nil && c.repeat != "" {
						_, err = io.WriteString(conn, c.repeat)
					}
					conn.Close()
				}
			}()
			p := NewPoster([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
			reply, err := p.Post(t.Context(), message("http://"+l.Addr().String()+"/"))
			if reply.Status != c.status || (err != nil) != (c.status == 0) {
				t.Errorf("%d, %v; want %d", reply.Status, err, c.status)
			}
			p.inner.CloseIdleConnections()
			l.Close()
			<-ended
			if asked.Load() != 1 {
				t.Errorf("it was asked %d times", asked.Load())
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRetryAfterIsSecondsOrAnInstant(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{"": 0, "30": 30 * time.Second, "-1": 0, "soon": 0,
		"Thu, 01 Jan 2026 00:01:00 GMT": time.Minute, "Thu, 01 Jan 2015 00:01:00 GMT": 0} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("%q is %v", v, got)
		}
	}
}
