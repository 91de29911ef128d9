package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"lifeline/schedules"
)

// Stretch is the time that a calendar of windows covers: last year, this one and the next, in UTC. It moves once a
// year, so that a calendar stays the same until its station changes.
func Stretch(now time.Time) (from, to time.Time) {
	year := now.UTC().Year()
	return time.Date(year-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+2, 1, 1, 0, 0, 0, 0, time.UTC)
}

// Windows is a station's hired air time within [from, to). A window that repeats is one event with the rule that its
// scheduler wrote, in the window's own zone. Where programs read rules differently (wall times that do not exist or
// exist twice, and windows during which, or shortly after which, clocks change), the start is an event of its own in
// UTC. It fails when a recurrence cannot be read.
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
	zones := map[string]bool{}
	for _, w := range st.Windows {
		r, err := w.Starts.Repetition(from, to)
		if err != nil {
			return nil, fmt.Errorf("calendar: station %s, window %s: %w", st.ID, w.ID, err)
		}
		event := func(id string, length time.Duration) *ics.VEvent {
			e := add(c, id, st.Revision, from)
			e.SetSummary(text(st.Name + ": " + w.ID))
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
				continue // the window falls away
			}
			stamp := t.UTC().Format(utc)
			event(id+"/"+stamp, length).SetProperty(ics.ComponentPropertyDtStart, stamp)
		}
	}
	return write(c), nil
}

// series is a part of a recurrence that every program reads alike.
type series struct {
	rule  string
	walls []time.Time // of its starts, written as UTC
	but   []time.Time // wall times that the rule gives between them and that are left out
}

// split takes the series out of a recurrence and leaves the starts that are none of any. A series ends where the rule
// gives a wall time that does not exist: programs read an exception for one as the exception of another start.
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
		case !shows(wall, t, r.Location):
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

// shows reports whether clocks in loc show wall at t.
func shows(wall, t time.Time, loc *time.Location) bool {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second).Equal(wall)
}

// plain reports whether clocks do not change from start to end, and show what they show then at no later time.
func plain(start, end time.Time, loc *time.Location) bool {
	_, until := start.In(loc).ZoneBounds()
	if until.IsZero() {
		return true
	}
	_, offset := start.In(loc).Zone()
	_, next := until.Zone()
	return end.Before(until.Add(time.Duration(min(0, next-offset)) * time.Second))
}

// write says the series in an event: in UTC where the zone is nothing else.
func (s series) write(e *ics.VEvent, loc *time.Location, inUTC bool) {
	form, in := local, []ics.PropertyParameter{ics.WithTZID(loc.String())}
	if inUTC {
		form, in = utc, nil
	}
	e.SetProperty(ics.ComponentPropertyDtStart, s.walls[0].Format(form), in...)
	// UNTIL depends on who reads a time that does not exist
	e.AddRrule(s.rule + ";COUNT=" + strconv.Itoa(len(s.walls)+len(s.but)))
	if len(s.but) > 0 {
		out := make([]string, len(s.but))
		for n, wall := range s.but {
			out[n] = wall.Format(form)
		}
		e.AddExdate(strings.Join(out, ","), in...)
	}
}
