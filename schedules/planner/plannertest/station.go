// Package plannertest provides a small station for tests, and checks plans with the auditor.
package plannertest

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
	"lifeline/schedules/planner"
)

func SmallStation(seed uint64) schedules.Input {
	var segments []schedules.Segment
	add := func(id string, kind schedules.Kind, language string, ms int64) *schedules.Segment {
		segments = append(segments, Segment(id, kind, language, ms))
		return &segments[len(segments)-1]
	}
	add("sign-on-ko", "sign-on", "ko-KP", 21_313)
	add("sign-off-ko", "sign-off", "ko-KP", 17_221)
	add("ident-ko", "ident", "ko-KP", 6_127)
	add("ident-tone", "ident", "zxx", 4_019)
	add("intro-ko", "intro", "ko-KP", 9_411)
	add("back-ko", "back-announce", "ko-KP", 8_233)
	for i, ms := range []int64{91_233, 64_121, 120_877} {
		r := add("reading-ko-"+string(rune('a'+i)), "reading", "ko-KP", ms)
		r.Tags, r.Intro, r.BackAnnounce, r.Series = []string{"full", "appeal"}, "intro-ko", "back-ko", "appeal"
	}
	for i := range 12 {
		add("letter-ko-"+string(rune('a'+i)), "letter", "ko-KP", int64(31_017+i*7_919+int(seed)*313))
	}
	for i := range 6 {
		add("music-"+string(rune('a'+i)), "music", "zxx", int64(45_551+i*13_331))
	}
	half := schedules.Ms(1_800_000)
	clock := schedules.Clock{ID: "hour-ko", Length: schedules.Ms(3_570_000), Positions: []schedules.Position{
		{ID: "open", Segment: "sign-on-ko"},
		{ID: "appeal", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}, Language: "ko-KP",
			Tags: []string{"full"}}, Chain: true},
		{ID: "first", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony", "letter", "music"}}},
		{ID: "half", At: &half, Start: schedules.Hard, Pick: &schedules.Selector{Kinds: []schedules.Kind{"ident"}}},
		{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony", "letter", "music"}}},
		{ID: "close", AtEnd: true, Segment: "sign-off-ko"},
	}}
	return schedules.Input{
		Station: schedules.Station{ID: "lantern-coast", Name: "x", Timezone: "Asia/Tashkent", Languages: []string{"ko-KP"},
			Fallback: []string{"letter-ko-a"},
			Windows: []schedules.Window{
				{ID: "evening", Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230901T130000\nRRULE:FREQ=DAILY"},
					Length: schedules.Ms(3_570_000), Tolerance: schedules.Ms(1000), Clock: "hour-ko"},
				{ID: "night", Starts: schedules.Recurrence{Timezone: "Asia/Tashkent",
					RRule: "DTSTART:20230901T233000\nRRULE:FREQ=DAILY"},
					Length: schedules.Ms(3_570_000), Tolerance: schedules.Ms(1000), Clock: "hour-ko"}}},
		Date: schedules.Date{Year: 2023, Month: 10, Day: 27}, Clocks: map[string]schedules.Clock{"hour-ko": clock},
		Library: schedules.Prepare(segments, nil), Seed: seed,
	}
}

func Segment(id string, kind schedules.Kind, language string, ms int64) schedules.Segment {
	return schedules.Segment{ID: id, Revision: 1, Kind: kind, Title: id, Language: language, State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: id + "-sha", Duration: schedules.Ms(ms + 100), CueIn: schedules.Ms(50),
			CueOut: schedules.Ms(ms + 50)}}
}

// Audited plans a day and fails the test on any broken hard rule.
func Audited(t testing.TB, in schedules.Input) planner.Plan {
	t.Helper()
	plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Violations(t, in, plan.Rundown) {
		if v.Hard {
			t.Errorf("%s: %s %s: %s", v.Rule, v.Window, v.Item, v.Message)
		}
	}
	return plan
}

// Violations returns the auditor's findings on a rundown.
func Violations(t rapid.TB, in schedules.Input, r schedules.Rundown) []auditor.Violation {
	t.Helper()
	out, err := auditor.Audit(context.Background(), in, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
