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

func TestAReportWithABadDetailIsRejectedByItself(t *testing.T) {
	docs := memory.New(100)
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	s := scheduling.New(m, record.NewRecords(m, docs, nil, now, 0), servicetest.Signer{}, now, "http://x", time.Minute)
	log := s.Record.Logbook
	entry := func(sequence int64, detail string) schedules.AsRun {
		return schedules.AsRun{Sequence: sequence, SegmentID: "a", Outcome: schedules.Skipped, Detail: detail}
	}
	got, err := log.Report(t.Context(), "relay", []schedules.AsRun{entry(1, "red \x1b[31m"), entry(2, "one\ntwo"),
		entry(3, "\xff")})
	if err != nil || got[0].Status != "rejected" || !strings.Contains(got[0].Message, "U+001B") ||
		got[1].Status != "accepted" || got[2].Status != "rejected" {
		t.Errorf("%+v, %v", got, err)
	}
	kept, err := log.AsRun(t.Context(), "relay", now().Add(-time.Hour), now().Add(time.Hour))
	if err != nil || len(kept) != 1 || kept[0].Detail != "one two" {
		t.Errorf("%+v, %v", kept, err)
	}
}
