//go:build linux

package storage_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"lifeline/internal/wire"
)

// waitingStations lets stations wait by long poll, half of them at each of two replicas on one Redis. One replica
// publishes the queue of one station after another, and then recalls, for which all stations wait.
func waitingStations(t *testing.T, e effort, here, there *service, stations []string) {
	w := &waiters{replicas: []*service{here, there}, heard: make(chan heard, len(stations))}
	for n, station := range stations {
		w.wait(t, n, wire.Station(station, "queue")+"?wait=55s&date="+day.String(), "")
	}
	w.settle(t, "queue", len(stations))
	times := map[string][]time.Duration{}
	for i := range e.publications {
		n := i * 7 % len(stations) // spread over both replicas
		request := here.plan(t, stations[n])
		asked := time.Now()
		here.publish(t, request)
		answered := time.Now()
		h := <-w.heard
		if h.who != n || h.status != http.StatusOK {
			t.Fatalf("station %d heard %d while %d was published", h.who, h.status, n)
		}
		place := []string{"at the same replica", "at the other replica"}[n%2]
		times[place+", from the request to publish"] = append(times[place+", from the request to publish"], h.at.Sub(asked))
		times[place+", from its acknowledgement"] = append(times[place+", from its acknowledgement"],
			max(0, h.at.Sub(answered)))
		w.wait(t, n, wire.Station(stations[n], "queue")+"?wait=55s&date="+day.String(), h.tag)
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		tell(t, fmt.Sprintf("%d stations wait; one's queue, %s", len(stations), name), times[name])
	}
	times = map[string][]time.Duration{}
	w = &waiters{replicas: w.replicas, heard: make(chan heard, len(stations))}
	tag := here.tag(t, wire.Base+"/recalls")
	segments, err := here.desk.Segments(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range e.recalls {
		for n := range stations {
			w.wait(t, n, wire.Base+"/recalls?wait=55s", tag)
		}
		w.settle(t, "recalls", len(stations))
		asked := time.Now()
		if _, err := here.desk.Act(t.Context(), segments[i].ID, "recall", "not this"); err != nil {
			t.Fatal(err)
		}
		answered := time.Now()
		for range stations {
			h := <-w.heard
			if h.status != http.StatusOK {
				t.Fatalf("station %d heard %d", h.who, h.status)
			}
			times["request"], times["acknowledgement"] = append(times["request"], h.at.Sub(asked)),
				append(times["acknowledgement"], max(0, h.at.Sub(answered)))
			tag = h.tag
		}
	}
	for _, name := range slices.Sorted(maps.Keys(times)) {
		tell(t, fmt.Sprintf("one recall that all %d wait for, from its %s", len(stations), name), times[name])
	}
}

func tell(t *testing.T, what string, times []time.Duration) {
	t.Helper()
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	t.Logf("%s: median %.1f ms, p99 %.1f ms, worst %.1f ms of %d", what, ms(quantile(times, 0.5)),
		ms(quantile(times, 0.99)), ms(times[len(times)-1]), len(times))
	if median := quantile(times, 0.5); median >= 100*time.Millisecond {
		t.Logf("that is not under 100 ms")
	}
}

// waiters wait, each on a connection of its own, alternately at the two replicas.
type waiters struct {
	replicas []*service
	heard    chan heard
}

type heard struct {
	who, status int
	at          time.Time
	tag         string
}

// wait begins to wait for a document newer than the tag, or for any document without a tag.
func (w *waiters) wait(t *testing.T, who int, path, tag string) {
	t.Helper()
	s := w.replicas[who%len(w.replicas)]
	if tag == "" {
		tag = `"0"`
	}
	p := dial(t, s, path, tag, http.StatusOK)
	go func() {
		defer p.Close()
		h := heard{who: who}
		for h.status == 0 || h.status == http.StatusNotFound || h.status == http.StatusNotModified { // nothing yet
			var err error
			if h.status, h.tag, err = p.once(); err != nil {
				h.status = -1 // matches no expected status
			}
		}
		h.at = time.Now()
		w.heard <- h
	}()
}

var gauge = regexp.MustCompile(`(?m)^lifeline_waiters\{[^}]*\} (\d+)`)

// settle waits until the given number of requests wait.
func (w *waiters) settle(t *testing.T, what string, want int) {
	t.Helper()
	began := time.Now()
	for have := 0; have < want; {
		have = 0
		for _, s := range w.replicas {
			for _, m := range gauge.FindAllStringSubmatch(s.get(t, "/metrics"), -1) {
				n, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				have += n
			}
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%d of %d wait for the %s", have, want, what)
		}
	}
}

// get returns the answer's body and tag.
func (s *service) get(t *testing.T, path string) string {
	t.Helper()
	resp := s.do(t, path)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *service) tag(t *testing.T, path string) string {
	t.Helper()
	resp := s.do(t, path)
	defer resp.Body.Close()
	return resp.Header.Get("ETag")
}

func (s *service) do(t *testing.T, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, resp.Status)
	}
	return resp
}
