package planner

import (
	"testing"

	"lifeline/schedules"
)

func TestARuleThatBendsSaysWhatItAllowsAndWhatThePlanHas(t *testing.T) {
	slack := func(unit string, need, has int64) schedules.Slack {
		return schedules.Slack{Rule: "r", Unit: unit, Need: need, Has: has}
	}
	for want, b := range map[string]bend{
		`Rule "r" allows 2 airings; the plan has 3. Approve more segments that this rule does not count, or allow 3.`: {
			worst: slack("airings", 2, 3), form: formAtMost, items: []string{"a"}},
		`Rule "r" allows 30:00; the plan has 40:00. Approve more segments that this rule does not count, or allow 40:00.`: {
			worst: slack("ms", 1_800_000, 2_400_000), form: formMost, items: []string{"a"}},
		`Rule "r" asks for 1:00:00 between airings; the plan has 2 items sooner, the earliest after 10:00. Approve more ` +
			`segments that may air here, or allow 10:00.`: {worst: slack("ms", 3_600_000, 600_000), form: formSeparate,
			items: []string{"a", "b"}},
		`Rule "r" asks for 3 items between airings; the plan has 1 item sooner, the earliest after 1 item. Approve more ` +
			`segments that may air here, or allow 1 item.`: {worst: slack("items", 3, 1), form: formItems,
			items: []string{"a"}},
		`Rule "r" allows other times of the day; the plan has 1 item outside them. Approve more segments that may air ` +
			`here, or allow other times.`: {worst: slack("ms", 60_000, 0), form: formKeepTo, items: []string{"a"}},
		`Rule "r" asks for another airing before; the plan has 1 item without it. Approve more segments that may air ` +
			`here, or allow that.`: {worst: slack("ms", 60_000, -1), form: formAfter, items: []string{"a"}},
		`Rule "r" asks for an order; the plan has 2 items out of it. Approve more segments that may air here, or allow ` +
			`that.`: {worst: slack("ms", 0, 0), form: formOrder, items: []string{"a", "b"}},
		`Rule "r" asks for a valid_from, from which the age counts; the plan has 1 item without one. Give it one, or ` +
			`allow that.`: {worst: slack("ms", 60_000, -1), form: formFresh, items: []string{"a"}},
		`Rule "r" allows 5:00; the plan has 1 item later, the latest after 8:00. Approve more segments that may air ` +
			`here, or allow 8:00.`: {worst: slack("ms", 300_000, 480_000), form: formAfter, items: []string{"a"}},
	} {
		if got := b.String(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

func TestWhatIsEarlyOrTooShortIsSaidWithoutASign(t *testing.T) {
	for ms, want := range map[int64]string{-3000: "0:03 early", 3000: "0:03 late"} {
		if got := lateness(ms); got != want {
			t.Errorf("%d ms: %s", ms, got)
		}
	}
	set := schedules.Choice{Target: schedules.Ms(60_000), Aired: []string{"a", "b"}}
	for residual, want := range map[int64]string{0: "With 1 other segment it fills 1:00 exactly.",
		-12: "With 1 other segment it fills 1:00 and is 0:00.012 too short.",
		12:  "With 1 other segment it fills 1:00 and is 0:00.012 too long."} {
		set.Residual = schedules.Ms(residual)
		if got := closes(&set); got != want {
			t.Errorf("%d ms: %s", residual, got)
		}
	}
	set.Residual, set.Faded = schedules.Ms(12), schedules.Ms(12)
	if got := closes(&set); got != "With 1 other segment it fills 1:00 exactly." {
		t.Errorf("faded out: %s", got)
	}
}

// Records that an earlier version stored have other texts, and figures where there are none now.
func TestAnEarlyRecordIsReplayed(t *testing.T) {
	x := schedules.Explanation{Item: "i", Choice: &schedules.Choice{Method: schedules.MethodDue, Aired: []string{"e"},
		Candidates: []schedules.Candidate{
			{Segment: "a", Refused: schedules.Refusal{Rule: "would bend soft rules", Unit: "weight", Has: 1000}},
			{Segment: "b", Refused: schedules.Refusal{Rule: "another comes closer to the time", Unit: "ms"}},
			{Segment: "c", Refused: schedules.Refusal{Rule: "length", Unit: "ms", Need: 2000, Has: 1000}},
			{Segment: "d", Refused: schedules.Refusal{Rule: "validity"}},
			{Segment: "e"},
		}}}
	if got, err := Replay(x); err != nil || got != "e" {
		t.Error(got, err)
	}
}

func TestReasonsTellTimesAsTheStationsClocksShowThem(t *testing.T) {
	zone, err := schedules.Zone("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	p := resultPass{&planner{day: &day{loc: zone}}}
	x := schedules.Explanation{DueRank: 2, LastAired: instant(1_792_000_000_000)}
	const want = "2 segments were more overdue. It last aired at 2026-10-15 02:46:40 KST."
	if got := p.why(&placed{position: &schedules.Position{}, choice: &schedules.Choice{Method: schedules.MethodDue}},
		&x); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
