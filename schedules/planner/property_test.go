package planner_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// For any small station, the auditor finds no broken hard rule in the planner's result. The planner reports a day that
// it cannot plan, and never calls a day impossible for which a plan exists.
func TestThePlannerKeepsWhatTheAuditorChecks(t *testing.T) {
	longform.Only(t)
	if os.Getenv("LIFELINE_PROVE") != "stations" { // otherwise -rapid.checks sets the number
		if err := flag.Set("rapid.checks", "40"); err != nil {
			t.Fatal(err)
		}
	}
	planned, impossible, given, repeated := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		for day := range 3 {
			in.Date = schedules.Date{Year: 2023, Month: 10, Day: 27 + day}
			plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
			var u *planner.Unsatisfiable
			var n *planner.NotFound
			switch {
			case errors.As(err, &u):
				impossible++
				return
			case errors.As(err, &n):
				given++
				return
			case err != nil:
				t.Fatal(err)
			}
			planned++
			for _, v := range plannertest.Violations(t, in, plan.Rundown) {
				if v.Hard {
					t.Errorf("day %d: %s: %s %s: %s", day, v.Rule, v.Window, v.Item, v.Message)
				}
			}
			for _, x := range plan.Explanations {
				if _, err := planner.Replay(x); err != nil {
					t.Error(err)
				}
			}
			in.History = append(in.History, plan.Rundown.Airings()...)
			in.Repeated = append(in.Repeated, plan.Rundown)
			for _, i := range plan.Rundown.Items {
				if i.Repeats != "" {
					repeated++
				}
			}
		}
	})
	t.Logf("%d days planned, %d proved impossible, %d given up, %d items repeated", planned, impossible, given, repeated)
}

func drawInput(t *rapid.T) schedules.Input {
	kinds := []schedules.Kind{"letter", "music", "testimony", "ident", "reading"}
	var segments []schedules.Segment
	n := rapid.IntRange(8, 40).Draw(t, "segments")
	for i := range n {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		s := plannertest.Segment(fmt.Sprintf("s%02d", i), kind, rapid.SampledFrom([]string{"ko-KP", "ko-KP", "en",
			"zxx"}).Draw(t, "language"), rapid.Int64Range(5_000, 240_000).Draw(t, "ms"))
		s.Series = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "series")
		if s.Series != "" {
			s.Episode = rapid.IntRange(0, 6).Draw(t, "episode")
		}
		if rapid.IntRange(0, 3).Draw(t, "dated") == 0 {
			s.ValidFrom = schedules.At(time.Date(2023, 10, 25+rapid.IntRange(0, 4).Draw(t, "from"), rapid.IntRange(0, 23).Draw(t,
				"from o'clock"), 3, 0, 0, time.UTC))
		}
		s.Voice = rapid.SampledFrom([]string{"", "hana", "min"}).Draw(t, "voice")
		if rapid.Bool().Draw(t, "tagged") {
			s.Tags = []string{"appeal"}
		}
		if rapid.IntRange(0, 9).Draw(t, "limited") == 0 {
			s.ValidUntil = schedules.At(time.Date(2023, 10, 27+rapid.IntRange(0, 2).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t,
				"hour"), 7, 0, 0, time.UTC))
		}
		if rapid.IntRange(0, 9).Draw(t, "consented") == 0 {
			s.Persons = []string{"p1"}
			s.Consent = &schedules.Consent{ExpiresAt: schedules.At(time.Date(2023, 10, 27+rapid.IntRange(0, 2).Draw(t, "until"),
				rapid.IntRange(0, 23).Draw(t, "o'clock"), 11, 0, 0, time.UTC))}
		}
		if kind == "reading" && i > 2 && rapid.Bool().Draw(t, "chained") {
			s.Intro = segments[rapid.IntRange(0, i-1).Draw(t, "intro")].ID
		}
		segments = append(segments, s)
	}
	pick := func(label string) *schedules.Selector {
		return &schedules.Selector{Kinds: []schedules.Kind{rapid.SampledFrom(kinds).Draw(t, label)}}
	}
	half := schedules.Ms(rapid.Int64Range(300, 1200).Draw(t, "half") * 1000)
	fill := &schedules.Selector{Kinds: []schedules.Kind{"letter", "music", "testimony"}}
	clock := schedules.Clock{ID: "c", Length: schedules.Ms(1_710_000), Positions: []schedules.Position{
		{ID: "a", Pick: pick("a"), Prefer: rapid.SampledFrom(append([]string{"", ""}, schedules.Preferences...)).Draw(t,
			"prefer")}, {ID: "read", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}, Chain: true,
			Optional: true},
		{ID: "fill", Fill: fill, FadeMax: schedules.Ms(rapid.SampledFrom([]int64{0, 0, 500}).Draw(t, "fade"))}}}
	if rapid.Bool().Draw(t, "posted") {
		start := rapid.SampledFrom([]schedules.StartMode{schedules.Hard, schedules.Soft}).Draw(t, "start")
		p := schedules.Position{ID: "half", At: &half, Start: start, Pick: pick("half")}
		if start == schedules.Soft {
			p.Grace = schedules.Ms(5000)
		}
		clock.Positions = append(clock.Positions, p, schedules.Position{ID: "fill2", Fill: fill})
	}
	if rapid.Bool().Draw(t, "closed") {
		clock.Positions = append(clock.Positions, schedules.Position{ID: "end", AtEnd: true, Pick: pick("end")})
	}
	two, three := 2, 3
	all := []schedules.Rule{
		{Separate: "segment", For: schedules.Ms(rapid.Int64Range(0, 20).Draw(t, "rest")*60_000 + 1000)},
		{Separate: "series", For: schedules.Ms(120_000)},
		{Separate: "voice", Items: 1},
		{Separate: "segment", Items: 2, Only: &schedules.Selector{Kinds: []schedules.Kind{"music"}}},
		{AtMost: &three, Per: "window", Of: schedules.Of{Each: "segment"}},
		{AtMost: &three, Per: "day", Of: schedules.Of{Match: map[string]string{"kind": "music"}}},
		{AtLeast: &two, Per: "day", Of: schedules.Of{Match: map[string]string{"tag": "appeal"}}},
		{AtLeast: &two, Per: "window", Of: schedules.Of{Match: map[string]string{"kind": "letter"}}},
		{Share: &schedules.Share{Least: 0.1, Most: 0.8}, Per: "window",
			Of: schedules.Of{Match: map[string]string{"kind": "letter"}}},
		{Only: &schedules.Selector{Tags: []string{"appeal"}}, KeepTo: &schedules.Daypart{From: 6 * 60, Until: 20 * 60}},
		{Only: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}},
			After: schedules.Of{Match: map[string]string{"kind": "letter"}}, Within: schedules.Ms(7_200_000)},
		{Only: pick("fresh"), FreshFor: schedules.Ms(rapid.Int64Range(12, 60).Draw(t, "fresh for") * 3_600_000)},
		{Only: pick("newest"), InOrder: schedules.ByNewest, Across: rapid.Bool().Draw(t, "across")},
		{Only: &schedules.Selector{Kinds: kinds[:3]}, InOrder: schedules.ByEpisode},
	}
	for _, r := range all {
		if rapid.IntRange(0, 3).Draw(t, "rule") == 0 {
			r.Hard = rapid.Bool().Draw(t, "hard")
			clock.Rules = append(clock.Rules, r)
		}
	}
	var windows []schedules.Window
	for i, h := range []string{"060000", "173000", "234500"} {
		windows = append(windows, schedules.Window{ID: fmt.Sprintf("w%d", i), Clock: "c", Length: schedules.Ms(1_710_000),
			Tolerance: schedules.Ms(rapid.SampledFrom([]int64{1000, 1000, 5000}).Draw(t, "tolerance")),
			Starts:    schedules.Recurrence{Timezone: "Asia/Seoul", RRule: "DTSTART:20230101T" + h + "\nRRULE:FREQ=DAILY"}})
	}
	if rapid.IntRange(0, 2).Draw(t, "repeats") == 0 {
		windows[2].Repeats = &schedules.WindowRepeat{Window: rapid.SampledFrom([]string{"w0", "w1"}).Draw(t, "repeated"),
			DaysBack: rapid.IntRange(0, 2).Draw(t, "days back")}
		windows[2].Length = schedules.Ms(rapid.Int64Range(1_300, 2_000).Draw(t, "length of the repeat") * 1000)
	}
	in := schedules.Input{Station: schedules.Station{ID: "st", Name: "st", Timezone: "Asia/Seoul",
		Languages: []string{"ko-KP"}, Windows: windows},
		Clocks: map[string]schedules.Clock{"c": clock}, Library: schedules.Prepare(segments, nil),
		Seed: rapid.Uint64().Draw(t, "seed")}
	if rapid.Bool().Draw(t, "fallback") {
		in.Station.Fallback = []string{segments[0].ID}
	}
	if rapid.Bool().Draw(t, "campaign") {
		in.Campaigns = []schedules.Campaign{{ID: "help", Of: schedules.Selector{Tags: []string{"appeal"}}, AtLeast: 1,
			Hard: rapid.Bool().Draw(t, "hard campaign")}}
	}
	return in
}
