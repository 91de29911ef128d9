package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return New(s.URL+"/", "secret", s.Client())
}

func TestDocumentsAreAskedForWithTheirTag(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String()+" "+r.Header.Get("If-None-Match")+" "+r.Header.Get("Authorization"))
		if r.Header.Get("If-None-Match") == `"7"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", `"7"`)
		fmt.Fprint(w, "signed")
	})
	date := schedules.Date{Year: 2026, Month: 11, Day: 23}
	s := c.Station("lantern coast")
	doc, err := s.Queue(t.Context(), date, "", time.Minute)
	if err != nil || string(doc.Bytes) != "signed" || doc.ETag != `"7"` {
		t.Fatalf("%+v, %v", doc, err)
	}
	if doc, err = s.Queue(t.Context(), date, doc.ETag, 55*time.Second); err != nil || doc.Bytes != nil ||
		doc.ETag != `"7"` {
		t.Fatalf("%+v, %v", doc, err)
	}
	want := []string{"/v1/stations/lantern%20coast/queue.dsse?date=2026-11-23  Bearer secret",
		`/v1/stations/lantern%20coast/queue.dsse?date=2026-11-23&wait=55s "7" Bearer secret`}
	if strings.Join(asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s", strings.Join(asked, "\n"))
	}
}

func TestAudioGoesOnWhereItStopped(t *testing.T) {
	body := strings.Repeat("0123456789", 10)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"abc"`)
		if r.Header.Get("If-Range") == "" && r.Header.Get("Range") != "" {
			t.Error("a range without a condition")
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
	})
	for _, from := range []int64{0, 40} {
		a, err := c.Station("x").Audio(t.Context(), "abc", from)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(a)
		if err = errors.Join(err, a.Close()); err != nil || a.From != from || string(b) != body[from:] {
			t.Errorf("from %d: %d, %q, %v", from, a.From, b, err)
		}
	}
	if _, err := c.Station("x").Audio(t.Context(), "abc", 100); !fault.Is(err, fault.OutOfRange) {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestChangesComeInOrderAndTheStreamsEndIsAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("since") != "4" || r.Header.Get("Last-Event-ID") != "4" {
			t.Errorf("asked for %s after %q", r.URL, r.Header.Get("Last-Event-ID"))
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": heartbeat\n\nid: 5\nevent: queue\ndata: {\"id\":5,\"kind\":\"queue\",\ndata: "+
			"\"name\":\"lantern\"}\n\n"+
			"id: 6\nevent: recall\ndata: {\"id\":6,\"kind\":\"recall\"}\n\nid: 7\ndata: {\"id\"")
	})
	var got []wire.Change
	err := c.Changes(t.Context(), 4, func(ch wire.Change) { got = append(got, ch) })
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("ended with %v", err)
	}
	if len(got) != 2 || got[0].ID != 5 || got[0].Name != "lantern" || got[1].Kind != "recall" {
		t.Errorf("got %+v", got)
	}
}

func TestFailuresKeepTheServicesOwnWords(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"title":"Not Found","status":404,"detail":"no such station"}`)
	})
	_, err := c.Station("x").Fallback(t.Context(), "")
	if !fault.Is(err, fault.NotFound) || err.Error() != "no such station" {
		t.Errorf("%v", err)
	}
	gone := New("http://127.0.0.1:1", "", http.DefaultClient)
	if err := gone.Station("x").SendStatus(t.Context(), wire.Status{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// After a refused upload the request for its offset fails without a message; the message of the refusal is kept.
func TestRefusedUploadIsToldInTheWordsOfTheRefusal(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			w.Write([]byte(`{"items":[]}`))
		case http.MethodPost:
			w.Header().Set("Location", "/v1/uploads/u")
			w.WriteHeader(http.StatusCreated)
		case http.MethodPatch:
			w.WriteHeader(http.StatusConflict)
			w.Write([]byte(`{"title":"The state does not allow it","detail":"a segment \"a\" exists already"}`))
		case http.MethodHead:
			w.WriteHeader(http.StatusGone)
		}
	})
	_, err := c.UploadInPieces(t.Context(), Recording{Audio: strings.NewReader("x"), Length: 1, SHA256: "a"},
		func(int64) {})
	if err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("%v", err)
	}
}

// A proxy's page states nothing about the service: the error names the proxy, and what the proxy does not find may
// exist.
func TestWhatAProxyAnswersIsToldAsTheProxys(t *testing.T) {
	for status, want := range map[int]struct {
		kind fault.Kind
		says string
	}{
		400: {fault.Unavailable, "not as a Lifeline service does"},
		403: {fault.Unavailable, "the path in it"},
		404: {fault.Unavailable, "the path in it"},
		405: {fault.Unavailable, "is the address right"},
		413: {fault.TooLarge, "raise its limit"},
		500: {fault.Unavailable, "not as a Lifeline service does"},
		502: {fault.Unavailable, "does not reach the service behind it"},
		504: {fault.Unavailable, "does not reach the service behind it"},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			fmt.Fprint(w, "<html><center>nginx</center></html>")
		})
		if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/v1/recalls"}); fault.KindOf(err) != want.kind ||
			!strings.Contains(err.Error(), want.says) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Proxies limit the size of bodies, nginx by default to 1 MiB.
func TestUploadGoesThroughAProxyThatTakesSmallBodies(t *testing.T) {
	content := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{1}).Read(content)
	var got []byte
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			if strings.HasPrefix(r.URL.Path, "/v1/segments/") {
				w.Write([]byte(`{"id":"whole"}`))
			} else {
				w.Write([]byte(`{"items":[]}`))
			}
		case http.MethodPost:
			w.Header().Set("Location", "/v1/uploads/u")
			w.WriteHeader(http.StatusCreated)
		case http.MethodPatch:
			if r.ContentLength > 1<<20 {
				http.Error(w, "<html>", http.StatusRequestEntityTooLarge)
				return
			}
			if at := r.Header.Get("Upload-Offset"); at != strconv.Itoa(len(got)) {
				t.Errorf("a piece begins at %s after %d bytes", at, len(got))
			}
			piece, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if got = append(got, piece...); len(got) == len(content) {
				w.Header().Set("Content-Location", "/v1/segments/whole")
			}
			w.WriteHeader(http.StatusNoContent)
		case http.MethodHead:
			w.Header().Set("Upload-Offset", strconv.Itoa(len(got)))
		}
	})
	s, err := c.UploadInPieces(t.Context(), Recording{Audio: bytes.NewReader(content), Length: int64(len(content)),
		SHA256: "a"}, func(int64) {})
	if err != nil || s.ID != "whole" || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v, %v", len(got), s.ID, err)
	}
}

// A redirect would turn a change into a GET request and send the token to the other server: the error names the address
// instead.
func TestRedirectIsToldAndNotFollowed(t *testing.T) {
	var there atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { there.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/radio"+r.URL.RequestURI(), status)
		})
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			_, err := c.Do(t.Context(), Request{Method: method, Path: "/v1/stations?limit=5", Body: struct{}{}})
			if err == nil || !strings.HasSuffix(err.Error(), "redirects to "+other.URL+"/radio: use that address") {
				t.Errorf("%s at %d: %v", method, status, err)
			}
		}
	}
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login?next=x",
			http.StatusFound)
	})
	if _, err := elsewhere.Do(t.Context(), Request{Method: "GET", Path: "/v1/me"}); err == nil ||
		!strings.Contains(err.Error(), "/login") || !strings.Contains(err.Error(), "is the address right") {
		t.Errorf("%v", err)
	}
	if there.Load() != 0 {
		t.Errorf("%d requests went on to the other server", there.Load())
	}
}
