package httpapi

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

// Work that lasts longer than the server's deadlines for reading and writing is neither cancelled nor truncated.
func TestLongWorkOutlastsTheServersDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := one{make(chan net.Conn, 1), make(chan struct{})}
		server := &http.Server{ReadTimeout: 2 * time.Minute, WriteTimeout: 2 * time.Minute,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadAll(r.Body); err != nil {
					t.Error(err)
				}
				c := &call{w: w, r: r}
				for range 4 { // many days in one request
					c.mayTakeLong()
					time.Sleep(10 * time.Minute)
				}
				if err := r.Context().Err(); err != nil {
					t.Errorf("the request ended within its work: %v", err)
				}
				io.WriteString(w, "done")
			})}
		go server.Serve(l)
		ours, theirs := net.Pipe()
		l.conns <- theirs
		go io.WriteString(ours, "POST / HTTP/1.1\r\nHost: lifeline\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
		resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(b), "done") {
			t.Errorf("%q, %v", b, err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}
