package scheduling

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fallback"
	"lifeline/internal/harness/longform"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fixture is a scheduler over the memory store, with the definitions and segments that it plans from.
type fixture struct {
	*Scheduler
	t        *testing.T
	replica  *replica.Replica
	lock     *replica.WorkLock
	now      time.Time
	station  schedules.Station
	clocks   map[string]schedules.Clock
	segments map[string]schedules.Segment
}

func newFixture(t *testing.T, now time.Time) *fixture {
	t.Helper()
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	n := &fixture{t: t, replica: m, lock: replica.NewWorkLock(m, "one", time.Minute), now: now,
		clocks: map[string]schedules.Clock{}, segments: map[string]schedules.Segment{}}
	n.Scheduler = newScheduler(m, docs, servicetest.Signer{}, func() time.Time { return n.now }, "http://x", time.Hour)
	return n
}

func (n *fixture) put(kind, id string, v any) {
	n.t.Helper()
	body, err := replica.Encode(v)
	if err != nil {
		n.t.Fatal(err)
	}
	revision, err := n.Publisher.documentRevision(n.t.Context(), kind, id)
	if err == nil {
		err = n.replica.Commit(n.t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: revision,
			Body: body}}, Origin: access.System.Origin(n.now, "test", "")})
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *fixture) segment(s schedules.Segment) {
	n.segments[s.ID] = s
	n.put(replica.KindSegment, s.ID, s)
}

// add stores an approved segment of ms milliseconds.
func (n *fixture) add(id string, kind schedules.Kind, ms int64) {
	n.t.Helper()
	n.segment(schedules.Segment{ID: id, Kind: kind, Title: id, Language: "ko-KP", State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: fmt.Sprintf("%064x", len(n.segments)+1), Bytes: 1, Duration: schedules.Ms(ms),
			CueOut: schedules.Ms(ms)}})
}

func (n *fixture) change(id string, f func(*schedules.Segment)) {
	s := n.segments[id]
	f(&s)
	n.segment(s)
}

func (n *fixture) recall(id string) {
	n.change(id, func(s *schedules.Segment) { s.State = schedules.Recalled })
}

func (n *fixture) define() {
	n.t.Helper()
	for id, c := range n.clocks {
		n.put(replica.KindClock, id, c)
	}
	n.put(replica.KindStation, n.station.ID, n.station)
	if err := n.Fallbacks.IssueAll(n.t.Context(), n.lock); err != nil {
		n.t.Fatal(err)
	}
}

// tryPublish plans a day and publishes it. It returns the failure of the publication.
func (n *fixture) tryPublish(date schedules.Date) (schedules.Rundown, error) {
	n.t.Helper()
	if _, err := n.Drafts.Plan(n.t.Context(), access.System, n.station.ID, date, PlanOptions{}); err != nil {
		n.t.Fatal(err)
	}
	return n.Publisher.Publish(n.t.Context(), access.System, n.station.ID, date, PublishOptions{})
}

func (n *fixture) publish(date schedules.Date) schedules.Rundown {
	n.t.Helper()
	r, err := n.tryPublish(date)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

// repair runs the background work of the service after a change, and returns the published rundown.
func (n *fixture) repair(date schedules.Date) schedules.Rundown {
	n.t.Helper()
	for _, work := range []error{n.Repairer.Repair(n.t.Context(), n.lock),
		n.Repairer.Refill(n.t.Context(), n.lock),
		n.Fallbacks.IssueAll(n.t.Context(), n.lock)} {
		if work != nil {
			n.t.Fatal(work)
		}
	}
	r, err := n.Rundowns.published(n.t.Context(), n.station.ID, date)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

// dailyWindow returns a window that starts each day at the given time in UTC. length is in milliseconds.
func dailyWindow(id, clock, at string, length int64) schedules.Window {
	return schedules.Window{ID: id, Clock: clock, Length: schedules.Ms(length), Tolerance: schedules.Ms(1000),
		Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T" + at + "\nRRULE:FREQ=DAILY"}}
}

var repairDate = schedules.Date{Year: 2026, Month: 11, Day: 29}

func onDay(hour, minute, second int) time.Time {
	return time.Date(2026, 11, 29, hour, minute, second, 0, time.UTC)
}

// unchanged fails the test if an item of before that keep selects differs in after or is missing.
func (n *fixture) unchanged(before, after schedules.Rundown, keep func(schedules.Item) bool) {
	n.t.Helper()
	for _, i := range before.Items {
		if !keep(i) {
			continue
		}
		if now, ok := after.Item(i.ID); !ok || !sameAiring(now, i) || now.Duration != i.Duration || now.Window != i.Window {
			n.t.Errorf("%s %s at %s (%s) has gone or changed: %+v", i.Window, i.SegmentID, i.StartAt, i.ID, now)
		}
	}
}

func (n *fixture) sameWindows(before, after schedules.Rundown) {
	n.t.Helper()
	if len(before.Windows) != len(after.Windows) {
		n.t.Errorf("published with %d windows, now %d", len(before.Windows), len(after.Windows))
		return
	}
	for k, w := range before.Windows {
		if a := after.Windows[k]; a.Occurrence != w.Occurrence || a.Tolerance != w.Tolerance {
			n.t.Errorf("window %+v has become %+v", w, a)
		}
	}
}

// silent returns the longest silence still to come in the published windows on a station that airs the items of
// Lists.Listed.
func (n *fixture) silent(published schedules.Rundown) time.Duration {
	n.t.Helper()
	q, err := n.Record.Queues.Queue(n.t.Context(), published.Station, published.Date)
	if err != nil {
		n.t.Fatal(err)
	}
	items := n.Lists.Listed(q.Value)
	var longest time.Duration
	for _, w := range published.Windows {
		at := w.StartAt.Time
		if at.Before(n.now) {
			at = n.now
		}
		for _, i := range items {
			if !endOf(i).After(at) || !i.StartAt.Before(w.EndAt.Time) {
				continue
			}
			longest = max(longest, i.StartAt.Sub(at))
			at = endOf(i)
		}
		longest = max(longest, w.EndAt.Sub(at)-w.Tolerance.Duration)
	}
	return longest
}

// twoWindows returns a published day with two short windows of one fill each, the first of which is on the air.
func twoWindows(t *testing.T) (*fixture, schedules.Rundown) {
	n := newFixture(t, onDay(10, 30, 0))
	for k := range 12 {
		n.add(fmt.Sprintf("m%02d", k), "music", 20_000+int64(k)*1_000)
	}
	n.add("fb", "evergreen", 45_000)
	n.clocks["c"] = schedules.Clock{ID: "c", Length: schedules.Ms(120_000), Positions: []schedules.Position{
		{ID: "f", Fill: &schedules.Selector{Kinds: []schedules.Kind{"music"}}, FadeMax: schedules.Ms(20_000),
			Near: schedules.Ms(60_000)}}}
	n.station = schedules.Station{ID: "fz", Name: "fz", Timezone: "UTC", Languages: []string{"ko-KP"},
		Freeze:   schedules.Ms(3_600_000),
		Fallback: []string{"fb"}, Windows: []schedules.Window{dailyWindow("a", "c", "105500", 120_000),
			dailyWindow("b", "c", "112500", 120_000)}}
	n.define()
	r := n.publish(repairDate)
	n.now = onDay(10, 55, 30)
	return n, r
}

// only returns a segment that airs in no other window than the given one.
func only(t *testing.T, r schedules.Rundown, window string) string {
	t.Helper()
	for _, i := range r.Items {
		if i.Window == window && !slices.ContainsFunc(r.Items,
			func(x schedules.Item) bool { return x.SegmentID == i.SegmentID && x.Window != window }) {
			return i.SegmentID
		}
	}
	t.Fatalf("window %s airs nothing of its own", window)
	return ""
}

func TestRepairKeepsTheWindowsThatTheDayWasPublishedWith(t *testing.T) {
	news := schedules.Clock{ID: "c", Length: schedules.Ms(120_000),
		Positions: []schedules.Position{{ID: "n", Fill: &schedules.Selector{Kinds: []schedules.Kind{"news"}}}}}
	for name, edit := range map[string]func(*fixture){
		"a window is moved": func(n *fixture) { n.station.Windows[0] = dailyWindow("a", "c", "115500", 120_000) },
		"both windows are moved": func(n *fixture) {
			n.station.Windows = []schedules.Window{dailyWindow("a", "c", "115500", 120_000), dailyWindow("b", "c", "122500",
				120_000)}
		},
		"a window is removed":    func(n *fixture) { n.station.Windows = n.station.Windows[1:] },
		"all windows go":         func(n *fixture) { n.station.Windows = nil },
		"a window is lengthened": func(n *fixture) { n.station.Windows[0] = dailyWindow("a", "c", "105500", 240_000) },
		"a window is shortened":  func(n *fixture) { n.station.Windows[0] = dailyWindow("a", "c", "105500", 60_000) },
		"a window is renamed":    func(n *fixture) { n.station.Windows[0].ID = "z" },
		"the zone changes":       func(n *fixture) { n.station.Timezone = "Asia/Tashkent" },
		"the languages change":   func(n *fixture) { n.station.Languages = []string{"en"} },
		"the clock is replaced":  func(n *fixture) { n.clocks["c"] = news },
		"all at once": func(n *fixture) {
			n.station.Timezone, n.station.Languages = "America/New_York", []string{"en"}
			n.station.Windows = []schedules.Window{dailyWindow("b", "d", "105530", 600_000)}
			n.clocks["d"] = news
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, before := twoWindows(t)
			edit(n)
			n.define()
			gone := only(t, before, "b")
			n.recall(gone)
			after := n.repair(repairDate)
			n.sameWindows(before, after)
			n.unchanged(before, after, func(i schedules.Item) bool { return i.SegmentID != gone })
			if slices.ContainsFunc(after.Items, func(i schedules.Item) bool { return i.SegmentID == gone }) {
				t.Error("what was recalled is still there")
			}
			if name != "the languages change" && name != "all at once" { // in these cases no fallback may air either
				if gap := n.silent(before); gap >= fallback.MinFill {
					t.Errorf("%s of a published window are silent", gap)
				}
			}
		})
	}
}

// halfHour returns a published day whose window has a sign-on, a fill, a post, a pick, a chain and a sign-off, and is
// not frozen yet.
func halfHour(t *testing.T) (*fixture, schedules.Rundown) {
	n := newFixture(t, onDay(10, 0, 0))
	for k := range 30 {
		n.add(fmt.Sprintf("t%02d", k), "testimony", 170_000+int64(k)*1_113)
	}
	n.add("on", "sign-on", 6_000)
	n.add("off", "sign-off", 8_000)
	n.add("bell", "ident", 5_000)
	n.add("pick1", "news", 60_000)
	n.add("pick2", "news", 61_500)
	n.add("in", "intro", 9_000)
	n.add("out", "back-announce", 7_000)
	n.add("read", "reading", 120_000)
	n.change("read", func(s *schedules.Segment) { s.Intro, s.BackAnnounce = "in", "out" })
	at := schedules.Ms(900_000)
	n.clocks["h"] = schedules.Clock{ID: "h", Length: schedules.Ms(1_800_000), Positions: []schedules.Position{
		{ID: "open", Segment: "on"},
		{ID: "news", Pick: &schedules.Selector{Kinds: []schedules.Kind{"news"}}},
		{ID: "appeal", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}, Chain: true},
		{ID: "one", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}, FadeMax: schedules.Ms(60_000),
			Near: schedules.Ms(60_000)},
		{ID: "half", Segment: "bell", At: &at, Start: schedules.Hard},
		{ID: "two", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}, FadeMax: schedules.Ms(60_000),
			Near: schedules.Ms(60_000)},
		{ID: "close", Segment: "off", AtEnd: true}}}
	n.station = schedules.Station{ID: "half", Name: "HALF", Timezone: "UTC", Languages: []string{"ko-KP"},
		Freeze: schedules.Ms(60_000), Fallback: []string{"t00", "t01"},
		Windows: []schedules.Window{dailyWindow("w", "h", "130000", 1_800_000)}}
	n.define()
	return n, n.publish(repairDate)
}

func TestRecallOfWhatTheClockNamesLeavesEveryOtherPositionAlone(t *testing.T) {
	again := func(n *fixture, id string) { // another take, longer by a second
		n.change(id, func(s *schedules.Segment) {
			r := *s.Recording
			r.SHA256, r.Duration, r.CueOut = "f"+r.SHA256[1:], schedules.Ms(r.Duration.Milliseconds()+1000),
				schedules.Ms(r.CueOut.Milliseconds()+1000)
			s.Recording = &r
		})
	}
	for _, now := range []time.Time{onDay(10, 0, 0), onDay(12, 59, 30)} { // free and frozen
		for name, loss := range map[string]func(n *fixture, id string){
			"recalled": (*fixture).recall,
			"rejected": func(n *fixture, id string) {
				n.change(id, func(s *schedules.Segment) { s.State, s.Recording = schedules.Rejected, nil })
			},
			"expired": func(n *fixture, id string) {
				n.change(id, func(s *schedules.Segment) { s.ValidUntil = schedules.At(onDay(13, 0, 1)) })
			},
			"re-recorded": again,
		} {
			for _, id := range []string{"on", "off", "bell", "pick1", "pick2", "in", "read", "out"} {
				t.Run(fmt.Sprintf("%s %s at %s", id, name, now.Format("15:04")), func(t *testing.T) {
					n, before := halfHour(t)
					n.now = now
					loss(n, id)
					after := n.repair(repairDate)
					n.sameWindows(before, after)
					frozen := now.After(onDay(12, 0, 0))
					n.unchanged(before, after, func(i schedules.Item) bool {
						chain := slices.Contains([]string{"in", "read", "out"}, id) && i.Position == "appeal"
						return i.SegmentID != id && !chain && frozen
					})
					for _, i := range before.Items { // items that the clock names come back, if at slightly other times
						if i.Kind != "testimony" && i.Kind != "news" && i.SegmentID != id &&
							!(slices.Contains([]string{"in", "read", "out"}, id) && i.Position == "appeal") &&
							!slices.ContainsFunc(after.Items, func(x schedules.Item) bool {
								return x.SegmentID == i.SegmentID &&
									x.Position == i.Position
							}) {
							t.Errorf("%s has gone with %s", i.SegmentID, id)
						}
					}
					for _, i := range after.Items {
						if i.SegmentID == id && (name != "re-recorded" || i.SHA256 != n.segments[id].Recording.SHA256) {
							t.Errorf("%s is still there", id)
						}
					}
					if len(before.Items)-len(after.Items) > 3 {
						t.Errorf("of %d items %d are left", len(before.Items), len(after.Items))
					}
					if gap := n.silent(before); gap >= fallback.MinFill {
						t.Errorf("%s are silent", gap)
					}
					if open := after.Open(); !frozen && len(open) > 0 {
						t.Errorf("open is %v, though what fills beside it can take it", open)
					}
				})
			}
		}
	}
}

// A recalled segment is removed at once, before other work, and the item on the air stays.
func TestRecallIsOutBeforeAnythingIsLookedFor(t *testing.T) {
	n, before := halfHour(t)
	n.recall("on")
	if err := n.Repairer.Repair(t.Context(), n.lock); err != nil {
		t.Fatal(err)
	}
	after, err := n.Rundowns.published(t.Context(), "half", repairDate)
	if err != nil {
		t.Fatal(err)
	}
	if after.Revision == before.Revision || len(after.Items) != len(before.Items)-1 {
		t.Errorf("%d items became %d", len(before.Items), len(after.Items))
	}
	n.unchanged(before, after, func(i schedules.Item) bool { return i.SegmentID != "on" })
	if open := after.Open(); len(open) != 1 || open[0].EndAt.Sub(open[0].StartAt.Time) != 6*time.Second {
		t.Errorf("open is %v, not the sign-on's time", open)
	}
	if item, ok, err := n.Lists.Next("half", ""); err != nil || !ok || item.SegmentID != "t00" &&
		item.SegmentID != "t01" || !item.StartAt.Equal(onDay(13, 0, 0)) {
		t.Errorf("next in the open time: %+v, %v", item, err)
	}
}

// A search that ran out of time, as on a busy machine, is not the last one.
func TestSearchThatRanOutOfTimeIsFollowedByALongerOne(t *testing.T) {
	n, _ := halfHour(t)
	n.recall("on")
	n.Repairer.budget = time.Nanosecond
	if open := n.repair(repairDate).Open(); len(open) != 1 {
		t.Fatalf("open is %v: the search had no time, and found something", open)
	}
	day := replica.DayID("half", repairDate)
	last := n.Repairer.refilled[day]
	if last.budget != 2*n.Repairer.budget {
		t.Errorf("the next search has %v", last.budget)
	}
	last.budget = refillBudget
	n.Repairer.refilled[day] = last
	if open := n.repair(repairDate).Open(); len(open) != 1 {
		t.Errorf("it searched again at once, and open is %v", open)
	}
	n.now = n.now.Add(refillPause)
	if open := n.repair(repairDate).Open(); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}

// For random days, recalls, expiries, edits and changed definitions: a repair changes no item that has started or is
// frozen, unless the item itself may not air; no time is silent while a fallback may air; and unpublished edits stay
// unpublished. LIFELINE_PROVE=repairs tests 10,000 days.
func TestRepairsChangeNoMoreThanTheyMust(t *testing.T) {
	longform.Only(t)
	days := 150
	if os.Getenv("LIFELINE_PROVE") == "repairs" {
		days = 10_000
	}
	repaired, filled, left := 0, 0, 0
	for seed := range days {
		rng, hand := rand.New(rand.NewPCG(uint64(seed), 41)), rand.New(rand.NewPCG(uint64(seed), 43))
		n, before, ok := randomDay(t, rng)
		if !ok {
			continue
		}
		for range 1 + rng.IntN(2) {
			n.now = n.now.Add(time.Duration(rng.Int64N(int64(2 * time.Hour))))
			draft := n.editAtRandom(hand)
			n.upset(rng)
			library := n.Rundowns.planning.Library()
			must := library.Removals(n.station.Complete(before), n.now)
			after := n.repair(repairDate)
			if after.Revision != before.Revision {
				repaired++
			}
			n.keptByHand(draft, before, after)
			n.sameWindows(before, after)
			n.unchanged(before, after, func(i schedules.Item) bool {
				slot, _ := before.SlotOf(i)
				settled := i.StartAt.Before(n.now) || !slot.StartAt.Add(-n.station.Freeze.Duration).After(n.now) || i.Locked
				return settled && must[i.ID] == ""
			})
			if bad := library.Removals(n.station.Complete(after), n.now); len(bad) > 0 {
				t.Errorf("still there: %v", bad)
			}
			for k := 1; k < len(after.Items); k++ {
				if a, b := after.Items[k-1], after.Items[k]; a.Window == b.Window && b.StartAt.Before(a.EndAt().Time) &&
					b.StartAt.After(n.now) {
					t.Errorf("%s (%s) at %s for %s runs into %s at %s", a.SegmentID, a.Position, a.StartAt, a.Duration, b.SegmentID,
						b.StartAt)
				}
			}
			list, err := n.Fallbacks.Fallback(n.station.ID)
			if err != nil {
				t.Fatal(err)
			}
			mayAir := slices.ContainsFunc(n.Lists.FallbackListed(list.Value),
				func(i wire.QueueItem) bool { return i.NotAfter.IsZero() })
			if gap := n.silent(before); gap >= fallback.MinFill && mayAir {
				t.Errorf("%s are silent", gap)
			}
			for _, o := range before.Windows {
				if now := (schedules.Rundown{Windows: []schedules.Slot{o}, Items: after.Items}).Open(); len(now) > 0 {
					left++
				} else {
					filled++
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d at %s", seed, n.now)
			}
			before = after
		}
	}
	t.Logf("%d days, %d repairs, %d windows full, %d with open times", days, repaired, filled, left)
}

// randomDay returns a published day of a random small station, and false if it cannot be planned.
func randomDay(t *testing.T, rng *rand.Rand) (*fixture, schedules.Rundown, bool) {
	n := newFixture(t, onDay(8, 0, 0))
	kinds := []schedules.Kind{"music", "testimony", "letter"}
	for k := range 8 + rng.IntN(20) {
		n.add(fmt.Sprintf("s%02d", k), kinds[rng.IntN(len(kinds))], 10_000+rng.Int64N(110_000))
	}
	n.add("on", "sign-on", 3_000+rng.Int64N(6_000))
	n.add("off", "sign-off", 3_000+rng.Int64N(6_000))
	n.add("bell", "ident", 2_000+rng.Int64N(6_000))
	n.add("read", "reading", 30_000+rng.Int64N(60_000))
	if n.add("in", "intro", 4_000); rng.IntN(2) == 0 {
		n.change("read", func(s *schedules.Segment) { s.Intro = "in" })
	}
	n.add("fb", "evergreen", 20_000+rng.Int64N(60_000))
	n.station = schedules.Station{ID: "r", Name: "r", Timezone: "UTC", Languages: []string{"ko-KP"},
		Freeze: schedules.Ms(rng.Int64N(3_600_000)), Fallback: []string{"fb"}}
	at := int64(9 * 60)
	for k := range 1 + rng.IntN(4) {
		length := int64(3+rng.IntN(12)) * 60_000
		id := fmt.Sprintf("c%d", k)
		n.clocks[id] = randomClock(rng, id, length)
		n.station.Windows = append(n.station.Windows, dailyWindow(fmt.Sprintf("w%d", k), id, fmt.Sprintf("%02d%02d00", at/60,
			at%60), length))
		at += length/60_000 + rng.Int64N(40)
	}
	n.define()
	if _, err := n.Drafts.Plan(t.Context(), access.System, "r", repairDate,
		PlanOptions{Seed: rng.Uint64()}); err != nil {
		return n, schedules.Rundown{}, false
	}
	n.now = onDay(8, 0, 0).Add(time.Duration(rng.Int64N(int64(100 * time.Minute)))) // sometimes in the middle of a window
	r, err := n.Publisher.Publish(t.Context(), access.System, "r", repairDate, PublishOptions{})
	return n, r, err == nil
}

func randomClock(rng *rand.Rand, id string, length int64) schedules.Clock {
	c := schedules.Clock{ID: id, Length: schedules.Ms(length)}
	add := func(p schedules.Position) {
		p.ID = fmt.Sprintf("p%d", len(c.Positions))
		c.Positions = append(c.Positions, p)
	}
	fill := schedules.Position{Fill: &schedules.Selector{Kinds: []schedules.Kind{"music", "testimony",
		"letter"}[:1+rng.IntN(3)]}, Near: schedules.Ms(60_000)}
	if rng.IntN(3) > 0 {
		fill.FadeMax = schedules.Ms(60_000)
	}
	if rng.IntN(2) == 0 {
		add(schedules.Position{Segment: "on"})
	}
	if rng.IntN(2) == 0 {
		add(schedules.Position{Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}, Chain: true})
	}
	add(fill)
	if rng.IntN(2) == 0 {
		post := schedules.Ms(length / 2)
		add(schedules.Position{Segment: "bell", At: &post, Start: schedules.Hard})
		add(fill)
	}
	if rng.IntN(2) == 0 {
		add(schedules.Position{Segment: "off", AtEnd: true})
	}
	if rng.IntN(3) == 0 {
		c.Rules = append(c.Rules, schedules.Rule{Separate: "segment", For: schedules.Ms(rng.Int64N(600_000)),
			Hard: rng.IntN(2) == 0})
	}
	return c
}

// upset changes the library and the definitions at random.
func (n *fixture) upset(rng *rand.Rand) {
	ids := make([]string, 0, len(n.segments))
	for id := range n.segments {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for range 1 + rng.IntN(4) {
		id := ids[rng.IntN(len(ids))]
		switch rng.IntN(6) {
		case 0, 1:
			n.recall(id)
		case 2:
			n.change(id, func(s *schedules.Segment) {
				s.ValidUntil = schedules.At(n.now.Add(time.Duration(rng.Int64N(int64(time.Hour)))))
			})
		case 3:
			n.change(id, func(s *schedules.Segment) { s.State, s.Recording = schedules.Rejected, nil })
		case 4:
			n.change(id, func(s *schedules.Segment) {
				if s.Recording == nil {
					return
				}
				r := *s.Recording
				r.SHA256, r.CueOut = fmt.Sprintf("%064x", rng.Uint64()), schedules.Ms(5_000+rng.Int64N(100_000))
				s.Recording = &r
			})
		case 5:
			n.change(id, func(s *schedules.Segment) { s.Language = "en" })
		}
	}
	for range rng.IntN(3) {
		k := 0
		if len(n.station.Windows) > 0 {
			k = rng.IntN(len(n.station.Windows))
		}
		switch rng.IntN(6) {
		case 0:
			if len(n.station.Windows) > 0 {
				n.station.Windows = slices.Delete(slices.Clone(n.station.Windows), k, k+1)
			}
		case 1, 2:
			if len(n.station.Windows) > 0 {
				n.station.Windows = slices.Clone(n.station.Windows)
				w := &n.station.Windows[k]
				*w = dailyWindow(w.ID, w.Clock, fmt.Sprintf("%02d%02d00", 8+rng.IntN(5), rng.IntN(60)), int64(1+rng.IntN(9))*60_000)
			}
		case 3:
			n.station.Timezone = []string{"Asia/Tashkent", "America/New_York", "Pacific/Apia"}[rng.IntN(3)]
		case 4:
			n.station.Languages = []string{"en", "ko-KP"}[rng.IntN(2):]
		case 5:
			n.clocks["c0"] = randomClock(rng, "c0", 600_000)
		}
	}
	n.define()
}
