package schedules

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Zone loads an IANA time zone. Unlike time.LoadLocation it refuses what means whatever the machine thinks: "" and
// "Local", and the other files beside the zones that some systems have.
func Zone(name string) (*time.Location, error) {
	dir, _, _ := strings.Cut(name, "/")
	if slices.Contains(ofTheMachine, dir) {
		return nil, undefined("%q is not a time zone: write an IANA name such as Asia/Seoul, or UTC", name)
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, undefined("%q is not a known time zone: write an IANA name such as Asia/Seoul, or UTC", name)
	}
	zones.Store(loc.String(), loc)
	return loc, nil
}

// ofTheMachine are names that IANA does not give: the zone that is set, or that rules are made of, none at all, and
// copies of all zones of which one counts leap seconds.
var ofTheMachine = []string{"", "Local", "localtime", "posixrules", "Factory", "posix", "right"}

// WallTime is an instant as clocks in a zone show it, as people at a station read a day; in a zone that is not known,
// as it is.
func WallTime(zone string, at Instant) string {
	loc, err := Zone(zone)
	if err != nil {
		return at.String()
	}
	return at.In(loc).Format(time.TimeOnly)
}

// zones are those that were loaded, by name: time.LoadLocation reads its file each time. There are as many as the IANA
// has named.
var zones sync.Map

// wallReach is more than any zone has ever been off UTC.
const wallReach = 27 * time.Hour

// Resolve is the instant at which clocks in loc show the wall time that wall shows in UTC. A wall time that exists
// twice is its first occurrence; one that does not exist moves forward by the gap, that is, it is read with the
// offset in force before the gap.
func Resolve(wall time.Time, loc *time.Location) time.Time {
	wall = wall.UTC()
	var moved time.Time
	end := wall.Add(wallReach)
	for at := wall.Add(-wallReach); !at.After(end); {
		local := at.In(loc)
		_, offset := local.Zone()
		from, until := local.ZoneBounds()
		t := wall.Add(-time.Duration(offset) * time.Second)
		before := !from.IsZero() && t.Before(from)
		after := !until.IsZero() && !t.Before(until)
		if !before && !after {
			return t
		}
		if after {
			moved = t // past this stretch of constant offset; in a gap, also before the next one
		}
		if until.IsZero() {
			break
		}
		at = until.UTC()
	}
	return moved
}

// DayBounds is the broadcast day d of the station: [start, end) from the first instant of d to the first of the
// next day in the station's own zone. A day may last 23, 24 or 25 hours, and need not begin at a midnight.
func (s Station) DayBounds(d Date) (start, end time.Time, err error) {
	loc, err := Zone(s.Timezone)
	if err != nil {
		return time.Time{}, time.Time{}, err
	}
	start, end = d.Bounds(loc)
	return start, end, nil
}

// Bounds is the day in a zone: [start, end) from its first instant to the first of the next day.
func (d Date) Bounds(loc *time.Location) (start, end time.Time) {
	return Resolve(d.utc(), loc), Resolve(d.AddDays(1).utc(), loc)
}

// DateAt is the station's broadcast day that contains t: the d with DayBounds(d) around t.
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
