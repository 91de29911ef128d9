package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// stretch is a part [start, end) of a window between posts and kept items: what is planned as one and ends on time.
type stretch struct {
	win        int32
	start, end int64 // nominal
	places     []place
	lastFill   int   // of places; -1 when nothing is elastic
	least      int64 // how much it may end early (negative) and late
	most       int64
	cut        int64 // how much of the last item's end a hard post after it may cut off, to start at its instant
	musts      []must
	ended      int64 // actual
	adjoins    bool  // starts where the stretch before it ends
}

// place is one position of a stretch; what it airs is chosen by pickAll unless it is elastic.
type place struct {
	index  int
	pos    *schedules.Position
	fill   bool
	queue  *queue
	set    bool
	unit   unit
	at     int64
	choice *schedules.Choice
	rank   int
	since  int64
}

// must is a unit that a demand puts into a stretch's fill.
type must struct {
	unit   unit
	demand *demand
	choice *schedules.Choice
	at     int64
}

// layout cuts the day's windows into stretches: at posts, and around kept items.
func (p *planner) layout() []stretch {
	if p.in.mend != nil {
		return p.mending(p.in.mend)
	}
	var out []stretch
	kept := slices.Clone(p.in.Keep)
	slices.SortFunc(kept, func(a, b schedules.Item) int {
		return cmp.Or(a.StartAt.Compare(b.StartAt.Time), cmp.Compare(a.ID, b.ID))
	})
	for i := range p.day.windows {
		w := &p.day.windows[i]
		if w.stands {
			continue
		}
		var own []schedules.Item
		for _, k := range kept {
			if k.StartAt.UnixMilli() >= w.start && k.StartAt.UnixMilli() < w.end {
				own = append(own, k)
			}
		}
		out = append(out, p.cut(int32(i), w, own)...)
	}
	return out
}

func (p *planner) cut(win int32, w *window, kept []schedules.Item) []stretch {
	positions := w.clock.Positions
	type part struct {
		start, end  int64
		first, last int // positions [first, last)
		soft        int64
		hard        bool // a hard post follows
		exact       bool // ends where a kept item starts
	}
	parts := []part{{start: w.start, end: w.end}}
	for i := range positions {
		pos := &positions[i]
		if pos.At != nil {
			at := w.start + pos.At.Milliseconds()
			last := &parts[len(parts)-1]
			if at > last.start {
				last.end = at
				if last.hard = pos.Start != schedules.Soft; !last.hard {
					last.soft = pos.Grace.Milliseconds()
				}
				parts = append(parts, part{start: at, end: w.end, first: i, last: i})
			}
		}
		parts[len(parts)-1].last = i + 1
	}
	for i := 1; i < len(parts); i++ { // a kept post stands where it stands, a little off its instant or not
		for _, k := range kept {
			if at := k.StartAt.UnixMilli(); k.Position == positions[parts[i].first].ID && abs(at-parts[i].start) <= max(w.tolerance, parts[i-1].soft) {
				parts[i].start, parts[i-1].end, parts[i-1].exact = at, at, true
				break // the first of a chain
			}
		}
	}
	var out []stretch
	carried := w.start
	for n, part := range parts {
		if n > 0 && carried != part.start && abs(carried-part.start) <= w.tolerance && !part.exact {
			part.start = carried
		}
		least, most := -w.tolerance, w.tolerance
		if part.soft > 0 {
			least, most = 0, part.soft
		}
		reach, index := part.start, part.first-1
		emit := func(end int64, until int, exact bool) {
			st := stretch{win: win, start: reach, end: end, lastFill: -1, least: least, most: most, adjoins: reach == part.start}
			if part.hard && end == part.end {
				st.least, st.most, st.cut = 0, 0, w.tolerance
			}
			if exact {
				st.least, st.most = 0, 0
			}
			for j := max(index, part.first); j < min(until+1, part.last); j++ {
				pos := &positions[j]
				if elastic := pos.Fill != nil; elastic || j > index && j < until {
					st.places = append(st.places, p.newPlace(w, j))
				}
			}
			if end <= reach {
				p.warnDropped(&st, w)
				return
			}
			if len(st.places) == 0 {
				if j, ok := nearestFill(positions, max(index, part.first)); ok {
					st.places = append(st.places, p.newPlace(w, j))
				}
			}
			for j := range st.places {
				if st.places[j].fill {
					st.lastFill = j
				}
			}
			out = append(out, st)
		}
		for _, k := range kept {
			at := k.StartAt.UnixMilli()
			if at < part.start || at >= part.end {
				continue
			}
			at0 := slices.IndexFunc(positions, func(x schedules.Position) bool { return x.ID == k.Position })
			if at0 < part.first || at0 >= part.last {
				at0 = index
			}
			emit(at, max(at0, index), true)
			reach, index = at+k.Duration.Milliseconds(), max(at0, index)
		}
		if over := reach - part.end; reach > part.start && abs(over) <= w.tolerance && !part.exact && !p.owes(positions[index+1:max(part.last, index+1)]) {
			carried = reach // what stays reaches the end as near as it did
			continue
		}
		emit(part.end, part.last, part.exact)
		carried = max(part.end, reach)
	}
	return out
}

// owes reports whether a position among these must air something.
func (p *planner) owes(positions []schedules.Position) bool {
	return slices.ContainsFunc(positions, func(x schedules.Position) bool { return x.Fill == nil && !x.Optional })
}

func (p *planner) newPlace(w *window, j int) place {
	pos := &w.clock.Positions[j]
	pl := place{index: j, pos: pos, fill: pos.Fill != nil}
	switch {
	case pos.Fill != nil:
		pl.queue = p.queue(pos.Fill, w.languages, pos.Prefer)
	case pos.Pick != nil:
		pl.queue = p.queue(pos.Pick, w.languages, pos.Prefer)
	}
	return pl
}

func (p *planner) warnDropped(st *stretch, w *window) {
	for _, pl := range st.places {
		if !pl.fill && !pl.pos.Optional {
			p.warn("no_room", w.Window, "", "position %s has no room between the items that stay", pl.pos.ID)
		}
	}
}

// nearestFill is the elastic position that lies closest to a place in the clock.
func nearestFill(positions []schedules.Position, to int) (int, bool) {
	best, found := 0, false
	for j := range positions {
		if positions[j].Fill != nil && (!found || abs(j-to) < abs(best-to)) {
			best, found = j, true
		}
	}
	return best, found
}

func abs[T ~int | ~int64](n T) T {
	if n < 0 {
		return -n
	}
	return n
}

// placeKept enters the kept items as they are.
func (p *planner) placeKept() {
	for i := range p.in.Keep {
		k := &p.in.Keep[i]
		start := k.StartAt.UnixMilli()
		win := slices.IndexFunc(p.day.windows, func(w window) bool { return start >= w.start && start < w.end })
		if win < 0 {
			p.warn("kept_outside", k.Window, k.ID, "the item that was to stay lies in no window of the day and is dropped")
			continue
		}
		w := &p.day.windows[win]
		pl := placed{start: start, win: int32(win), kept: k, index: slices.IndexFunc(w.clock.Positions, func(x schedules.Position) bool { return x.ID == k.Position })}
		if seg, ok := p.lib.place(k.SegmentID); ok {
			pl.unit = unit{main: seg, members: [3]int32{seg}, n: 1, ms: k.Duration.Milliseconds()}
			pl.since = p.last[seg]
			p.ledger.add(span{start, start + pl.unit.ms, seg, int32(win), false})
			p.aired(seg, start)
		}
		pl.choice = &schedules.Choice{Method: schedules.MethodKept, StartAt: k.StartAt, Candidates: []schedules.Candidate{}, Aired: []string{k.SegmentID}}
		p.placed = append(p.placed, pl)
	}
}
