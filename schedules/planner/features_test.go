package planner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

func count(r schedules.Rundown, segment string) (n int) {
	for _, i := range r.Items {
		if i.SegmentID == segment {
			n++
		}
	}
	return n
}

func warned(r schedules.Rundown, code string) bool {
	for _, w := range r.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

func withRules(in schedules.Input, rules ...schedules.Rule) schedules.Input {
	c := in.Clocks["hour-ko"]
	c.Rules = rules
	in.Clocks = map[string]schedules.Clock{"hour-ko": c}
	return in
}

func TestACampaignIsAiredAsOftenAsGuaranteedAndInItsDaypart(t *testing.T) {
	in := plannertest.SmallStation(0)
	library := in.Library
	for _, id := range []string{"promo-a", "promo-b"} {
		s := plannertest.Segment(id, "letter", "ko-KP", 30_000)
		s.Tags = []string{"help"}
		s.Series = "help"
		library = library.With(s)
	}
	in.Library = library
	in.Campaigns = []schedules.Campaign{{ID: "help", Of: schedules.Selector{Tags: []string{"help"}}, AtLeast: 9,
		Hard:     true,
		Dayparts: []schedules.CampaignPart{{Daypart: schedules.Daypart{From: 18 * 60, Until: 19 * 60}, AtLeast: 6}}}}
	plan := plannertest.Audited(t, in)
	if n := count(plan.Rundown, "promo-a") + count(plan.Rundown, "promo-b"); n < 9 {
		t.Errorf("aired %d times", n)
	}
}

func TestACampaignsEndKeepsItOffTheAir(t *testing.T) {
	in := plannertest.SmallStation(0)
	end := schedules.At(time.Date(2023, 10, 27, 13, 10, 0, 0, time.UTC))
	// irregular lengths
	for id, ms := range map[string]int64{"letter-x": 40_333, "letter-y": 53_111, "letter-z": 67_777} {
		in.Library = in.Library.With(plannertest.Segment(id, "letter", "ko-KP", ms))
	}
	in.Campaigns = []schedules.Campaign{{ID: "music", Of: schedules.Selector{Kinds: []schedules.Kind{"music"}},
		Until: end}}
	for _, i := range plannertest.Audited(t, in).Rundown.Items {
		if i.Kind == "music" && i.EndAt().After(end.Time) {
			t.Errorf("%s ends at %s", i.SegmentID, i.EndAt())
		}
	}
}

func TestAMakeGoodIsAiredTheNextDay(t *testing.T) {
	in := plannertest.SmallStation(0)
	in.Library = in.Library.With(plannertest.Segment("owed", "testimony", "ko-KP", 77_000))
	in.History = []schedules.Airing{{Station: "lantern-coast", SegmentID: "owed",
		StartAt: schedules.At(time.Date(2023, 10, 26, 14, 0, 0, 0, time.UTC)),
		EndAt:   schedules.At(time.Date(2023, 10, 26, 14, 1, 17, 0, time.UTC))}}
	in.Owed = []schedules.MakeGood{{ID: "mg-1", Station: "lantern-coast", SegmentID: "owed"}}
	plan := plannertest.Audited(t, in)
	for _, x := range plan.Explanations {
		if x.SegmentID == "owed" && x.Choice.Method == schedules.MethodDemand && x.Choice.For == "make-good mg-1" {
			return
		}
	}
	t.Error("what is owed does not air, or does not say why")
}

func TestASoftPostWaitsUpToItsGrace(t *testing.T) {
	in := plannertest.SmallStation(0)
	c := in.Clocks["hour-ko"]
	c.Positions = append([]schedules.Position{}, c.Positions...)
	c.Positions[3].Start, c.Positions[3].Grace = schedules.Soft, schedules.Ms(20_000)
	in.Clocks = map[string]schedules.Clock{"hour-ko": c}
	for _, i := range plannertest.Audited(t, in).Rundown.Items {
		if i.Position == "half" && (i.Start != schedules.Soft || i.Grace != schedules.Ms(20_000)) {
			t.Errorf("%+v", i)
		}
	}
}

func TestTheFallbackFillsOnlyWhatNothingElseDoes(t *testing.T) {
	in := plannertest.SmallStation(0)
	if warned(plannertest.Audited(t, in).Rundown, "fallback_used") {
		t.Error("fallback aired where there was material")
	}
	var few []schedules.Segment
	for _, s := range in.Library.Segments() {
		if s.Kind != "letter" && s.Kind != "music" {
			few = append(few, s)
		}
	}
	few = append(few, plannertest.Segment("evergreen-1", "evergreen", "ko-KP", 31_001), plannertest.Segment("evergreen-2",
		"evergreen", "ko-KP", 47_500), plannertest.Segment("evergreen-3", "evergreen", "ko-KP", 59_250))
	in.Library = schedules.Prepare(few, nil)
	in.Station.Fallback = []string{"evergreen-1", "evergreen-2", "evergreen-3"}
	r := plannertest.Audited(t, in).Rundown
	if !warned(r, "fallback_used") {
		t.Error("nothing says that the fallback fills the day")
	}
	said := map[string]bool{}
	for _, w := range r.Warnings {
		if w.Code != schedules.WarnFallbackUsed {
			continue
		}
		first, _ := r.Item(w.Item)
		if said[w.Window+" "+first.Position] || len(w.Items) < 2 || w.Items[0] != w.Item {
			t.Errorf("not said once for all items of a position: %+v", w)
		}
		said[w.Window+" "+first.Position] = true
		if !strings.Contains(w.Message, fmt.Sprintf("with %d items. Approve more segments of about 0:31 to 0:59",
			len(w.Items))) {
			t.Errorf("%s", w.Message)
		}
	}
}

func TestASoftRuleBendsAndSaysWhere(t *testing.T) {
	in := withRules(plannertest.SmallStation(0), schedules.Rule{Separate: "segment", For: schedules.Ms(3_600_000 * 3)})
	plan := plannertest.Audited(t, in)
	bent := 0
	for _, x := range plan.Explanations {
		bent += len(x.Bent)
	}
	if bent == 0 || !warned(plan.Rundown, "rule_bent") || plan.Report.Rules[0].Bent != bent {
		t.Errorf("%d bent, report %+v", bent, plan.Report.Rules)
	}
}

func TestASeparationMayHoldAcrossStations(t *testing.T) {
	in := withRules(plannertest.SmallStation(0), schedules.Rule{Separate: "segment", For: schedules.Ms(7_200_000),
		Across: true, Hard: true, Only: &schedules.Selector{Tags: []string{"appeal"}}})
	at := time.Date(2023, 10, 27, 12, 30, 0, 0, time.UTC)
	for _, id := range []string{"reading-ko-a", "reading-ko-b"} {
		in.History = append(in.History, schedules.Airing{Station: "far", SegmentID: id, StartAt: schedules.At(at),
			EndAt: schedules.At(at.Add(time.Minute))})
	}
	for _, i := range plannertest.Audited(t, in).Rundown.Items {
		if i.Window == "evening" && i.Kind == "reading" && i.SegmentID != "reading-ko-c" {
			t.Errorf("%s airs, and aired elsewhere an hour ago", i.SegmentID)
		}
	}
}

func TestWhatIsLeastHeardGoesAheadWhenAsked(t *testing.T) {
	in := plannertest.SmallStation(0)
	script := schedules.Script{ID: "appeal", Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{{Version: 1,
		Passages: []schedules.Passage{{Number: 1}, {Number: 2}, {Number: 3}}}}}
	segments := in.Library.Segments()
	n := 0
	for i := range segments {
		if segments[i].Kind == "reading" {
			n++
			segments[i].Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{n}}
		}
	}
	in.Library = schedules.Prepare(segments, []schedules.Script{script})
	c := in.Clocks["hour-ko"]
	c.Positions = append([]schedules.Position{}, c.Positions...)
	c.Positions[1].Prefer = "unexposed"
	in.Clocks = map[string]schedules.Clock{"hour-ko": c}
	// c last of all, but least often
	for k, id := range []string{"reading-ko-a", "reading-ko-b", "reading-ko-a", "reading-ko-b", "reading-ko-c"} {
		at := time.Date(2023, 10, 20+k, 13, 0, 0, 0, time.UTC)
		in.History = append(in.History, schedules.Airing{Station: "lantern-coast", SegmentID: id, StartAt: schedules.At(at),
			EndAt: schedules.At(at.Add(time.Minute))})
	}
	for _, i := range plannertest.Audited(t, in).Rundown.Items {
		if i.Window == "evening" && i.Kind == "reading" && i.SegmentID != "reading-ko-c" {
			t.Errorf("%s airs before the passage least heard", i.SegmentID)
		}
	}
	if e := in.Library.Exposures(in.History); len(e) != 3 || e[0].Passage != 1 || len(e[0].Airings) != 2 ||
		len(e[2].Airings) != 1 {
		t.Errorf("%+v", e)
	}
}

func TestAnEditorsRulingReachesReadingsAndTheirCompanions(t *testing.T) {
	until := schedules.At(time.Date(2023, 10, 27, 18, 0, 0, 0, time.UTC))
	passages := func(p ...schedules.Passage) []schedules.Script {
		return []schedules.Script{{ID: "appeal", Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{
			{Version: 1, Passages: p}}}}
	}
	r := plannertest.Segment("r", "reading", "ko-KP", 60_000)
	r.Intro, r.Script = "i", &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1, 2}}
	i := plannertest.Segment("i", "intro", "ko-KP", 5_000)
	for name, c := range map[string]struct {
		script []schedules.Script
		dead   bool
		until  schedules.Instant
	}{
		"still valid": {passages(schedules.Passage{Number: 1}, schedules.Passage{Number: 2}), false, schedules.Instant{}},
		"air until":   {passages(schedules.Passage{Number: 1}, schedules.Passage{Number: 2, AirUntil: until}), false, until},
		"dead now": {passages(schedules.Passage{Number: 1, Dead: true}, schedules.Passage{Number: 2}), true,
			schedules.Instant{}},
	} {
		l := schedules.Prepare([]schedules.Segment{r, i}, c.script)
		for _, id := range []string{"r", "i"} {
			life, _ := l.Life(id)
			if (life.BlockedBecause != "") != c.dead || !life.Until.Equal(c.until.Time) {
				t.Errorf("%s: %s lives %+v", name, id, life)
			}
		}
	}
	changed := schedules.Script{ID: "appeal", Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{
		{Version: 1, Passages: []schedules.Passage{{Number: 1, Text: map[string]string{"ko-KP": "same"}},
			{Number: 2, Text: map[string]string{"ko-KP": "old"}}}},
		{Version: 2, Passages: []schedules.Passage{{Number: 1, Text: map[string]string{"ko-KP": "same"}},
			{Number: 2, Text: map[string]string{"ko-KP": "new"}}, {Number: 3}}}}}
	got := schedules.Prepare([]schedules.Segment{r, i}, []schedules.Script{changed}).Missing()
	if len(got) != 2 || got[0].Passage != 2 || got[1].Passage != 3 {
		t.Errorf("to record anew: %+v", got)
	}
}
