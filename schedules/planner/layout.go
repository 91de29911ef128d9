package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// stretch is a part [start, end) of a window between posts and kept items. It is planned as a whole and must end on
// time.
type stretch struct {
	win           int32
	start, end    int64 // nominal
	places        []place
	lastFill      int   // index in places; -1: nothing is elastic
	least         int64 // how early (negative) and how late it may end
	most          int64
	cut           int64 // how much of the last item's end a following hard post may cut off to start at its instant
	demandedUnits []demandedUnit
	ended         int64 // actual
	adjoins       bool  // starts where the previous stretch ends
}

// place is one position of a stretch. pickAll chooses its unit unless the position is elastic.
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

// demandedUnit is a unit that a demand puts into a stretch's fill.
type demandedUnit struct {
	unit   unit
	demand *demand
	choice *schedules.Choice
	at     int64
}

// layoutPass cuts the day into stretches and enters the kept items.
type layoutPass struct{ *planner }

// layout cuts the day's windows into stretches: at posts, and around kept items.
func (p layoutPass) layout() []stretch {
	if p.in.open != nil {
		return p.openStretch(p.in.open)
	}
	var out []stretch
	kept := slices.Clone(p.in.Keep)
	slices.SortFunc(kept, func(a, b schedules.Item) int {
		return cmp.Or(a.StartAt.Compare(b.StartAt.Time), cmp.Compare(a.ID, b.ID))
	})
	for i := range p.day.windows {
		w := &p.day.windows[i]
		if w.published || w.repeats {
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

// section is a part of a window between two posts.
type section struct {
	start, end  int64
	first, last int   // its positions [first, last)
	soft        int64 // grace of the soft post that follows
	hard        bool  // a hard post follows
	exact       bool  // ends where a kept item starts
}

// sections cuts a window at the posts of its clock. A post that is kept stays at its time, even if that is slightly off
// its instant.
func (w *window) sections(kept []schedules.Item) []section {
	positions := w.clock.Positions
	out := []section{{start: w.start, end: w.end}}
	for i := range positions {
		pos := &positions[i]
		if pos.At != nil {
			at := w.start + pos.At.Milliseconds()
			last := &out[len(out)-1]
			if at > last.start {
				last.end = at
				if last.hard = pos.Start != schedules.Soft; !last.hard {
					last.soft = pos.Grace.Milliseconds()
				}
				out = append(out, section{start: at, end: w.end, first: i, last: i})
			}
		}
		out[len(out)-1].last = i + 1
	}
	for i := 1; i < len(out); i++ {
		for _, k := range kept {
			if at := k.StartAt.UnixMilli(); k.Position == positions[out[i].first].ID && abs(at-out[i].start) <= max(w.tolerance,
				out[i-1].soft) {
				out[i].start, out[i-1].end, out[i-1].exact = at, at, true
				break // the first item of a chain
			}
		}
	}
	return out
}

// stretch returns an empty stretch [start, end) of the section, with the limits of how early and late it may end.
func (s section) stretch(w *window, win int32, start, end int64, exact bool) stretch {
	st := stretch{win: win, start: start, end: end, lastFill: -1, least: -w.tolerance, most: w.tolerance,
		adjoins: start == s.start}
	if s.soft > 0 {
		st.least, st.most = 0, s.soft
	}
	if s.hard && end == s.end {
		st.least, st.most, st.cut = 0, 0, w.tolerance
	}
	if exact {
		st.least, st.most = 0, 0
	}
	return st
}

// cut returns the stretches of a window: the times of its sections that kept items leave free.
func (p layoutPass) cut(win int32, w *window, kept []schedules.Item) []stretch {
	positions := w.clock.Positions
	var out []stretch
	carried := w.start
	for n, s := range w.sections(kept) {
		if n > 0 && carried != s.start && abs(carried-s.start) <= w.tolerance && !s.exact {
			s.start = carried
		}
		reached, index := s.start, s.first-1
		emit := func(end int64, until int, exact bool) {
			st := s.stretch(w, win, reached, end, exact)
			for j := max(index, s.first); j < min(until+1, s.last); j++ {
				if positions[j].Fill != nil || j > index && j < until {
					st.places = append(st.places, p.newPlace(w, j))
				}
			}
			if end <= reached {
				p.warnDropped(&st, w)
				return
			}
			p.complete(&st, w, max(index, s.first))
			out = append(out, st)
		}
		for _, k := range kept {
			at := k.StartAt.UnixMilli()
			if at < s.start || at >= s.end {
				continue
			}
			own := slices.IndexFunc(positions, func(x schedules.Position) bool { return x.ID == k.Position })
			if own < s.first || own >= s.last {
				own = index
			}
			emit(at, max(own, index), true)
			reached, index = at+k.Duration.Milliseconds(), max(own, index)
		}
		if over := reached - s.end; reached > s.start && abs(over) <= w.tolerance && !s.exact &&
			!p.mustAir(positions[index+1:max(s.last, index+1)]) {
			carried = reached // the kept items end as near to the end as before
			continue
		}
		emit(s.end, s.last, s.exact)
		carried = max(s.end, reached)
	}
	return out
}

// complete gives a stretch without places the fill nearest to position near, and records its last fill.
func (p layoutPass) complete(st *stretch, w *window, near int) {
	if len(st.places) == 0 {
		if j, ok := nearestFill(w.clock.Positions, near); ok {
			st.places = append(st.places, p.newPlace(w, j))
		}
	}
	for j := range st.places {
		if st.places[j].fill {
			st.lastFill = j
		}
	}
}

// mustAir reports whether one of these positions must air something.
func (p layoutPass) mustAir(positions []schedules.Position) bool {
	return slices.ContainsFunc(positions, func(x schedules.Position) bool { return x.Fill == nil && !x.Optional })
}

func (p layoutPass) newPlace(w *window, j int) place {
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

func (p layoutPass) warnDropped(st *stretch, w *window) {
	for _, pl := range st.places {
		if !pl.fill && !pl.pos.Optional {
			p.warn(schedules.WarnNoRoom, w.Window, "", "The kept items leave no time for position %s.", pl.pos.ID)
		}
	}
}

// nearestFill returns the elastic position closest to a place in the clock.
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

// placeKept enters the kept items unchanged.
func (p layoutPass) placeKept() {
	for i := range p.in.Keep {
		k := &p.in.Keep[i]
		start := k.StartAt.UnixMilli()
		win := slices.IndexFunc(p.day.windows, func(w window) bool { return start >= w.start && start < w.end })
		if win < 0 {
			p.warn(schedules.WarnKeptOutside, k.Window, k.ID,
				"The planner dropped a kept item: it lies in no window of the day.")
			continue
		}
		w := &p.day.windows[win]
		pl := placed{start: start, win: int32(win), kept: k, index: slices.IndexFunc(w.clock.Positions,
			func(x schedules.Position) bool { return x.ID == k.Position })}
		if seg, ok := p.lib.index(k.SegmentID); ok {
			pl.unit = unit{main: seg, members: [3]int32{seg}, n: 1, ms: k.Duration.Milliseconds()}
			pl.since = p.last[seg]
			if k.Repeats == "" || p.in.fills(w) {
				p.airings.add(span{start, start + pl.unit.ms, seg, int32(win), false})
			}
			p.aired(seg, start)
		}
		pl.choice = &schedules.Choice{Method: schedules.MethodKept, StartAt: k.StartAt, Candidates: []schedules.Candidate{},
			Aired: []string{k.SegmentID}}
		p.placed = append(p.placed, pl)
	}
}
