package record_test

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/kinds"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

func TestAnotherEntryUnderAUsedSequenceIsKeptBesideTheFirst(t *testing.T) {
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { return began.Add(48 * time.Hour) }
	s := scheduling.New(m, record.NewRecords(m, docs, nil, now, 0), servicetest.Signer{}, now, "http://x", time.Minute)
	log := s.Record.Logbook
	aired := func(sequence int64, segment string, after time.Duration) schedules.AsRun {
		return schedules.AsRun{Sequence: sequence, ItemID: segment, SegmentID: segment,
			StartedAt: schedules.At(began.Add(after)),
			EndedAt:   schedules.At(began.Add(after + time.Minute)), Outcome: schedules.Aired}
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
	other := []schedules.AsRun{aired(17, "a", 30*time.Millisecond), aired(18, "x", 24*time.Hour),
		aired(19, "c", 2*time.Minute), aired(20, "d", 3*time.Minute)}
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

	kept, err := log.AsRun(t.Context(), "relay", began.Add(-time.Hour), began.Add(49*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range kept {
		if e.Sequence >= 1<<52 != (e.ReportedAs > 0) || e.ReportedAs > 0 && !strings.Contains(e.Detail,
			"sent under sequence") {
			t.Errorf("not flagged: %+v", e)
		}
		names = append(names, e.SegmentID)
	}
	if len(kept) != 9 {
		t.Errorf("%d are kept: %v", len(kept), names)
	}
}

func TestReportOfWhatIsStillToComeIsRejectedUntilItHasCome(t *testing.T) {
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { return at }
	log := scheduling.New(m, record.NewRecords(m, docs, nil, now, 0), servicetest.Signer{}, now, "http://x",
		time.Minute).Record.Logbook
	entry := func(sequence int64, outcome schedules.Outcome, start, end time.Duration) schedules.AsRun {
		return schedules.AsRun{Sequence: sequence, ItemID: "i", SegmentID: "s", Outcome: outcome,
			StartedAt: schedules.At(at.Add(start)), EndedAt: schedules.At(at.Add(end))}
	}
	entries := []schedules.AsRun{
		entry(1, schedules.Aired, -time.Minute, 0),
		entry(2, schedules.Aired, 0, time.Minute), // by a clock that is a little fast
		entry(3, schedules.Aired, 0, time.Hour),
		entry(4, schedules.FellBack, time.Hour, 2*time.Hour),
		entry(5, schedules.Skipped, time.Hour, time.Hour),
		{Sequence: 6, ItemID: "i", SegmentID: "s", Outcome: schedules.Aired, StartedAt: schedules.At(time.Date(9999, 12, 31,
			0, 0, 0, 0, time.UTC)),
			EndedAt: schedules.At(time.Date(9999, 12, 31, 0, 1, 0, 0, time.UTC))},
		entry(1<<52, schedules.Aired, -time.Minute, 0),
	}
	statuses := func() (out string) {
		t.Helper()
		results, err := log.Report(t.Context(), "relay", entries)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Status == "rejected" && r.Message == "" {
				t.Errorf("%d is rejected without a word", r.Sequence)
			}
			out += r.Status + " "
		}
		return out
	}
	if got, want := statuses(), "accepted accepted rejected rejected rejected rejected rejected "; got != want {
		t.Errorf("answered %s, not %s", got, want)
	}
	at = at.Add(3 * time.Hour)
	if got, want := statuses(), "repeated repeated accepted accepted accepted rejected rejected "; got != want {
		t.Errorf("three hours later: %s, not %s", got, want)
	}
}
