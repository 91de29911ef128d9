package schedules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// nightly returns a window in a zone that starts at that wall time every day.
func nightly(zone, start string, length time.Duration) Window {
	return Window{ID: start, Clock: "c", Length: Millis{length}, Starts: Recurrence{Timezone: zone,
		RRule: "DTSTART:20200101T" + start + "00\nRRULE:FREQ=DAILY"}}
}

type nightOfChange struct {
	rule, zone, night string
	windows           []Window
	want              []string // each without the part that says how clocks change
}

func nightsOfChanges() []nightOfChange {
	const (
		newYork, berlin, lordHowe = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
		cairo, beirut             = "Africa/Cairo", "Asia/Beirut"
	)
	return []nightOfChange{
		{"a start that is skipped moves", newYork, "2027-03-14", []Window{nightly(newYork, "0230", 20*time.Minute)},
			[]string{"02:30:00 is moved: it airs from 03:30:00 to 03:50:00, not from 02:30:00 to 02:50:00"}},
		{"a start that is skipped moves", berlin, "2027-03-28", []Window{nightly(berlin, "0230", 20*time.Minute)},
			[]string{"02:30:00 is moved: it airs from 03:30:00 to 03:50:00, not from 02:30:00 to 02:50:00"}},
		{"half an hour is skipped", lordHowe, "2027-10-03", []Window{nightly(lordHowe, "0215", 10*time.Minute)},
			[]string{"02:15:00 is moved: it airs from 02:45:00 to 02:55:00, not from 02:15:00 to 02:25:00"}},
		{"midnight is skipped", cairo, "2027-04-30", []Window{nightly(cairo, "0000", 20*time.Minute)},
			[]string{"00:00:00 is moved: it airs from 01:00:00 to 01:20:00, not from 00:00:00 to 00:20:00"}},
		{"midnight is skipped", beirut, "2027-03-28", []Window{nightly(beirut, "0030", 20*time.Minute)},
			[]string{"00:30:00 is moved: it airs from 01:30:00 to 01:50:00, not from 00:30:00 to 00:50:00"}},
		{"an end across the skipped hour moves", berlin, "2027-03-28", []Window{nightly(berlin, "0100", 2*time.Hour)},
			[]string{"01:00:00 is moved: it airs from 01:00:00 to 04:00:00, not from 01:00:00 to 03:00:00"}},
		{"an end at the skipped hour does not move", berlin, "2027-03-28", []Window{nightly(berlin, "0100", time.Hour)},
			nil},
		{"a moved start is said of a shortened window too", newYork, "2027-03-14",
			[]Window{nightly(newYork, "0230", time.Hour), nightly(newYork, "0345", time.Hour)},
			[]string{"02:30:00 starts at 03:30:00 and is shortened: it lasts 15:00, not 1:00:00"}},
		{"a window that does not air is named by its own time", newYork, "2027-03-14",
			[]Window{nightly(newYork, "0200", time.Hour), nightly(newYork, "0300", time.Hour)},
			[]string{"02:00:00 does not air: its time does not exist that night"}},
		{"the hour that a window does not reach is silent", newYork, "2027-11-07",
			[]Window{nightly(newYork, "0100", 2*time.Hour)},
			[]string{"01:00:00 airs once, for 2:00:00 as on other days, and " +
				"nothing airs from 02:00:00 EST to 03:00:00 EST"}},
		{"the second of the repeated hours is silent", berlin, "2027-10-31", []Window{nightly(berlin, "0200", time.Hour)},
			[]string{"02:00:00 airs once, for 1:00:00 as on other days, and " +
				"nothing airs from 02:00:00 CET to 03:00:00 CET"}},
		{"a window that ends before clocks change comes once", newYork, "2027-11-07",
			[]Window{nightly(newYork, "0030", time.Hour)},
			[]string{"00:30:00 airs once, for 1:00:00 as on other days, and " +
				"nothing airs from 01:00:00 EST to 01:30:00 EST"}},
		{"half an hour is repeated", lordHowe, "2027-04-04", []Window{nightly(lordHowe, "0115", time.Hour)},
			[]string{"01:15:00 airs once, for 1:00:00 as on other days, and nothing airs from 01:45:00 +1030 to " +
				"02:15:00 +1030"}},
		{"the hour before midnight is repeated", cairo, "2027-10-28", []Window{nightly(cairo, "2300", 2*time.Hour)},
			[]string{"23:00:00 airs once, for 2:00:00 as on other days, and " +
				"nothing airs from 00:00:00 EET to 01:00:00 EET"}},
		{"the hour before midnight is repeated", beirut, "2027-10-30", []Window{nightly(beirut, "2330", 15*time.Minute)},
			[]string{"23:30:00 airs once, for 15:00 as on other days, and nothing airs from 23:30:00 EET to 23:45:00 EET"}},
		{"a repeated hour outside all windows is nobody's", berlin, "2027-10-31",
			[]Window{nightly(berlin, "0100", time.Hour)}, nil},
		{"a repeated hour that the next window fills is not silent", newYork, "2027-11-07",
			[]Window{nightly(newYork, "0100", 30*time.Minute), nightly(newYork, "0130", 30*time.Minute),
				nightly(newYork, "0200", time.Hour)},
			[]string{"01:30:00 is lengthened: it lasts 1:30:00, not 30:00"}},
		{"each window of a silent hour is named", newYork, "2027-11-07",
			[]Window{nightly(newYork, "0100", 30*time.Minute), nightly(newYork, "0130", 30*time.Minute)},
			[]string{"01:00:00 airs once, for 30:00 as on other days, and nothing airs from 01:00:00 EST to 01:30:00 EST",
				"01:30:00 airs once, for 30:00 as on other days, and nothing airs from 01:30:00 EST to 02:00:00 EST"}},
		{"a window of another zone breaks the silence", newYork, "2027-11-07",
			[]Window{nightly(newYork, "0100", time.Hour), nightly("UTC", "0620", 20*time.Minute)},
			[]string{"01:00:00 airs once, for 1:00:00 as on other days, and nothing airs from 01:00:00 EST to " +
				"01:20:00 EST, and nothing airs from 01:40:00 EST to 02:00:00 EST"}},
		{"the zone of the window is named", "UTC", "2027-03-14", []Window{nightly(newYork, "0230", 20*time.Minute)},
			[]string{"02:30:00 is moved: it airs from 03:30:00 to 03:50:00, not from 02:30:00 to 02:50:00"}},
		{"an ordinary night", berlin, "2027-10-30", []Window{nightly(berlin, "0100", 2*time.Hour)}, nil},
	}
}

func TestAChangeOfClocksIsSaidOfEachWindowThatItAffects(t *testing.T) {
	for _, c := range nightsOfChanges() {
		st := Station{ID: "s", Timezone: c.zone, Windows: c.windows}
		night, err := ParseDate(c.night)
		if err != nil {
			t.Fatal(err)
		}
		from, to, err := st.DayBounds(night)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := st.ClockChanges(from, to)
		if err != nil {
			t.Fatal(err)
		}
		loc, _ := Zone(c.zone)
		var got []string
		for _, x := range changes {
			said := strings.TrimPrefix(x.Say(loc), "The window of ")
			what, how, _ := strings.Cut(said, ", because clocks go ")
			if other := x.Zone.String() != c.zone; other != strings.HasSuffix(how, " (times in "+x.Zone.String()+")") {
				t.Errorf("%s: of zone %s it says %q", c.rule, x.Zone, how)
			}
			got = append(got, what)
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s in %s:\n got %q\nwant %q", c.rule, c.zone, got, c.want)
		}
	}
}

// The test puts one or two windows at every quarter of an hour around each change, and takes from instants alone what
// differs from ordinary days.
func TestEveryWindowThatDiffersFromOrdinaryDaysIsNamedOnce(t *testing.T) {
	for _, zone := range []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo",
		"Asia/Beirut"} {
		loc, err := Zone(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range transitions(loc)[20:24] {
			from, to := at.Add(-20*time.Hour), at.Add(20*time.Hour)
			for quarter := range 32 {
				wall := at.In(loc).Add(time.Duration(quarter-16) * 15 * time.Minute)
				for _, length := range []time.Duration{15 * time.Minute, time.Hour, 150 * time.Minute} {
					for _, pause := range []time.Duration{0, 3 * time.Minute, 30 * time.Minute} {
						first := nightly(zone, wall.Format("1504"), length)
						second := nightly(zone, time.Date(2020, 1, 1, wall.Hour(), wall.Minute(), 0, 0, time.UTC).
							Add(length+pause).Format("1504"), length)
						eachDifferenceIsNamedOnce(t, Station{ID: "s", Timezone: zone, Windows: []Window{first}}, from, to)
						eachDifferenceIsNamedOnce(t, Station{ID: "s", Timezone: zone, Windows: []Window{first, second}}, from, to)
					}
				}
			}
		}
	}
}

func eachDifferenceIsNamedOnce(t *testing.T, st Station, from, to time.Time) {
	t.Helper()
	loc, err := Zone(st.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	occurrences, err := st.Occurrences(from, to)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := st.ClockChanges(from, to)
	if err != nil {
		t.Fatal(err)
	}
	type start struct {
		window string
		at     int64
	}
	named := map[start]string{}
	for _, c := range changes {
		key := start{c.Window, c.StartAt.Unix()}
		if named[key] != "" {
			t.Errorf("%s: window %s of %s is named twice", st.Timezone, c.Window, c.StartAt)
		}
		named[key] = c.Kind()
	}
	airs := func(at time.Time) (string, bool) {
		for _, o := range occurrences {
			if !at.Before(o.StartAt.Time) && at.Before(o.EndAt.Time) {
				return o.Window, true
			}
		}
		return "", false
	}
	for _, o := range occurrences {
		w, _ := st.Window(o.Window)
		length := o.EndAt.Sub(o.StartAt.Time)
		key := start{o.Window, o.StartAt.Unix()}
		differs := o.StartAt.In(loc).Format("1504") != w.ID || length != w.Length.Duration
		if differs && named[key] == "" {
			t.Errorf("%s: window %s starts at %s for %s, and nothing says so", st.Timezone, w.ID, o.StartAt.In(loc), length)
		}
		if kind := named[key]; !differs && (kind == "shortened" || kind == "lengthened" || kind == "left out") {
			t.Errorf("%s: window %s starts at %s for %s and is named %s", st.Timezone, w.ID, o.StartAt.In(loc), length, kind)
		}
	}
	_, before := from.In(loc).Zone()
	if _, after := to.In(loc).Zone(); after > before {
		for _, c := range changes {
			if len(c.Silent) > 0 {
				t.Errorf("%s: window %s is silent where no hour is repeated", st.Timezone, c.Window)
			}
		}
		return
	}
	// An instant of the silent time shows a wall time of the window on ordinary days; all such instants are named.
	for at, end := from.Add(6*time.Hour), to.Add(-6*time.Hour); at.Before(end); at = at.Add(5 * time.Minute) {
		local := at.In(loc)
		for _, w := range st.Windows {
			begins, err := time.Parse("1504", w.ID)
			if err != nil {
				t.Fatal(err)
			}
			since := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute -
				time.Duration(begins.Hour())*time.Hour - time.Duration(begins.Minute())*time.Minute
			belongs := (since+24*time.Hour)%(24*time.Hour) < w.Length.Duration
			silent := false
			for _, c := range changes {
				for _, s := range c.Silent {
					silent = silent || c.Window == w.ID && !at.Before(s.From.Time) && at.Before(s.Until.Time)
				}
			}
			if other, on := airs(at); silent != (belongs && !on) {
				t.Errorf("%s: at %s window %s belongs: %t, airs: %q, named as silent: %t", st.Timezone, local, w.ID, belongs,
					other, silent)
			}
		}
	}
}
