package schedules_test

import (
	"testing"
	"time"

	"lifeline/schedules"
)

func TestReconciliationTellsEveryVerdict(t *testing.T) {
	r := audited(t, smallStation(0)).Rundown
	r.Items = r.Items[:8]
	at := func(i int, late, short time.Duration) schedules.AsRun {
		item := r.Items[i]
		return schedules.AsRun{Sequence: int64(i + 1), ItemID: item.ID, SegmentID: item.SegmentID, StartedAt: schedules.At(item.StartAt.Add(late)),
			EndedAt: schedules.At(item.EndAt().Add(late - short)), Outcome: schedules.Aired}
	}
	entries := []schedules.AsRun{at(0, 0, 0), at(1, 2*time.Second, 0), at(2, 0, 5*time.Second), at(5, 20*time.Millisecond, 0), at(6, 0, 0)}
	sub := at(4, 0, 0)
	sub.SegmentID, sub.Outcome = "evergreen", schedules.FellBack
	extra := at(7, 0, 0)
	extra.ItemID, extra.SegmentID, extra.StartedAt, extra.EndedAt = "", "mystery", schedules.At(r.Items[7].EndAt().Add(time.Minute)), schedules.At(r.Items[7].EndAt().Add(2*time.Minute))
	skipped := schedules.AsRun{Sequence: 99, ItemID: r.Items[7].ID, SegmentID: r.Items[7].SegmentID, Outcome: schedules.Skipped, Detail: "recalled"}
	entries = append(entries, sub, extra, skipped, sub)
	got := schedules.Reconcile(r, entries, 50*time.Millisecond)
	want := []schedules.Verdict{schedules.AsPlanned, schedules.Late, schedules.Short, schedules.Missed, schedules.Substituted, schedules.AsPlanned, schedules.AsPlanned, schedules.Missed, schedules.Extra}
	if len(got.Items) != len(want) {
		t.Fatalf("%d discrepancies, want %d: %+v", len(got.Items), len(want), got.Items)
	}
	for i := range want {
		if got.Items[i].Verdict != want[i] {
			t.Errorf("item %d is %s, want %s", i, got.Items[i].Verdict, want[i])
		}
	}
	var owed []string
	for _, m := range got.MakeGoods {
		owed = append(owed, m.ItemID)
	}
	if len(owed) != 3 || owed[0] != r.Items[2].ID || owed[1] != r.Items[3].ID || owed[2] != r.Items[4].ID {
		t.Errorf("owed are %v", owed)
	}
	if got.Totals[schedules.AsPlanned] != 3 || got.Totals[schedules.Missed] != 2 {
		t.Errorf("%v", got.Totals)
	}
}

// LibreTime #1486: the planned times must never stand for the actual ones.
func TestLibreTime1486ActualTimesAreTheReportedOnes(t *testing.T) {
	r := audited(t, smallStation(0)).Rundown
	item := r.Items[0]
	started := schedules.At(item.StartAt.Add(31 * time.Millisecond))
	got := schedules.Reconcile(r, []schedules.AsRun{{Sequence: 1, ItemID: item.ID, SegmentID: item.SegmentID, StartedAt: started,
		EndedAt: item.EndAt(), Outcome: schedules.Aired}}, time.Second)
	if d := got.Items[0]; !d.StartedAt.Equal(started.Time) || d.Drift != schedules.Ms(31) || !d.PlannedAt.Equal(item.StartAt.Time) {
		t.Errorf("%+v", d)
	}
	if d := got.Items[1]; d.Verdict != schedules.Missed || !d.StartedAt.IsZero() || !d.EndedAt.IsZero() {
		t.Errorf("what did not air has times: %+v", d)
	}
}
