package calendar

import (
	"fmt"
	"time"

	ics "github.com/arran4/golang-ical"

	"lifeline/schedules"
)

// isUTC reports whether clocks in loc show UTC throughout the interval.
func isUTC(loc *time.Location, from, to time.Time) bool {
	_, offset := from.In(loc).Zone()
	_, until := schedules.ZoneBounds(from.In(loc))
	return offset == 0 && (until.IsZero() || !until.Before(to))
}

// addZone defines a zone for an interval, change by change. The definition includes a day before and after, for wall
// times near the ends.
func addZone(c *ics.Calendar, loc *time.Location, from, to time.Time) {
	zone := c.AddTimezone(loc.String())
	before := 0
	for at, first := from.AddDate(0, 0, -2), true; at.Before(to.AddDate(0, 0, 2)); first = false {
		t := at.In(loc)
		name, offset := t.Zone()
		start, until := schedules.ZoneBounds(t)
		if first {
			before = offset
			if start.IsZero() {
				start = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
			}
		}
		var part *ics.ComponentBase
		if t.IsDST() {
			daylight := &ics.Daylight{}
			zone.Components, part = append(zone.Components, daylight), &daylight.ComponentBase
		} else {
			part = &zone.AddStandard().ComponentBase
		}
		// The onset is given in the wall time before the change.
		part.SetProperty(ics.ComponentPropertyDtStart, start.UTC().Add(time.Duration(before)*time.Second).Format(local))
		part.SetProperty("TZOFFSETFROM", offsetText(before))
		part.SetProperty("TZOFFSETTO", offsetText(offset))
		part.SetProperty("TZNAME", name)
		if before = offset; until.IsZero() {
			return
		}
		at = until
	}
}

// offsetText formats an offset from UTC as in RFC 5545, 3.3.14.
func offsetText(seconds int) string {
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	out := fmt.Sprintf("%s%02d%02d", sign, seconds/3600, seconds/60%60)
	if s := seconds % 60; s != 0 {
		out += fmt.Sprintf("%02d", s)
	}
	return out
}
