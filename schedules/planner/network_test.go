package planner_test

import (
	"context"
	"fmt"
	"testing"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// The example network, with the sample recordings, can be planned on every day and with every seed. Its library of 46
// recordings is typical of a small station.
func TestExampleNetworkIsPlannedEveryDay(t *testing.T) {
	longform.Only(t)
	base, stations := exampleInput(t)
	days, seeds := 14, 5
	for _, st := range stations {
		t.Run(st.ID, func(t *testing.T) {
			in := base
			in.Station = st
			for day := range days {
				for seed := range seeds {
					in.Date = schedules.Date{Year: 2026, Month: 11, Day: 20}.AddDays(day)
					in.Seed = uint64(seed)
					name := fmt.Sprintf("%s, seed %d", in.Date, seed)
					plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					for _, v := range plannertest.Violations(t, in, plan.Rundown) {
						if v.Hard {
							t.Fatalf("%s: %+v", name, v)
						}
					}
				}
			}
		})
	}
}
