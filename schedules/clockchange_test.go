package schedules

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// roundTheClock returns a station whose windows of that length follow each other all day, with a pause after each.
func roundTheClock(zone string, length, pause time.Duration) Station {
	st := Station{ID: "s", Timezone: zone}
	for at := time.Duration(0); at < 24*time.Hour; at += length {
		start := time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC).Add(at)
		st.Windows = append(st.Windows, Window{ID: fmt.Sprintf("w%04d", int(at/time.Minute)), Clock: "c",
			Length: Millis{length - pause},
			Starts: Recurrence{Timezone: zone, RRule: start.Format("DTSTART:20060102T150405") + "\nRRULE:FREQ=DAILY"}})
	}
	return st
}

// The test covers ten years of a station round the clock in every zone of the database; zones with equal changes count
// once. By default it checks one change of clocks of each kind, in every eighth zone; LIFELINE_PROVE=zones checks all
// of them.
func TestAdjoiningWindowsFollowEachOtherThroughEveryTransition(t *testing.T) {
	all := os.Getenv("LIFELINE_PROVE") == "zones"
	begin, end := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	zones := zoneNames(t)
	if !all {
		short := []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut",
			"Africa/Cairo", "America/Havana",
			"Africa/Casablanca", "Antarctica/Troll", "Pacific/Apia"}
		for n := 0; n < len(zones); n += 8 {
			short = append(short, zones[n])
		}
		zones = short
	}
	occurrences := 0
	alike := map[string]bool{}
	for _, name := range zones {
		loc, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		var spans [][2]time.Time
		seen := map[int]bool{}
		changes := transitions(loc)
		offsets := begin.In(loc).Format("-07:00:00")
		for _, at := range changes {
			offsets += at.In(loc).Format(" 20060102T150405-07:00:00")
		}
		if alike[offsets] {
			continue
		}
		alike[offsets] = true
		for _, at := range changes {
			_, before := at.Add(-time.Second).In(loc).Zone()
			if _, after := at.In(loc).Zone(); !seen[after-before] {
				spans = append(spans, [2]time.Time{at.Add(-60 * time.Hour), at.Add(60 * time.Hour)})
				seen[after-before] = true
			}
		}
		var years [][2]time.Time
		for from := begin; all && from.Before(end); from = from.AddDate(1, 0, 0) {
			years = append(years, [2]time.Time{from, from.AddDate(1, 0, 1)})
		}
		for _, st := range []Station{
			roundTheClock(name, time.Hour, 0), roundTheClock(name, time.Hour, 30*time.Second), roundTheClock(name, 6*time.Hour,
				0),
			roundTheClock(name, 30*time.Minute, 0), roundTheClock(name, 90*time.Minute, 0), roundTheClock(name, 24*time.Hour, 0),
		} {
			pause := st.Windows[0].Length.Duration.Round(time.Minute) - st.Windows[0].Length.Duration
			spans := spans
			if all && (len(st.Windows) == 4 || len(st.Windows) == 24 && pause == 0) {
				spans = slices.Concat(years, spans)
			}
			for _, span := range spans {
				got, err := st.Occurrences(span[0], span[1])
				if err != nil {
					t.Fatal(err)
				}
				occurrences += len(got)
				for i := 1; i < len(got); i++ {
					if a, b := got[i-1], got[i]; !a.EndAt.Add(pause).Equal(b.StartAt.Time) || !a.EndAt.After(a.StartAt.Time) {
						t.Fatalf("%s, %d windows: %s ends at %s, %s begins at %s", name, len(st.Windows), a.Window, a.EndAt, b.Window,
							b.StartAt)
					}
				}
				// Expanding the interval in pieces gives the same result.
				middle := span[0].Add(span[1].Sub(span[0]) / 2)
				first, err := st.Occurrences(span[0], middle)
				if err != nil {
					t.Fatal(err)
				}
				second, err := st.Occurrences(middle, span[1])
				if err != nil {
					t.Fatal(err)
				}
				if pieces := append(first, second...); !slices.Equal(pieces, got) {
					t.Fatalf("%s: in pieces %v, as a whole %v", name, pieces, got)
				}
			}
		}
	}
	t.Logf("%d zones, %d of them different, %d occurrences", len(zones), len(alike), occurrences)
}

// newYork returns a window in New York that starts at that wall time on Sundays.
func newYork(id, start string, length time.Duration) Window {
	return Window{ID: id, Clock: "c", Length: Millis{length}, Starts: Recurrence{Timezone: "America/New_York",
		RRule: "DTSTART:20261025T" + start + "\nRRULE:FREQ=WEEKLY;BYDAY=SU"}}
}

func TestAChangeOfClocksMakesWindowsShorterOrLonger(t *testing.T) {
	const half = 59*time.Minute + 30*time.Second
	utc := func(id, start string) Window {
		return Window{ID: id, Clock: "c", Length: Millis{30 * time.Minute}, Starts: Recurrence{Timezone: "UTC",
			RRule: "DTSTART:" + start}}
	}
	for name, c := range map[string]struct {
		day     string
		windows []Window
		want    string // window start-end UTC …
		changes string
	}{
		"the skipped hour's window does not air": {"2027-03-14", []Window{newYork("a", "020000", half), newYork("b", "030000",
			half)},
			"b 07:00:00-07:59:30", "a left out"},
		"a window across the gap ends where the next begins": {"2027-03-14", []Window{newYork("a", "000000", 6*time.Hour),
			newYork("b", "060000", 6*time.Hour)},
			"a 05:00:00-10:00:00, b 10:00:00-16:00:00", "a shortened"},
		"a window across the gap that none follows keeps its length": {"2027-03-14",
			[]Window{newYork("a", "010000", 2*time.Hour)},
			"a 06:00:00-08:00:00", "a moved"},
		"a skipped window that none follows moves forward by the gap": {"2027-03-14",
			[]Window{newYork("a", "023000", 20*time.Minute)},
			"a 07:30:00-07:50:00", "a moved"},
		"a long pause is given up before air time is": {"2027-03-14", []Window{newYork("a", "010000", 100*time.Minute),
			newYork("b", "030000", time.Hour)},
			"a 06:00:00-07:00:00, b 07:00:00-08:00:00", "a shortened"},
		"the repeated hour is filled, and the pause stays": {"2026-11-01", []Window{newYork("a", "010000", half),
			newYork("b", "020000", half)},
			"a 05:00:00-06:59:30, b 07:00:00-07:59:30", "a lengthened"},
		"a window that adjoins none keeps its length": {"2026-11-01", []Window{newYork("a", "010000", time.Hour),
			newYork("b", "030000", time.Hour)},
			"a 05:00:00-06:00:00, b 08:00:00-09:00:00", "a not repeated"},
		"a window of another zone in the repeated hour ends it": {"2026-11-01", []Window{newYork("a", "010000", time.Hour),
			newYork("b", "020000", time.Hour), utc("u", "20261101T062000")},
			"a 05:00:00-06:20:00, u 06:20:00-06:50:00, b 07:00:00-08:00:00", "a lengthened"},
		"a window of another zone at once keeps it as it is": {"2026-11-01", []Window{newYork("a", "010000", time.Hour),
			newYork("b", "020000", time.Hour), utc("u", "20261101T060000")},
			"a 05:00:00-06:00:00, u 06:00:00-06:30:00, b 07:00:00-08:00:00", "a not repeated"},
		"an ordinary night": {"2026-11-08", []Window{newYork("a", "010000", half), newYork("b", "020000", half)},
			"a 06:00:00-06:59:30, b 07:00:00-07:59:30", ""},
	} {
		st := Station{ID: "s", Name: "s", Timezone: "America/New_York", Languages: []string{"en"}, Windows: c.windows}
		day, err := ParseDate(c.day)
		if err != nil {
			t.Fatal(err)
		}
		from, to, err := st.DayBounds(day)
		if err != nil {
			t.Fatal(err)
		}
		occurrences, err := st.Occurrences(from, to)
		if err != nil {
			t.Fatal(err)
		}
		got, sep := "", ""
		for _, o := range occurrences {
			got += fmt.Sprintf("%s%s %s-%s", sep, o.Window, o.StartAt.UTC().Format(time.TimeOnly),
				o.EndAt.UTC().Format(time.TimeOnly))
			sep = ", "
		}
		changes, err := st.ClockChanges(from, to)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, x := range changes {
			said += x.Window + " " + x.Kind()
		}
		if got != c.want || said != c.changes {
			t.Errorf("%s:\n got %s (%s)\nwant %s (%s)", name, got, said, c.want, c.changes)
		}
		n := Network{Stations: []Station{st}, Clocks: []Clock{{ID: "c", Length: c.windows[0].Length,
			Positions: []Position{{ID: "f", Fill: &Selector{}}}}}}
		for _, p := range n.Problems() {
			t.Errorf("%s cannot be stored: %+v", name, p)
		}
	}
}
