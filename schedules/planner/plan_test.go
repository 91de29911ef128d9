package planner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"lifeline/schedules"
)

// catalogue returns n approved segments with the benchmark's mix of lengths.
func catalogue(n int, seed uint64) []schedules.Segment {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]schedules.Segment, n)
	for i := range out {
		lo, hi := 10, 60
		switch x := rng.IntN(100); {
		case x >= 95:
			lo, hi = 1200, 1800
		case x >= 70:
			lo, hi = 420, 1200
		case x >= 15:
			lo, hi = 90, 420
		}
		ms := int64(lo*1000 + rng.IntN((hi-lo)*1000))
		out[i] = testSegment(fmt.Sprintf("s%05d", i), "testimony", ms)
		out[i].Series = fmt.Sprintf("series-%d", i%max(n/8, 1))
	}
	return out
}

func testSegment(id string, kind schedules.Kind, ms int64) schedules.Segment {
	return schedules.Segment{ID: id, Revision: 1, Kind: kind, Title: id, Language: "ko-KP", State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: fmt.Sprintf("%064x", mix(uint64(len(id))+uint64(ms))),
			Duration: schedules.Ms(ms + 100), CueIn: schedules.Ms(50), CueOut: schedules.Ms(ms + 50)}}
}

func hourly() schedules.Input {
	post, half := schedules.Ms(0), schedules.Ms(1_800_000)
	two := 2
	clock := schedules.Clock{ID: "hour", Length: schedules.Ms(3_600_000), Positions: []schedules.Position{
		{ID: "top", At: &post, Start: schedules.Hard, Segment: "top"},
		{ID: "one", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}},
		{ID: "half", At: &half, Start: schedules.Hard, Segment: "half"},
		{ID: "two", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}},
	}, Rules: []schedules.Rule{
		{Separate: "segment", For: schedules.Ms(4 * 3_600_000), Hard: true,
			Only: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}},
		{Separate: "series", For: schedules.Ms(3_600_000), Hard: true},
		{AtMost: &two, Per: "day", Of: schedules.Of{Each: "segment"}, Hard: true,
			Only: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}},
	}}
	return schedules.Input{
		Station: schedules.Station{ID: "st", Name: "st", Timezone: "UTC", Languages: []string{"ko-KP"},
			Windows: []schedules.Window{{ID: "hourly",
				Starts: schedules.Recurrence{Timezone: "UTC",
					RRule: "DTSTART:20230101T000000\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0;BYSECOND=0"},
				Length: schedules.Ms(3_600_000), Tolerance: schedules.Ms(20), Clock: "hour"}}},
		Date: schedules.Date{Year: 2023, Month: 10, Day: 1}, Clocks: map[string]schedules.Clock{"hour": clock},
	}
}

func hourlySegments(n int, seed uint64) []schedules.Segment {
	return append(catalogue(n, seed), testSegment("top", "ident", 180_000), testSegment("half", "ident", 12_345))
}

func TestGapsBetweenPostsAreFilled(t *testing.T) {
	for _, fade := range []int64{0, 20} {
		in := hourly()
		for i := range in.Clocks["hour"].Positions {
			if p := &in.Clocks["hour"].Positions[i]; p.Fill != nil {
				p.FadeMax = schedules.Ms(fade)
			}
		}
		in.Library = schedules.Prepare(hourlySegments(1000, 1), nil)
		for day := range 7 {
			in.Date = schedules.Date{Year: 2023, Month: 10, Day: 1 + day}
			plan, err := Compile(in.Library).Plan(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range plan.Rundown.Windows {
				if off := w.Planned.Milliseconds() - 3_600_000; abs(off) > 20-fade {
					t.Errorf("%s: %d ms off with a fade of %d", w.StartAt, off, fade)
				}
			}
			in.History = append(in.History, plan.Rundown.Airings()...)
		}
	}
}
