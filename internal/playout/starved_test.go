package playout

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// starve makes the service answer no request for the time, and everything else as fault does.
func (s *service) starve(fault func(http.ResponseWriter, *http.Request) bool) {
	s.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/freshness.dsse") {
			problemOf(w, http.StatusServiceUnavailable)
			return true
		}
		return fault(w, r)
	})
}

// list returns a fallback list of a sensitive item and another one, with the terms of a starved station.
func (s *service) list(revision int64, terms schedules.Starved) wire.Fallback {
	return wire.Fallback{Schema: wire.FallbackSchema, Station: "lantern", Revision: revision,
		IssuedAt: schedules.At(time.Now()), ExpiresAt: schedules.At(time.Now().AddDate(0, 0, 14)), Starved: terms,
		Windows: []schedules.Occurrence{}, Items: []wire.QueueItem{sensitive(s.record(rec(99, 14))), s.record(rec(11, 15))}}
}

// TestAStarvedStationFollowsItsPolicyItemByItem plays a window that begins five minutes after the last signed answer.
// Its queue is older than the policy.
func TestAStarvedStationFollowsItsPolicyItemByItem(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	goesOn := []string{"item-1 segment-1 aired", "item-94 segment-94 aired", "item-7 segment-7 aired",
		"item-95 segment-95 aired", "item-9 segment-9 aired"}
	drops := []string{"item-1 segment-1 aired", "item-94 segment-94 skipped", "item-94 segment-11 fallback",
		"item-7 segment-7 skipped", "item-7 segment-11 fallback", "item-95 segment-95 skipped", // a chain goes whole
		"item-95 segment-11 fallback", "item-9 segment-9 aired"}
	for name, c := range map[string]struct {
		terms   schedules.Starved
		want    []string
		starved bool
	}{
		"of none":    {schedules.Starved{}, goesOn, false},
		"to go on":   {schedules.Starved{Policy: schedules.GoOn, After: schedules.Ms(300_000)}, goesOn, true},
		"to drop":    {schedules.Starved{Policy: schedules.DropSensitive, After: schedules.Ms(300_000)}, drops, true},
		"after days": {schedules.Starved{Policy: schedules.DropSensitive, After: schedules.Ms(86_400_000)}, goesOn, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				t.Cleanup(func() { time.Sleep(callTimeout + time.Minute) })
				lend(s, time.Hour, "segment-94", "segment-95", "segment-99")
				leases := s.fault
				begun := time.Now()
				start := begun.Add(7 * time.Minute).Truncate(time.Second)
				chained, tail := s.record(rec(7, 15)), sensitive(s.record(rec(95, 15)))
				chained.Chain, tail.Chain = "c", "c"
				s.publish(day("lantern", 1, start, 75*time.Second, []wire.QueueItem{s.record(rec(1, 15)),
					sensitive(s.record(rec(94, 15))), chained, tail, s.record(rec(9, 15))}, s.record(rec(11, 15))))
				s.setFallback(s.list(1, schedules.Starved{}))
				s.recall(1)
				st := newStation(t, s)
				st.until = start.Add(80 * time.Second)
				go func() {
					time.Sleep(10 * time.Second)
					s.setFallback(s.list(2, c.terms))
					time.Sleep(100 * time.Second)
					s.starve(leases)
				}()
				st.run(t.Context())
				entries := s.entries()
				if got := outcomes(entries); !slices.Equal(got, c.want) {
					t.Errorf("reported\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
				for _, e := range entries {
					since := e.StarvedSince
					if since.IsZero() == c.starved || c.starved && (since.Before(begun) ||
						since.After(begun.Add(111*time.Second))) {
						t.Errorf("%s %s: starved since %s", e.ItemID, e.SegmentID, since)
					}
					if e.ItemID == "item-94" && e.Outcome != schedules.Aired &&
						!strings.Contains(e.Detail, "the station has been starved since "+since.String()) {
						t.Errorf("%s: %q", e.ItemID, e.Detail)
					}
				}
			})
		})
	}
}

// A player that is restarted again and again, or whose clock begins in 1970 then, does not forget that it is starved.
func TestARestartDoesNotEndAStarvation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := recalling(t)
		if err := s.OfferFallback(s.service.sign(wire.FallbackType, func() wire.Fallback {
			f := s.fallbackDoc(4)
			f.Starved = schedules.Starved{Policy: schedules.DropSensitive, After: schedules.Ms(300_000)}
			return f
		}())); err != nil {
			t.Fatal(err)
		}
		it := &wire.QueueItem{SegmentID: "segment-4", Sensitive: true}
		if since := s.Holdings().StarvedSince(s.now()); !since.IsZero() {
			t.Fatalf("at the start, starved since %s", since)
		}
		for range 6 {
			time.Sleep(time.Minute)
			if err := s.contact.save(s.state); err != nil {
				t.Fatal(err)
			}
			s.reopen()
		}
		h := s.Holdings()
		if since := h.StarvedSince(s.now()); since.IsZero() {
			t.Error("restarts ended the starvation")
		}
		if why := h.Withheld(it, s.now()); !strings.Contains(why, "starved since") {
			t.Errorf("it may not air because %q", why)
		}
		if _, err := s.OfferFreshness(s.service.sign(wire.FreshnessType, wire.Freshness{Schema: wire.FreshnessSchema,
			Station: "lantern", Nonce: "a", At: schedules.At(s.now())}), "a", time.Now()); err != nil {
			t.Fatal(err)
		}
		if since := s.Holdings().StarvedSince(s.now()); !since.IsZero() {
			t.Errorf("after a signed answer, starved since %s", since)
		}
	})
}

func TestThePolicyOfAnExpiredFallbackListHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := recalling(t)
		f := s.fallbackDoc(4)
		f.Starved = schedules.Starved{Policy: schedules.DropSensitive}
		if err := s.OfferFallback(s.service.sign(wire.FallbackType, f)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(schedules.Starved{}.Time())
		later := s.now().AddDate(1, 0, 0)
		why := s.Holdings().Withheld(&wire.QueueItem{SegmentID: "segment-4", Sensitive: true}, later)
		if !strings.Contains(why, "starved since") {
			t.Errorf("it may not air because %q", why)
		}
	})
}

// The alarm of a starved station is there at once after a restart, for the page that somebody looks at then.
func TestARestartedPlayerSaysAtOnceThatItIsStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := recalling(t)
		time.Sleep(schedules.Starved{}.Time())
		s.keepContact()
		s.reopen()
		ctx, cancel := context.WithCancel(t.Context())
		f := NewFollower(client.New("http://none.invalid", "", http.DefaultClient), "lantern", s.DocumentStore, s.problems,
			OpenTimekeeper(s.now, Uptime{}, s.state, s.problems), FollowOptions{})
		go f.watchAnswers(ctx)
		synctest.Wait()
		if a := strings.Join(s.problems.Alarms(), "; "); !strings.Contains(a, "starved since") {
			t.Errorf("the alarms are %q", a)
		}
		cancel()
		synctest.Wait()
	})
}
