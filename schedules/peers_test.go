package schedules_test

import (
	"testing"
	"time"

	"lifeline/schedules"
)

// These tests exclude known faults of other schedulers.

func daily(zone, start string) schedules.Station {
	return schedules.Station{ID: "s", Timezone: zone, Languages: []string{"ko-KP"},
		Windows: []schedules.Window{{ID: "w", Length: schedules.Ms(3_600_000),
			Tolerance: schedules.Ms(1000), Clock: "c", Starts: schedules.Recurrence{Timezone: zone, RRule: "DTSTART:20230101T" +
				start + "\nRRULE:FREQ=DAILY"}}}}
}

func starts(t *testing.T, s schedules.Station, from, to string) []string {
	t.Helper()
	loc, err := schedules.Zone(s.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := time.Parse(time.DateOnly, from)
	b, _ := time.Parse(time.DateOnly, to)
	list, err := s.Occurrences(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range list {
		out = append(out, o.StartAt.In(loc).Format("01-02T15:04Z07"))
	}
	return out
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestLibreTime3236ADailyShowReturnsToItsWallTimeAfterTheGap(t *testing.T) {
	want(t, starts(t, daily("America/New_York", "020000"), "2024-03-09", "2024-03-12"),
		"03-09T02:00-05", "03-10T03:00-04", "03-11T02:00-04")
}

func TestRivendell66ATimedStartInTheRepeatedHourStartsOnce(t *testing.T) {
	want(t, starts(t, daily("America/New_York", "013000"), "2024-11-02", "2024-11-05"),
		"11-02T01:30-04", "11-03T01:30-04", "11-04T01:30-05")
}

func TestLibreTime472NoSilenceAtTheChangeover(t *testing.T) {
	for _, day := range []schedules.Date{{Year: 2024, Month: 3, Day: 10}, {Year: 2024, Month: 11, Day: 3}} {
		s := daily("America/New_York", "000000")
		s.Windows[0].Starts = schedules.Recurrence{Timezone: "UTC",
			RRule: "DTSTART:20230101T000000\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23"}
		start, end, err := s.DayBounds(day)
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.OccurrencesOn(day)
		if err != nil {
			t.Fatal(err)
		}
		at := start
		for _, o := range list {
			if !o.StartAt.Equal(at) {
				t.Errorf("%s: nothing from %s to %s", day, at, o.StartAt)
			}
			at = o.EndAt.Time
		}
		if !at.Equal(end) {
			t.Errorf("%s: nothing from %s to %s", day, at, end)
		}
	}
}

func TestAzuraCast8251AnOvernightWindowAirsOnceANight(t *testing.T) {
	s := daily("Europe/Berlin", "233000")
	for d := (schedules.Date{Year: 2024, Month: 10, Day: 20}); d.Day < 31; d = d.AddDays(1) {
		list, err := s.OccurrencesOn(d)
		if err != nil || len(list) != 1 || list[0].Date != d {
			t.Fatalf("%s: %v %v", d, list, err)
		}
	}
}

func TestHourlyMinutesAreRightInZonesOfHalvesAndQuarters(t *testing.T) {
	for zone, minute := range map[string]int{"Asia/Kolkata": 30, "Asia/Kathmandu": 15} {
		s := daily(zone, "000000")
		s.Windows[0].Starts.RRule = "DTSTART:20230101T000500\nRRULE:FREQ=DAILY;BYHOUR=0,6,12,18"
		list, err := s.OccurrencesOn(schedules.Date{Year: 2024, Month: 5, Day: 1})
		if err != nil || len(list) != 4 {
			t.Fatal(list, err)
		}
		for _, o := range list {
			if got := o.StartAt.Minute(); got != (minute+5)%60 {
				t.Errorf("%s: %s", zone, o.StartAt)
			}
		}
	}
}

func TestRivendell801ADaypartMayEndAtMidnight(t *testing.T) {
	d := schedules.Daypart{From: 6 * 60, Until: 0}
	at := time.Date(2024, 5, 1, 23, 0, 0, 0, time.UTC)
	if !d.Contains(at, at.Add(time.Hour), time.UTC) || d.Contains(at, at.Add(time.Hour+time.Millisecond), time.UTC) {
		t.Error("06:00-00:00 is not the day from six to midnight")
	}
}
