package schedules

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// MaxPause is the longest pause on ordinary days between two windows that still adjoin.
const MaxPause = 5 * time.Minute

// ClockChange describes how a change of clocks affects one occurrence of a window in wall time. The windows absorb the
// hour that is skipped or repeated, so that windows which adjoin on ordinary days also adjoin in that night:
//
//   - A window that would run into one that starts after its end on ordinary days ends where that one begins. If no
//     time remains, it is left out that night.
//   - A window that adjoins the next one, with a pause of at most MaxPause, extends to it across the repeated hour. If
//     a window of another zone begins before that, it extends to that window.
//
// A pause of at most MaxPause is kept. Every other window keeps its length: one that starts in the skipped hour starts
// after it, one that runs across the skipped hour ends later by the clock, and the repeated hour is silent where no
// window airs. Each is a change too, if the window airs at other times by the clock or if a part of the repeated hour
// that it fills on ordinary days is silent.
type ClockChange struct {
	Occurrence                // after the change; EndAt equals StartAt if the window is left out
	Ordinary   Instant        // its end at full length
	At         Instant        // when the clocks change
	Shift      Millis         // positive if clocks go forward, negative if they go back
	Wall       time.Time      // its start on ordinary days: the wall time in Zone, written as UTC
	Zone       *time.Location // of its recurrence
	Silent     []SilentTime   // the times of ordinary days in which nothing airs after clocks are put back, in order
}

// SilentTime is an interval [From, Until) in which no window airs.
type SilentTime struct{ From, Until Instant }

// Kind names the effect on the window in a word or two. It is empty if there is none.
func (c ClockChange) Kind() string {
	switch {
	case !c.EndAt.After(c.StartAt.Time):
		return "left out"
	case c.EndAt.Before(c.Ordinary.Time):
		return "shortened"
	case c.EndAt.After(c.Ordinary.Time):
		return "lengthened"
	case c.startsLater() || c.endsLater():
		return "moved"
	case len(c.Silent) > 0:
		return "not repeated"
	}
	return ""
}

func (c ClockChange) startsLater() bool { return !Shows(c.Wall, c.StartAt.Time, c.Zone) }

func (c ClockChange) endsLater() bool {
	return c.Shift.Duration > 0 && c.EndAt.After(c.At.Time) && !Shows(c.wallEnd(), c.EndAt.Time, c.Zone)
}

// wallEnd returns the end on ordinary days, as Wall is written.
func (c ClockChange) wallEnd() time.Time { return c.Wall.Add(c.Ordinary.Sub(c.StartAt.Time)) }

// Say describes the change to a scheduler in the time of the window's zone, and names that zone if it is not the
// station's.
func (c ClockChange) Say(station *time.Location) string {
	clock := func(t Instant) string { return t.In(c.Zone).Format(time.TimeOnly) }
	lasts := fmt.Sprintf("it lasts %s, not %s", FormatLength(c.EndAt.Sub(c.StartAt.Time)),
		FormatLength(c.Ordinary.Sub(c.StartAt.Time)))
	wall := c.Wall.Format(time.TimeOnly)
	what := "is " + c.Kind() + ": "
	switch c.Kind() {
	case "left out":
		what = "does not air: its time does not exist that night"
	case "moved":
		what += fmt.Sprintf("it airs from %s to %s, not from %s to %s", clock(c.StartAt), clock(c.EndAt), wall,
			c.wallEnd().Format(time.TimeOnly))
	case "not repeated":
		what = "airs once, for " + FormatLength(c.EndAt.Sub(c.StartAt.Time)) + " as on other days"
	default:
		if c.startsLater() {
			what = "starts at " + clock(c.StartAt) + " and " + what
		}
		what += lasts
	}
	for _, s := range c.Silent {
		what += fmt.Sprintf(", and nothing airs from %s to %s", s.From.In(c.Zone).Format("15:04:05 MST"),
			s.Until.In(c.Zone).Format("15:04:05 MST"))
	}
	how, by := "forward", c.Shift.Duration
	if by < 0 {
		how, by = "back", -by
	}
	said := fmt.Sprintf("The window of %s %s, because clocks go %s by %s to %s on %s", wall, what, how,
		FormatLength(by), clock(c.At), c.At.In(c.Zone).Format(time.DateOnly))
	if c.Zone.String() != station.String() {
		said += " (times in " + c.Zone.String() + ")"
	}
	return said
}

// wallStart is one start of a window: the wall time that its recurrence gives, written as UTC, and its instant.
type wallStart struct {
	wall, at time.Time
	steady   bool // no change of clocks shortly before it or within the longest possible length
	window   int  // index in the station's windows
}

// steadyInterval is an interval [from, until) of wall times that has one offset from UTC and no change of clocks near
// it.
type steadyInterval struct {
	from, until time.Time
	offset      time.Duration
}

func (q steadyInterval) contains(wall time.Time) bool {
	return !wall.Before(q.from) && wall.Before(q.until)
}

// steadyAround returns the interval around t that ends before the next changes of clocks in loc.
func steadyAround(t time.Time, loc *time.Location) steadyInterval {
	local := t.In(loc)
	_, seconds := local.Zone()
	from, until := ZoneBounds(local)
	q := steadyInterval{offset: time.Duration(seconds) * time.Second, until: t.AddDate(1000, 0, 0)}
	if !from.IsZero() {
		q.from = from.UTC().Add(q.offset + maxOffset)
	}
	if !until.IsZero() {
		q.until = until.UTC().Add(q.offset - maxOffset - MaxWindow - MaxPause)
	}
	return q
}

// zoneStarts holds the starts, by wall time, of the windows whose recurrence uses one zone.
type zoneStarts struct {
	loc    *time.Location
	starts []wallStart
}

// occurrence returns the occurrence of start i. If clocks change near it, the occurrence is adjusted and the change is
// returned as well, even if it has no effect.
func (z *zoneStarts) occurrence(i int, windows []Window) (Occurrence, *ClockChange) {
	s := z.starts[i]
	w := &windows[s.window]
	length := w.Length.Duration
	o := Occurrence{Window: w.ID, StartAt: At(s.at), EndAt: At(s.at.Add(length))}
	if s.steady {
		return o, nil
	}
	at, shift, near := z.change(s, length+maxOffset)
	if !near {
		return o, nil
	}
	end, wallEnd := o.EndAt.Time, s.wall.Add(length)
	next := i + 1
	for ; next < len(z.starts) && z.starts[next].wall.Before(wallEnd); next++ {
		if z.starts[next].wall.After(s.wall) || z.starts[next].window != s.window {
			return o, nil // the windows overlap on ordinary days too
		}
	}
	for j := next; j < len(z.starts) && !z.starts[j].wall.After(wallEnd.Add(maxOffset)); j++ {
		n := z.starts[j]
		pause := n.wall.Sub(wallEnd)
		adjoins := pause <= MaxPause
		if !adjoins {
			pause = 0
		}
		if reach := n.at.Add(-pause); reach.Before(end) || adjoins && j == next && reach.After(end) {
			end = reach
		}
	}
	c := &ClockChange{Occurrence: o, Ordinary: o.EndAt, At: At(at), Shift: Millis{shift}, Wall: s.wall, Zone: z.loc}
	if end.Before(s.at) {
		end = s.at
	}
	c.EndAt = At(end)
	return c.Occurrence, c
}

// change returns the change of clocks that skips the wall time of a start, or else the one that happens within the
// given length after it.
func (z *zoneStarts) change(s wallStart, length time.Duration) (at time.Time, shift time.Duration, near bool) {
	local := s.at.In(z.loc)
	_, offset := local.Zone()
	from, until := ZoneBounds(local)
	if moved := time.Duration(offset)*time.Second - s.wall.Sub(s.at); moved != 0 {
		return from, moved, true
	}
	if until.IsZero() || until.After(s.at.Add(length)) {
		return at, 0, false
	}
	_, next := until.Zone()
	return until, time.Duration(next-offset) * time.Second, true
}

// ClockChanges returns the occurrences that start in [from, to) and that a change of clocks affects. It fails as
// Occurrences does.
func (s Station) ClockChanges(from, to time.Time) ([]ClockChange, error) {
	_, changes, err := s.expand(from, to)
	if err != nil {
		return nil, err
	}
	for n := range changes {
		if changes[n].Silent, err = s.silence(changes[n]); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(changes, func(c ClockChange) bool { return c.Kind() == "" }), nil
}

// silence returns the parts of the repeated hour that the window fills on ordinary days and in which no window airs.
func (s Station) silence(c ClockChange) ([]SilentTime, error) {
	if c.Shift.Duration >= 0 {
		return nil, nil
	}
	_, offset := c.At.In(c.Zone).Zone()
	again := c.Wall.Add(-time.Duration(offset) * time.Second) // when clocks show the window's start after the change
	at, until := again, again.Add(c.Ordinary.Sub(c.StartAt.Time))
	for _, t := range []Instant{c.EndAt, c.At} {
		if t.After(at) {
			at = t.Time
		}
	}
	if !at.Before(until) {
		return nil, nil
	}
	airs, err := s.Occurrences(c.StartAt.Time, until)
	if err != nil {
		return nil, err
	}
	var out []SilentTime
	for _, o := range airs {
		if o.StartAt.After(at) {
			out = append(out, SilentTime{At(at), o.StartAt})
		}
		if o.EndAt.After(at) {
			at = o.EndAt.Time
		}
	}
	if at.Before(until) {
		out = append(out, SilentTime{At(at), At(until)})
	}
	return out, nil
}

// expand returns the occurrences that start in [from, to), in order, and the changes of clocks near them.
func (s Station) expand(from, to time.Time) ([]AirTime, []ClockChange, error) {
	if err := withinSpan(from, to); err != nil {
		return nil, nil, err
	}
	loc, err := Zone(s.Timezone)
	if err != nil {
		return nil, nil, undefined("station %s: %v", s.ID, err)
	}
	zones, days, err := s.starts(from, to)
	if err != nil {
		return nil, nil, err
	}
	most := 0
	for _, z := range zones {
		most += len(z.starts)
	}
	out := make([]AirTime, 0, most)
	var changes []ClockChange
	for _, z := range zones {
		for i := range z.starts {
			if at := z.starts[i].at; at.Before(from) || !at.Before(to) {
				continue
			}
			o, change := z.occurrence(i, days.windows)
			if change != nil {
				changes = append(changes, *change)
			}
			if o.EndAt.After(o.StartAt.Time) || change == nil {
				w := z.starts[i].window
				out = append(out, AirTime{o, &days.windows[w], days.of[w]})
			}
		}
	}
	slices.SortFunc(out, func(a, b AirTime) int { return byStart(a.Occurrence, b.Occurrence) })
	out = slices.CompactFunc(out, func(a, b AirTime) bool {
		return a.Occurrence == b.Occurrence && a.Exception == b.Exception
	})
	if len(zones) > 1 {
		stopBefore(out, changes)
	}
	date(out, loc)
	for n := range changes {
		changes[n].Date = dateAt(changes[n].StartAt.Time, loc)
	}
	slices.SortFunc(changes, func(a, b ClockChange) int { return byStart(a.Occurrence, b.Occurrence) })
	return out, changes, nil
}

// starts returns the starts of the windows in [from, to), by zone. Near a change of clocks it includes earlier and
// later starts that the change involves.
func (s Station) starts(from, to time.Time) ([]*zoneStarts, *special, error) {
	days, err := s.special()
	if err != nil {
		return nil, nil, undefined("station %s: %v", s.ID, err)
	}
	var out []*zoneStarts
	add := func(loc *time.Location, starts ...wallStart) {
		i := slices.IndexFunc(out, func(z *zoneStarts) bool { return z.loc.String() == loc.String() })
		if i < 0 {
			i = len(out)
			out = append(out, &zoneStarts{loc: loc})
		}
		out[i].starts = append(out[i].starts, starts...)
	}
	for n, w := range s.Windows {
		r, err := w.Starts.parse()
		if err != nil {
			return nil, nil, undefined("station %s, window %s: %v", s.ID, w.ID, err)
		}
		low, high := from, to
		if _, until := ZoneBounds(from.Add(-2 * maxOffset).In(r.loc)); !until.IsZero() &&
			until.Before(to.Add(MaxWindow+MaxPause)) {
			low, high = from.Add(-maxOffset), to.Add(MaxWindow+2*maxOffset)
		}
		starts, err := r.starts(low, high)
		if err != nil {
			return nil, nil, undefined("station %s, window %s: %v", s.ID, w.ID, err)
		}
		for i := range starts {
			starts[i].window = n
		}
		add(r.loc, days.settle(starts)...)
	}
	moved, locs, err := days.moved(from.Add(-maxOffset), to.Add(MaxWindow+2*maxOffset))
	if err != nil {
		return nil, nil, err
	}
	for i, start := range moved {
		add(locs[i], start)
	}
	for _, z := range out {
		slices.SortFunc(z.starts, func(a, b wallStart) int {
			return cmp.Or(a.wall.Compare(b.wall),
				cmp.Compare(a.window, b.window))
		})
	}
	return out, days, nil
}

func byStart(a, b Occurrence) int {
	return cmp.Or(a.StartAt.Compare(b.StartAt.Time), cmp.Compare(a.Window, b.Window))
}

// stopBefore shortens each lengthened window that would run into a window of another zone.
func stopBefore(out []AirTime, changes []ClockChange) {
	for n := range changes {
		c := &changes[n]
		i, found := slices.BinarySearchFunc(out, c.Occurrence,
			func(a AirTime, o Occurrence) int { return byStart(a.Occurrence, o) })
		if !found || !c.EndAt.After(c.Ordinary.Time) {
			continue
		}
		for _, o := range out[i+1:] {
			if !o.StartAt.Before(c.EndAt.Time) {
				break
			}
			if !o.StartAt.Before(c.Ordinary.Time) {
				c.EndAt, out[i].EndAt = o.StartAt, o.StartAt
			}
		}
	}
}
