package schedules_test

import (
	"testing"
	"time"

	"lifeline/schedules"
)

func TestEditsRetimeTheirWindowAndSayWhatIsOver(t *testing.T) {
	in := smallStation(0)
	base := audited(t, in).Rundown
	pick := base.Items[6]
	after, problems := in.Apply(base, []schedules.Edit{{Op: "insert", Segment: "music-b", After: pick.ID}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(after.Items) != len(base.Items)+1 || after.Items[7].SegmentID != "music-b" || !after.Items[7].Locked || !after.Items[7].StartAt.Equal(pick.EndAt().Time) {
		t.Errorf("%+v", after.Items[7])
	}
	if after.Items[8].SegmentID != base.Items[7].SegmentID || after.Items[8].ID == base.Items[7].ID || !after.Items[8].StartAt.Equal(after.Items[7].EndAt().Time) {
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
	in := smallStation(0)
	base := audited(t, in).Rundown
	got, problems := in.Apply(base, []schedules.Edit{{Op: "lock", Item: base.Items[0].ID}, {Op: "remove", Item: "lost"}, {Op: "explode"},
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
	in := smallStation(0)
	base := audited(t, in).Rundown
	edited, problems := in.Apply(base, []schedules.Edit{{Op: "replace", Item: base.Items[8].ID, Segment: "music-e"}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, i := range edited.Items {
		if i.Locked {
			in.Keep = append(in.Keep, i)
		}
	}
	plan := audited(t, in)
	for _, i := range plan.Rundown.Items {
		if i.ID == in.Keep[0].ID && i.SegmentID == "music-e" && i.StartAt.Equal(base.Items[8].StartAt.Time) {
			return
		}
	}
	t.Error("the locked item is gone")
}

func TestDiffNamesEachKindOfChange(t *testing.T) {
	base := audited(t, smallStation(0)).Rundown
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
