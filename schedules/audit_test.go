package schedules_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// violations are what the auditor says of a rundown.
func violations(t rapid.TB, in schedules.Input, r schedules.Rundown) []auditor.Violation {
	t.Helper()
	out, err := auditor.Audit(context.Background(), in, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// audited plans a day and fails on any hard violation.
func audited(t testing.TB, in schedules.Input) schedules.Plan {
	t.Helper()
	plan, err := schedules.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(t, in, plan.Rundown) {
		if v.Hard {
			t.Errorf("%s: %s %s: %s", v.Rule, v.Window, v.Item, v.Message)
		}
	}
	return plan
}

func TestSmallStationIsFilledFromThirtyRecordings(t *testing.T) {
	for seed := range uint64(20) {
		in := smallStation(seed)
		plan := audited(t, in)
		if seed == 0 {
			for _, i := range plan.Rundown.Items {
				t.Log(i.StartAt, i.Position, i.SegmentID, i.Duration, i.Chain)
			}
		}
		t.Log(len(plan.Rundown.Items), plan.Rundown.Warnings)
	}
}

// A plan from before an editor's ruling: the auditor finds the readings that it leaves no time to, and their intros and
// back-announces, until another reading keeps them alive.
func TestTheAuditorCarriesRulingsOverToIntros(t *testing.T) {
	in := smallStation(0)
	readings := []schedules.Segment{}
	for _, s := range in.Library.Segments() {
		if s.Kind == "reading" {
			s.Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1}}
		}
		readings = append(readings, s)
	}
	ruled := func(segments []schedules.Segment, p schedules.Passage) *schedules.Library {
		p.Number = 1
		return schedules.Prepare(segments, []schedules.Script{{ID: "appeal", Versions: []schedules.ScriptVersion{{Version: 1, Passages: []schedules.Passage{p}}}}})
	}
	in.Library = ruled(readings, schedules.Passage{})
	plan := audited(t, in)
	count := func(library *schedules.Library) map[schedules.Kind]int {
		out := map[schedules.Kind]int{}
		later := in
		later.Library = library
		for _, v := range violations(t, later, plan.Rundown) {
			for _, i := range plan.Rundown.Items {
				if i.ID == v.Item && v.Hard && (v.Rule == "script" || v.Rule == "expiry") {
					out[i.Kind]++
				}
			}
		}
		return out
	}
	before := schedules.At(plan.Rundown.Windows[0].StartAt.Add(time.Second))
	for name, p := range map[string]schedules.Passage{"dead": {Dead: true}, "air until": {AirUntil: before}} {
		if got := count(ruled(readings, p)); got["reading"] != 2 || got["intro"] != 2 || got["back-announce"] != 2 {
			t.Errorf("%s: %v", name, got)
		}
		free := append(slices.Clone(readings), segment("reading-free", "reading", "ko-KP", 60_000))
		free[len(free)-1].Intro, free[len(free)-1].BackAnnounce = "intro-ko", "back-ko"
		if got := count(ruled(free, p)); got["reading"] != 2 || got["intro"] != 0 || got["back-announce"] != 0 {
			t.Errorf("%s, with a reading that lives: %v", name, got)
		}
	}
	distant := schedules.At(plan.Rundown.Windows[1].EndAt.AddDate(0, 0, 1))
	if got := count(ruled(readings, schedules.Passage{AirUntil: distant})); got["intro"] != 2 { // the player must be told
		t.Errorf("air until later: %v", got)
	}
}

func smallStation(seed uint64) schedules.Input {
	var segments []schedules.Segment
	add := func(id string, kind schedules.Kind, language string, ms int64) *schedules.Segment {
		segments = append(segments, segment(id, kind, language, ms))
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
		{ID: "appeal", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}, Language: "ko-KP", Tags: []string{"full"}}, Chain: true},
		{ID: "first", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony", "letter", "music"}}},
		{ID: "half", At: &half, Start: schedules.Hard, Pick: &schedules.Selector{Kinds: []schedules.Kind{"ident"}}},
		{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony", "letter", "music"}}},
		{ID: "close", AtEnd: true, Segment: "sign-off-ko"},
	}}
	return schedules.Input{
		Station: schedules.Station{ID: "lantern-coast", Name: "x", Timezone: "Asia/Tashkent", Languages: []string{"ko-KP"}, Fallback: []string{"letter-ko-a"},
			Windows: []schedules.Window{
				{ID: "evening", Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230901T130000\nRRULE:FREQ=DAILY"},
					Length: schedules.Ms(3_570_000), Tolerance: schedules.Ms(1000), Clock: "hour-ko"},
				{ID: "night", Starts: schedules.Recurrence{Timezone: "Asia/Tashkent", RRule: "DTSTART:20230901T233000\nRRULE:FREQ=DAILY"},
					Length: schedules.Ms(3_570_000), Tolerance: schedules.Ms(1000), Clock: "hour-ko"}}},
		Date: schedules.Date{Year: 2023, Month: 10, Day: 27}, Clocks: map[string]schedules.Clock{"hour-ko": clock},
		Library: schedules.Prepare(segments, nil), Seed: seed,
	}
}

func segment(id string, kind schedules.Kind, language string, ms int64) schedules.Segment {
	return schedules.Segment{ID: id, Revision: 1, Kind: kind, Title: id, Language: language, State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: id + "-sha", Duration: schedules.Ms(ms + 100), CueIn: schedules.Ms(50), CueOut: schedules.Ms(ms + 50)}}
}
