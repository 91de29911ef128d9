package schedules

import (
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/schedules/zonedata"
)

// Zone loads an IANA time zone from the newest data at hand (zonedata.Present). Unlike time.LoadLocation it rejects
// names whose meaning depends on the machine, "" and "Local", and names of other files that some systems keep in their
// zone directory.
func Zone(name string) (*time.Location, error) {
	dir, _, _ := strings.Cut(name, "/")
	if slices.Contains(nonIANANames, dir) {
		return nil, undefined("%q is not a time zone: write an IANA name such as Asia/Seoul, or UTC", name)
	}
	if name == "UTC" {
		return time.UTC, nil
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	rules, err := zonedata.Present().File(name)
	if err != nil {
		return nil, undefined("%q is not a known time zone: write an IANA name such as Asia/Seoul, or UTC", name)
	}
	loc, err := time.LoadLocationFromTZData(name, rules)
	if err != nil {
		return nil, undefined("%q cannot be read from the time zone data %s: %v", name, zonedata.Present(), err)
	}
	zones.Store(loc.String(), loc)
	return loc, nil
}

// nonIANANames lists names in the zone directory that are not IANA zones: the configured zone, the zone of POSIX rules,
// the placeholder, and copies of all zones, one set of which counts leap seconds.
var nonIANANames = []string{"", "Local", "localtime", "posixrules", "Factory", "posix", "right"}

// WallTime returns an instant as clocks in the zone show it. If the zone is unknown, it returns the instant in UTC.
func WallTime(zone string, at Instant) string {
	loc, err := Zone(zone)
	if err != nil {
		return at.String()
	}
	return at.In(loc).Format(time.TimeOnly)
}

// zones caches the loaded zones by name, because reading and parsing its rules takes time. Its size is bounded by
// the number of IANA names.
var zones sync.Map

// maxOffset exceeds the largest offset from UTC that any zone has had.
const maxOffset = 27 * time.Hour

// Shows reports whether clocks in loc show wall, which is written as UTC, at t.
func Shows(wall, t time.Time, loc *time.Location) bool {
	_, offset := t.In(loc).Zone()
	return t.Add(time.Duration(offset) * time.Second).Equal(wall)
}

// Resolve returns the instant at which clocks in loc show the wall time that wall shows in UTC. A wall time that exists
// twice means its first occurrence. A wall time that does not exist moves forward by the gap: it is read with the
// offset in force before the gap.
func Resolve(wall time.Time, loc *time.Location) time.Time {
	wall = wall.UTC()
	var moved time.Time
	end := wall.Add(maxOffset)
	for at := wall.Add(-maxOffset); !at.After(end); {
		local := at.In(loc)
		_, offset := local.Zone()
		from, until := sameOffsetAround(local)
		t := wall.Add(-time.Duration(offset) * time.Second)
		before := !from.IsZero() && t.Before(from)
		after := !until.IsZero() && !t.Before(until)
		if !before && !after {
			return t
		}
		if after {
			moved = t // past this interval of constant offset; in a gap, also before the next one
		}
		if until.IsZero() {
			break
		}
		at = until.UTC()
	}
	return moved
}

// ZoneBounds returns the interval around t in which clocks in its zone do not change, as Time.ZoneBounds does; a zero
// time is no bound. Where changes follow a rule, Time.ZoneBounds also ends an interval where a UTC year ends.
func ZoneBounds(t time.Time) (from, until time.Time) {
	from, until = sameOffsetAround(t)
	for !until.IsZero() && sameOffset(t, until) {
		_, until = sameOffsetAround(until)
	}
	for !from.IsZero() {
		before := from.Add(-time.Second)
		if !sameOffset(t, before) {
			break
		}
		from, _ = before.ZoneBounds()
	}
	return from, until
}

// sameOffsetAround returns an interval around t in which clocks in its zone do not change, which may go on beyond it.
// In the last interval of a leap year, Time.ZoneBounds ends it a day too early where the changes follow a rule.
func sameOffsetAround(t time.Time) (from, until time.Time) {
	from, until = t.ZoneBounds()
	if !until.IsZero() && !until.After(t) {
		until = time.Date(t.UTC().Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC).In(t.Location())
	}
	return from, until
}

// sameOffset reports whether clocks in the zone of a and b show the same offset, under the same name.
func sameOffset(a, b time.Time) bool {
	name, offset := a.Zone()
	other, shifted := b.Zone()
	return name == other && offset == shifted && a.IsDST() == b.IsDST()
}

// DayBounds returns the broadcast day d of the station as [start, end): from the first instant of d to the first
// instant of the next day in the station's zone. A day may last 23, 24 or 25 hours and need not begin at midnight.
func (s Station) DayBounds(d Date) (start, end time.Time, err error) {
	loc, err := Zone(s.Timezone)
	if err != nil {
		return time.Time{}, time.Time{}, err
	}
	start, end = d.Bounds(loc)
	return start, end, nil
}

// Bounds returns the day in a zone as [start, end): from its first instant to the first instant of the next day.
func (d Date) Bounds(loc *time.Location) (start, end time.Time) {
	return Resolve(d.utc(), loc), Resolve(d.AddDays(1).utc(), loc)
}

// DateAt returns the station's broadcast day that contains t.
func (s Station) DateAt(t time.Time) (Date, error) {
	loc, err := Zone(s.Timezone)
	if err != nil {
		return Date{}, err
	}
	return dateAt(t, loc), nil
}

func dateAt(t time.Time, loc *time.Location) Date {
	d := DateOf(t.In(loc)).AddDays(-1)
	for { // at most three steps: only a transition at midnight parts the wall's date from the day
		if _, end := d.Bounds(loc); t.Before(end) {
			return d
		}
		d = d.AddDays(1)
	}
}
