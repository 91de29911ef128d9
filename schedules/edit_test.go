package schedules_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

func TestEditsRetimeTheirWindowAndSayWhatIsOver(t *testing.T) {
	in := plannertest.SmallStation(0)
	base := plannertest.Audited(t, in).Rundown
	pick := base.Items[6]
	after, problems := in.Apply(base, []schedules.Edit{{Op: "insert", Segment: "music-b", After: pick.ID}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(after.Items) != len(base.Items)+1 || after.Items[7].SegmentID != "music-b" || !after.Items[7].Locked ||
		!after.Items[7].StartAt.Equal(pick.EndAt().Time) {
		t.Errorf("%+v", after.Items[7])
	}
	if after.Items[8].SegmentID != base.Items[7].SegmentID || after.Items[8].ID == base.Items[7].ID ||
		!after.Items[8].StartAt.Equal(after.Items[7].EndAt().Time) {
		t.Error("what follows is not re-timed, or kept its id")
	}
	found := false
	for _, w := range after.Warnings {
		found = found || w.Code == "overrun"
	}
	if !found {
		t.Errorf("nothing warns of the overrun: %+v", after.Warnings)
	}
	back, problems := in.Apply(after, []schedules.Edit{{Op: "remove", Item: after.Items[7].ID}})
	if len(problems) > 0 || len(schedules.Diff(base, back)) != 0 {
		for _, c := range schedules.Diff(base, back) {
			t.Errorf("removing what was inserted leaves %s %+v %+v", c.Change, c.Before, c.After)
		}
	}
}

func TestEditsThatCannotBeMadeChangeNothing(t *testing.T) {
	in := plannertest.SmallStation(0)
	base := plannertest.Audited(t, in).Rundown
	got, problems := in.Apply(base, []schedules.Edit{{Op: "lock", Item: base.Items[0].ID}, {Op: "remove", Item: "lost"},
		{Op: "explode"},
		{Op: "insert", Segment: "lost", Before: base.Items[1].ID}, {Op: "move", Item: base.Items[1].ID}})
	want := []string{"edits[1].item", "edits[2].op", "edits[3].segment", "edits[4].before"}
	if len(problems) != len(want) {
		t.Fatalf("%+v", problems)
	}
	for i := range want {
		if problems[i].Field != want[i] {
			t.Errorf("%+v, want %s", problems[i], want[i])
		}
	}
	if len(schedules.Diff(base, got)) != 0 {
		t.Error("something has changed")
	}
}

func TestWhatIsLockedByHandIsKeptByThePlanAroundIt(t *testing.T) {
	in := plannertest.SmallStation(0)
	base := plannertest.Audited(t, in).Rundown
	edited, problems := in.Apply(base, []schedules.Edit{{Op: "replace", Item: base.Items[8].ID, Segment: "music-e"}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, i := range edited.Items {
		if i.Locked {
			in.Keep = append(in.Keep, i)
		}
	}
	plan := plannertest.Audited(t, in)
	for _, i := range plan.Rundown.Items {
		if i.ID == in.Keep[0].ID && i.SegmentID == "music-e" && i.StartAt.Equal(base.Items[8].StartAt.Time) {
			return
		}
	}
	t.Error("the locked item is gone")
}

func TestDiffNamesEachKindOfChange(t *testing.T) {
	base := plannertest.Audited(t, plannertest.SmallStation(0)).Rundown
	next := base
	next.Items = append([]schedules.Item{}, base.Items...)
	next.Items[3].SHA256 = "new"
	next.Items[5].SegmentID = "another"
	next.Items[7].StartAt = schedules.At(next.Items[7].StartAt.Add(time.Second))
	next.Items = append(next.Items[:10], next.Items[11:]...)
	var got []string
	for _, c := range schedules.Diff(base, next) {
		got = append(got, c.Change)
	}
	want := []string{"changed", "replaced", "moved", "removed"}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

func TestAnEditThatLeavesOutWhatItNeedsSaysWhatToGive(t *testing.T) {
	in := plannertest.SmallStation(0)
	base := plannertest.Audited(t, in).Rundown
	first, second := base.Items[0].ID, base.Items[1].ID
	for _, c := range []struct {
		want string
		edit schedules.Edit
	}{
		{"segment must name the segment that is to air", schedules.Edit{Op: "replace", Item: first}},
		{"segment must name the segment that is to air", schedules.Edit{Op: "insert", After: first}},
		{"before must be given, or else after, and not both", schedules.Edit{Op: "move", Item: first}},
		{"before must be given, or else after, and not both", schedules.Edit{Op: "insert", Segment: "music-e",
			Before: first, After: second}},
	} {
		_, problems := in.Apply(base, []schedules.Edit{c.edit})
		if len(problems) != 1 || !strings.Contains(problems[0].Field+" "+problems[0].Message, c.want) {
			t.Errorf("%+v: %+v, not %q", c.edit, problems, c.want)
		}
	}
}

func TestWhatAnEditPushesPastItsWindowIsNamedOnceAndInTheStationsTime(t *testing.T) {
	in := plannertest.SmallStation(0)
	base := plannertest.Audited(t, in).Rundown
	rest := slices.IndexFunc(base.Items, func(i schedules.Item) bool { return i.Position == "rest" })
	after, problems := in.Apply(base, []schedules.Edit{{Op: "insert", Segment: "music-f", After: base.Items[rest].ID}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	late, long := 0, 0
	for _, v := range plannertest.Violations(t, in, after) {
		switch {
		case v.Rule != "window" && v.Rule != "length" && v.Rule != "position":
			continue
		case strings.Contains(v.Message, "when the window of 18:00:00 is over: take something out before it"):
			late++
		case strings.HasPrefix(v.Message, "the window of 18:00:00 is 1:") && strings.HasSuffix(v.Message,
			" too long; its tolerance is 0:01"):
			long++
		default:
			t.Errorf("more is said of it: %s", v.Message)
		}
	}
	if sign := after.Items[slices.IndexFunc(after.Items,
		func(i schedules.Item) bool { return i.SegmentID == "sign-off-ko" })]; late == 0 || long != 1 ||
		sign.StartAt.Before(after.Windows[0].EndAt.Time) {
		t.Errorf("%d items are said to be late, %d windows to be too long: %+v", late, long, plannertest.Violations(t, in,
			after))
	}
	for _, w := range after.Warnings {
		if strings.Contains(w.Message, "Z") {
			t.Errorf("it is told in UTC: %s", w.Message)
		}
	}
}

func TestAWindowThatMovedUnderADraftSaysToPlanItAnew(t *testing.T) {
	in := plannertest.SmallStation(0)
	draft := plannertest.Audited(t, in).Rundown
	in.Station.Windows[0].Starts.RRule = "DTSTART:20230901T133000\nRRULE:FREQ=DAILY"
	anew := 0
	for _, v := range plannertest.Violations(t, in, draft) {
		if v.Rule == "window" && strings.HasSuffix(v.Message, ": plan the day anew") {
			anew++
		}
	}
	if anew != 3 {
		t.Errorf("%d of 3 say what helps: %+v", anew, plannertest.Violations(t, in, draft))
	}
}

func TestAPlanThatIsNotFoundSaysWhatLeavesItNoChoice(t *testing.T) {
	in := plannertest.SmallStation(0)
	for i := range in.Station.Windows {
		in.Station.Windows[i].Tolerance = schedules.Ms(0)
	}
	_, err := planner.Compile(in.Library).Plan(t.Context(), in)
	if err == nil || !strings.Contains(err.Error(), "tolerance is 0:00") || strings.Contains(err.Error(), "000Z") {
		t.Errorf("without a tolerance: %v", err)
	}
	stays := plannertest.SmallStation(0)
	stays.Keep = plannertest.Audited(t, stays).Rundown.Items[2:4]
	for i := range stays.Station.Windows {
		stays.Station.Windows[i].Tolerance = schedules.Ms(0)
	}
	_, err = planner.Compile(stays.Library).Plan(t.Context(), stays)
	if err == nil || !strings.Contains(err.Error(), "2 of its items are locked or kept: unlock those that may change") {
		t.Errorf("around locked items: %v", err)
	}
}

// A stretch is the items between two hard starts: a move within it changes the order and nothing else.
func TestAMoveWithinAStretchKeepsItsWindowContiguousAndItsLength(t *testing.T) {
	in := plannertest.SmallStation(0)
	base := plannertest.Audited(t, in).Rundown
	for from := range base.Items {
		for to := range base.Items {
			a, b := base.Items[from], base.Items[to]
			if from == to || a.Position != b.Position || a.Window != b.Window || a.Chain != "" || b.Chain != "" {
				continue
			}
			move := schedules.Edit{Op: "move", Item: a.ID, After: b.ID}
			if to < from {
				move = schedules.Edit{Op: "move", Item: a.ID, Before: b.ID}
			}
			after, problems := in.Apply(base, []schedules.Edit{move})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			moved := after.Items[to]
			if moved.SegmentID != a.SegmentID || !moved.Locked || after.Windows[0].Planned != base.Windows[0].Planned {
				t.Errorf("%s after the move of %d to %d: %+v", moved.SegmentID, from, to, after.Windows[0])
			}
			for _, w := range after.Warnings {
				t.Errorf("the move of %d to %d warns: %s", from, to, w.Message)
			}
			for n, i := range after.Items {
				if n > 0 && i.Window == base.Items[n].Window && i.Position != "open" && i.StartAt != after.Items[n-1].EndAt() {
					t.Errorf("after the move of %d to %d, item %d starts at %s", from, to, n, i.StartAt)
				}
				if (n < min(from, to) || n > max(from, to)) && i.ID != base.Items[n].ID {
					t.Errorf("the move of %d to %d changes item %d", from, to, n)
				}
			}
			for _, v := range plannertest.Violations(t, in, after) {
				if v.Hard {
					t.Errorf("the move of %d to %d: %s %s", from, to, v.Rule, v.Message)
				}
			}
		}
	}
}
