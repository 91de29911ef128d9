package planner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// A week is planned; then random segments are recalled at random times. Items that have started or are frozen must not
// change unless they were recalled, and the changes must be few compared with a plan from scratch.
// LIFELINE_PROVE=recalls runs all 1,000.
func TestARecallChangesLittleAndNothingFrozen(t *testing.T) {
	recalls := 60
	if os.Getenv("LIFELINE_PROVE") == "recalls" {
		recalls = 1000
	}
	in := planner.Hourly()
	in.Station.Freeze = schedules.Ms(1_800_000)
	segments := planner.HourlySegments(1000, 1)
	library := schedules.Prepare(segments, nil)
	in.Library = library
	var week []planner.Plan
	var history [][]schedules.Airing
	for day := range 7 {
		in.Date = schedules.Date{Year: 2023, Month: 10, Day: 1 + day}
		plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		week = append(week, plan)
		history = append(history, in.History)
		in.History = append(in.History[:len(in.History):len(in.History)], plan.Rundown.Airings()...)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	var few, all, fewest, most int
	cut, open := 0, 0
	var took time.Duration
	for range recalls {
		day := rng.IntN(7)
		prev := week[day].Rundown
		item := prev.Items[rng.IntN(len(prev.Items))]
		if item.Kind != "testimony" {
			continue
		}
		now := prev.Windows[0].StartAt.Add(time.Duration(rng.Int64N(int64(item.StartAt.Sub(prev.Windows[0].StartAt.Time)) +
			1)))
		recalled, _ := library.Segment(item.SegmentID)
		recalled.State = schedules.Recalled
		next := in
		next.Date, next.History, next.Library = prev.Date, history[day], library.With(recalled)
		start := time.Now()
		plan, changes, err := planner.Compile(next.Library).Replan(context.Background(), next, prev, now)
		took += time.Since(start)
		if err != nil {
			t.Fatalf("recall of %s at %s: %v", item.SegmentID, now, err)
		}
		for _, c := range changes {
			if c.Why == "" {
				t.Errorf("change of %v is not explained", c)
			}
			if c.Before == nil || c.Before.SegmentID == item.SegmentID {
				continue
			}
			window := windowOf(prev, *c.Before)
			if !c.Before.StartAt.After(now) || !window.Add(-in.Station.Freeze.Duration).After(now) {
				t.Errorf("%s, frozen at %s, has changed: %s", c.Before.StartAt, now, c.Change)
			}
		}
		keep := next
		keep.Keep = unchanged(prev, plan.Rundown)
		gap := false
		for _, w := range plan.Rundown.Warnings {
			switch w.Code {
			case "gap":
				gap = true
				open++
				if id := fits(keep, plan.Rundown, item); id != "" {
					t.Errorf("recall of %s at %s: %s, but %s does", item.SegmentID, now, w.Message, id)
				}
			case "cut_at_post":
				cut++
			}
		}
		for _, v := range plannertest.Violations(t, keep, plan.Rundown) {
			if gap && (v.Rule == "contiguous" || v.Rule == "length") {
				continue
			}
			if started := v.Item != "" && startedBefore(plan.Rundown, v.Item, now); v.Hard && !started {
				t.Errorf("recall of %s at %s: %s: %s", item.SegmentID, now, v.Rule, v.Message)
			}
		}
		fresh, err := planner.Compile(next.Library).Plan(context.Background(), next)
		if err != nil {
			t.Fatal(err)
		}
		n := len(changes)
		few += n
		most = max(most, n)
		if fewest == 0 || n < fewest {
			fewest = n
		}
		all += len(schedules.Diff(prev, fresh.Rundown))
	}
	t.Logf("%d recalls: %.2f changes each (%d to %d) beside %.1f of a plan from nothing; %s each; %d items cut by less "+
		"than the tolerance, %d holes between frozen items left open", recalls,
		float64(few)/float64(recalls), fewest, most, float64(all)/float64(recalls), (took / time.Duration(recalls)).Round(
			time.Microsecond), cut, open)
	if few*5 > all {
		t.Errorf("%d changes, and a plan from nothing makes %d", few, all)
	}
}

// fits searches, with the auditor alone, for one or two segments that could air in the hole that an item left, whole or
// cut at their end by at most the window's tolerance.
func fits(in schedules.Input, next schedules.Rundown, gone schedules.Item) string {
	tolerance := in.Station.Windows[0].Tolerance.Duration
	try := func(segments ...schedules.Segment) bool {
		r := next
		r.Items, r.Windows = nil, slices.Clone(next.Windows)
		at, left := gone.StartAt, gone.Duration.Duration
		for _, s := range segments {
			item := gone
			item.ID, item.SegmentID, item.SHA256 = gone.ID+s.ID, s.ID, s.Recording.SHA256
			item.Language, item.Kind, item.NotAfter = s.Language, s.Kind, s.ValidUntil
			item.StartAt = at
			item.Duration = schedules.Millis{Duration: min(s.Recording.AirTime().Duration, left)}
			item.CueIn, item.CueOut = s.Recording.CueIn, schedules.Millis{Duration: s.Recording.CueIn.Duration +
				item.Duration.Duration}
			at, left = item.EndAt(), left-item.Duration.Duration
			r.Items = append(r.Items, item)
		}
		r.Items = append(r.Items, next.Items...)
		slices.SortStableFunc(r.Items, func(a, b schedules.Item) int { return a.StartAt.Compare(b.StartAt.Time) })
		for i := range r.Windows {
			if w := &r.Windows[i]; !gone.StartAt.Before(w.StartAt.Time) && gone.StartAt.Before(w.EndAt.Time) {
				w.Planned.Duration += gone.Duration.Duration
			}
		}
		found, err := auditor.Audit(context.Background(), in, r)
		return err == nil && !slices.ContainsFunc(found, func(v auditor.Violation) bool { return v.Hard })
	}
	segments := in.Library.Segments()
	for i, a := range segments {
		over := a.Recording.AirTime().Duration - gone.Duration.Duration
		if over >= 0 && over <= tolerance && try(a) {
			return a.ID
		}
		for _, b := range segments[:i] {
			over := a.Recording.AirTime().Duration + b.Recording.AirTime().Duration - gone.Duration.Duration
			if over >= 0 && over <= tolerance && (try(a, b) || try(b, a)) {
				return a.ID + " with " + b.ID
			}
		}
	}
	return ""
}

func windowOf(r schedules.Rundown, item schedules.Item) time.Time {
	for _, w := range r.Windows {
		if w.Window == item.Window && !item.StartAt.Before(w.StartAt.Time) && item.StartAt.Before(w.EndAt.Time) {
			return w.StartAt.Time
		}
	}
	return time.Time{}
}

func unchanged(prev, next schedules.Rundown) []schedules.Item {
	before := map[string]bool{}
	for _, i := range prev.Items {
		before[i.ID] = true
	}
	var out []schedules.Item
	for _, i := range next.Items {
		if before[i.ID] {
			out = append(out, i)
		}
	}
	return out
}

func startedBefore(r schedules.Rundown, id string, now time.Time) bool {
	for _, i := range r.Items {
		if i.ID == id {
			return !i.StartAt.After(now)
		}
	}
	return false
}

// The recalled item can only be replaced if the item at the other end of its window gives way too.
func TestAWindowIsPlannedAnewWhereNoFewerItemsFillIt(t *testing.T) {
	const recalled, far = "m00", "m01"
	segments := []schedules.Segment{plannertest.Segment(recalled, "music", "zxx", 61_000),
		plannertest.Segment(far, "music", "zxx", 59_000)}
	for n := 2; n < 30; n++ {
		segments = append(segments, plannertest.Segment(fmt.Sprintf("m%02d", n), "music", "zxx", 60_000))
	}
	clock := schedules.Clock{ID: "c", Length: schedules.Ms(24 * 60_000), Positions: []schedules.Position{{ID: "fill",
		Fill: &schedules.Selector{Kinds: []schedules.Kind{"music"}}}},
		Rules: []schedules.Rule{{Separate: "segment", For: schedules.Ms(24 * 60_000), Hard: true}}}
	in := schedules.Input{Station: schedules.Station{ID: "s", Timezone: "UTC", Languages: []string{"en"},
		Freeze: schedules.Ms(3_600_000), Windows: []schedules.Window{{ID: "w", Clock: "c", Length: clock.Length,
			Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20260101T120000\nRRULE:FREQ=DAILY"}}}},
		Date: schedules.Date{Year: 2026, Month: 2, Day: 3}, Clocks: map[string]schedules.Clock{"c": clock}}
	start := time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)
	item := func(id string, offset, ms int64) schedules.Item {
		return schedules.Item{ID: id, Window: "w", Position: "fill", SegmentID: id, Kind: "music", Language: "zxx", Title: id,
			StartAt: schedules.At(start.Add(time.Duration(offset) * time.Millisecond)), Start: schedules.Follow,
			Duration: schedules.Ms(ms), CueOut: schedules.Ms(ms)}
	}
	in.Library = schedules.Prepare(segments, nil)
	in.Keep = []schedules.Item{item(recalled, 0, 61_000), item(far, 23*60_000+1000, 59_000)}
	before, err := planner.Compile(in.Library).Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Keep = nil
	segments[0].State = schedules.Recalled
	in.Library = schedules.Prepare(segments, nil)
	for _, c := range []struct {
		ahead time.Duration
		whole bool
	}{{2 * time.Hour, true}, {50 * time.Minute, false}} { // the second is within the freeze
		plan, changes, err := planner.Compile(in.Library).Replan(t.Context(), in, before.Rundown, start.Add(-c.ahead))
		if err != nil {
			t.Fatal(err)
		}
		if whole := len(plan.Rundown.Open()) == 0; whole != c.whole {
			t.Errorf("%s ahead: whole %t, %d changes", c.ahead, whole, len(changes))
		}
		if found := plannertest.Violations(t, in, plan.Rundown); c.whole && len(found) > 0 {
			t.Errorf("%s ahead: %+v", c.ahead, found)
		}
		for _, change := range changes {
			if change.Why == "" {
				t.Errorf("a change is not explained: %+v", change)
			}
		}
	}
}
