package planner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// fewSegments returns a station without rules with one to six windows a day. Each window is one fill of two to seven of
// the station's 8 to 20 segments.
func fewSegments(seed uint64) schedules.Input {
	rng := rand.New(rand.NewPCG(seed, 3))
	n := 8 + rng.IntN(13)
	shortest := 30_000 + rng.Int64N(240_000)
	var segments []schedules.Segment
	var all int64
	for k := range n {
		ms := shortest + rng.Int64N(shortest)
		if rng.IntN(2) == 0 {
			ms = ms / 1000 * 1000
		}
		all += ms
		segments = append(segments, plannertest.Segment(fmt.Sprintf("letter-%02d", k), "letter", "ko-KP", ms))
	}
	length := schedules.Ms(all * int64(2+rng.IntN(6)) / int64(n))
	tolerance := schedules.Ms([]int64{500, 1000, 2000, 3000, 5000}[rng.IntN(5)])
	in := schedules.Input{Date: schedules.Date{Year: 2026, Month: 11, Day: 30}, Library: schedules.Prepare(segments, nil),
		Seed:    seed,
		Station: schedules.Station{ID: "relay", Revision: 1, Name: "relay", Timezone: "UTC", Languages: []string{"ko-KP"}},
		Clocks: map[string]schedules.Clock{"c": {ID: "c", Revision: 1, Length: length,
			Positions: []schedules.Position{{ID: "body", Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}}}}}}
	for k := range 1 + rng.IntN(6) {
		at := time.Date(2026, 1, 1, 4*k, 0, 0, 0, time.UTC)
		in.Station.Windows = append(in.Station.Windows, schedules.Window{ID: fmt.Sprintf("w%02d", k), Length: length,
			Tolerance: tolerance, Clock: "c",
			Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:" + at.Format("20060102T150405") +
				"\nRRULE:FREQ=DAILY"}})
	}
	return in
}

// setsThatFit returns how many sets of the input's segments fill a window.
func setsThatFit(in schedules.Input) int {
	segments, w := in.Library.Segments(), in.Station.Windows[0]
	count := 0
	var from func(k int, left time.Duration)
	from = func(k int, left time.Duration) {
		if left.Abs() <= w.Tolerance.Duration {
			count++ // no other segment is short enough to fit too
		}
		for ; k < len(segments); k++ {
			if ms := segments[k].Recording.AirTime().Duration; ms <= left+w.Tolerance.Duration {
				from(k+1, left-ms)
			}
		}
	}
	from(0, w.Length.Duration)
	return count
}

// No two consecutive days of a small station are alike, and no two consecutive windows of a day air the same set, if
// there is an alternative. A day has no alternative if its windows have only one set of two segments: earlier airings
// determine which of the two comes first.
func TestDaysAndWindowsOfASmallStationDifferWhereTheyCan(t *testing.T) {
	networks, days := 100, 10
	if testing.Short() {
		networks, days = 30, 4
	}
	planned, alike, windows, repeated := 0, 0, 0, 0
	for seed := range uint64(networks) {
		in := fewSegments(seed)
		sets := setsThatFit(in)
		if sets == 0 {
			continue
		}
		var before []string
		for range days {
			plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, in.Date, err)
			}
			planned++
			var day []string
			for _, i := range plan.Rundown.Items {
				day = append(day, i.SegmentID)
			}
			list := byWindow(plan.Rundown)
			if slices.Equal(day, before) {
				alike++
				if sets > 1 || len(list[0]) > 2 {
					t.Errorf("seed %d: %s is as the day before, of %d sets that fit: %v", seed, in.Date, sets, day)
				}
			}
			for k := 1; k < len(list); k++ {
				windows++
				if a, b := slices.Sorted(slices.Values(list[k-1])), slices.Sorted(slices.Values(list[k])); slices.Equal(a, b) {
					repeated++
					if sets > 1 {
						t.Errorf("seed %d, %s: windows %d and %d both air %v, of %d sets that fit", seed, in.Date, k-1, k, b, sets)
					}
				}
			}
			before, in.History, in.Date = day, append(in.History, plan.Rundown.Airings()...), in.Date.AddDays(1)
		}
	}
	t.Logf("%d days, %d as the day before; %d windows, %d with the set of the one before", planned, alike, windows,
		repeated)
}
