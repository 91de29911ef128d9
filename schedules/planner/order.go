package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// ordering holds the segments of a rule or a queue that have an order among each other: those of one language, the
// newest first, or the episodes of a series in one language by number.
type ordering struct {
	by     string
	groups map[orderGroup][]int32
}

type orderGroup struct{ series, language string }

// always is farther back than any history: rules about order look at all of it.
const always = 100 * 366 * 24 * 60 * 60 * 1000

// ordering orders the entries that are in. Segments without a number, without an instant from which their age counts,
// or with an edit of these that awaits approval, are in no group.
func (c *Catalogue) ordering(by string, in func(seg int32) bool) *ordering {
	o := &ordering{by: by, groups: map[orderGroup][]int32{}}
	for i, e := range c.entries {
		if g, ok := o.group(e); ok && e.Ordered() && in(int32(i)) {
			o.groups[g] = append(o.groups[g], int32(i))
		}
	}
	for _, list := range o.groups {
		slices.SortStableFunc(list, func(a, b int32) int {
			if by == schedules.ByEpisode {
				return cmp.Compare(c.entries[a].Episode, c.entries[b].Episode)
			}
			return cmp.Compare(c.entries[b].since(), c.entries[a].since())
		})
	}
	return o
}

// group returns the group of an entry. ok is false if it is in none.
func (o *ordering) group(e *entry) (g orderGroup, ok bool) {
	if o.by == schedules.ByEpisode {
		return orderGroup{e.Series, e.Language}, e.Series != "" && e.Episode > 0
	}
	return orderGroup{language: e.Language}, e.since() != minTime
}

// since returns the instant from which the segment's age counts: its valid_from; minTime if it has none.
func (e *entry) since() int64 {
	if e.ValidFrom.IsZero() {
		return minTime
	}
	return e.ValidFrom.UnixMilli()
}

// firstAiring returns the first airing of a segment in the index on the planned station or, across stations, on any.
func (ix *airingIndex) firstAiring(e *entry, across bool) int64 {
	for _, s := range ix.by[e.attrs[schedules.AttributeSegment]] {
		if across || !s.other {
			return s.start
		}
	}
	return maxTime
}

// next returns the number of the episode of a group that is next at an instant, or 0 if none is, and whether the
// episode of number n has aired before. also is a segment that airs before, too, though the index does not have it; -1:
// none.
func (c *Catalogue) next(group []int32, at int64, n int, ix *airingIndex, also int32) (next int, aired bool) {
	lowest, first := 0, 0
	for i := 0; i < len(group); {
		number, done, open := c.entries[group[i]].Episode, false, false
		for ; i < len(group) && c.entries[group[i]].Episode == number; i++ {
			e := c.entries[group[i]]
			done = done || group[i] == also || ix.firstAiring(e, false) < at
			open = open || e.Fit && e.till > at
		}
		switch {
		case done && lowest == 0:
			lowest = number
		case !done && open && lowest > 0 && next == 0:
			next = number
		case !done && open && first == 0:
			first = number
		}
		aired = aired || done && number == n
	}
	if lowest == 0 {
		next = first
	}
	return next, aired
}

// inTurn reports whether the episode of number n may air at an instant.
func (c *Catalogue) inTurn(group []int32, at int64, n int, ix *airingIndex, also int32) bool {
	next, aired := c.next(group, at, n, ix, also)
	return aired || next == 0 || next == n
}

// ordered applies a rule about order: to the trial, unless the rule is another clock's, and to the items of the rule's
// windows that the day already has after it.
func (rs *ruleset) ordered(r *rule, e *entry, t trial, ix *airingIndex) finding {
	if r.order.by == schedules.ByEpisode {
		return finding{broken: rs.outOfTurn(r, e, t, ix)}
	}
	return finding{broken: rs.goesBack(r, e, t, ix)}
}

func (rs *ruleset) outOfTurn(r *rule, e *entry, t trial, ix *airingIndex) bool {
	g, ok := r.order.group(e)
	if !ok {
		return false
	}
	group := r.order.groups[g]
	if r.foreign == nil {
		for _, at := range [...]int64{t.start, t.end - t.ms} {
			if !rs.lib.inTurn(group, at, e.Episode, ix, -1) {
				return true
			}
		}
	}
	for s, o := range rs.held(r, t, ix) {
		if other, ok := r.order.group(o); ok && other == g && rs.lib.inTurn(group, s.start, o.Episode, ix, -1) &&
			!rs.lib.inTurn(group, s.start, o.Episode, ix, t.seg) {
			return true
		}
	}
	return false
}

func (rs *ruleset) goesBack(r *rule, e *entry, t trial, ix *airingIndex) bool {
	if r.foreign == nil {
		for _, m := range r.order.groups[orderGroup{language: e.Language}] {
			newer := rs.lib.entries[m]
			if newer.since() <= e.since() {
				break
			}
			if ix.firstAiring(newer, r.across) < t.end-t.ms {
				return true
			}
		}
	}
	for _, o := range rs.held(r, t, ix) {
		if o.Language == e.Language && o.since() < e.since() {
			return true
		}
	}
	return false
}

// held returns the items of the day after the start of a trial that the rule holds, with their segments.
func (rs *ruleset) held(r *rule, t trial, ix *airingIndex) func(yield func(span, *entry) bool) {
	return func(yield func(span, *entry) bool) {
		for _, s := range ix.sequence[after(ix.sequence, t.start+1):] {
			if s.win < 0 || r.foreign == nil && rs.day.windows[s.win].rules != rs || r.foreign != nil && !r.foreign[s.win] ||
				r.only != nil && !r.only.has(s.seg) {
				continue
			}
			if !yield(s, rs.lib.entries[s.seg]) {
				return
			}
		}
	}
}

// fresh applies a rule about age.
func (r *rule) fresh(e *entry, t trial) finding {
	f := finding{need: r.within, has: -1, broken: true}
	if since := e.since(); since != minTime {
		f.has = max(t.end-t.ms-since, 0)
		f.broken = f.has > f.need
	}
	return f
}

// ordersEpisodes reports whether a position of the window prefers episodes.
func (w *window) ordersEpisodes() bool {
	return slices.ContainsFunc(w.clock.Positions, func(p schedules.Position) bool {
		return p.Prefer == schedules.ByEpisode
	})
}

// orderPass orders the candidates of a place by what its position prefers.
type orderPass struct{ *planner }

// byAge orders a queue by the instants from which ages count. Segments without one come last.
func (p orderPass) byAge(order []due, newest bool) {
	slices.SortStableFunc(order, func(a, b due) int {
		x, y := p.lib.entries[a.seg].since(), p.lib.entries[b.seg].since()
		switch {
		case x == y:
			return 0
		case newest || x == minTime || y == minTime:
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	})
}

// leads returns the segments of a queue that comes by episode which go before all others at an instant: of each series
// the episode that is next, or else, if the series was begun again, the one after the episode aired last, or else that
// one. The series that has not aired for longest comes first.
func (p orderPass) leads(q *queue, at int64) (out []int32) {
	type lead struct {
		group   orderGroup
		members []int32
		last    int64
	}
	var leads []lead
	for g, list := range q.episodes.groups {
		number, last := 0, int64(minTime)
		for _, m := range list {
			e := p.lib.entries[m]
			spans := p.airings.by[e.attrs[schedules.AttributeSegment]]
			for _, s := range spans[:after(spans, at)] {
				if !s.other && s.start > last {
					number, last = e.Episode, s.start
				}
			}
		}
		next, _ := p.lib.next(list, at, 0, p.airings, -1)
		if next == 0 {
			next = number
			for _, m := range list {
				if e := p.lib.entries[m]; e.Episode > number && e.till > at {
					next = e.Episode
					break
				}
			}
		}
		one := lead{group: g, last: last}
		for _, m := range list {
			if p.lib.entries[m].Episode == next {
				one.members = append(one.members, m)
			}
		}
		leads = append(leads, one)
	}
	slices.SortFunc(leads, func(a, b lead) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.group.series, b.group.series),
			cmp.Compare(a.group.language, b.group.language))
	})
	for _, l := range leads {
		out = append(out, l.members...)
	}
	return out
}
