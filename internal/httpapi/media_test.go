package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"lifeline/internal/access"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// stationToken makes a token for the station s.
func (s *served) stationToken() wire.Token {
	s.t.Helper()
	made, err := s.parts.Access.Create(s.t.Context(), access.System, access.NewToken{Name: "s", Role: access.StationJob,
		Station: "s"})
	s.must(err)
	return made
}

// addresses returns the media addresses of the station's fallback, as a token gets them, as paths.
func (s *served) addresses(secret string) (paths []string) {
	s.t.Helper()
	w := s.do(http.MethodGet, "/v1/stations/s/queue.m3u", "", "Authorization", "Bearer "+secret)
	for line := range strings.Lines(w.Body.String()) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "http://service"); ok {
			paths = append(paths, path)
		}
	}
	if len(paths) < 2 {
		s.t.Fatalf("the list: %d %s", w.Code, w.Body)
	}
	return paths
}

// fetch requests a media address from a network address.
func fetch(h http.Handler, path, from string) int {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

const here, there = "192.0.2.1:1000", "198.51.100.7:1000"

func TestALeakedMediaAddressUsesUpTheRateOfNobodyElse(t *testing.T) {
	s := newServed(t)
	s.parts.Rate = Rate{PerSecond: 1, Burst: 5}
	s.handler = New(s.parts)
	mine := s.stationToken()
	list := s.addresses(mine.Secret)
	for n := range 5 {
		if got := fetch(s.handler, list[0], there); got != http.StatusOK {
			t.Fatalf("request %d: %d", n, got)
		}
	}
	if got := fetch(s.handler, list[0], there); got != http.StatusTooManyRequests {
		t.Errorf("the leaked address is served without end: %d", got)
	}
	if got := fetch(s.handler, list[0], here); got != http.StatusOK {
		t.Errorf("the same address, asked for by the station's player: %d", got)
	}
	if got := fetch(s.handler, list[1], there); got != http.StatusOK {
		t.Errorf("another address: %d", got)
	}
	for _, secret := range []string{mine.Secret, s.stationToken().Secret} {
		s.addresses(secret)
	}
}

// Two replicas share a store: each refuses the addresses as soon as it learns of the revocation.
func TestMediaAddressesEndWithTheTokenOnEveryReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		second, err := replica.Open(t.Context(), s.store, kinds.All)
		s.must(err)
		parts := s.parts
		parts.Replica, parts.Access = second, access.New(second, parts.Now)
		other := New(parts)
		taken, kept := s.stationToken(), s.stationToken()
		lists := [][]string{s.addresses(taken.Secret), s.addresses(kept.Secret)}
		if got := fetch(other, lists[0][0], here); got != http.StatusOK {
			t.Errorf("an address of a token that the replica has not heard of yet: %d", got)
		}
		go second.Run(t.Context(), func(error) {})
		s.must(s.parts.Access.Revoke(t.Context(), access.System, taken.ID))
		synctest.Wait()
		for name, h := range map[string]http.Handler{"here": s.handler, "the other": other} {
			for n, want := range []int{http.StatusUnauthorized, http.StatusOK} {
				if got := fetch(h, lists[n][0], here); got != want {
					t.Errorf("%s, list %d: %d", name, n, got)
				}
			}
		}
	})
}

// A list that was fetched with one token is not "not modified" for another token.
func TestAListIsAnotherForAnotherToken(t *testing.T) {
	s := newServed(t)
	one, two := s.stationToken(), s.stationToken()
	const list = "/v1/stations/s/queue.m3u"
	tag := s.do(http.MethodGet, list, "", "Authorization", "Bearer "+one.Secret).Header().Get("ETag")
	for secret, want := range map[string]int{one.Secret: http.StatusNotModified, two.Secret: http.StatusOK} {
		if w := s.do(http.MethodGet, list, "", "Authorization", "Bearer "+secret, "If-None-Match", tag); w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
	}
}

// The lists leave out a recalled recording at once, while the published queue is repaired later.
func TestARecalledRecordingIsNotServedToStationsFromTheRecallOn(t *testing.T) {
	s := newServed(t)
	list := s.addresses(s.stationToken().Secret)
	for _, id := range []string{"m1", "m2", "m3", "m4"} {
		w := s.do(http.MethodPost, "/v1/segments/"+id+"/recall", `{"reason":"rights withdrawn"}`)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", id, w.Code, w.Body)
		}
	}
	for _, address := range list {
		if got := fetch(s.handler, address, here); got != http.StatusNotFound {
			t.Errorf("%s: %d", address, got)
		}
	}
}
