package planner_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// Ten thousand items: four weeks of a large station and as many days of small ones. Each record passes through JSON
// first, so that Replay can use only the recorded data.
func TestEveryChoiceIsReproducedFromItsOwnRecord(t *testing.T) {
	longform.Only(t)
	replayed := 0
	check := func(in schedules.Input, plan planner.Plan) {
		if len(plan.Explanations) != len(plan.Rundown.Items) {
			t.Fatalf("%d explanations of %d items", len(plan.Explanations), len(plan.Rundown.Items))
		}
		for i, x := range plan.Explanations {
			b, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			var back schedules.Explanation
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			got, err := planner.Replay(back)
			if err != nil {
				t.Fatalf("%s %s: %v", in.Station.ID, in.Date, err)
			}
			item := plan.Rundown.Items[i]
			if x.Item != item.ID || got != item.SegmentID && !slices.Contains(x.Chain, got) {
				t.Fatalf("%s %s: item %s is %s, replayed as %s\n%s", in.Station.ID, in.Date, item.ID, item.SegmentID, got, b)
			}
			replayed++
		}
	}
	for replayed < 6000 {
		in := planner.Hourly()
		in.Library = schedules.Prepare(planner.HourlySegments(1000, 1), nil)
		for day := range 28 {
			in.Date = schedules.Date{Year: 2023, Month: 10, Day: 1 + day}
			plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			check(in, plan)
			in.History = append(in.History, plan.Rundown.Airings()...)
		}
	}
	for seed := uint64(0); replayed < 10_000; seed++ {
		in := plannertest.SmallStation(seed)
		for range 3 {
			plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			check(in, plan)
			in.History = append(in.History, plan.Rundown.Airings()...)
			in.Date = in.Date.AddDays(1)
		}
	}
	t.Logf("%d items replayed", replayed)
}
