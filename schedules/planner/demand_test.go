package planner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/auditor"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// The refusal of this day once took minutes of subset sums.
func TestADayThatIsHardToPlanIsAnsweredWithinItsBudget(t *testing.T) {
	in := plannerCase(t, "slow")
	var none *planner.NotFound
	var impossible *planner.Unsatisfiable
	if _, err := planner.Compile(in.Library).Plan(context.Background(), in); err != nil && !errors.As(err, &none) &&
		!errors.As(err, &impossible) {
		t.Error(err)
	}
}

func TestAHardWeeklyMinimumThatNoPositionCanMeetIsRefusedOnEveryDay(t *testing.T) {
	longform.Only(t)
	in := plannerCase(t, "impossible-2")
	in.History = nil
	monday := schedules.Date{Year: 2027, Month: 4, Day: 19}
	for n := range 7 {
		in.Date = monday.AddDays(n)
		if occurrences, err := in.Station.OccurrencesOn(in.Date); err != nil || !slices.ContainsFunc(occurrences,
			func(o schedules.Occurrence) bool { return o.Window == "w0" }) {
			continue
		}
		if _, err := planner.Compile(in.Library).Plan(context.Background(), in); err == nil || !strings.Contains(err.Error(),
			"at least 3 of kind testimony per week") {
			t.Errorf("%s: %v", in.Date, err)
		}
	}
}

// A clock whose last window of the week is on Wednesday must meet its weekly minimum there.
func TestAWeeklyMinimumIsOwedOnTheLastDayOfTheWeekThatHasAWindow(t *testing.T) {
	in := plannertest.SmallStation(0)
	one := 1
	clock := in.Clocks["hour-ko"]
	clock.Rules = []schedules.Rule{{AtLeast: &one, Per: "week",
		Of: schedules.Of{Match: map[string]string{"segment": "music-f"}}, Hard: true}}
	in.Clocks = map[string]schedules.Clock{"hour-ko": clock}
	in.Station.Windows = in.Station.Windows[:1]
	in.Station.Windows[0].Starts.RRule = "DTSTART:20230901T130000\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE"
	in.Date = schedules.Date{Year: 2023, Month: 10, Day: 25} // a Wednesday
	plan := plannertest.Audited(t, in)
	airs := func(i schedules.Item) bool { return i.SegmentID == "music-f" }
	if !slices.ContainsFunc(plan.Rundown.Items, airs) {
		t.Error("the week's minimum is not met on its last day with a window")
	}
	in.Date = in.Date.AddDays(-2) // a plan of Monday without it may be published, because Wednesday can still meet it
	without := in
	none := 0
	clock.Rules = []schedules.Rule{{AtMost: &none, Per: "day",
		Of: schedules.Of{Match: map[string]string{"segment": "music-f"}}, Hard: true}}
	without.Clocks = map[string]schedules.Clock{"hour-ko": clock}
	for date, hard := range map[schedules.Date]bool{in.Date: false, in.Date.AddDays(2): true} {
		without.Date, in.Date = date, date
		plan, err := planner.Compile(without.Library).Plan(context.Background(), without)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(plan.Rundown.Items, airs) {
			t.Fatal("the plan without the rule airs it")
		}
		got := slices.ContainsFunc(plannertest.Violations(t, in, plan.Rundown),
			func(v auditor.Violation) bool { return v.Hard && strings.Contains(v.Rule, "per week") })
		if got != hard {
			t.Errorf("%s: refused: %v", date, got)
		}
	}
}

func TestAHardCampaignOwesNothingOnADayWithoutAWindowAndItsShareOnItsFirst(t *testing.T) {
	in := plannertest.SmallStation(0)
	in.Campaigns = []schedules.Campaign{{ID: "c", Of: schedules.Selector{Kinds: []schedules.Kind{"letter"}}, AtLeast: 40,
		Hard: true}}
	in.Station.Windows[0].Starts.RRule = "DTSTART:20230901T130000\nRRULE:FREQ=WEEKLY;BYDAY=MO"
	in.Station.Windows[1].Starts.RRule = "DTSTART:20230901T233000\nRRULE:FREQ=WEEKLY;BYDAY=MO"
	plannertest.Audited(t, in) // a Friday
	in.Date = schedules.Date{Year: 2023, Month: 10, Day: 23}
	in.Campaigns[0].From = schedules.At(time.Date(2023, 10, 23, 17, 0, 0, 0, time.UTC)) // between the day's two hours
	count := 0
	for _, i := range plannertest.Audited(t, in).Rundown.Items {
		if i.Kind == "letter" && !i.StartAt.Before(in.Campaigns[0].From.Time) {
			count++
		}
	}
	if count < 20 {
		t.Errorf("%d airings; half of the day owes 20", count)
	}
}

// The tolerance is longer than the last items. None of them may start after the end of its window.
func TestNoItemStartsAfterItsWindowHasEnded(t *testing.T) {
	var segments []schedules.Segment
	for _, s := range []struct {
		id string
		ms int64
	}{{"a", 57_000}, {"b", 58_000}, {"c", 3_500}} {
		segments = append(segments, plannertest.Segment(s.id, "letter", "ko-KP", s.ms))
	}
	segments = append(segments, plannertest.Segment("off", "sign-off", "ko-KP", 3_000))
	in := plannertest.SmallStation(0)
	in.Library = schedules.Prepare(segments, nil)
	in.Station.Fallback = nil
	in.Station.Windows = in.Station.Windows[:1]
	in.Station.Windows[0].Length, in.Station.Windows[0].Tolerance = schedules.Ms(115_000), schedules.Ms(5_000)
	in.Clocks = map[string]schedules.Clock{"hour-ko": {ID: "hour-ko", Length: schedules.Ms(115_000),
		Positions: []schedules.Position{
			{ID: "one", Segment: "a"}, {ID: "two", Pick: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}},
			{ID: "end", Pick: &schedules.Selector{Kinds: []schedules.Kind{"sign-off"}}, Optional: true}}}}
	plannertest.Audited(t, in)
}
