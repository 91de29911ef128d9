package schedules_test

import (
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

func TestReconciliationTellsEveryVerdict(t *testing.T) {
	r := plannertest.Audited(t, plannertest.SmallStation(0)).Rundown
	r.Items = r.Items[:8]
	at := func(i int, late, short time.Duration) schedules.AsRun {
		item := r.Items[i]
		return schedules.AsRun{Sequence: int64(i + 1), ItemID: item.ID, SegmentID: item.SegmentID,
			StartedAt: schedules.At(item.StartAt.Add(late)),
			EndedAt:   schedules.At(item.EndAt().Add(late - short)), Outcome: schedules.Aired}
	}
	entries := []schedules.AsRun{at(0, 0, 0), at(1, 2*time.Second, 0), at(2, 0, 5*time.Second), at(5, 20*time.Millisecond,
		0), at(6, 0, 0)}
	sub := at(4, 0, 0)
	sub.SegmentID, sub.Outcome = "evergreen", schedules.FellBack
	extra := at(7, 0, 0)
	extra.ItemID, extra.SegmentID, extra.StartedAt, extra.EndedAt = "", "mystery",
		schedules.At(r.Items[7].EndAt().Add(time.Minute)), schedules.At(r.Items[7].EndAt().Add(2*time.Minute))
	skipped := schedules.AsRun{Sequence: 99, ItemID: r.Items[7].ID, SegmentID: r.Items[7].SegmentID,
		Outcome: schedules.Skipped, Detail: "recalled"}
	entries = append(entries, sub, extra, skipped, sub)
	got := schedules.Reconcile(r, entries, 50*time.Millisecond)
	want := []schedules.Verdict{schedules.AsPlanned, schedules.Late, schedules.Short, schedules.Missed,
		schedules.Substituted, schedules.AsPlanned, schedules.AsPlanned, schedules.Missed, schedules.Extra}
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

// LibreTime #1486: actual times must never be replaced by planned ones.
func TestLibreTime1486ActualTimesAreTheReportedOnes(t *testing.T) {
	r := plannertest.Audited(t, plannertest.SmallStation(0)).Rundown
	item := r.Items[0]
	started := schedules.At(item.StartAt.Add(31 * time.Millisecond))
	got := schedules.Reconcile(r, []schedules.AsRun{{Sequence: 1, ItemID: item.ID, SegmentID: item.SegmentID,
		StartedAt: started,
		EndedAt:   item.EndAt(), Outcome: schedules.Aired}}, time.Second)
	if d := got.Items[0]; !d.StartedAt.Equal(started.Time) || d.Drift != schedules.Ms(31) ||
		!d.PlannedAt.Equal(item.StartAt.Time) {
		t.Errorf("%+v", d)
	}
	if d := got.Items[1]; d.Verdict != schedules.Missed || !d.StartedAt.IsZero() || !d.EndedAt.IsZero() {
		t.Errorf("what did not air has times: %+v", d)
	}
}

func TestTwoPlayersOfOneStationDoNotDoubleTheAirTime(t *testing.T) {
	r := plannertest.Audited(t, plannertest.SmallStation(0)).Rundown
	r.Items = r.Items[:3]
	part := func(sequence int64, i int, from, to time.Duration) schedules.AsRun {
		return schedules.AsRun{Sequence: sequence, ItemID: r.Items[i].ID, SegmentID: r.Items[i].SegmentID,
			StartedAt: schedules.At(r.Items[i].StartAt.Add(from)),
			EndedAt:   schedules.At(r.Items[i].StartAt.Add(to)), Outcome: schedules.Aired}
	}
	whole := func(i int) time.Duration { return r.Items[i].Duration.Duration }
	half, third := whole(1).Truncate(2*time.Millisecond)/2, (whole(2) / 3).Truncate(time.Millisecond)
	extra := func(sequence int64, from, to time.Duration) schedules.AsRun {
		e := part(sequence, 2, whole(2)+from, whole(2)+to)
		e.ItemID, e.SegmentID = "", "mystery"
		return e
	}
	got := schedules.Reconcile(r, []schedules.AsRun{
		part(1, 0, 0, whole(0)), part(2, 0, 20*time.Millisecond, whole(0)+20*time.Millisecond), // twice
		part(3, 1, half, whole(1)), part(4, 1, 0, half), // in parts, neither of them twice
		part(5, 2, 0, third), part(6, 2, 10*time.Millisecond, third), // a third of it, twice
		extra(7, time.Minute, 2*time.Minute), extra(8, time.Minute, 2*time.Minute), extra(9, 5*time.Minute, 6*time.Minute),
	}, time.Second)
	if len(got.Items) != 5 {
		t.Fatalf("%d rows: %+v", len(got.Items), got.Items)
	}
	for i, want := range []struct {
		verdict schedules.Verdict
		aired   time.Duration
		overlap bool
	}{{schedules.AsPlanned, whole(0) + 20*time.Millisecond, true}, {schedules.AsPlanned, whole(1), false},
		{schedules.Short, third, true},
		{schedules.Extra, time.Minute, true}, {schedules.Extra, time.Minute, false}} {
		d := got.Items[i]
		if d.Verdict != want.verdict || d.AiredMs.Duration != want.aired || strings.Contains(d.Detail,
			"two players") != want.overlap {
			t.Errorf("row %d is %s for %v (%s), not %+v", i, d.Verdict, d.AiredMs.Duration, d.Detail, want)
		}
	}
	if len(got.MakeGoods) != 1 {
		t.Errorf("owed are %+v: the same third twice is no more of it", got.MakeGoods)
	}
}

func TestReconciliationSaysSinceWhenTheStationWasStarved(t *testing.T) {
	r := plannertest.Audited(t, plannertest.SmallStation(0)).Rundown
	r.Items = r.Items[:3]
	since := schedules.At(r.Items[0].StartAt.Add(-time.Hour))
	entry := func(i int, o schedules.Outcome) schedules.AsRun {
		item := r.Items[i]
		return schedules.AsRun{Sequence: int64(10 * i), ItemID: item.ID, SegmentID: item.SegmentID,
			StartedAt: item.StartAt, EndedAt: item.EndAt(), Outcome: o}
	}
	skipped, fill, extra := entry(1, schedules.Skipped), entry(1, schedules.FellBack), entry(2, schedules.Aired)
	skipped.StartedAt, skipped.EndedAt, skipped.StarvedSince = schedules.Instant{}, schedules.Instant{}, since
	skipped.Detail = "it is sensitive and the station has been starved"
	fill.Sequence, fill.SegmentID = 11, "evergreen"
	extra.Sequence, extra.ItemID, extra.SegmentID, extra.StarvedSince = 21, "", "mystery", since
	extra.StartedAt, extra.EndedAt = schedules.At(r.Items[2].EndAt().Add(time.Hour)),
		schedules.At(r.Items[2].EndAt().Add(2*time.Hour))
	got := schedules.Reconcile(r, []schedules.AsRun{entry(0, schedules.Aired), skipped, fill, entry(2, schedules.Aired),
		extra}, time.Second).Items
	if len(got) != 4 || !got[0].StarvedSince.IsZero() || !got[1].StarvedSince.Equal(since.Time) ||
		got[1].Detail != skipped.Detail || !got[2].StarvedSince.IsZero() || !got[3].StarvedSince.Equal(since.Time) {
		t.Errorf("%+v", got)
	}
}
