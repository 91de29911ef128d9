package httpapi

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fault"
)

// one is a listener for a single connection.
type one struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l one) Close() error   { close(l.done); return nil }
func (l one) Addr() net.Addr { return &net.TCPAddr{} }

// askOne sends a request to a server with deadlines, and returns the answer with its body.
func askOne(t *testing.T, request string, h http.HandlerFunc) (*http.Response, string) {
	l := one{make(chan net.Conn, 1), make(chan struct{})}
	server := &http.Server{ReadTimeout: 2 * time.Minute, WriteTimeout: 2 * time.Minute, Handler: h}
	go server.Serve(l)
	ours, theirs := net.Pipe()
	l.conns <- theirs
	go io.WriteString(ours, request)
	resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	return resp, string(b)
}

// Work that lasts longer than the server's deadlines for reading and writing is neither cancelled nor cut off.
func TestLongWorkOutlastsTheServersDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const request = "POST / HTTP/1.1\r\nHost: lifeline\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
		_, body := askOne(t, request, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			c := &call{w: w, r: r}
			for range 4 { // as many days are planned in one request
				c.mayTakeLong()
				time.Sleep(10 * time.Minute)
			}
			if err := r.Context().Err(); err != nil {
				t.Errorf("the request ended within its work: %v", err)
			}
			io.WriteString(w, "done")
		})
		if !strings.HasSuffix(body, "done") {
			t.Errorf("%q", body)
		}
	})
}

// A client that is refused while its body is stuck gets the answer all the same.
func TestARefusalReachesAClientWhoseBodyIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{Parts: Parts{Log: slog.New(slog.DiscardHandler)}}
		const stuck = "POST /v1/segments HTTP/1.1\r\nHost: lifeline\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n\r\n"
		began := time.Now()
		resp, _ := askOne(t, stuck, func(w http.ResponseWriter, r *http.Request) {
			a.fail(&call{w: w, r: r}, fault.New(fault.Unauthenticated, "this token is revoked"))
		})
		if took := time.Since(began); resp.StatusCode != http.StatusUnauthorized || took > restOfBody {
			t.Errorf("answered with %d after %v", resp.StatusCode, took)
		}
		if !resp.Close {
			t.Error("what comes of the body later would be read as a request")
		}
	})
}
