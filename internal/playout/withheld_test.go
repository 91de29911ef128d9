package playout

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/playout/retry"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestWhatTheServiceSaysIsThereAndDoesNotComeIsAnAlarm(t *testing.T) {
	today := schedules.DateOf(documentsNow)
	for name, c := range map[string]struct {
		newest   wire.Freshness
		document string // the follower's name for it
		comes    func(s *shelf) error
	}{
		"a recall list": {wire.Freshness{Recalls: 12}, "recall list",
			func(s *shelf) error { return s.OfferRecalls(s.recallsDoc(12)) }},
		"a fallback": {wire.Freshness{Fallback: 4}, "fallback",
			func(s *shelf) error { return s.OfferFallback(s.service.sign(wire.FallbackType, s.fallbackDoc(4))) }},
		"today": {wire.Freshness{Queues: map[string]int64{today.String(): 6}}, "queue of " + today.String(),
			func(s *shelf) error { return s.offer(s.queue(6)) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := recalling(t)
				now := documentsNow
				f := NewFollower(client.New("http://none.invalid", "", http.DefaultClient), "lantern", s.DocumentStore, s.problems,
					OpenTimekeeper(func() time.Time { return now }, Uptime{}, s.state, s.problems), FollowOptions{})
				f.asked[c.document] = request{tag: `"11"`}
				// All of it is held.
				f.Compare(wire.Freshness{Recalls: 11, Fallback: 3, Queues: map[string]int64{today.String(): 5}})
				if len(f.nudge) > 0 || f.asked[c.document].tag == "" {
					t.Error("what is held is asked for again")
				}
				f.Compare(c.newest)
				if len(f.nudge) == 0 || f.asked[c.document].tag != "" {
					t.Error("it is not asked for anew")
				}
				if a := s.problems.Alarms(); len(a) > 0 {
					t.Errorf("an alarm before it could come: %q", a)
				}
				time.Sleep(withheldLong)
				f.Compare(c.newest)
				if a := strings.Join(s.problems.Alarms(), "; "); !strings.Contains(a, c.document) {
					t.Errorf("the alarms are %q", a)
				}
				if err := c.comes(s); err != nil {
					t.Fatal(err)
				}
				f.Compare(c.newest)
				if a := s.problems.Alarms(); len(a) > 0 {
					t.Errorf("it came, and the alarms are %q", a)
				}
			})
		})
	}
}

func TestADayThatIsOverIsWithheldNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := recalling(t)
		now := documentsNow
		f := NewFollower(client.New("http://none.invalid", "", http.DefaultClient), "lantern", s.DocumentStore, s.problems,
			OpenTimekeeper(func() time.Time { return now }, Uptime{}, s.state, s.problems), FollowOptions{})
		today := schedules.DateOf(documentsNow)
		for range 2 {
			f.Compare(wire.Freshness{Queues: map[string]int64{today.String(): 6}})
			time.Sleep(withheldLong)
		}
		if len(s.problems.Alarms()) == 0 {
			t.Fatal("no alarm")
		}
		now = now.AddDate(0, 0, 3)
		f.Compare(wire.Freshness{Queues: map[string]int64{today.String(): 6}})
		if a := s.problems.Alarms(); len(a) > 0 {
			t.Errorf("days later the alarms are %q", a)
		}
	})
}

func TestNothingAirsWhereTheRecallListsAndTheRecordsOfThemWereRemovedTogether(t *testing.T) {
	for _, left := range []string{"all", "queues/2026-11-23.dsse", "fallback.dsse"} {
		t.Run(left, func(t *testing.T) {
			s, q := recalling(t)
			for _, name := range []string{"recalls.dsse", "recalls-2.dsse", "seen.json", "seen-2.json"} {
				s.damage(name, nil)
			}
			for _, name := range []string{"queues/2026-11-23.dsse", "fallback.dsse"} {
				if left != "all" && left != name {
					s.damage(name, nil)
				}
			}
			for range 2 {
				s.reopen()
				for i := range q.Items {
					if s.Holdings().Barred(&q.Items[i]) == "" {
						t.Errorf("item %d may air", i)
					}
				}
				if a := strings.Join(s.problems.Alarms(), "; "); !strings.Contains(a, "recall list") {
					t.Errorf("the alarms are %q", a)
				}
			}
			if err := s.OfferRecalls(s.recallsDoc(12, "segment-2")); err != nil {
				t.Fatal(err)
			}
			if h := s.Holdings(); h.Barred(&q.Items[1]) == "" || h.Barred(&q.Items[0]) != "" || len(s.problems.Alarms()) > 0 {
				t.Error("the list came, and the station does not go by it")
			}
		})
	}
}

// An attacker on the link cannot suppress both alarms by alternating between damaged documents and the document that
// was held before.
func TestWhatIsWithheldIsAnAlarmThoughSomeAnswersAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := recalling(t)
		f := NewFollower(client.New("http://none.invalid", "", http.DefaultClient), "lantern", s.DocumentStore, s.problems,
			OpenTimekeeper(func() time.Time { return documentsNow }, Uptime{}, s.state, s.problems), FollowOptions{})
		for range 6 {
			f.Compare(wire.Freshness{Recalls: 12})
			f.refuse("recall list", f.asked["recall list"], errors.New("it was changed on the way"))
			time.Sleep(refusedLong / 2)
			f.Compare(wire.Freshness{Recalls: 12})
			f.finish("recall list", request{}) // the document that was held before arrived again
		}
		if a := strings.Join(s.problems.Alarms(), "; "); !strings.Contains(a, "revision 12 of the recall list") {
			t.Errorf("the alarms are %q", a)
		}
	})
}

// A day that is published again and again comes each time, a little after the service says so.
func TestADocumentThatChangesOftenIsNotWithheld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := recalling(t)
		f := NewFollower(client.New("http://none.invalid", "", http.DefaultClient), "lantern", s.DocumentStore, s.problems,
			OpenTimekeeper(func() time.Time { return documentsNow }, Uptime{}, s.state, s.problems), FollowOptions{})
		for revision := int64(12); revision < 30; revision++ {
			f.Compare(wire.Freshness{Recalls: revision})
			if a := s.problems.Alarms(); len(a) > 0 {
				t.Fatalf("at revision %d the alarms are %q", revision, a)
			}
			if err := s.OfferRecalls(s.recallsDoc(revision)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(sweepPaced)
		}
	})
}

// A link over which all but the time comes a byte at a time makes the sweeps last many minutes.
func TestWhoeverHoldsTheAnswersOfASweepDelaysNoAlarm(t *testing.T) {
	for name, c := range map[string]struct {
		fresh bool // the time is answered
		says  string
		after time.Duration
	}{
		"withheld": {true, "revision 5 of the recall list", withheldLong + 2*time.Minute + watchEvery},
		"starved":  {false, "has signed no answer", schedules.Starved{}.Time() + watchEvery},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				t.Cleanup(func() { time.Sleep(callTimeout + time.Minute) }) // the last handlers end
				s.recall(4)
				f := followWith(t, s, time.Now)
				time.Sleep(time.Hour)
				s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
					switch {
					case strings.HasSuffix(r.URL.Path, "/freshness.dsse") && c.fresh:
						w.Write(s.sign(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern",
							Nonce: r.URL.Query().Get("nonce"), At: schedules.At(time.Now()), Recalls: 5}))
					case strings.HasSuffix(r.URL.Path, "/freshness.dsse"):
						w.Write(s.fresh("stored", 0))
					default:
						for r.Context().Err() == nil {
							_, _ = w.Write([]byte(" "))
							_ = http.NewResponseController(w).Flush()
							_ = retry.Pause(r.Context(), time.Second)
						}
					}
					return true
				})
				time.Sleep(c.after)
				if a := strings.Join(f.Alarms(), "; "); !strings.Contains(a, c.says) {
					t.Errorf("after %v the alarms are %q", c.after, a)
				}
			})
		})
	}
}

// A station that never gets a key hears nothing of the service either.
func TestAStationWithoutAKeyIsStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.setDown(true)
		_, problems := follow(t, s)
		time.Sleep(schedules.Starved{}.Time() + watchEvery)
		if a := strings.Join(problems.Alarms(), "; "); !strings.Contains(a, "has signed no answer") {
			t.Errorf("the alarms are %q", a)
		}
	})
}

// A record that names nothing reads like one of before there were sums, and says as little as none.
func TestNothingAirsWhereTheRecallListsAreGoneAndTheRecordsOfThemNameNothing(t *testing.T) {
	for _, record := range []string{"null", "{}", `{"documents":{},"recalled":[]}`} {
		s, q := recalling(t)
		for _, name := range []string{"recalls.dsse", "recalls-2.dsse"} {
			s.damage(name, nil)
		}
		for _, name := range []string{"seen.json", "seen-2.json"} {
			s.damage(name, func([]byte) []byte { return []byte(record) })
		}
		s.reopen()
		for i := range q.Items {
			if s.Holdings().Barred(&q.Items[i]) == "" {
				t.Errorf("%s: item %d may air", record, i)
			}
		}
	}
}

// Two seconds of latency, one answer in a hundred lost, days published again and again, and a service that restarts.
func TestASlowHonestLinkRaisesNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		t.Cleanup(func() { time.Sleep(callTimeout + time.Minute) })
		today := schedules.DateOf(time.Now())
		said := wire.Freshness{Schema: wire.FreshnessSchema, Station: "lantern", Queues: map[string]int64{}}
		var mu sync.Mutex // of said and asked
		asked := 0
		s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			_ = retry.Pause(r.Context(), 2*time.Second)
			mu.Lock()
			defer mu.Unlock()
			if asked++; asked%100 == 0 {
				problemOf(w, http.StatusBadGateway)
				return true
			}
			if strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
				said.Nonce, said.At = r.URL.Query().Get("nonce"), schedules.At(time.Now())
				w.Write(s.sign(wire.FreshnessType, said))
				return true
			}
			return false
		})
		f := followWith(t, s, time.Now)
		for revision := int64(1); revision < 100; revision++ {
			time.Sleep(20 * time.Second)
			s.setDown(revision%25 == 0)
			mu.Lock()
			said.Recalls, said.Queues[today.String()] = revision, revision
			s.recall(revision)
			s.publish(day("lantern", revision, time.Now().Add(time.Hour), time.Minute, []wire.QueueItem{s.record(rec(1, 60))}))
			mu.Unlock()
			if a := f.Alarms(); len(a) > 0 {
				t.Fatalf("at revision %d the alarms are %q", revision, a)
			}
		}
	})
}
