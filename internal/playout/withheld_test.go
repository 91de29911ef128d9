package playout

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestWhatTheServiceSaysIsThereAndDoesNotComeIsAnAlarm(t *testing.T) {
	today := schedules.DateOf(documentsNow)
	for name, c := range map[string]struct {
		newest   wire.Freshness
		document string // as the follower calls it
		comes    func(s *shelf) error
	}{
		"a recall list": {wire.Freshness{Recalls: 12}, "recall list",
			func(s *shelf) error { return s.OfferRecalls(s.recallsDoc(12)) }},
		"a fallback": {wire.Freshness{Fallback: 4}, "fallback",
			func(s *shelf) error { return s.OfferFallback(s.service.seal(wire.FallbackType, s.fallbackDoc(4))) }},
		"today": {wire.Freshness{Queues: map[string]int64{today.String(): 6}}, "queue of " + today.String(),
			func(s *shelf) error { return s.offer(s.queue(6)) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := recalling(t)
				now := documentsNow
				f := NewFollower(client.New("http://none.invalid", "", http.DefaultClient), "lantern", s.DocumentStore, s.problems,
					OpenTimekeeper(func() time.Time { return now }, Uptime{}, s.state, s.problems), FollowOptions{})
				f.asked[c.document] = asking{tag: `"11"`}
				// all of it is held
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
