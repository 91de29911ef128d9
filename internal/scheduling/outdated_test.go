package scheduling

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// bulletin stores approved news of two minutes, valid from an instant.
func (n *fixture) bulletin(id string, from time.Time) {
	n.t.Helper()
	n.add(id, "news", 120_000)
	n.change(id, func(s *schedules.Segment) { s.ValidFrom = schedules.At(from) })
}

// newsroom returns two stations of one clock: fz airs news at 10:00 and 18:00, hill at 9:00 and at 14:00. Both are
// planned and published with the only bulletin that there is.
func newsroom(t *testing.T, rule schedules.Rule) (n *fixture, fz, hill schedules.Rundown) {
	n = newFixture(t, onDay(8, 0, 0))
	n.add("fb", "evergreen", 45_000)
	n.bulletin("early", onDay(4, 0, 0))
	rule.Only = &schedules.Selector{Kinds: []schedules.Kind{"news"}}
	n.clocks["c"] = schedules.Clock{ID: "c", Length: schedules.Ms(120_000), Positions: []schedules.Position{{ID: "n",
		Pick: rule.Only, Prefer: schedules.ByNewest}}, Rules: []schedules.Rule{rule}}
	publish := func(id string, windows ...schedules.Window) schedules.Rundown {
		n.station = schedules.Station{ID: id, Name: id, Timezone: "UTC", Languages: []string{"ko-KP"},
			Fallback: []string{"fb"}, Windows: windows}
		n.define()
		return n.publish(repairDate)
	}
	hill = publish("hill", dailyWindow("a", "c", "090000", 120_000), dailyWindow("b", "c", "140000", 120_000))
	fz = publish("fz", dailyWindow("a", "c", "100000", 120_000), dailyWindow("b", "c", "180000", 120_000))
	return n, fz, hill
}

// publishOf plans and publishes a day of a station.
func (n *fixture) publishOf(station string, date schedules.Date) schedules.Rundown {
	n.t.Helper()
	if _, err := n.Drafts.Plan(n.t.Context(), access.System, station, date, PlanOptions{}); err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.Publisher.Publish(n.t.Context(), access.System, station, date, PublishOptions{}); err != nil {
		n.t.Fatal(err)
	}
	r, err := n.Rundowns.published(n.t.Context(), station, date)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func segmentsOf(r schedules.Rundown) (out []string) {
	for _, i := range r.Items {
		out = append(out, i.SegmentID)
	}
	return out
}

// A newer bulletin is published at one station for 14:00. What the other has published for 10:00 is before that and
// stays; its older bulletin of 18:00 gives way to the newer one. A newer bulletin that comes while hill's first has
// begun changes nothing that has begun.
func TestAPublishedBulletinGivesWayToANewerOneOfAnotherStation(t *testing.T) {
	order := schedules.Rule{InOrder: schedules.ByNewest, Across: true, Hard: true}
	for name, c := range map[string]struct {
		change func(*schedules.Rule)
		want   []string
	}{
		"across stations": {func(*schedules.Rule) {}, []string{"early", "noon"}},
		"at this station": {func(r *schedules.Rule) { r.Across = false }, []string{"early", "early"}},
		"softly":          {func(r *schedules.Rule) { r.Hard = false }, []string{"early", "early"}},
	} {
		rule := order
		c.change(&rule)
		n, before, _ := newsroom(t, rule)
		if got := segmentsOf(before); !slices.Equal(got, []string{"early", "early"}) {
			t.Fatalf("%s: published with %v", name, got)
		}
		n.now = onDay(9, 1, 0)
		n.bulletin("noon", onDay(12, 0, 0))
		if got := segmentsOf(n.repair(repairDate)); !slices.Equal(got, []string{"early", "early"}) {
			t.Errorf("%s: before the newer bulletin is published anywhere: %v", name, got)
		}
		if hill := n.publishOf("hill", repairDate); !slices.Equal(segmentsOf(hill), []string{"early", "noon"}) {
			t.Fatalf("%s: hill airs %v", name, segmentsOf(hill))
		}
		after := n.repair(repairDate)
		if got := segmentsOf(after); !slices.Equal(got, c.want) {
			t.Errorf("%s: airs %v, want %v", name, got, c.want)
		}
		if again := n.repair(repairDate); again.Revision != after.Revision {
			t.Errorf("%s: repaired again, to revision %d from %d", name, again.Revision, after.Revision)
		}
	}
}

// Planning looks back over 28 days. What was newer before them bars nothing: a repair that removed it would be followed
// by one that puts it back, without end.
func TestWhatWasNewerBeforeTheDaysThatPlanningSeesIsNotRemovedAgainAndAgain(t *testing.T) {
	n, _, _ := newsroom(t, schedules.Rule{InOrder: schedules.ByNewest, Across: true, Hard: true})
	n.bulletin("noon", onDay(12, 0, 0))
	n.change("noon", func(s *schedules.Segment) { s.ValidUntil = schedules.At(onDay(24, 0, 0)) })
	n.publishOf("hill", repairDate)
	for _, days := range []int{29, 35} {
		late := repairDate.AddDays(days)
		before := n.publishOf("fz", late)
		if after := n.repair(late); after.Revision != before.Revision {
			t.Errorf("after %d days: repaired from %v to %v", days, segmentsOf(before), segmentsOf(after))
		}
	}
}

// A clock that gets the rule after a day was published does not hold that day, which is filled by the clock as it was.
func TestAPublishedDayKeepsTheOrderOfTheClockThatItWasPublishedWith(t *testing.T) {
	n, before, _ := newsroom(t, schedules.Rule{InOrder: schedules.ByNewest, Across: true})
	c := n.clocks["c"]
	c.Revision++
	c.Rules = []schedules.Rule{c.Rules[0]}
	c.Rules[0].Hard = true
	n.clocks["c"] = c
	n.define()
	n.now = onDay(9, 1, 0)
	n.bulletin("noon", onDay(12, 0, 0))
	n.publishOf("hill", repairDate)
	if after := n.repair(repairDate); after.Revision != before.Revision {
		t.Errorf("repaired, and airs %v", segmentsOf(after))
	}
}

// The reason is told in the explanations of the repair.
func TestTheRepairTellsWhichBulletinIsNewer(t *testing.T) {
	n, _, _ := newsroom(t, schedules.Rule{InOrder: schedules.ByNewest, Across: true, Hard: true})
	n.bulletin("noon", onDay(12, 0, 0))
	n.publishOf("hill", repairDate)
	if err := n.Repairer.Repair(t.Context(), n.lock); err != nil {
		t.Fatal(err)
	}
	r, err := n.Rundowns.published(t.Context(), "fz", repairDate)
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.Rundowns.store.Get(t.Context(), KindExplanations, replica.RevisionID("fz", repairDate, r.Revision))
	if err != nil || !strings.Contains(string(d.Body), "is older than noon, which is on at 2026-11-29 14:00:00 UTC on "+
		"station hill") {
		t.Errorf("%s, %v", d.Body, err)
	}
}
