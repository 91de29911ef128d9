package playout

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/playout/retry"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// followed is a follower of "lantern" on a machine whose clock may be wrong.
type followed struct {
	*DocumentStore
	*Problems
	keeper *Timekeeper
}

func followWith(t *testing.T, s *service, now Now) followed {
	state, err := statedir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := followed{Problems: NewProblems(now, discardLog())}
	f.keeper = OpenTimekeeper(now, Uptime{}, state, f.Problems)
	if f.DocumentStore, err = OpenDocumentStore(state, "lantern",
		Pins{Keys: []ed25519.PublicKey{s.signer.Public()}}, f.keeper.Now,
		f.Problems); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = NewFollower(s.api(), "lantern", f.DocumentStore, f.Problems, f.keeper, FollowOptions{}).Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done; _ = state.Close() })
	return f
}

// fresh returns the service's answer to a request, with its clock wrong by off.
func (s *service) fresh(nonce string, off time.Duration) []byte {
	return s.sign(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", Nonce: nonce,
		At: schedules.At(time.Now().Add(off))})
}

// An attacker on the link forges change notices, so that the station asks for the time repeatedly, and answers at will,
// but without the key: ten days ahead and back, in steps smaller than the limit for one correction.
func TestNobodyWithoutTheKeyMovesTheTimeOfAStation(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	other := otherSigner(t)
	for name, lie := range map[string]func(s *service, nonce string, off time.Duration) []byte{
		"not signed": func(_ *service, _ string, off time.Duration) []byte {
			b, _ := json.Marshal(wire.Time{Now: schedules.At(time.Now().Add(off))})
			return b
		},
		"signed by another key": func(_ *service, nonce string, off time.Duration) []byte {
			b, _ := json.Marshal(wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", Nonce: nonce,
				At: schedules.At(time.Now().Add(off))})
			env, _ := other.Sign(wire.FreshnessType, b)
			return env
		},
		"stored up":    func(s *service, _ string, off time.Duration) []byte { return s.fresh("stored", off) },
		"for no nonce": func(s *service, _ string, off time.Duration) []byte { return s.fresh("", off) },
		"of another station": func(s *service, nonce string, off time.Duration) []byte {
			return s.sign(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "harbour", Nonce: nonce,
				At: schedules.At(time.Now().Add(off))})
		},
		"of another kind": func(s *service, nonce string, off time.Duration) []byte {
			return s.sign(wire.LeaseType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", Nonce: nonce,
				At: schedules.At(time.Now().Add(off))})
		},
		"late": func(s *service, nonce string, _ time.Duration) []byte {
			b := s.fresh(nonce, 0)
			time.Sleep(callTimeout - time.Second)
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				t.Cleanup(func() { time.Sleep(callTimeout) }) // the last handlers end
				date := schedules.DateOf(time.Now())
				q := day("lantern", 2, time.Now().Add(time.Hour), time.Minute, []wire.QueueItem{s.record(rec(1, 60))})
				s.publish(q)
				off := time.Duration(0)
				s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
					switch {
					case r.URL.Path == "/v1/changes":
						w.Header().Set("Content-Type", "text/event-stream")
						for r.Context().Err() == nil {
							fmt.Fprint(w, "id: 1\nevent: queue\ndata: "+
								"{\"id\":1,\"kind\":\"queue\",\"name\":\"lantern/x\",\"revision\":1}\n\n")
							http.NewResponseController(w).Flush()
							_ = retry.Pause(r.Context(), time.Second)
						}
					case strings.HasSuffix(r.URL.Path, "/freshness.dsse"):
						off += 9 * time.Minute
						w.Write(lie(s, r.URL.Query().Get("nonce"), off))
					default:
						return false
					}
					return true
				})
				f := followWith(t, s, time.Now)
				time.Sleep(time.Hour)
				if n := s.asked("/v1/stations/lantern/freshness.dsse"); n > 300 {
					t.Errorf("it asked %d times in an hour", n)
				}
				if got := time.Until(f.keeper.Now()); got.Abs() > callTimeout/2 {
					t.Errorf("the station's time is off by %v", got)
				}
				if f.Holdings().Queues[date] == nil || f.seen[date.String()].Revision != 2 {
					t.Error("the day or its mark is forgotten")
				}
			})
		})
	}
}

// A signed time corrects the clock within the limit of the total, and the total is reported.
func TestTheServiceSetsTheClockWithinABoundOfTheSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		off := time.Duration(0)
		s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
				return false
			}
			off += 3 * time.Minute
			w.Write(s.fresh(r.URL.Query().Get("nonce"), off))
			return true
		})
		f := followWith(t, s, time.Now)
		time.Sleep(time.Hour)
		got := time.Until(f.keeper.Now())
		if got < 6*time.Minute || got > trustMost+time.Hour/driftMost || f.keeper.Set() != got {
			t.Errorf("the station's time is off by %v, and %v of it is told", got, f.keeper.Set())
		}
		if !slices.ContainsFunc(f.List(), func(p string) bool { return strings.Contains(p, "so that it is not used") }) {
			t.Errorf("nothing is told: %q", f.List())
		}
	})
}

func TestAServiceThatSignsNoTimeIsCalledOlderIfTheStationIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
				return false
			}
			problemOf(w, http.StatusNotFound)
			return true
		})
		f := followWith(t, s, time.Now)
		time.Sleep(time.Minute)
		if !slices.ContainsFunc(f.List(), func(p string) bool {
			return strings.Contains(p, ": "+http.StatusText(http.StatusNotFound)+". If the station and its token are right, "+
				"the service is older than this player")
		}) {
			t.Errorf("%q", f.List())
		}
	})
}

func TestTheMachinesTimeAloneForgetsNeitherDaysNorTheirMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		state, err := statedir.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer state.Close()
		problems := NewProblems(time.Now, discardLog())
		v, err := OpenDocumentStore(state, "lantern", Pins{Keys: []ed25519.PublicKey{s.signer.Public()}}, time.Now, problems)
		if err != nil {
			t.Fatal(err)
		}
		today := schedules.DateOf(time.Now())
		q := day("lantern", 2, time.Now().Add(time.Hour), time.Minute, []wire.QueueItem{s.record(rec(1, 60))})
		if err := v.OfferQueue(s.sign(wire.QueueType, q), today); err != nil {
			t.Fatal(err)
		}
		v.Forget(today.AddDays(20)) // the machine's clock went ahead
		if v.Holdings().Queues[today] == nil || v.seen[today.String()].Revision != 2 {
			t.Error("a clock alone forgot a day")
		}
		time.Sleep(20 * 24 * time.Hour)
		if _, err := v.OfferFreshness(s.fresh("a", 0), "a", time.Now()); err != nil {
			t.Fatal(err)
		}
		v.Forget(today.AddDays(18))
		if v.Holdings().Queues[today] != nil || v.seen[today.String()].Revision != 0 {
			t.Error("a day that is long over is kept")
		}
	})
}

func TestAStationThatIsKeptFromNewsSaysSo(t *testing.T) {
	alarm := func(f followed, says string) bool {
		return slices.ContainsFunc(f.Alarms(), func(a string) bool { return strings.Contains(a, says) })
	}
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		f := followWith(t, s, time.Now)
		time.Sleep(time.Hour)
		if len(f.Alarms()) > 0 {
			t.Errorf("with a link: %q", f.Alarms())
		}
		s.setFault(func(w http.ResponseWriter, r *http.Request) bool { // all requests are answered, except those for the time
			if strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
				problemOf(w, http.StatusServiceUnavailable)
				return true
			}
			return false
		})
		time.Sleep(schedules.Starved{}.Time() - 2*time.Minute)
		if alarm(f, "has signed no answer") {
			t.Error("it is said too early")
		}
		time.Sleep(4 * time.Minute)
		if !alarm(f, "has signed no answer") {
			t.Errorf("it is not said: %q", f.Alarms())
		}
		s.setFault(nil)
		time.Sleep(2 * time.Minute)
		if len(f.Alarms()) > 0 {
			t.Errorf("with a link again: %q", f.Alarms())
		}
	})
	synctest.Test(t, func(t *testing.T) { // a newer recall list is stated, and the older one is returned
		s := newService(t)
		s.recall(4)
		s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
				w.Write(s.sign(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern",
					Nonce: r.URL.Query().Get("nonce"), At: schedules.At(time.Now()), Recalls: 5}))
				return true
			}
			return false
		})
		f := followWith(t, s, time.Now)
		time.Sleep(withheldLong - time.Minute)
		if alarm(f, "revision 5 of the recall list") {
			t.Error("it is said too early")
		}
		time.Sleep(4 * time.Minute)
		if !alarm(f, "revision 5 of the recall list") {
			t.Errorf("it is not said: %q", f.Alarms())
		}
		s.recall(5)
		time.Sleep(2 * time.Minute)
		if len(f.Alarms()) > 0 {
			t.Errorf("once it came: %q", f.Alarms())
		}
	})
}

// An attacker on the link delays, stores, repeats and withholds leases and times, and sets the machine's clock: no
// sensitive item may start later than an issued lease allows, and so no recalled item later than the duration of a
// lease after its recall. LIFELINE_PROVE=leases makes ten thousand runs.
func TestNobodyOnTheLinkMakesALeaseLast(t *testing.T) {
	runs := 30
	if os.Getenv("LIFELINE_PROVE") == "leases" {
		runs = 10_000
	}
	allowed := 0
	for seed := range uint64(runs) {
		synctest.Test(t, func(t *testing.T) { allowed += meddle(t, seed) })
	}
	if allowed < runs {
		t.Errorf("in %d runs something sensitive could start %d times", runs, allowed)
	}
	t.Logf("%d runs, %d times that something sensitive could start", runs, allowed)
}

func meddle(t *testing.T, seed uint64) (allowed int) {
	r := rand.New(rand.NewPCG(seed, 5))
	s := newService(t)
	state, err := statedir.Open(inMemory(t))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	step := time.Duration(0)
	now := func() time.Time { return time.Now().Add(step) }
	problems := NewProblems(now, discardLog())
	open := func() *DocumentStore {
		v, err := OpenDocumentStore(state, "lantern", Pins{Keys: []ed25519.PublicKey{s.signer.Public()}}, now, problems)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := open()
	const life = 10 * time.Minute
	var leases []wire.Lease
	var stored [][]byte
	recalled := time.Time{}
	lease := func(nonce string) []byte {
		l := wire.Lease{Schema: wire.LeaseSchema, Station: "lantern", Nonce: nonce, IssuedAt: schedules.At(time.Now()),
			ExpiresAt: schedules.At(time.Now().Add(life)), Segments: []string{"b"}}
		if recalled.IsZero() {
			l.Segments = []string{"a", "b"}
		}
		leases = append(leases, l)
		return s.sign(wire.LeaseType, l)
	}
	some := func(most time.Duration) time.Duration { return time.Duration(r.Int64N(int64(most))) }
	for range 60 {
		nonce, asked := newNonce(), time.Now()
		switch r.IntN(8) {
		case 0, 1: // a genuine answer, delayed
			b := lease(nonce)
			time.Sleep(some(callTimeout))
			_ = v.OfferLease(b, nonce, asked)
		case 2: // the station never receives it
			stored = append(stored, lease(nonce))
		case 3: // a stored one
			if len(stored) > 0 {
				_ = v.OfferLease(stored[r.IntN(len(stored))], nonce, asked)
			}
		case 4: // the time, delayed
			b := s.fresh(nonce, 0)
			time.Sleep(some(callTimeout))
			if f, err := v.OfferFreshness(b, nonce, asked); err == nil {
				v.serviceTime.measured(now().Sub(f.At.Add(time.Since(asked))))
			}
		case 5: // the machine's clock is set
			step += some(20*24*time.Hour) - 10*24*time.Hour
		case 6:
			if err := v.serviceTime.save(v.state); err != nil {
				t.Error(err)
			}
			if r.IntN(4) == 0 {
				v = open()
			}
		case 7:
			if recalled.IsZero() && r.IntN(3) == 0 {
				recalled = time.Now()
			}
		}
		time.Sleep(some(4 * time.Minute))
		for _, id := range []string{"a", "b"} {
			if v.Holdings().Unleased(&wire.QueueItem{SegmentID: id, Sensitive: true}, now()) != "" {
				continue
			}
			allowed++
			if !slices.ContainsFunc(leases, func(l wire.Lease) bool {
				return slices.Contains(l.Segments, id) &&
					time.Now().Before(l.ExpiresAt.Time)
			}) {
				t.Fatalf("seed %d: %s may start at %v, and no lease that was ever issued allows it", seed, id, time.Now())
			}
			if id == "a" && !recalled.IsZero() && time.Since(recalled) > life {
				t.Fatalf("seed %d: %s may start %v after its recall", seed, id, time.Since(recalled))
			}
		}
	}
	return allowed
}
