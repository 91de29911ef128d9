package commands

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestADayThatFailedTellsEachProblemOnce(t *testing.T) {
	day := schedules.Date{Year: 2026, Month: time.December, Day: 5}
	short, long := fault.Field{Field: "window noon", Message: "is too short"}, fault.Field{Field: "window dawn",
		Message: "is too long"}
	var out strings.Builder
	for _, r := range []wire.ManyResult{
		{Station: "seoul", Date: day, Problem: &wire.Problem{Detail: "window noon is too short",
			Errors: []fault.Field{short}}},
		{Station: "seoul", Date: day, Problem: &wire.Problem{Detail: "window noon is too short (and 1 more)",
			Errors: []fault.Field{short, long}}},
		{Station: "soeul", Problem: &wire.Problem{Detail: "there is no station"}},
	} {
		tellDay(&out, "published", false, r)
	}
	want := "seoul            2026-12-05  failed: window noon is too short\n" +
		"seoul            2026-12-05  failed:\n    window noon is too short\n    window dawn is too long\n" +
		"soeul                        failed: there is no station\n"
	if out.String() != want {
		t.Errorf("%s", &out)
	}
}

func TestADayThatWasPublishedAlreadySaysSo(t *testing.T) {
	day := schedules.Date{Year: 2026, Month: time.December, Day: 5}
	var out strings.Builder
	for _, unchanged := range []bool{true, false} {
		if err := tellDays(output{}, &out, "published", []wire.ManyResult{{Station: "seoul", Date: day, Revision: 3,
			Items: 12, Unchanged: unchanged}}, nil); err != nil {
			t.Error(err)
		}
	}
	want := "seoul            2026-12-05  published already, and nothing was changed: 12 items, revision 3\n" +
		"seoul            2026-12-05  published: 12 items, revision 3\n"
	if out.String() != want {
		t.Errorf("%s", &out)
	}
}

func TestADayThatIsPlannedOverEditsSaysSoUnasked(t *testing.T) {
	day := wire.ManyResult{Station: "seoul", Date: schedules.Date{Year: 2026, Month: time.December, Day: 5}, Items: 3,
		Revision: 8, Warnings: []schedules.Warning{{Code: "rule_bent", Message: "two letters where one is wished"},
			{Code: schedules.WarnPlannedOver, Message: "Ruth had edited revision 7"}}}
	var out strings.Builder
	tellDay(&out, "planned", false, day)
	if !strings.Contains(out.String(), "Ruth had edited") || strings.Contains(out.String(), "two letters") ||
		len(day.Warnings) != 2 {
		t.Errorf("%s", &out)
	}
}

// At 16:00 UTC it is the next day in Seoul.
func TestAPlannedDayThatIsOverAtItsStationSaysSoUnasked(t *testing.T) {
	day := schedules.Date{Year: 2026, Month: time.December, Day: 5}
	stations := []schedules.Station{{ID: "seoul", Timezone: "Asia/Seoul"}, {ID: "london", Timezone: "Europe/London"}}
	results := []wire.ManyResult{{Station: "seoul", Date: day}, {Station: "london", Date: day},
		{Station: "london", Date: day.AddDays(-1)}, {Station: "gone", Date: day.AddDays(-9)}}
	warnOver(results, stations, time.Date(2026, 12, 5, 16, 0, 0, 0, time.UTC))
	var out strings.Builder
	for _, r := range results {
		tellDay(&out, "planned", false, r)
	}
	if n := strings.Count(out.String(), "This day is over: its plan cannot be published"); n != 2 ||
		len(results[0].Warnings) != 1 || len(results[2].Warnings) != 1 {
		t.Errorf("%d times:\n%s", n, &out)
	}
}

func TestAnUnknownStationIsAnsweredWithThoseThatAreThere(t *testing.T) {
	if got := stationsThere(nil); got != ", nor any other" {
		t.Error(got)
	}
	if got := stationsThere([]schedules.Station{{ID: "a"}, {ID: "b"}}); got != ": the stations are a, b" {
		t.Error(got)
	}
	if got := stationsThere(make([]schedules.Station, 23)); !strings.HasSuffix(got, ", 3 more") {
		t.Error(got)
	}
}

func TestVerifySaysThatNoReportIsSealedYet(t *testing.T) {
	for records, want := range map[int]bool{0: true, 5: false} {
		var out strings.Builder
		printProof(&out, hashchain.Proof{Queues: 1, Records: records})
		if strings.Contains(out.String(), "no report is sealed yet") != want {
			t.Errorf("%d reports: %s", records, &out)
		}
	}
}

func TestADayShowsWhatRunsPastItsWindow(t *testing.T) {
	at := func(s string) schedules.Instant {
		i, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return schedules.At(i)
	}
	slot := func(from, to string) schedules.Slot {
		return schedules.Slot{Occurrence: schedules.Occurrence{Window: "dawn", StartAt: at(from), EndAt: at(to)}}
	}
	r := schedules.Rundown{Station: "seoul", Timezone: "UTC", Windows: []schedules.Slot{slot("2026-12-05T04:00:00Z",
		"2026-12-05T04:30:00Z"), slot("2026-12-05T05:00:00Z", "2026-12-05T05:30:00Z")},
		Items: []schedules.Item{{Window: "dawn", StartAt: at("2026-12-05T04:00:00Z"), Title: "opens"},
			{Window: "dawn", StartAt: at("2026-12-05T04:32:27Z"), Title: "closes"},
			{Window: "dawn", StartAt: at("2026-12-05T05:00:00Z"), Title: "opens again"}}}
	var out strings.Builder
	printRundown(&out, r, 0, time.UTC)
	blocks := strings.Split(out.String(), "\n\n")
	if len(blocks) != 3 || !strings.Contains(blocks[1], "opens") || !strings.Contains(blocks[1],
		"closes  [after the window]") || strings.Contains(blocks[2], "closes") || !strings.Contains(blocks[2],
		"opens again") {
		t.Errorf("%s", &out)
	}
}

// An edited day is not on the air yet: show prints the published revision, and the ids that explain and edit take.
func TestADayShowsWhichRevisionIsPublishedAndItsSegments(t *testing.T) {
	at := schedules.At(time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC))
	r := schedules.Rundown{Station: "seoul", Date: schedules.DateOf(at.Time), Revision: 4, Status: schedules.Draft,
		Timezone: "UTC",
		Windows: []schedules.Slot{{Occurrence: schedules.Occurrence{Window: "dawn", StartAt: at,
			EndAt: schedules.At(at.Add(time.Hour))}}},
		Items: []schedules.Item{{Window: "dawn", StartAt: at, Title: "opens", SegmentID: "sign-on-ko"}}}
	var out strings.Builder
	printRundown(&out, r, 3, time.UTC)
	if got := out.String(); !strings.Contains(got, "revision 3 is what is published: lifeline diff seoul 2026-12-05 "+
		"--from 3") || !strings.Contains(got, "opens  (sign-on-ko)") {
		t.Error(got)
	}
	out.Reset()
	if printRundown(&out, r, 4, time.UTC); strings.Contains(out.String(), "is published") {
		t.Error(out.String())
	}
}

func TestDaysAreNamedFromOneToAnother(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-05":             "2026-12-05",
		"2026-11-29..2026-12-02": "2026-11-29 2026-11-30 2026-12-01 2026-12-02",
		"2026-12-05..2026-12-05": "2026-12-05",
		"2026-12-05..2026-12-04": "ends before it begins",
		"2026-12-05..":           "is not a date",
		"2020-01-01..2026-12-04": "more than a year",
	} {
		dates, err := daysOf(text, schedules.ParseDate)
		var said []string
		for _, d := range dates {
			said = append(said, d.String())
		}
		if got := strings.Join(said, " "); err == nil && got != want || err != nil && want != "is not a date" &&
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
}

func TestMoreDaysThanAServiceTakesAtOnceAreAskedForInTurn(t *testing.T) {
	var in wire.ManyRequest
	in.Stations = []string{"a", "b", "c"}
	for n := range 366 {
		in.Dates = append(in.Dates, schedules.Date{Year: 2027, Month: 1, Day: 1}.AddDays(n))
	}
	out, err := days{}.short(t.Context(), []wire.ManyRequest{in, {Stations: []string{"d"}}})
	if err != nil {
		t.Fatal(err)
	}
	var dates []schedules.Date
	for _, r := range out {
		if len(r.Dates)*len(r.Stations) > wire.MostDays {
			t.Errorf("%d days of %d stations", len(r.Dates), len(r.Stations))
		}
		dates = append(dates, r.Dates...)
	}
	if !slices.Equal(dates, in.Dates) || out[len(out)-1].Stations[0] != "d" {
		t.Errorf("%d requests for %d days", len(out), len(dates))
	}
}
