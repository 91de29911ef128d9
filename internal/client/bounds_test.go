package client

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// One change in the stream is short. An endless one must not fill the memory of a station.
func TestAChangeWithoutAnEndEndsTheStream(t *testing.T) {
	const lines = 1 << 10
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range lines {
			fmt.Fprintf(w, "data: %s\n", strings.Repeat(" ", 1<<10))
		}
		fmt.Fprint(w, "data: {\"id\":5,\"kind\":\"queue\"}\n\n")
	})
	err := c.Changes(t.Context(), 0, func(wire.Change) { t.Error("it was taken") })
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("ended with %v", err)
	}
}

// Short responses are bounded by their possible content, because decoded JSON takes many times its length.
func TestShortAnswersOfTheServiceAreBounded(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"results":[{}`)
		more := strings.Repeat(",{}", 1<<18)
		for range 16 {
			fmt.Fprint(w, more)
		}
		fmt.Fprint(w, `]}`)
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := c.Station("lantern").SendAsRun(t.Context(), []schedules.AsRun{}); err == nil {
		t.Error("an answer of 12 MiB to a report was taken")
	}
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 200 {
		t.Errorf("the answer took %d MiB of memory", took)
	}
	if _, err := c.Station("lantern").Freshness(t.Context(), "n"); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a freshness of 12 MiB: %v", err)
	}
	if _, err := c.Station("lantern").Lease(t.Context(), "n"); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a lease of 12 MiB: %v", err)
	}
}

// A signed document is read up to the maximum size of its type.
func TestSignedDocumentsAreReadUpToTheLargestThatThereCanBe(t *testing.T) {
	more := []byte(strings.Repeat(" ", 1<<20))
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 64 {
			if _, err := w.Write(more); err != nil {
				return
			}
		}
	})
	s := c.Station("lantern")
	for name, get := range map[string]func() (Document, error){
		"a queue":       func() (Document, error) { return s.Queue(t.Context(), schedules.Date{}, "", 0) },
		"a fallback":    func() (Document, error) { return s.Fallback(t.Context(), "") },
		"a recall list": func() (Document, error) { return s.Recalls(t.Context(), "", 0) },
		"a lease":       func() (Document, error) { return s.Lease(t.Context(), "n") },
		"a freshness":   func() (Document, error) { return s.Freshness(t.Context(), "n") },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := get(); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s of 64 MiB: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 90 {
			t.Errorf("%s of 64 MiB took %d MiB of memory in all", name, took)
		}
	}
}

// answers is a transport without a network that returns a body for each path.
type answers map[string]io.Reader

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(a[req.URL.Path]), Request: req,
		Header: http.Header{}}, nil
}

// Three large documents at once would take three times the memory of one.
func TestOfLargeDocumentsOneIsReadAtATimeAndSmallOnesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, more := io.Pipe()
		first := strings.NewReader(strings.Repeat("a", maxAnswer+1))
		s := New("http://service", "", &http.Client{Transport: answers{
			wire.Station("s", "queue.dsse"):    io.MultiReader(first, slow),
			wire.Station("s", "fallback.dsse"): strings.NewReader(strings.Repeat("b", 2*maxAnswer)),
			wire.Base + "/recalls":             strings.NewReader("small"),
		}}).Station("s")
		done := make(chan int, 2)
		read := func(get func() (Document, error)) {
			doc, err := get()
			if err != nil {
				t.Error(err)
			}
			done <- len(doc.Bytes)
		}
		go read(func() (Document, error) { return s.Queue(t.Context(), schedules.Date{}, "", 0) })
		synctest.Wait()
		go read(func() (Document, error) { return s.Fallback(t.Context(), "") })
		synctest.Wait()
		if len(done) > 0 {
			t.Error("two large documents are read at once")
		}
		if doc, err := s.Recalls(t.Context(), "", 0); err != nil || string(doc.Bytes) != "small" {
			t.Errorf("a small one waits: %v", err)
		}
		if err := more.Close(); err != nil {
			t.Fatal(err)
		}
		if a, b := <-done, <-done; a+b != 3*maxAnswer+1 {
			t.Errorf("they came with %d and %d bytes", a, b)
		}
	})
}

func TestALargeDocumentThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	for _, come := range []int{maxAnswer - 1, maxAnswer, maxAnswer + 7, 2 * maxAnswer} {
		s := New("http://service", "", &http.Client{Transport: answers{wire.Station("s", "fallback.dsse"): io.MultiReader(
			strings.NewReader(strings.Repeat("a", come)), iotest.ErrReader(io.ErrUnexpectedEOF))}}).Station("s")
		if doc, err := s.Fallback(t.Context(), ""); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after %d bytes it is taken with %d: %v", come, len(doc.Bytes), err)
		}
	}
}

// Little that unpacks to a quarter of a gigabyte is bounded by what it holds.
func TestCompressedAnswersAreBoundedByWhatTheyHold(t *testing.T) {
	longform.Only(t) // 256 MB are slow under the race detector, and one client reads them
	var bomb bytes.Buffer
	z, zeros := gzip.NewWriter(&bomb), make([]byte, 1<<20)
	for range 256 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = w.Write(bomb.Bytes())
	})
	s := c.Station("lantern")
	for _, status = range []int{http.StatusOK, http.StatusConflict} {
		for name, get := range map[string]func() error{
			"a queue":     func() error { _, err := s.Queue(t.Context(), schedules.Date{}, "", 0); return err },
			"a recall":    func() error { _, err := s.Recalls(t.Context(), "", 0); return err },
			"a freshness": func() error { _, err := s.Freshness(t.Context(), "n"); return err },
			"a time":      func() error { _, err := s.Time(t.Context()); return err },
			"roots":       func() error { _, err := s.Roots(t.Context(), 0); return err },
			"changes":     func() error { return c.Changes(t.Context(), 0, func(wire.Change) {}) },
			"a report": func() error {
				_, err := s.SendAsRun(t.Context(), []schedules.AsRun{})
				return err
			},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := get(); err == nil {
				t.Errorf("%s of 256 MiB was taken", name)
			}
			runtime.ReadMemStats(&after)
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 100 {
				t.Errorf("%s of 256 MiB, status %d, took %d MiB of memory in all", name, status, took)
			}
		}
	}
}
