package schedules

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// catalogue is n approved segments of the benchmark's mix of lengths.
func catalogue(n int, seed uint64) []Segment {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]Segment, n)
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

func testSegment(id string, kind Kind, ms int64) Segment {
	return Segment{ID: id, Revision: 1, Kind: kind, Title: id, Language: "ko-KP", State: Approved,
		Recording: &Recording{SHA256: fmt.Sprintf("%064x", mix(uint64(len(id))+uint64(ms))), Duration: Ms(ms + 100), CueIn: Ms(50), CueOut: Ms(ms + 50)}}
}

func hourly() Input {
	post, half := Ms(0), Ms(1_800_000)
	two := 2
	clock := Clock{ID: "hour", Length: Ms(3_600_000), Positions: []Position{
		{ID: "top", At: &post, Start: Hard, Segment: "top"},
		{ID: "one", Fill: &Selector{Kinds: []Kind{"testimony"}}},
		{ID: "half", At: &half, Start: Hard, Segment: "half"},
		{ID: "two", Fill: &Selector{Kinds: []Kind{"testimony"}}},
	}, Rules: []Rule{
		{Separate: "segment", For: Ms(4 * 3_600_000), Hard: true, Only: &Selector{Kinds: []Kind{"testimony"}}},
		{Separate: "series", For: Ms(3_600_000), Hard: true},
		{AtMost: &two, Per: "day", Of: Of{Each: "segment"}, Hard: true, Only: &Selector{Kinds: []Kind{"testimony"}}},
	}}
	return Input{
		Station: Station{ID: "st", Name: "st", Timezone: "UTC", Languages: []string{"ko-KP"}, Windows: []Window{{ID: "hourly",
			Starts: Recurrence{Timezone: "UTC", RRule: "DTSTART:20230101T000000\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0;BYSECOND=0"},
			Length: Ms(3_600_000), Tolerance: Ms(20), Clock: "hour"}}},
		Date: Date{2023, 10, 1}, Clocks: map[string]Clock{"hour": clock},
	}
}

func hourlySegments(n int, seed uint64) []Segment {
	return append(catalogue(n, seed), testSegment("top", "ident", 180_000), testSegment("half", "ident", 12_345))
}

func TestGapsBetweenPostsAreFilled(t *testing.T) {
	for _, fade := range []int64{0, 20} {
		in := hourly()
		for i := range in.Clocks["hour"].Positions {
			if p := &in.Clocks["hour"].Positions[i]; p.Fill != nil {
				p.FadeMax = Ms(fade)
			}
		}
		in.Library = Prepare(hourlySegments(1000, 1), nil)
		for day := range 7 {
			in.Date = Date{2023, 10, 1 + day}
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
