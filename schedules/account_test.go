package schedules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

// accounted returns a published day of eight items. The station reported the first five: one late, one short, one
// replaced and two as planned; and something else before the window. It did not report the sixth, and the last two are
// still to come.
func accounted(t *testing.T) (in schedules.Input, days []schedules.StationDay, records []schedules.AiringRecord,
	past schedules.Reconciliation) {
	t.Helper()
	in = plannertest.SmallStation(0)
	r := plannertest.Audited(t, in).Rundown
	r.Items = r.Items[:8]
	report := func(i int, late, short time.Duration) schedules.AsRun {
		item := r.Items[i]
		return schedules.AsRun{Sequence: int64(i + 1), ItemID: item.ID, SegmentID: item.SegmentID,
			StartedAt: schedules.At(item.StartAt.Add(late)),
			EndedAt:   schedules.At(item.EndAt().Add(late - short)), Outcome: schedules.Aired}
	}
	replaced := report(4, 0, 0)
	replaced.SegmentID, replaced.Outcome = "evergreen", schedules.FellBack
	extra := schedules.AsRun{Sequence: 20, SegmentID: "mystery",
		StartedAt: schedules.At(r.Items[0].StartAt.Add(-2 * time.Minute)),
		EndedAt:   schedules.At(r.Items[0].StartAt.Add(-time.Minute)), Outcome: schedules.FellBack}
	from, to, err := in.Station.DayBounds(in.Date)
	if err != nil {
		t.Fatal(err)
	}
	days = []schedules.StationDay{{Date: in.Date, From: from, To: to, Rundown: r}}
	entries := []schedules.AsRun{report(0, 0, 0), report(1, 2*time.Second, 0), report(2, 0, 5*time.Second),
		report(3, 0, 0), replaced, extra}
	now, heard := r.Items[6].StartAt.Add(time.Second), r.Items[4].EndAt().Time
	tolerance := 50 * time.Millisecond
	records = schedules.Account(in.Station.ID, days, entries, now, heard, tolerance)[0]
	past = schedules.Outcomes(in.Station.ID, days, entries, now, heard, tolerance)[0].Past("evening", r.Windows)
	return in, days, records, past
}

func TestTheAccountTellsOfEveryPlaceAndOfWhatAiredWithoutOne(t *testing.T) {
	_, days, records, past := accounted(t)
	var got []string
	for _, r := range records {
		got = append(got, string(r.Outcome))
	}
	slices.Sort(got)
	if want := "aired aired extra extra late planned planned short substituted unreported"; strings.Join(got,
		" ") != want {
		t.Errorf("%v", got)
	}
	for _, r := range records {
		if r.Owed != (r.Outcome == schedules.Short || r.Outcome == schedules.Substituted) {
			t.Errorf("%s of %s is owed: %v", r.Outcome, r.SegmentID, r.Owed)
		}
	}
	if past.Totals[schedules.Upcoming] != 0 || past.Totals[schedules.Late] != 1 || len(past.Items) != 6 ||
		len(past.MakeGoods) != 2 {
		t.Errorf("past is %+v", past)
	}
	if none := past.Past("another", days[0].Rundown.Windows); len(none.Items) != 0 {
		t.Errorf("%+v is of another window", none.Items)
	}
}

func TestATallyCountsEachAiringInTheRowOfWhatItIs(t *testing.T) {
	in, _, records, _ := accounted(t)
	campaigns := []schedules.Campaign{{ID: "appeal", Of: schedules.Selector{Kinds: []schedules.Kind{"reading"}},
		AtLeast: 1},
		{ID: "elsewhere", Stations: []string{"another"}}}
	tally := func(filter schedules.TallyFilter, by ...string) string {
		sum := schedules.NewTally(in.Library, campaigns, by, filter)
		for _, r := range records {
			sum.Add(r, r.Owed)
		}
		var rows []string
		for _, r := range sum.Rows() {
			rows = append(rows, strings.Trim(fmt.Sprint(r.Segment, r.Campaign, r.Language, r.Station, " ", r.Planned, r.Aired,
				r.Short, r.Missed, r.Extra), " "))
		}
		if len(rows) != sum.Len() {
			t.Errorf("%d rows, not %d", len(rows), sum.Len())
		}
		total := sum.Totals
		if total.Planned != total.Upcoming+total.Unreported+total.Aired+total.Short+total.Missed {
			t.Errorf("%+v does not add up", total)
		}
		return fmt.Sprint(total.Planned, total.Upcoming, total.Unreported, total.Aired, total.Short, total.Missed,
			total.MadeGood, total.Extra) + ": " + strings.Join(rows, "; ")
	}
	for _, c := range []struct {
		got, want string
	}{
		{tally(schedules.TallyFilter{}, "station"), "8 2 1 3 1 1 2 2: lantern-coast 8 3 1 1 2"},
		{tally(schedules.TallyFilter{Campaign: "appeal"}, "campaign"), "1 0 0 0 1 0 1 0: appeal 1 0 1 0 0"},
		{tally(schedules.TallyFilter{Segment: "sign-on-ko"}, "segment", "day", "passage", "language"),
			"1 0 0 1 0 0 0 0: sign-on-koko-KP 1 1 0 0 0"},
		{tally(schedules.TallyFilter{Campaign: "elsewhere"}), "0 0 0 0 0 0 0 0: "},
		{tally(schedules.TallyFilter{Script: "none"}), "0 0 0 0 0 0 0 0: "},
		{tally(schedules.TallyFilter{Passage: 1}), "0 0 0 0 0 0 0 0: "},
		{tally(schedules.TallyFilter{Language: "en"}), "0 0 0 0 0 0 0 0: "},
	} {
		if c.got != c.want {
			t.Errorf("%s\nnot %s", c.got, c.want)
		}
	}
	for _, r := range records {
		reading := r.Outcome == schedules.Short
		if got := in.Library.Committed(r, campaigns[:1]); reading && !got {
			t.Errorf("%s of a campaign is no commitment", r.SegmentID)
		}
	}
}

func TestWhatAiredCountsForRotationAndWhatDidNotSoundDoesNot(t *testing.T) {
	at := schedules.At(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	end := schedules.At(at.Add(time.Minute))
	for outcome, counts := range map[schedules.Outcome]bool{schedules.Aired: true, schedules.Cut: true,
		schedules.FellBack: true, schedules.Skipped: false, schedules.Failed: false} {
		a, ok := schedules.AsRun{SegmentID: "s", StartedAt: at, EndedAt: end, Outcome: outcome}.Airing("st")
		if ok != counts || ok && (a.Station != "st" || a.StartAt != at || a.EndAt != end) {
			t.Errorf("%s: %v %+v", outcome, ok, a)
		}
	}
}

func TestASenselessReportIsRefusedWithItsFault(t *testing.T) {
	at := schedules.At(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))
	sound := schedules.AsRun{Sequence: 1, SegmentID: "s", StartedAt: at, EndedAt: at, Outcome: schedules.Aired}
	if said := sound.Check(); said != "" {
		t.Error(said)
	}
	for want, harm := range map[string]func(a *schedules.AsRun){
		"sequence":   func(a *schedules.AsRun) { a.Sequence = 0 },
		"outcome":    func(a *schedules.AsRun) { a.Outcome = "sang" },
		"segment_id": func(a *schedules.AsRun) { a.SegmentID = "" },
		"started_at": func(a *schedules.AsRun) { a.StartedAt = schedules.Instant{} },
		"ended_at":   func(a *schedules.AsRun) { a.EndedAt = schedules.At(at.Add(-time.Second)) },
	} {
		bad := sound
		harm(&bad)
		if said := bad.Check(); !strings.HasPrefix(said, want) {
			t.Errorf("%s: %q", want, said)
		}
	}
}
