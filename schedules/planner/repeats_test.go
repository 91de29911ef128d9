package planner_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// repeating returns a small station whose night repeats its evening.
func repeating(change func(in *schedules.Input, night *schedules.Window)) schedules.Input {
	in := plannertest.SmallStation(0)
	in.Station.Windows = slices.Clone(in.Station.Windows)
	night := &in.Station.Windows[1]
	night.Repeats = &schedules.WindowRepeat{Window: "evening"}
	if change != nil {
		change(&in, night)
	}
	return in
}

// segmentsOf returns the segments of a window in order.
func segmentsOf(r schedules.Rundown, window string) (out []string) {
	for _, i := range r.Items {
		if i.Window == window {
			out = append(out, i.SegmentID)
		}
	}
	return out
}

func slotOf(t *testing.T, r schedules.Rundown, window string) schedules.Slot {
	t.Helper()
	for _, s := range r.Windows {
		if s.Window == window {
			return s
		}
	}
	t.Fatalf("no window %s", window)
	return schedules.Slot{}
}

// inOrder reports whether the repeated items of a window are items of another in its order, and returns how many.
func inOrder(t *testing.T, r schedules.Rundown, window, of string) (n int) {
	t.Helper()
	there := segmentsOf(r, of)
	for _, i := range r.Items {
		if i.Window != window || i.Repeats == "" {
			continue
		}
		at := slices.Index(there, i.SegmentID)
		if at < 0 {
			t.Fatalf("%s is not in %s, or not in this order", i.SegmentID, of)
		}
		there = there[at+1:]
		n++
	}
	return n
}

func TestAWindowRepeatsAnotherItemForItem(t *testing.T) {
	six := schedules.Rule{ID: "rest", Separate: "segment", For: schedules.Ms(6 * 3_600_000), Hard: true,
		Only: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}}
	once := 1
	daily := schedules.Rule{ID: "once", AtMost: &once, Per: "day", Of: schedules.Of{Each: "segment"}, Hard: true,
		Only: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}}
	in := withRules(repeating(nil), six, daily)
	plan := plannertest.Audited(t, in)
	evening, night := slotOf(t, plan.Rundown, "evening"), slotOf(t, plan.Rundown, "night")
	if got, want := segmentsOf(plan.Rundown, "night"), segmentsOf(plan.Rundown, "evening"); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if night.Repeats == nil || night.Repeats.Window != "evening" || !night.Repeats.StartAt.Equal(evening.StartAt.Time) {
		t.Errorf("says of what it repeats: %+v", night.Repeats)
	}
	if len(plan.Explanations) != len(plan.Rundown.Items) {
		t.Errorf("%d explanations of %d items", len(plan.Explanations), len(plan.Rundown.Items))
	}
	for n, i := range plan.Rundown.Items {
		x := plan.Explanations[n]
		if x.Item != i.ID {
			t.Fatalf("explanation %d is of %s, want %s", n, x.Item, i.ID)
		}
		if i.Window == "night" && (i.Repeats == "" || !strings.Contains(x.Why, "repeats what window evening airs")) {
			t.Errorf("%s: %q", i.SegmentID, x.Why)
		}
	}
	again := plannertest.Audited(t, in)
	if !slices.Equal(again.Rundown.Items, plan.Rundown.Items) {
		t.Error("the same input gives another plan")
	}
}

func TestAShorterRepeatEndsAsItsSourceDoes(t *testing.T) {
	in := repeating(func(_ *schedules.Input, night *schedules.Window) { night.Length = schedules.Ms(2_700_000) })
	r := plannertest.Audited(t, in).Rundown
	got := segmentsOf(r, "night")
	if inOrder(t, r, "night", "evening") < 5 || got[0] != "sign-on-ko" || got[len(got)-1] != "sign-off-ko" {
		t.Errorf("%v", got)
	}
	if !warned(r, schedules.WarnRepeatShorter) {
		t.Error("nothing says that the repeat is shorter")
	}
}

func TestALongerRepeatIsFilledBeforeItsEnd(t *testing.T) {
	in := repeating(func(in *schedules.Input, night *schedules.Window) {
		night.Length = schedules.Ms(3_570_000)
		in.Station.Windows[0].Length = schedules.Ms(2_700_000)
	})
	r := plannertest.Audited(t, in).Rundown
	got := segmentsOf(r, "night")
	if n := inOrder(t, r, "night", "evening"); n != len(segmentsOf(r, "evening")) || n == len(got) ||
		got[len(got)-1] != "sign-off-ko" {
		t.Errorf("%d of %v repeated", n, got)
	}
	if warned(r, schedules.WarnGap) {
		t.Errorf("warnings %v", r.Warnings)
	}
}

func TestARepeatLeavesOutWhatMayNotAirInIt(t *testing.T) {
	plain := plannertest.Audited(t, repeating(nil)).Rundown
	var letter string
	for _, i := range plain.Items {
		if i.Window == "evening" && i.Kind == "letter" {
			letter = i.SegmentID
		}
	}
	evening := slotOf(t, plain, "evening")
	most := 3
	for name, change := range map[string]func(*schedules.Input){
		"is not valid any more": func(in *schedules.Input) {
			s, _ := in.Library.Segment(letter)
			s.ValidUntil = evening.EndAt
			in.Library = in.Library.With(s)
		},
		"is in another language": func(in *schedules.Input) {
			s, _ := in.Library.Segment(letter)
			s.Language = "en"
			in.Library = in.Library.With(s)
			in.Station.Windows[0].Languages, in.Station.Windows[1].Languages = []string{"ko-KP", "en"}, []string{"ko-KP"}
		},
		"breaks a rule of the repeat's clock": func(in *schedules.Input) {
			own := in.Clocks["hour-ko"]
			own.ID, own.Rules = "night", []schedules.Rule{{ID: "few", AtMost: &most, Per: "window", Hard: true,
				Of: schedules.Of{Match: map[string]string{"kind": "letter"}}}}
			own.Positions = slices.Clone(own.Positions)
			own.Positions[2].Fill = &schedules.Selector{Kinds: []schedules.Kind{"music"}}
			own.Positions[4].Fill = own.Positions[2].Fill
			in.Clocks = map[string]schedules.Clock{"hour-ko": in.Clocks["hour-ko"], "night": own}
			in.Station.Windows[1].Clock = "night"
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := repeating(func(in *schedules.Input, _ *schedules.Window) { change(in) })
			r := plannertest.Audited(t, in).Rundown
			n := inOrder(t, r, "night", "evening")
			if n == 0 || n >= len(segmentsOf(r, "evening")) || !warned(r, schedules.WarnRepeatDropped) {
				t.Errorf("%d repeated, warnings %v", n, r.Warnings)
			}
		})
	}
}

func TestAWindowRepeatsOneOfAnEarlierDay(t *testing.T) {
	in := repeating(func(in *schedules.Input, night *schedules.Window) {
		night.Repeats.DaysBack = 1
		before := plannertest.SmallStation(3)
		before.Library, before.Date = in.Library, in.Date.AddDays(-1)
		in.Repeated = []schedules.Rundown{plannertest.Audited(t, before).Rundown}
		in.History = in.Repeated[0].Airings()
	})
	r := plannertest.Audited(t, in).Rundown
	want := segmentsOf(in.Repeated[0], "evening")
	if got := segmentsOf(r, "night"); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if slices.Equal(segmentsOf(r, "evening"), want) {
		t.Error("the day itself is the same as the day before")
	}
}

func TestAWindowWithNothingToRepeatFollowsItsClock(t *testing.T) {
	in := repeating(func(in *schedules.Input, night *schedules.Window) { night.Repeats.DaysBack = 2 })
	r := plannertest.Audited(t, in).Rundown
	if inOrder(t, r, "night", "evening") > 0 || !warned(r, schedules.WarnRepeatMissing) {
		t.Errorf("warnings %v", r.Warnings)
	}
	if slotOf(t, r, "night").Repeats != nil {
		t.Error("says that it repeats something")
	}
}

func TestARepeatFollowsARecallOfWhatItRepeats(t *testing.T) {
	in := repeating(nil)
	prev := plannertest.Audited(t, in).Rundown
	var gone string
	for _, i := range prev.Items {
		if i.Window == "evening" && i.Kind == "letter" {
			gone = i.SegmentID
		}
	}
	s, _ := in.Library.Segment(gone)
	s.State = schedules.Recalled
	in.Library = in.Library.With(s)
	now := slotOf(t, prev, "evening").StartAt.Add(-time.Hour)
	plan, changes, err := planner.Compile(in.Library).Replan(context.Background(), in, prev, now)
	if err != nil {
		t.Fatal(err)
	}
	r := plan.Rundown
	if slices.Contains(segmentsOf(r, "night"), gone) || slices.Contains(segmentsOf(r, "evening"), gone) {
		t.Errorf("%s still airs", gone)
	}
	if got, want := segmentsOf(r, "night"), segmentsOf(r, "evening"); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, c := range changes {
		if c.Why == "" {
			t.Errorf("change %+v is not explained", c)
		}
	}
	if _, more, _ := planner.Compile(in.Library).Replan(context.Background(), in, r, now); len(more) > 0 {
		t.Errorf("a second repair changes %d items", len(more))
	}
}

func TestARepeatThatIsFrozenStays(t *testing.T) {
	in := repeating(func(in *schedules.Input, _ *schedules.Window) { in.Station.Freeze = schedules.Ms(3_600_000) })
	prev := plannertest.Audited(t, in).Rundown
	first := prev.Items[slices.IndexFunc(prev.Items, func(i schedules.Item) bool {
		return i.Window == "evening" && i.Kind == "letter"
	})]
	edited, problems := in.Apply(prev, []schedules.Edit{{Op: "remove", Item: first.ID}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in.Frozen = slotOf(t, prev, "night").StartAt.Time
	r, why, err := planner.Compile(in.Library).Repeat(context.Background(), in, edited)
	if err != nil || len(why) > 0 || !slices.Equal(segmentsOf(r, "night"), segmentsOf(prev, "night")) {
		t.Errorf("%v, %d reasons", err, len(why))
	}
	in.Frozen = in.Frozen.Add(-time.Second)
	r, why, err = planner.Compile(in.Library).Repeat(context.Background(), in, edited)
	if err != nil || len(why) == 0 || inOrder(t, r, "night", "evening") != len(segmentsOf(edited, "evening")) {
		t.Errorf("%v, %d reasons: %v", err, len(why), segmentsOf(r, "night"))
	}
}

func TestARepeatThatIsEditedByHandStandsByItself(t *testing.T) {
	in := repeating(nil)
	prev := plannertest.Audited(t, in).Rundown
	last := prev.Items[slices.IndexFunc(prev.Items, func(i schedules.Item) bool {
		return i.Window == "night" && i.Kind == "letter"
	})]
	edited, problems := in.Apply(prev, []schedules.Edit{{Op: "remove", Item: last.ID}})
	if len(problems) > 0 || slotOf(t, edited, "night").Repeats != nil || !warned(edited, schedules.WarnRepeatEdited) {
		t.Fatalf("%v %v", problems, edited.Warnings)
	}
	r, why, err := planner.Compile(in.Library).Repeat(context.Background(), in, edited)
	if err != nil || len(why) > 0 || !slices.Equal(segmentsOf(r, "night"), segmentsOf(edited, "night")) {
		t.Errorf("%v, %d reasons", err, len(why))
	}
}

func TestTheAuditorFindsARepeatOfWhatWasNotThere(t *testing.T) {
	in := repeating(nil)
	r := plannertest.Audited(t, in).Rundown
	at := slices.IndexFunc(r.Items, func(i schedules.Item) bool { return i.Window == "night" && i.Kind == "letter" })
	other := r.Items[slices.IndexFunc(r.Items, func(i schedules.Item) bool {
		return i.SegmentID == "ident-ko" ||
			i.SegmentID == "ident-tone"
	})]
	r.Items = slices.Clone(r.Items)
	r.Items[at].SegmentID, r.Items[at].SHA256, r.Items[at].Kind = other.SegmentID, other.SHA256, other.Kind
	found := false
	for _, v := range plannertest.Violations(t, in, r) {
		found = found || v.Hard && v.Rule == "repeat"
	}
	if !found {
		t.Error("the auditor finds nothing")
	}
}
