package schedules

import (
	"archive/zip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
)

// zoneNames returns the zones of the database that Go embeds.
func zoneNames(t testing.TB) []string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out []string
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, "/") && f.Name != "Factory" {
			out = append(out, f.Name)
		}
	}
	slices.Sort(out)
	return out
}

// transitions returns the instants from 2015 to 2035 at which the zone's offset changes. It finds them by walking
// through the years.
func transitions(loc *time.Location) []time.Time {
	var out []time.Time
	end := time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
	offset := func(t time.Time) int { _, o := t.In(loc).Zone(); return o }
	for t := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(end); t = t.Add(24 * time.Hour) {
		if offset(t) == offset(t.Add(24*time.Hour)) {
			continue
		}
		low, high := t.Unix(), t.Add(24*time.Hour).Unix()
		for high-low > 1 {
			if mid := (low + high) / 2; offset(time.Unix(mid, 0)) == offset(t) {
				low = mid
			} else {
				high = mid
			}
		}
		out = append(out, time.Unix(high, 0).UTC())
	}
	return out
}

// slowResolve implements the rule literally: the first instant at which clocks show the wall time; if there is none,
// the first at which they would have shown it with the offset before the gap.
func slowResolve(wall time.Time, loc *time.Location) time.Time {
	step := time.Minute
	shows := func(t time.Time) time.Time {
		l := t.In(loc)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
	}
	last := wall.Add(-30 * time.Hour)
	for t := last; t.Before(wall.Add(30 * time.Hour)); t = t.Add(step) {
		shown := shows(t)
		if shown.Equal(wall) {
			return t
		}
		if shown.Before(wall) {
			last = t
			continue
		}
		if before := shows(last); before.Before(wall) { // skipped it
			return last.Add(wall.Sub(before))
		}
	}
	return time.Time{}
}

// The test covers every zone and every transition from 2015 to 2035: daily windows at wall times around it start
// exactly once, at the instant of the slow model. By default it checks one transition of each kind and zone;
// LIFELINE_PROVE=zones checks all of them.
func TestNoWindowIsLostDoubledOrMistimedAtAnyTransition(t *testing.T) {
	longform.Only(t)
	all := os.Getenv("LIFELINE_PROVE") == "zones"
	zones, count, walls := 0, 0, 0
	for n, name := range zoneNames(t) {
		if !all && n%4 != 0 {
			continue
		}
		loc, err := Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		zones++
		seen := map[string]bool{}
		for _, at := range transitions(loc) {
			_, before := at.Add(-time.Second).In(loc).Zone()
			_, after := at.In(loc).Zone()
			kind := fmt.Sprint(before, after)
			if !all && seen[kind] {
				continue
			}
			seen[kind] = true
			count++
			walls += aroundTransition(t, name, loc, at, time.Duration(after-before)*time.Second)
		}
	}
	t.Logf("%d zones, %d transitions, %d wall times", zones, count, walls)
}

func aroundTransition(t *testing.T, name string, loc *time.Location, at time.Time, shift time.Duration) (n int) {
	old := asWall(at.Add(-time.Second), loc).Add(time.Second) // the wall time at which the clocks change
	for _, off := range []time.Duration{-shift, -shift / 2, -time.Minute, 0, time.Minute, shift / 2, shift, shift +
		time.Minute, -24 * time.Hour, 12 * time.Hour} {
		wall := old.Add(off).Truncate(time.Minute)
		want := slowResolve(wall, loc)
		if got := Resolve(wall, loc); !got.Equal(want) {
			t.Errorf("%s: wall %s is %s, want %s", name, wall.Format(time.DateTime), got, want)
		}
		n++
	}
	wall := old.Add(shift / 2).Truncate(time.Minute) // in the gap, if there is one
	s := Station{ID: "s", Timezone: name, Windows: []Window{{ID: "w", Length: Ms(60_000),
		Starts: Recurrence{Timezone: name, RRule: wall.AddDate(0, 0, -3).Format("DTSTART:20060102T150405") +
			"\nRRULE:FREQ=DAILY"}}}}
	from, to := at.Add(-80*time.Hour), at.Add(80*time.Hour)
	got, err := s.Occurrences(from, to)
	if err != nil {
		t.Fatal(err)
	}
	var want []time.Time
	for d := -3; d <= 5; d++ {
		if i := slowResolve(wall.AddDate(0, 0, d), loc); !i.Before(from) && i.Before(to) && !slices.ContainsFunc(want,
			i.Equal) {
			want = append(want, i)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s around %s: %d windows, want %d", name, at, len(got), len(want))
		return n
	}
	for i := range got {
		if !got[i].StartAt.Equal(want[i]) {
			t.Errorf("%s: window starts at %s, want %s", name, got[i].StartAt, want[i])
		}
		start, end, err := s.DayBounds(got[i].Date)
		if err != nil || got[i].StartAt.Before(start) || !got[i].StartAt.Before(end) {
			t.Errorf("%s: %s is said to lie in %s (%s to %s)", name, got[i].StartAt, got[i].Date, start, end)
		}
	}
	return n
}

// Some systems keep other files beside the zones, whose meaning differs from machine to machine.
func TestZoneOfTheMachineIsNone(t *testing.T) {
	for _, name := range []string{"", "Local", "localtime", "posixrules", "Factory", "posix/Asia/Seoul",
		"right/Asia/Seoul", "right/UTC"} {
		if zone, err := Zone(name); err == nil {
			t.Errorf("%q is taken as %s", name, zone)
		}
	}
	for _, name := range []string{"UTC", "Etc/GMT+12", "Asia/Pyongyang", "PST8PDT"} {
		if _, err := Zone(name); err != nil {
			t.Error(err)
		}
	}
}

// A zone whose changes follow a rule has bounds where clocks change, and nowhere else: not where a year ends, of which
// Go's bounds are one, and a day too early in a leap year.
func TestBoundsAreWhereClocksChange(t *testing.T) {
	for _, name := range zoneNames(t) {
		loc, err := Zone(name)
		if err != nil {
			continue // a name that means another place on another machine
		}
		for _, year := range []int{2024, 2028, 2029, 2096} {
			for _, at := range []time.Time{time.Date(year, 12, 30, 23, 59, 59, 0, time.UTC),
				time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC),
				time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC)} {
				at = at.In(loc)
				from, until := ZoneBounds(at)
				if !from.IsZero() && (from.After(at) || sameOffset(at, from.Add(-time.Second))) {
					t.Errorf("%s: clocks do not change at %s, the bound before %s", name, from, at)
				}
				if !until.IsZero() && (!until.After(at) || sameOffset(at, until)) {
					t.Errorf("%s: clocks do not change at %s, the bound after %s", name, until, at)
				}
				wall := at.Add(offsetOf(at)).UTC()
				if got := Resolve(wall, loc); !got.Equal(at) && !Shows(wall, got, loc) {
					t.Errorf("%s: %s is resolved to %s", name, at, got)
				}
			}
		}
	}
}

func offsetOf(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
