package schedules

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// MaxPause is the longest pause on ordinary days between two windows that still adjoin.
const MaxPause = 5 * time.Minute

// ClockChange is what a change of clocks makes of one occurrence of a window in wall time. Its windows take up the hour
// that is left out or comes twice, so that windows which adjoin on ordinary days do so in that night too:
//
//   - A window that would run into one that starts after its end on ordinary days ends where that one begins. Where
//     nothing is left of it, it falls away that night.
//   - A window that adjoins the next, with a pause of at most MaxPause, reaches to it across the hour that comes twice.
//     Where a window of another zone begins before that, it reaches to that one.
//
// A pause of at most MaxPause stays. Any other window keeps its length.
type ClockChange struct {
	Occurrence         // as it is; EndAt is StartAt where the window falls away
	Ordinary   Instant // where it would end at its full length
	At         Instant // when the clocks change
	Shift      Millis  // by how much they are put forward, or, below zero, back
}

// Kind says in one word what becomes of the window.
func (c ClockChange) Kind() string {
	switch {
	case !c.EndAt.After(c.StartAt.Time):
		return "left out"
	case c.EndAt.Before(c.Ordinary.Time):
		return "shortened"
	}
	return "lengthened"
}

// Say tells a scheduler of it in the time of a zone.
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

// wallStart is a start of a window: the wall time that its recurrence gives, written as UTC, and its instant.
type wallStart struct {
	wall, at time.Time
	still    bool // clocks change neither shortly before it nor within its longest length
	window   int  // of the station
}

// stillTime are wall times [from, until) with one offset from UTC, of which no change of clocks is near.
type stillTime struct {
	from, until time.Time
	offset      time.Duration
}

func (q stillTime) holds(wall time.Time) bool { return !wall.Before(q.from) && wall.Before(q.until) }

// stillAround is the time around t, up to the next changes of clocks in loc.
func stillAround(t time.Time, loc *time.Location) stillTime {
	local := t.In(loc)
	_, seconds := local.Zone()
	from, until := local.ZoneBounds()
	q := stillTime{offset: time.Duration(seconds) * time.Second, until: t.AddDate(1000, 0, 0)}
	if !from.IsZero() {
		q.from = from.UTC().Add(q.offset + wallReach)
	}
	if !until.IsZero() {
		q.until = until.UTC().Add(q.offset - wallReach - maxLength - MaxPause)
	}
	return q
}

// zoneStarts are the starts, by wall time, of the windows whose recurrence is in one zone.
type zoneStarts struct {
	loc    *time.Location
	starts []wallStart
}

// occurrence is one start with its end at the window's full length, and, where the clocks change, as they make it.
func (z *zoneStarts) occurrence(i int, windows []Window) (Occurrence, *ClockChange) {
	s := z.starts[i]
	w := &windows[s.window]
	length := w.Length.Duration
	o := Occurrence{Window: w.ID, StartAt: At(s.at), EndAt: At(s.at.Add(length))}
	if s.still {
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
			return o, nil // they overlap on ordinary days too
		}
	}
	for j := next; j < len(z.starts) && !z.starts[j].wall.After(wallEnd.Add(wallReach)); j++ {
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

// change is the change of clocks that a window of the length, started so, has to do with: its wall time is skipped by
// it, or the clocks change before it ends.
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

// ClockChanges are the occurrences that start in [from, to) and that a change of clocks shortens, lengthens or leaves
// out. It fails as Occurrences does.
func (s Station) ClockChanges(from, to time.Time) ([]ClockChange, error) {
	_, changes, err := s.expand(from, to)
	return changes, err
}

// expand are the occurrences that start in [from, to), in order, and what changes of clocks made of them.
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

// starts are the starts of the windows in [from, to), by zone. Around a change of clocks they are those before and
// after it too that have to do with it.
func (s Station) starts(from, to time.Time) ([]*zoneStarts, error) {
	var out []*zoneStarts
	for n, w := range s.Windows {
		r, err := w.Starts.parse()
		if err != nil {
			return nil, undefined("station %s, window %s: %v", s.ID, w.ID, err)
		}
		low, high := from, to
		if _, until := from.Add(-2 * wallReach).In(r.loc).ZoneBounds(); !until.IsZero() &&
			until.Before(to.Add(maxLength+MaxPause)) {
			low, high = from.Add(-wallReach), to.Add(maxLength+2*wallReach)
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

// stopBefore ends what a change of clocks lengthened where a window of another zone begins.
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
