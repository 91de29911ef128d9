package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"lifeline/internal/text"
	"lifeline/schedules"
)

// Stretch returns the interval that a calendar of windows covers: the last, the present and the next year, in UTC. It
// moves once a year, so that a calendar stays the same until its station changes.
func Stretch(now time.Time) (from, to time.Time) {
	year := now.UTC().Year()
	return time.Date(year-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+2, 1, 1, 0, 0, 0, 0, time.UTC)
}

// Windows formats a station's hired air time within [from, to). A window that repeats is one event with the scheduler's
// rule, in the window's own zone. Starts that programs interpret differently become separate events in UTC: wall times
// that do not exist or exist twice, and windows during which, or shortly after which, clocks change. Windows fails if a
// recurrence is invalid.
func Windows(st schedules.Station, from, to time.Time) ([]byte, error) {
	c := begin(st.Name)
	changes, err := st.ClockChanges(from, to)
	if err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	type start struct {
		window string
		at     int64
	}
	changed := map[start]time.Duration{} // lengths
	for _, x := range changes {
		changed[start{x.Window, x.StartAt.Unix()}] = x.EndAt.Sub(x.StartAt.Time)
	}
	airs, err := st.AirTimes(from, to)
	if err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	ordinary := map[start]bool{}
	for _, a := range airs {
		if a.Exception == nil {
			ordinary[start{a.Terms.ID, a.StartAt.Unix()}] = true
			continue
		}
		stamp := a.StartAt.UTC().Format(utc)
		e := add(c, st.ID+"/"+a.Terms.ID+"/"+stamp, st.Revision, from)
		e.SetSummary(text.ShownLine(strings.Join(slices.DeleteFunc([]string{st.Name + ": " + a.Terms.ID, a.Exception.Name},
			func(s string) bool { return s == "" }), ", ")))
		e.SetDescription(described(st, *a.Terms))
		e.SetProperty(ics.ComponentPropertyDtStart, stamp)
		e.SetProperty(ics.ComponentPropertyDuration, duration(a.EndAt.Sub(a.StartAt.Time)))
	}
	zones := map[string]bool{}
	for _, w := range st.Windows {
		r, err := w.Starts.Repetition(from, to)
		if err != nil {
			return nil, fmt.Errorf("calendar: station %s, window %s: %w", st.ID, w.ID, err)
		}
		r.Starts = slices.DeleteFunc(r.Starts, func(t time.Time) bool { // cancelled, moved, or with other terms
			at := start{w.ID, t.Unix()}
			length, other := changed[at]
			return !ordinary[at] && !(other && length == 0)
		})
		event := func(id string, length time.Duration) *ics.VEvent {
			e := add(c, id, st.Revision, from)
			e.SetSummary(text.ShownLine(st.Name + ": " + w.ID))
			e.SetDescription(described(st, w))
			e.SetProperty(ics.ComponentPropertyDuration, duration(length))
			return e
		}
		id, inUTC := st.ID+"/"+w.ID, isUTC(r.Location, from, to)
		all, rest := split(r, w.Length.Duration+schedules.MaxPause)
		if len(all) > 0 && !inUTC && !zones[r.Location.String()] {
			zones[r.Location.String()] = true
			addZone(c, r.Location, from, to)
		}
		for n, s := range all {
			name := id
			if n > 0 {
				name += "/" + s.walls[0].Format(local)
			}
			s.write(event(name, w.Length.Duration), r.Location, inUTC)
		}
		for _, t := range rest {
			length, other := changed[start{w.ID, t.Unix()}]
			switch {
			case !other:
				length = w.Length.Duration
			case length == 0:
				continue // the change of clocks removes the window
			}
			stamp := t.UTC().Format(utc)
			event(id+"/"+stamp, length).SetProperty(ics.ComponentPropertyDtStart, stamp)
		}
	}
	return write(c), nil
}

// series is a part of a recurrence that all programs interpret alike.
type series struct {
	rule  string
	walls []time.Time // of its starts, written as UTC
	but   []time.Time // wall times that the rule gives between them and that must be excluded
}

// split separates the series of a recurrence from the starts that belong to none. A series ends before a wall time that
// does not exist, because programs apply an exception for such a time to another start.
func split(r schedules.Repetition, length time.Duration) (all []series, rest []time.Time) {
	starts, said := map[int64]bool{}, map[int64]bool{}
	for _, t := range r.Starts {
		starts[t.Unix()] = true
	}
	s := series{rule: r.Rule}
	end := func() {
		if len(s.walls) > 1 {
			last := s.walls[len(s.walls)-1]
			s.but = slices.DeleteFunc(s.but, last.Before)
			for _, wall := range s.walls {
				said[schedules.Resolve(wall, r.Location).Unix()] = true
			}
			all = append(all, s)
		}
		s = series{rule: r.Rule}
	}
	for _, wall := range r.Ruled {
		t := schedules.Resolve(wall, r.Location)
		switch {
		case !schedules.Shows(wall, t, r.Location):
			end()
		case starts[t.Unix()] && plain(t, t.Add(length), r.Location):
			s.walls = append(s.walls, wall)
		case len(s.walls) > 0:
			s.but = append(s.but, wall)
		}
	}
	end()
	return all, slices.DeleteFunc(slices.Clone(r.Starts), func(t time.Time) bool { return said[t.Unix()] })
}

// plain reports whether clocks do not change from start to end, and do not show the same times again later.
func plain(start, end time.Time, loc *time.Location) bool {
	_, until := schedules.ZoneBounds(start.In(loc))
	if until.IsZero() {
		return true
	}
	_, offset := start.In(loc).Zone()
	_, next := until.Zone()
	return end.Before(until.Add(time.Duration(min(0, next-offset)) * time.Second))
}

// write adds the series to an event: in UTC if the zone equals UTC.
func (s series) write(e *ics.VEvent, loc *time.Location, inUTC bool) {
	form, in := local, []ics.PropertyParameter{ics.WithTZID(loc.String())}
	if inUTC {
		form, in = utc, nil
	}
	e.SetProperty(ics.ComponentPropertyDtStart, s.walls[0].Format(form), in...)
	// programs interpret an UNTIL that does not exist differently
	e.AddRrule(s.rule + ";COUNT=" + strconv.Itoa(len(s.walls)+len(s.but)))
	if len(s.but) > 0 {
		out := make([]string, len(s.but))
		for n, wall := range s.but {
			out[n] = wall.Format(form)
		}
		e.AddExdate(strings.Join(out, ","), in...)
	}
}
