package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
)

// trickle returns a handler that sends b at the interval every without an end.
func trickle(every time.Duration, b string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, b)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(every):
			}
		}
	}
}

// inPipes returns a client of a server behind pipes, which work in synthetic time.
func inPipes(t *testing.T, h http.HandlerFunc) *Client {
	l := pipes{make(chan net.Conn), make(chan struct{})}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		l.conns <- theirs
		return ours, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	return New("http://service", "secret", &http.Client{Transport: transport})
}

// pipes is a listener for connections within the process.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.done); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestAnAnswerOfAByteASecondIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inPipes(t, trickle(time.Second, " "))
		began := time.Now()
		if _, err := c.Time(t.Context()); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "too slowly") {
			t.Errorf("JSON: %v", err)
		}
		if took := time.Since(began); took > paceTime+time.Second {
			t.Errorf("it took %v", took)
		}
		audio, err := c.Station("s").Audio(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		defer audio.Close()
		if n, err := io.Copy(io.Discard, audio); !fault.Is(err, fault.Unavailable) || n > int64(paceTime.Seconds())+1 {
			t.Errorf("audio: %d bytes, %v", n, err)
		}
	})
}

// A link of 300 bytes per second is slow but alive.
func TestASlowAnswerIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inPipes(t, func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				io.WriteString(w, strings.Repeat("x", 300))
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
			time.Sleep(paceTime - time.Minute)
		})
		audio, err := c.Station("s").Audio(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		defer audio.Close()
		some := make([]byte, 10)
		if _, err := io.ReadFull(audio, some); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the reader's own pauses do not count for the link
		if n, err := io.Copy(io.Discard, audio); err != nil || n != 30_000-10 {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

// A flood of data that contains no change would cost a station CPU time, though no memory.
func TestAFloodOfNothingEndsTheStream(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		beats := strings.Repeat(": heartbeat\n\n", 1<<10)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, beats); err != nil {
				return
			}
		}
	})
	if err := c.Changes(t.Context(), 0, func(wire.Change) {}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("ended with %v", err)
	}
}

// A byte per second without a complete change counts as silence.
func TestAStreamThatNeverEndsALineIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := inPipes(t, trickle(time.Second, "d")).Changes(t.Context(), 0, func(wire.Change) {}); err == nil ||
			!strings.Contains(err.Error(), "silent") || time.Since(began) > streamTime+time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestAListWithoutAnEndIsGivenUp(t *testing.T) {
	longform.Only(t) // many pages, likewise
	asked := 0
	page := func(cursor func() string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"items":[{}],"next_cursor":%q}`, cursor())
		}
	}
	if _, err := serve(t, page(func() string { return "again" })).Tokens(t.Context()); !fault.Is(err,
		fault.TooLarge) || asked != 2 {
		t.Errorf("one cursor for ever: %v after %d pages", err, asked)
	}
	asked = 0
	if _, err := serve(t, page(func() string { return fmt.Sprint(asked) })).Tokens(t.Context()); !fault.Is(err,
		fault.TooLarge) || asked != maxPages {
		t.Errorf("another each time: %v after %d pages", err, asked)
	}
}

func TestHeadersWithoutAnEndAreGivenUp(t *testing.T) {
	for name, sent := range map[string]string{
		"one answer":            "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-More: "+strings.Repeat("x", 1000)+"\r\n", 100),
		"informational answers": strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5000),
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		done.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, sent)
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		})
		address := "http://" + l.Addr().String()
		transport, err := new(Connection).Transport(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(address, "secret", &http.Client{Transport: transport}).Time(t.Context())
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
		transport.CloseIdleConnections()
		l.Close()
		done.Wait()
	}
}

// What a server states about an upload never leads to another path or to bytes that do not exist.
func TestAnUploadIsBelievedOnlyWhatCanBe(t *testing.T) {
	answer := func(location, segment, offset string) *Client {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch {
			case r.Method == http.MethodPost:
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusCreated)
			case r.Method == http.MethodPatch:
				if segment != "" {
					w.Header().Set("Content-Location", segment)
				}
				w.WriteHeader(http.StatusNoContent)
			case r.Method == http.MethodHead:
				w.Header().Set("Upload-Offset", offset)
			case r.URL.Path == wire.Uploads():
				io.WriteString(w, `{"items":[]}`)
			default:
				t.Errorf("%s %s", r.Method, r.URL)
			}
		})
	}
	for name, c := range map[string]*Client{
		"a place that is none":        answer("https://elsewhere.example/../..", "", "0"),
		"no place":                    answer("", "", "0"),
		"a segment that is none":      answer("/v1/uploads/u", "/v1/segments/..%2f", "0"),
		"more than there is":          answer("/v1/uploads/u", "", "6"),
		"less than nothing":           answer("/v1/uploads/u", "", "-1"),
		"an offset that is no number": answer("/v1/uploads/u", "", "many"),
	} {
		_, err := c.UploadInPieces(t.Context(), Recording{Audio: strings.NewReader("sound"), Length: 5, SHA256: "a"},
			func(int64) {})
		if err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestAServersOwnWordsAreCut(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://x/"+strings.Repeat("y", 50_000))
		w.WriteHeader(http.StatusFound)
	})
	if _, err := c.Time(t.Context()); err == nil || len(err.Error()) > 2*maxTold+500 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}
