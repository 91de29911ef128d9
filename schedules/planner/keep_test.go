package planner_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// Planning again with every item kept changes nothing, even though the window was filled only within its tolerance.
func TestKeepingEveryItemChangesNothing(t *testing.T) {
	segment := func(id string, ms int64) schedules.Segment {
		return schedules.Segment{ID: id, Kind: "music", Title: id, Language: "zxx", State: schedules.Approved,
			Recording: &schedules.Recording{SHA256: id, CueOut: schedules.Ms(ms)}}
	}
	in := schedules.Input{
		Station: schedules.Station{ID: "s", Timezone: "UTC", Languages: []string{"en"},
			Windows: []schedules.Window{{ID: "w", Clock: "c",
				Length: schedules.Ms(600_000), Tolerance: schedules.Ms(1000),
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20260101T120000\nRRULE:FREQ=DAILY"}}}},
		Date: schedules.Date{Year: 2026, Month: 2, Day: 3},
		Clocks: map[string]schedules.Clock{"c": {ID: "c", Length: schedules.Ms(600_000),
			Positions: []schedules.Position{{ID: "fill", Fill: &schedules.Selector{Kinds: []schedules.Kind{"music"}}}}}},
		Library: schedules.Prepare([]schedules.Segment{segment("a", 199_900), segment("b", 199_800), segment("c", 200_100)},
			nil),
	}
	first, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Keep = first.Rundown.Items
	again, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first.Rundown.Items, again.Rundown.Items); d != "" {
		t.Error(d)
	}
}
