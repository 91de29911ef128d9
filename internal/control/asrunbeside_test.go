package control

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

func TestAnotherEntryUnderAUsedSequenceIsKeptBesideTheFirst(t *testing.T) {
	docs := memory.New(100)
	m, err := NewMirror(t.Context(), docs)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { return began }
	s := NewScheduler(m, docs, plainSeal{}, now, "http://x", time.Minute)
	log := NewLogbook(m, NewRecords(m, docs, nil, now, 0), s, now)
	aired := func(sequence int64, segment string, after time.Duration) schedules.AsRun {
		return schedules.AsRun{Sequence: sequence, ItemID: segment, SegmentID: segment, StartedAt: schedules.At(began.Add(after)),
			EndedAt: schedules.At(began.Add(after + time.Minute)), Outcome: schedules.Aired}
	}
	report := func(want string, entries ...schedules.AsRun) {
		t.Helper()
		got, err := log.Report(t.Context(), "relay", entries)
		if err != nil {
			t.Fatal(err)
		}
		var statuses []string
		for i, r := range got {
			if r.Sequence != entries[i].Sequence {
				t.Errorf("entry %d is answered as %d", entries[i].Sequence, r.Sequence)
			}
			said := r.Status
			if r.Message != "" {
				said += " beside"
			}
			statuses = append(statuses, said)
		}
		if said := strings.Join(statuses, ", "); said != want {
			t.Errorf("answered %s, not %s", said, want)
		}
	}
	one := []schedules.AsRun{aired(17, "a", 0), aired(18, "b", time.Minute), aired(19, "c", 2*time.Minute)}
	other := []schedules.AsRun{aired(17, "a", 30*time.Millisecond), aired(18, "x", 24*time.Hour), aired(19, "c", 2*time.Minute), aired(20, "d", 3*time.Minute)}
	skipped := schedules.AsRun{Sequence: 19, ItemID: "e", SegmentID: "e", Outcome: schedules.Skipped}
	report("accepted, accepted, accepted", one...)
	report("accepted beside, accepted beside, repeated, accepted", other...)
	report("accepted beside", skipped)
	for range 2 {
		report("repeated, repeated, repeated", one...)
		report("repeated, repeated, repeated, repeated", other...)
		report("repeated", skipped)
	}
	reworded := one[0]
	reworded.Detail = "in other words"
	report("repeated", reworded)
	report("accepted, accepted beside", aired(30, "f", 0), aired(30, "g", 0)) // in one report

	kept, err := log.AsRun(t.Context(), "relay", began.Add(-time.Hour), began.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range kept {
		if e.Sequence >= besideFrom != (e.ReportedAs > 0) || e.ReportedAs > 0 && !strings.Contains(e.Detail, "sent under sequence") {
			t.Errorf("not flagged: %+v", e)
		}
		names = append(names, e.SegmentID)
	}
	if len(kept) != 9 {
		t.Errorf("%d are kept: %v", len(kept), names)
	}
}
