package schedules

import (
	"slices"
	"testing"
	"time"
)

func TestAReportThatTheStationsKeyDidNotSignDoesNotCountAndIsListed(t *testing.T) {
	start := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	item := Item{ID: "i1", SegmentID: "reading", StartAt: At(start), Duration: Ms(60_000)}
	day := []StationDay{{Date: Date{Year: 2026, Month: 11, Day: 30}, From: start.Add(-time.Hour), To: start.Add(time.Hour),
		Rundown: Rundown{Items: []Item{item}}}}
	entry := func(sequence, reportedAs int64, segment string, authenticity Authenticity) AsRun {
		return AsRun{Sequence: sequence, ReportedAs: reportedAs, ItemID: "i1", SegmentID: segment, StartedAt: At(start),
			EndedAt: At(start.Add(time.Minute)), Outcome: Aired, Authenticity: authenticity}
	}
	for what, c := range map[string]struct {
		entries []AsRun
		verdict Verdict
		signed  bool
		doubted []int64
	}{
		"signed":                     {[]AsRun{entry(1, 0, "reading", Signed)}, AsPlanned, true, nil},
		"of a station without a key": {[]AsRun{entry(1, 0, "reading", "")}, AsPlanned, false, nil},
		"unsigned":                   {[]AsRun{entry(1<<52, 1, "reading", Unsigned)}, Missed, false, []int64{1 << 52}},
		"changed":                    {[]AsRun{entry(1<<52, 1, "reading", WrongSignature)}, Missed, false, []int64{1 << 52}},
		"by a seized key":            {[]AsRun{entry(1<<52, 1, "reading", SeizedKey)}, Missed, false, []int64{1 << 52}},
		"unsigned beside the signed": {[]AsRun{entry(1<<52, 1, "other", Unsigned), entry(1, 0, "reading", Signed)}, AsPlanned,
			true, []int64{1 << 52}},
		"from before the enrolment, under the sequence of a signed one": {[]AsRun{entry(1, 0, "other", ""),
			entry(1<<52, 1, "reading", Signed)}, AsPlanned, true, []int64{1}},
		"from before the enrolment, under a sequence of its own": {[]AsRun{entry(1, 0, "reading", ""),
			entry(2, 0, "reading", Signed)}, AsPlanned, false, nil},
	} {
		got := Outcomes("s", day, c.entries, start.Add(time.Hour), start.Add(time.Hour), time.Second)[0]
		var doubted []int64
		for _, e := range got.Doubted {
			doubted = append(doubted, e.Sequence)
		}
		if d := got.Items[0]; d.Verdict != c.verdict || d.Signed != c.signed || !slices.Equal(doubted, c.doubted) {
			t.Errorf("%s: %s, signed %v, beside it %v", what, d.Verdict, d.Signed, doubted)
		}
		if owed := c.verdict == Missed; (len(got.MakeGoods) > 0) != owed {
			t.Errorf("%s: owed %v", what, got.MakeGoods)
		}
	}
}
