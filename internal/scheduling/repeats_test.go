package scheduling

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/schedules"
)

// repeatingStation returns a station with a window that is repeated an hour later, and on the morning after.
func repeatingStation(t *testing.T) *fixture {
	n := newFixture(t, onDay(8, 0, 0))
	for k := range 14 {
		n.add(fmt.Sprintf("m%02d", k), "music", 20_000+int64(k)*1_003)
	}
	n.add("fb", "evergreen", 45_000)
	n.clocks["c"] = schedules.Clock{ID: "c", Length: schedules.Ms(120_000), Positions: []schedules.Position{
		{ID: "f", Fill: &schedules.Selector{Kinds: []schedules.Kind{"music"}}, FadeMax: schedules.Ms(20_000),
			Near: schedules.Ms(60_000)}}}
	later, morning := dailyWindow("later", "c", "115500", 120_000), dailyWindow("morning", "c", "065500", 120_000)
	later.Repeats = &schedules.WindowRepeat{Window: "a"}
	morning.Repeats = &schedules.WindowRepeat{Window: "a", DaysBack: 1}
	n.station = schedules.Station{ID: "fz", Name: "fz", Timezone: "UTC", Languages: []string{"ko-KP"},
		Freeze: schedules.Ms(600_000), Fallback: []string{"fb"},
		Windows: []schedules.Window{dailyWindow("a", "c", "105500", 120_000), later, morning}}
	n.define()
	return n
}

// airs returns the segments of a window of a published day.
func (n *fixture) airs(d schedules.Date, window string) (out []string) {
	n.t.Helper()
	r, err := n.Rundowns.published(n.t.Context(), n.station.ID, d)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, i := range r.Items {
		if i.Window == window {
			out = append(out, i.SegmentID)
		}
	}
	return out
}

// same fails the test unless the repeats of the repair's date air what they repeat.
func (n *fixture) same(when string) {
	n.t.Helper()
	first := n.airs(repairDate, "a")
	later, morning := n.airs(repairDate, "later"), n.airs(repairDate.AddDays(1), "morning")
	if len(first) == 0 || !slices.Equal(first, later) || !slices.Equal(first, morning) {
		n.t.Errorf("%s: first %v, later %v, next morning %v", when, first, later, morning)
	}
}

func TestPublishedRepeatsFollowWhatTheyRepeat(t *testing.T) {
	n := repeatingStation(t)
	n.publish(repairDate)
	n.publish(repairDate.AddDays(1))
	n.same("as planned")
	gone := n.airs(repairDate, "a")[0]
	n.recall(gone)
	n.repair(repairDate)
	n.repair(repairDate)
	n.same("after a recall")
	if slices.Contains(n.airs(repairDate, "a"), gone) {
		t.Error("what was recalled still airs")
	}

	r, err := n.Rundowns.Rundown(t.Context(), n.station.ID, repairDate, 0)
	if err != nil {
		t.Fatal(err)
	}
	var first schedules.Item
	for _, i := range r.Items {
		if i.Window == "a" && first.ID == "" {
			first = i
		}
	}
	other := ""
	for k := range 14 {
		if id := fmt.Sprintf("m%02d", k); id != gone && !slices.Contains(n.airs(repairDate, "a"), id) {
			other = id
		}
	}
	edited, err := n.Drafts.Edit(t.Context(), access.System, n.station.ID, repairDate, nil,
		[]schedules.Edit{{Op: "replace", Item: first.ID, Segment: other}})
	if err != nil {
		t.Fatal(err)
	}
	later := slices.IndexFunc(edited.Items, func(i schedules.Item) bool { return i.Window == "later" })
	if edited.Items[later].SegmentID != other {
		t.Errorf("the draft repeats %s, want %s", edited.Items[later].SegmentID, other)
	}
}

func TestARepeatOfTheDayBeforeFollowsACorrection(t *testing.T) {
	n := repeatingStation(t)
	n.publish(repairDate)
	n.publish(repairDate.AddDays(1))
	r, err := n.Rundowns.Rundown(t.Context(), n.station.ID, repairDate, 0)
	if err != nil {
		t.Fatal(err)
	}
	first := r.Items[slices.IndexFunc(r.Items, func(i schedules.Item) bool { return i.Window == "a" })]
	const other = "twin"
	n.add(other, "music", first.Duration.Milliseconds())
	if _, err := n.Drafts.Edit(t.Context(), access.System, n.station.ID, repairDate, nil,
		[]schedules.Edit{{Op: "replace", Item: first.ID, Segment: other}}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Publisher.Publish(t.Context(), access.System, n.station.ID, repairDate, PublishOptions{}); err != nil {
		t.Fatal(err)
	}
	if n.airs(repairDate, "a")[0] != other {
		t.Fatalf("airs %v", n.airs(repairDate, "a"))
	}
	n.repair(repairDate)
	n.same("after a correction")
	if n.Repairer.open() != nil {
		t.Error("there is still something to follow")
	}
}

func TestARepeatThatIsFrozenFollowsNothing(t *testing.T) {
	n := repeatingStation(t)
	n.publish(repairDate)
	n.now = onDay(11, 50, 0)
	before := n.airs(repairDate, "later")
	gone := before[0]
	n.recall(gone)
	after := n.repair(repairDate)
	n.unchanged(after, after, func(schedules.Item) bool { return true })
	if got := n.airs(repairDate, "later"); slices.Contains(got, gone) {
		t.Errorf("what was recalled still airs: %v", got)
	}
	if gap := n.silent(after); gap >= time.Minute {
		t.Errorf("%s are silent", gap)
	}
}
