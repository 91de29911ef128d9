package playout

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// follow starts a follower of the service for "lantern" and returns its documents and problems.
func follow(t *testing.T, s *service) (*DocumentStore, *Problems) {
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	problems := NewProblems(time.Now, discardLog())
	documents, err := OpenDocumentStore(state, "lantern", Pins{}, time.Now, problems)
	if err != nil {
		t.Fatal(err)
	}
	keeper := OpenTimekeeper(time.Now, Uptime{}, state, problems)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = NewFollower(s.api(), "lantern", documents, problems, keeper, FollowOptions{TrustFirst: true}).Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done; _ = state.Close() })
	return documents, problems
}

// asked returns the number of requests for paths with this prefix.
func (s *service) asked(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, times := range s.requests {
		if strings.HasPrefix(key, path) {
			n += times
		}
	}
	return n
}

// setFault makes fault answer in place of the service; nil restores the service.
func (s *service) setFault(fault func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// flipper is a link that flips a bit in the responses for one path while it is active.
type flipper struct {
	http.RoundTripper
	path string
	left atomic.Int64 // responses to damage
}

func (f *flipper) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := f.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(r.URL.RequestURI(), f.path) ||
		f.left.Add(-1) < 0 {
		return resp, err
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if at := bytes.LastIndex(b, []byte(`"payload":"`)) + 30; at > 30 {
		b[at] ^= 1
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp, nil
}

// flip puts a flipper between the service and its clients.
func (s *service) flip(path string) *flipper {
	f := &flipper{RoundTripper: s.client.Transport, path: path}
	s.client.Transport = f
	return f
}

func TestRefusedDocumentIsAskedForAnewWithoutItsTag(t *testing.T) {
	day0 := func(t *testing.T, s *service, revision int64) {
		start := time.Now().Add(time.Hour)
		q := day("lantern", revision, start, 20*time.Second, []wire.QueueItem{s.record(rec(1, 10)), s.record(rec(2, 10))})
		s.publish(q)
	}
	fallback := func(t *testing.T, s *service, revision int64) {
		s.setFallback(wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: revision,
			IssuedAt: schedules.At(time.Now()),
			Items:    []wire.QueueItem{s.record(rec(11, 60))}})
	}
	recall := func(t *testing.T, s *service, revision int64) { s.recall(revision, "segment-1") }
	for name, c := range map[string]struct {
		path    string
		publish func(*testing.T, *service, int64)
		held    func(*Holdings) int64
	}{
		"recalls": {"/v1/recalls", recall, func(h *Holdings) int64 { return h.Recalls.Revision }},
		"queue": {"/v1/stations/lantern/queue.dsse?date=2000-01-01", day0,
			func(h *Holdings) int64 { return h.Revision(sortedDates(h.Queues)[0]) }},
		"fallback": {"/v1/stations/lantern/fallback", fallback, func(h *Holdings) int64 { return h.Fallback.Revision }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				c.publish(t, s, 1)
				link := s.flip(c.path)
				documents, problems := follow(t, s)
				time.Sleep(5 * time.Second)
				if got := c.held(documents.Holdings()); got != 1 {
					t.Fatalf("revision %d is held", got)
				}
				before := s.asked(c.path)
				link.left.Store(1 << 40)
				c.publish(t, s, 2)
				time.Sleep(10 * time.Minute)
				if got := c.held(documents.Holdings()); got != 1 {
					t.Errorf("a document with a bit changed was taken as revision %d", got)
				}
				if alarms := problems.Alarms(); len(alarms) != 1 || !strings.Contains(alarms[0], "has been refused for") {
					t.Errorf("alarms: %q", alarms)
				}
				if n := s.asked(c.path) - before; n > 60 {
					t.Errorf("the document was asked for %d times in ten minutes", n)
				}
				link.left.Store(0)
				time.Sleep(retry.Most + 10*time.Second)
				if got := c.held(documents.Holdings()); got != 2 {
					t.Errorf("revision %d is held a minute after the link is honest again", got)
				}
				if alarms := problems.Alarms(); len(alarms) > 0 {
					t.Errorf("alarms that stay: %q", alarms)
				}
			})
		})
	}
}

func TestOneChangedBitIsMadeGoodAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.recall(1)
		link := s.flip("/v1/recalls")
		documents, _ := follow(t, s)
		time.Sleep(5 * time.Second)
		link.left.Store(1)
		s.recall(2, "segment-1")
		time.Sleep(time.Second)
		if got := documents.Holdings().Recalls.Revision; got != 2 {
			t.Errorf("recall list %d is held", got)
		}
	})
}

func TestDocumentThatIsNoLongerHeldIsNotTakenForUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		start := time.Now().Add(time.Hour)
		s.publish(day("lantern", 1, start, 10*time.Second, []wire.QueueItem{s.record(rec(1, 10))}))
		documents, _ := follow(t, s)
		time.Sleep(5 * time.Second)
		date := schedules.DateOf(start.UTC())
		documents.Forget(date.AddDays(1)) // as if the clock was a few days ahead
		time.Sleep(2 * time.Minute)
		if documents.Holdings().Queues[date] == nil {
			t.Error("the queue was never asked for again")
		}
	})
}

func TestLongPollsArePacedWhereNothingHoldsThem(t *testing.T) {
	for name, fault := range map[string]func(*service) func(http.ResponseWriter, *http.Request) bool{
		"If-None-Match is dropped on the way": func(*service) func(http.ResponseWriter, *http.Request) bool {
			return func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("If-None-Match"); return false }
		},
		"wait is dropped on the way": func(*service) func(http.ResponseWriter, *http.Request) bool {
			return func(_ http.ResponseWriter, r *http.Request) bool { r.URL.RawQuery = ""; return false }
		},
		"two services answer in turn": func(s *service) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/v1/recalls" {
					s.recall(int64(s.asked("/v1/recalls")) + 10)
				}
				return false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				s.recall(1)
				start := time.Now().Add(time.Hour)
				s.publish(day("lantern", 1, start, 10*time.Second, []wire.QueueItem{s.record(rec(1, 10))}))
				s.setFault(fault(s))
				follow(t, s)
				time.Sleep(10 * time.Minute)
				if recalls, queues := s.asked("/v1/recalls"), s.asked("/v1/stations/lantern/queue"); recalls > 200 || queues > 200 {
					t.Errorf("in ten minutes %d requests for recalls, %d for queues", recalls, queues)
				}
			})
		})
	}
}

func TestAnswerWithTheSameDocumentChangesNothing(t *testing.T) {
	s := newShelf(t)
	for range 2 {
		if err := s.OfferFallback(s.service.sign(wire.FallbackType, s.fallbackDoc(5))); err != nil {
			t.Fatal(err)
		}
		if err := s.OfferRecalls(s.recallsDoc(5, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if g := s.Holdings().Generation; g != 3 { // the empty holdings, and two documents
		t.Errorf("generation %d", g)
	}
}

func TestKeyThatCameDamagedIsNotPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.recall(1)
		s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v1/keys" {
				return false
			}
			key := bytes.Clone(s.signer.Public())
			key[5] ^= 1
			writeKeys(w, sign.KeyID(s.signer.Public()), key)
			return true
		})
		documents, _ := follow(t, s)
		time.Sleep(10 * time.Second)
		if documents.Pinned() {
			t.Error("it was pinned")
		}
		s.setFault(nil)
		time.Sleep(time.Minute)
		if documents.Holdings().Recalls == nil {
			t.Error("the right key was not pinned afterwards")
		}
	})
}

func TestForeignKeyIsNamedWithTheCure(t *testing.T) {
	s := newShelf(t)
	other := newService(t)
	other.signer = otherSigner(t)
	err := s.OfferRecalls(other.recallsBody(wire.Recalls{Revision: 1, IssuedAt: schedules.At(documentsNow)}))
	for _, word := range []string{sign.KeyID(other.signer.Public()), sign.KeyID(s.service.signer.Public()), "--key"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("no %q in: %v", word, err)
		}
	}
}

// A revoked token, or one that a service with a restored store does not know, is refused for hours.
func TestAPlayerWhoseTokenIsRefusedAsksSeldomTellsTheCureAndGoesOnAtOnceWhenItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.publish(day("lantern", 1, time.Now().Add(time.Hour), time.Minute, []wire.QueueItem{s.record(rec(1, 60))}))
		st := newStation(t, s)
		st.keys = []ed25519.PublicKey{s.signer.Public()}
		s.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
			problemOf(w, http.StatusUnauthorized)
			return true
		})
		p, state := st.open()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		before := s.asked("/")
		time.Sleep(time.Hour)
		if n := s.asked("/") - before; before > 40 || n > 150 {
			t.Errorf("it asked %d times in five minutes and %d times in the next hour", before, n)
		}
		told := strings.Join(p.problems.Alarms(), "\n")
		for _, words := range []string{"does not accept the access token", "lifeline token create", "--station lantern",
			"--token-file"} {
			if !strings.Contains(told, words) {
				t.Errorf("the alarm does not say %q: %s", words, told)
			}
		}
		s.setFault(nil)
		time.Sleep(time.Minute + 5*time.Second)
		if p.documents.Holdings().Revision(schedules.DateOf(time.Now())) != 1 {
			t.Error("the day has not come a minute after the token is accepted")
		}
		time.Sleep(5 * time.Second)
		if told := strings.Join(p.problems.Alarms(), "\n"); strings.Contains(told, "token") {
			t.Errorf("the alarm stands: %s", told)
		}
		cancel()
		if err := errors.Join(<-done, state.Close()); err != nil {
			t.Error(err)
		}
	})
}
