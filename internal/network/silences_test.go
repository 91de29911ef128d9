package network_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// signed returns a write of a published day of the station.
func (g *guarded) signed(q wire.Queue) store.Write {
	g.t.Helper()
	payload, err := replica.Encode(q)
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := replica.Encode(map[string]any{"payload": payload})
	if err != nil {
		g.t.Fatal(err)
	}
	id := replica.DayID(q.Station, q.Date)
	return store.Write{Kind: replica.KindQueue, ID: id, Expect: replica.QueuesIn(g.replica).Revision(id), Body: body}
}

// The windows of the day are gone from the definitions, by a special day that one person made.
func TestNobodyAloneTakesAirTimeFromAPublishedDay(t *testing.T) {
	g := airing(t)
	slot := func(id string, from, to time.Duration) schedules.Slot {
		start := time.Date(2026, 11, 7, 0, 0, 0, 0, time.UTC)
		return schedules.Slot{Occurrence: schedules.Occurrence{Window: id, StartAt: schedules.At(start.Add(from)),
			EndAt: schedules.At(start.Add(to))}}
	}
	const h = time.Hour
	published := wire.Queue{Schema: wire.QueueSchema, Station: "s", Date: g.day(5), Revision: 1,
		Windows: []schedules.Slot{slot("w10", 10*h, 10*h+time.Minute), slot("w11", 11*h, 11*h+time.Minute)}}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, replica.DayID("s", g.day(5)), published)
	next := func(action string, change func(*wire.Queue)) error {
		q := published
		q.Windows = slices.Clone(q.Windows)
		change(&q)
		q.Revision++
		_, err := g.Network.Station("s")
		if err == nil {
			err = g.replica.Commit(t.Context(), store.Commit{Origin: ruth.Origin(g.at, action, "a correction"),
				Writes: []store.Write{g.signed(q)}})
		}
		return err
	}
	none := func(q *wire.Queue) { q.Windows = nil }
	withdrawn := func(q *wire.Queue) { q.Windows, q.Withdrawn = nil, true }
	for name, change := range map[string]func(*wire.Queue){
		"all windows": none, "one window": func(q *wire.Queue) { q.Windows = q.Windows[:1] },
		"a second of one": func(q *wire.Queue) { q.Windows[1] = slot("w11", 11*h, 11*h+59*time.Second) },
	} {
		if err := next("queue.publish", change); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(),
			"would air only") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := next("queue.publish", func(q *wire.Queue) {
		q.Windows = []schedules.Slot{slot("other", 10*h, 10*h+30*time.Second), slot("next", 12*h, 12*h+90*time.Second)}
	}); err != nil {
		t.Errorf("as much time in other windows, as a special day has it: %v", err)
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, replica.DayID("s", g.day(5)), published)
	if err := next(replica.ActWithdraw, withdrawn); err != nil {
		t.Errorf("withdrawn, so that the fallback airs: %v", err)
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, replica.DayID("s", g.day(5)), published)
	if err := g.special(ruth, schedules.Exception{Cancelled: true}, 5); err != nil {
		t.Fatal(err)
	}
	g.waits("withdrawn where the definitions have no window", next(replica.ActWithdraw, withdrawn))
	g.waits("by a correction", next("queue.publish", none))
	g.at = g.at.AddDate(0, 0, 6)
	if err := next("queue.publish", none); err != nil {
		t.Errorf("what is over: %v", err)
	}
}

// Each change leaves windows of a minute that hardly anything fits; the station speaks two languages.
func TestNobodyAloneLeavesAWindowWithHardlyAnythingToPlay(t *testing.T) {
	hard := func(r schedules.Rule) func(*guarded, *schedules.Clock) {
		return func(_ *guarded, c *schedules.Clock) {
			r.Hard = true
			c.Rules = append(c.Rules, r)
		}
	}
	fill := func(s schedules.Selector) func(*guarded, *schedules.Clock) {
		return func(_ *guarded, c *schedules.Clock) { c.Positions = []schedules.Position{{ID: "f", Fill: &s}} }
	}
	none, music := 0, schedules.Selector{Kinds: []schedules.Kind{"music"}}
	for name, c := range map[string]struct {
		change func(*guarded, *schedules.Clock)
		waits  bool
	}{
		"a short clock that is stretched": {func(_ *guarded, c *schedules.Clock) {
			c.Length, c.Positions = schedules.Ms(8000), []schedules.Position{{ID: "f", Fill: &schedules.Selector{
				Tags: []string{"ident"}}}}
		}, true},
		"only what is fresh": {hard(schedules.Rule{FreshFor: schedules.Ms(3_600_000), Only: &music}), true},
		"only at some hours": {hard(schedules.Rule{KeepTo: &schedules.Daypart{From: 60, Until: 120}, Only: &music}), true},
		"nothing of a kind": {hard(schedules.Rule{AtMost: &none, Per: "day", Of: schedules.Of{
			Match: map[string]string{"kind": "music"}}}), true},
		"nothing of one language": {fill(schedules.Selector{Language: "ko-KP"}), true},
		"fresh news": {hard(schedules.Rule{FreshFor: schedules.Ms(3_600_000),
			Only: &schedules.Selector{Tags: []string{"ident"}}}), false},
		"the same": {fill(schedules.Selector{Kinds: []schedules.Kind{"music", "ident"}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			g := airing(t)
			for i := range 30 {
				g.segment(t, "r"+string(rune('a'+i)), func(s *schedules.Segment) { s.Language = "ru" })
			}
			for _, id := range []string{"i1", "i2", "i3"} {
				g.segment(t, id, func(s *schedules.Segment) {
					s.Recording.Duration, s.Recording.CueOut, s.Tags = schedules.Ms(3000), schedules.Ms(3000), []string{"ident"}
				})
			}
			row, _ := replica.ClocksIn(g.replica).Get("c")
			clock := row.Value
			c.change(g, &clock)
			_, err := g.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{clock}}, nil, false)
			if c.waits {
				g.waits(name, err)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A scheduler stored a clock of 1,000 positions and 1,000 rules, and 900 special days of other lengths: each was
// matched anew, for more than a minute, and recalls waited.
func TestClockThatIsTooMuchToCompareNeedsTwoPersons(t *testing.T) {
	longform.Only(t) // one goroutine computes
	g := airing(t)
	g.replica.Guard = nil
	many := store.Commit{Origin: access.System.Origin(g.at, "test", "")}
	for n := range 5200 {
		seg := g.theSegment("m1")
		seg.ID, seg.Revision = fmt.Sprint("many", n), 1
		body, err := replica.Encode(seg)
		if err != nil {
			t.Fatal(err)
		}
		many.Writes = append(many.Writes, store.Write{Kind: replica.KindSegment, ID: seg.ID, Body: body})
	}
	if err := g.replica.Commit(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	g.replica.Guard = g.waiting.Guard
	row, _ := replica.ClocksIn(g.replica).Get("c")
	change := func(positions, rules int) error {
		clock := row.Value
		for n := range positions {
			clock.Positions = append(slices.Clip(clock.Positions), schedules.Position{ID: fmt.Sprint("p", n), Optional: true,
				Pick: &schedules.Selector{Tags: []string{fmt.Sprint("t", n)}}})
		}
		for n := range rules {
			clock.Rules = append(slices.Clip(clock.Rules), schedules.Rule{Hard: true, FreshFor: schedules.Ms(int64(n + 1)),
				Only: &schedules.Selector{Kinds: []schedules.Kind{"news"}}})
		}
		_, err := g.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{clock}}, nil, false)
		return err
	}
	g.waits("1,000 positions and 1,000 rules", change(999, 1000))
	if err := change(999, 500); err != nil {
		t.Errorf("fewer rules: %v", err)
	}

	if err := g.station(ruth, func(st *schedules.Station) {
		for n := range 900 { // of so many lengths
			length := schedules.Ms(int64(60_000 + n))
			e := schedules.Exception{Date: g.day(30 + n), Window: "w10", Length: &length}
			st.Exceptions = append(st.Exceptions, e)
		}
	}); err != nil {
		t.Errorf("windows of many lengths: %v", err)
	}
}

// Who makes an order shorter hides no day that was withdrawn.
func TestAShorterOrderStillTellsOfWithdrawnDays(t *testing.T) {
	g := airing(t)
	servicetest.PutSigned(t, g.replica, replica.KindQueue, replica.DayID("s", g.day(5)), wire.Queue{
		Schema: wire.QueueSchema, Station: "s", Date: g.day(5), Revision: 2, Withdrawn: true})
	g.replica.Guard = nil
	for _, days := range []int{14, 1} {
		if err := g.station(access.System, func(st *schedules.Station) {
			st.StandingOrder = &schedules.StandingOrder{PlanDays: days, PublishDays: 1}
		}); err != nil {
			t.Fatal(err)
		}
		g.catchUp()
		if problems := g.Network.StationProblems.Of("s"); !slices.ContainsFunc(problems,
			func(p schedules.StationProblem) bool { return p.Code == "day_withdrawn" && *p.Date == g.day(5) }) {
			t.Errorf("an order of %d days tells of %+v", days, problems)
		}
	}
}
