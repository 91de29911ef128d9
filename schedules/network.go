package schedules

import (
	"fmt"
	"maps"
	"time"
)

// Network holds everything that a scheduler defines, so that it can be checked as a whole.
type Network struct {
	Stations  []Station
	Clocks    []Clock
	Scripts   []Script
	Campaigns []Campaign
	Segments  func(id string) (Segment, bool) // nil skips the checks that need segments
	From      Date                            // overlaps that end before this day are ignored

	// OverlapsKnown reports whether the overlaps of a station are already known, so that they need not be searched; nil
	// means that none are.
	OverlapsKnown func(id string) bool
	// Searches bounds the occurrences that are searched for overlaps; 0 means no bound.
	Searches int
	// Cancelled reports whether nobody waits for the problems any more, so that the search may end; nil means never.
	Cancelled func() bool
}

// Problems lists all faults within and between the documents, with fields such as "stations[0].windows[1].clock". The
// network can be stored if the list is empty.
func (n Network) Problems() []Problem {
	p := &problems{}
	each(p, "stations", n.Stations, func(s Station) (string, []Problem) { return s.ID, s.Problems() })
	each(p, "clocks", n.Clocks, func(c Clock) (string, []Problem) { return c.ID, c.Problems() })
	each(p, "scripts", n.Scripts, func(s Script) (string, []Problem) { return s.ID, s.Problems() })
	each(p, "campaigns", n.Campaigns, func(c Campaign) (string, []Problem) { return c.ID, c.Problems() })
	clocks := map[string]*Clock{}
	for i := range n.Clocks {
		clocks[n.Clocks[i].ID] = &n.Clocks[i]
	}
	for i := range n.Stations {
		p.at = fmt.Sprintf("stations[%d].", i)
		n.station(p, &n.Stations[i], clocks)
	}
	for i := range n.Clocks {
		p.at = fmt.Sprintf("clocks[%d].", i)
		n.clock(p, &n.Clocks[i])
	}
	known := map[string]bool{}
	for _, s := range n.Stations {
		known[s.ID] = true
	}
	for i := range n.Campaigns {
		p.at = fmt.Sprintf("campaigns[%d].", i)
		for k, s := range n.Campaigns[i].Stations {
			if !known[s] {
				p.add(fmt.Sprintf("stations[%d]", k), "%q is not known%s", s, Suggest(s, maps.Keys(known)))
			}
		}
	}
	p.at = ""
	return p.list
}

func each[T any](p *problems, name string, list []T, check func(T) (string, []Problem)) {
	seen := map[string]bool{}
	for i, x := range list {
		id, own := check(x)
		p.at = fmt.Sprintf("%s[%d].", name, i)
		for _, problem := range own {
			p.add(problem.Field, "%s", problem.Message)
		}
		if seen[id] {
			p.add("id", "%q is there twice", id)
		}
		seen[id] = true
	}
}

func (n Network) station(p *problems, s *Station, clocks map[string]*Clock) {
	for i := range s.Windows {
		w := &s.Windows[i]
		at := fmt.Sprintf("windows[%d]", i)
		if r, err := w.Starts.parse(); err == nil && !n.From.IsZero() {
			if first, ok := r.first(); ok && farOff(first, n.From.utc()) && !farOff(first, r.start) {
				p.add(at+".starts.rrule", "must occur earlier than %s, in %d years: at most %d are taken. Correct its DTSTART",
					first.Format(time.DateOnly), first.Year()-n.From.Year, MaxYearsOff)
			}
		}
		fitsClock(p, at, w, clocks)
	}
	n.exceptions(p, s, clocks)
	for i, id := range s.Fallback {
		n.segment(p, fmt.Sprintf("fallback[%d]", i), id, s.Languages)
	}
	if n.Segments != nil && s.OnlySensitive(n.Segments) {
		p.add("fallback", "has sensitive segments only: without the link the station would be silent once its lease ends. "+
			"Add one that is not sensitive")
	}
	if n.OverlapsKnown == nil || !n.OverlapsKnown(s.ID) {
		n.overlaps(p, s)
	}
}

// fitsClock adds a problem if the window's clock is not known, or cannot fill its length.
func fitsClock(p *problems, at string, w *Window, clocks map[string]*Clock) {
	c, ok := clocks[w.Clock]
	if !ok {
		p.add(at+".clock", "%q is not known%s", w.Clock, Suggest(w.Clock, maps.Keys(clocks)))
		return
	}
	off := w.Length.Duration - c.Length.Duration
	switch {
	case off.Abs() <= w.Tolerance.Duration:
	case !c.stretchable():
		p.add(at+".length_ms", "is %s, its clock %s is %s long, and no fill can stretch it",
			FormatLength(w.Length.Duration), c.ID, FormatLength(c.Length.Duration))
	case w.Length.Duration <= c.lastPost():
		p.add(at+".length_ms", "is %s, and its clock %s has a post at %s", FormatLength(w.Length.Duration), c.ID,
			FormatLength(c.lastPost()))
	}
}

// Overlaps lists the station's windows that overlap on or after n.From.
func (n Network) Overlaps(s Station) []Problem {
	p := &problems{}
	n.overlaps(p, &s)
	return p.list
}

func (n Network) clock(p *problems, c *Clock) {
	if n.Segments == nil {
		return
	}
	total, elastic := time.Duration(0), false
	fixed := true
	flush := func(i int, until time.Duration, since time.Duration) {
		if elastic || !fixed {
			return
		}
		if off := until - since - total; off != 0 && !n.tolerated(c, off) {
			p.add(fmt.Sprintf("positions[%d]", i), "cannot reach %s without a fill: the segments of the clock last %s, %s "+
				"off", FormatLength(until), FormatLength(total), FormatLength(off))
		}
	}
	since := time.Duration(0)
	for i := range c.Positions {
		pos := &c.Positions[i]
		if pos.At != nil && i > 0 {
			flush(i-1, pos.At.Duration, since)
			total, elastic, fixed, since = 0, false, true, pos.At.Duration
		}
		switch {
		case pos.Fill != nil:
			elastic = true
		case pos.Segment != "":
			if s, ok := n.segment(p, fmt.Sprintf("positions[%d].segment", i), pos.Segment, nil); ok && s.Recording != nil {
				total += s.Recording.AirTime().Duration
			} else {
				fixed = false
			}
		default:
			fixed = false // a pick may fill the time
		}
	}
	if len(c.Positions) > 0 {
		flush(len(c.Positions)-1, c.Length.Duration, since)
	}
}

// tolerated reports whether the tolerance of every window that follows the clock covers the difference.
func (n Network) tolerated(c *Clock, off time.Duration) bool {
	used := false
	for _, s := range n.Stations {
		for _, w := range s.AllTerms() {
			if w.Clock == c.ID {
				used = true
				if off > w.Tolerance.Duration || -off > w.Tolerance.Duration {
					return false
				}
			}
		}
	}
	return used
}

func (n Network) segment(p *problems, field, id string, languages []string) (Segment, bool) {
	if n.Segments == nil {
		return Segment{}, false
	}
	s, ok := n.Segments(id)
	switch {
	case !ok:
		p.add(field, "%q is not known", id)
	case !Speaks(s.Language, languages):
		p.add(field, "%q is in %s, which the station does not air", id, s.Language)
	}
	return s, ok
}

// stretchable reports whether a fill lets the last stretch of the clock change its length.
func (c *Clock) stretchable() bool {
	for i := len(c.Positions) - 1; i >= 0; i-- {
		if c.Positions[i].Fill != nil {
			return true
		}
		if c.Positions[i].At != nil {
			return false
		}
	}
	return false
}

func (c *Clock) lastPost() time.Duration {
	var last time.Duration
	for _, pos := range c.Positions {
		if pos.At != nil {
			last = max(last, pos.At.Duration)
		}
	}
	return last
}
