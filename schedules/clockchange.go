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
// A pause of at most MaxPause is kept. Every other window keeps its length.
type ClockChange struct {
	Occurrence         // after the change; EndAt equals StartAt if the window is left out
	Ordinary   Instant // its end at full length
	At         Instant // when the clocks change
	Shift      Millis  // positive if clocks go forward, negative if they go back
}

// Kind names the effect on the window in a word or two.
func (c ClockChange) Kind() string {
	switch {
	case !c.EndAt.After(c.StartAt.Time):
		return "left out"
	case c.EndAt.Before(c.Ordinary.Time):
		return "shortened"
	}
	return "lengthened"
}

// Say describes the change to a scheduler, in the time of the given zone.
func (c ClockChange) Say(loc *time.Location) string {
	clock := func(t time.Time) string { return t.In(loc).Format("15:04:05") }
	how, by := "forward", c.Shift.Duration
	if by < 0 {
		how, by = "back", -by
	}
	what := fmt.Sprintf("is %s: it lasts %s, not %s", c.Kind(), FormatLength(c.EndAt.Sub(c.StartAt.Time)),
		FormatLength(c.Ordinary.Sub(c.StartAt.Time)))
	if c.Kind() == "left out" {
		what = "falls away, for the time that it airs in does not exist that night"
	}
	return fmt.Sprintf("the window of %s %s, since clocks are put %s by %s to %s on %s", clock(c.StartAt.Time), what, how,
		FormatLength(by),
		clock(c.At.Time), c.At.In(loc).Format(time.DateOnly))
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
	from, until := local.ZoneBounds()
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

// occurrence returns the occurrence of start i. If a change of clocks affects it, the occurrence is adjusted and the
// change is returned as well.
func (z *zoneStarts) occurrence(i int, windows []Window) (Occurrence, *ClockChange) {
	s := z.starts[i]
	w := &windows[s.window]
	length := w.Length.Duration
	o := Occurrence{Window: w.ID, StartAt: At(s.at), EndAt: At(s.at.Add(length))}
	if s.steady {
		return o, nil
	}
	at, shift, near := z.change(s, length+MaxPause)
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
	if end.Equal(o.EndAt.Time) {
		return o, nil
	}
	c := &ClockChange{Occurrence: o, Ordinary: o.EndAt, At: At(at), Shift: Millis{shift}}
	if end.Before(s.at) {
		end = s.at
	}
	c.EndAt = At(end)
	return c.Occurrence, c
}

// change returns the change of clocks that affects a window with that start and length: the change skips its wall time,
// or happens before the window ends.
func (z *zoneStarts) change(s wallStart, length time.Duration) (at time.Time, shift time.Duration, near bool) {
	local := s.at.In(z.loc)
	_, offset := local.Zone()
	from, until := local.ZoneBounds()
	if moved := time.Duration(offset)*time.Second - s.wall.Sub(s.at); moved != 0 {
		return from, moved, true
	}
	if until.IsZero() || until.After(s.at.Add(length)) {
		return at, 0, false
	}
	_, next := until.Zone()
	return until, time.Duration(next-offset) * time.Second, true
}

// ClockChanges returns the occurrences that start in [from, to) and that a change of clocks shortens, lengthens or
// removes. It fails as Occurrences does.
func (s Station) ClockChanges(from, to time.Time) ([]ClockChange, error) {
	_, changes, err := s.expand(from, to)
	return changes, err
}

// expand returns the occurrences that start in [from, to), in order, and the changes of clocks that affect them.
func (s Station) expand(from, to time.Time) ([]Occurrence, []ClockChange, error) {
	if err := withinSpan(from, to); err != nil {
		return nil, nil, err
	}
	loc, err := Zone(s.Timezone)
	if err != nil {
		return nil, nil, undefined("station %s: %v", s.ID, err)
	}
	zones, err := s.starts(from, to)
	if err != nil {
		return nil, nil, err
	}
	var out []Occurrence
	var changes []ClockChange
	for _, z := range zones {
		for i := range z.starts {
			if at := z.starts[i].at; at.Before(from) || !at.Before(to) {
				continue
			}
			o, change := z.occurrence(i, s.Windows)
			if change != nil {
				changes = append(changes, *change)
			}
			if o.EndAt.After(o.StartAt.Time) || change == nil {
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, byStart)
	out = slices.Compact(out)
	if len(zones) > 1 {
		changes = stopBefore(out, changes)
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
func (s Station) starts(from, to time.Time) ([]*zoneStarts, error) {
	var out []*zoneStarts
	for n, w := range s.Windows {
		r, err := w.Starts.parse()
		if err != nil {
			return nil, undefined("station %s, window %s: %v", s.ID, w.ID, err)
		}
		low, high := from, to
		if _, until := from.Add(-2 * maxOffset).In(r.loc).ZoneBounds(); !until.IsZero() &&
			until.Before(to.Add(MaxWindow+MaxPause)) {
			low, high = from.Add(-maxOffset), to.Add(MaxWindow+2*maxOffset)
		}
		starts, err := r.starts(low, high)
		if err != nil {
			return nil, undefined("station %s, window %s: %v", s.ID, w.ID, err)
		}
		i := slices.IndexFunc(out, func(z *zoneStarts) bool { return z.loc.String() == r.loc.String() })
		if i < 0 {
			i = len(out)
			out = append(out, &zoneStarts{loc: r.loc})
		}
		for _, start := range starts {
			start.window = n
			out[i].starts = append(out[i].starts, start)
		}
	}
	for _, z := range out {
		slices.SortFunc(z.starts, func(a, b wallStart) int {
			return cmp.Or(a.wall.Compare(b.wall),
				cmp.Compare(a.window, b.window))
		})
	}
	return out, nil
}

func byStart(a, b Occurrence) int {
	return cmp.Or(a.StartAt.Compare(b.StartAt.Time), cmp.Compare(a.Window, b.Window))
}

// stopBefore shortens each lengthened window that would run into a window of another zone.
func stopBefore(out []Occurrence, changes []ClockChange) []ClockChange {
	for n := range changes {
		c := &changes[n]
		i, found := slices.BinarySearchFunc(out, c.Occurrence, byStart)
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
	return slices.DeleteFunc(changes, func(c ClockChange) bool { return c.EndAt.Equal(c.Ordinary.Time) })
}
