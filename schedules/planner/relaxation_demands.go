package planner

import (
	"slices"

	"lifeline/schedules"
)

// meets reports whether a hard demand can still be met by the places and the most that could air in fills and in
// dropped parts.
func (s supply) meets(d *demand) bool {
	if !d.hard || !s.demanded(d) {
		return true
	}
	var has int64
	for k := range s.places {
		if !d.windows[s.places[k].win] {
			continue
		}
		for _, m := range s.chosen[k].members[:s.chosen[k].n] {
			switch w := &s.p.day.windows[s.places[k].win]; {
			case !d.members.has(m) || d.part != nil && !overlaps(d.part, w.start, w.end):
			case d.time:
				has += s.p.lib.entries[m].ms
			default:
				has++
			}
		}
	}
	if has >= d.need {
		return true
	}
	more, bounded := s.room(d)
	return !bounded || has+more >= d.need
}

// hopeless reports whether nothing that would meet a demand can air in any position of its windows.
func (x *relaxation) hopeless(s supply, d *demand) bool {
	if !d.hard || d.need <= 0 || !s.demanded(d) {
		return false
	}
	for i := range x.p.day.windows {
		w := &x.p.day.windows[i]
		if !d.windows[i] || d.part != nil && !overlaps(d.part, w.start, w.end+w.tolerance) {
			continue
		}
		if !x.in[i] || x.mayAir(d.members, w) {
			return false
		}
	}
	return true
}

// mayAir reports whether a segment of a set can air in a window: in a position in force, or in what was dropped.
func (x *relaxation) mayAir(members bitset, w *window) bool {
	for k := range x.p.in.Keep {
		item := &x.p.in.Keep[k]
		if at := item.StartAt.UnixMilli(); at < w.start || at >= w.end {
			continue
		}
		if seg, known := x.p.lib.index(item.SegmentID); !known || members.has(seg) || !x.on(partKept, "", k) {
			return true
		}
	}
	one := func(seg int32, chain bool) bool {
		u, broken := x.p.unit(seg, chain)
		if e := x.p.lib.entries[seg]; broken != "" || !e.Fit || !schedules.Speaks(e.Language, w.languages) ||
			!x.mayLive(u, w) {
			return false
		}
		return slices.ContainsFunc(u.members[:u.n], members.has)
	}
	for j := range w.clock.Positions {
		pos := &w.clock.Positions[j]
		var segments []int32
		switch {
		case !x.on(partPosition, w.clock.ID, j) && !pos.Optional:
			return true
		case pos.Segment != "":
			if seg, known := x.p.lib.index(pos.Segment); known {
				segments = []int32{seg}
			}
		case pos.Pick != nil:
			segments = x.p.lib.class(pos.Pick, w.languages)
		default:
			segments = x.p.lib.class(pos.Fill, w.languages)
		}
		if slices.ContainsFunc(segments, func(seg int32) bool { return one(seg, pos.Chain) }) {
			return true
		}
	}
	return slices.ContainsFunc(x.p.in.Station.Fallback, func(id string) bool {
		seg, known := x.p.lib.index(id)
		return known && one(seg, false)
	})
}

// demanded reports whether the part that makes the demand is in force.
func (s supply) demanded(d *demand) bool {
	if d.rule == nil {
		return slices.ContainsFunc(s.p.in.Campaigns, func(c schedules.Campaign) bool {
			i := slices.IndexFunc(s.p.in.Campaigns, func(o schedules.Campaign) bool { return o.ID == c.ID })
			return s.on(partCampaign, "", i) && (d.name == "campaign "+c.ID || len(d.name) > len(c.ID)+9 &&
				d.name[:len(c.ID)+13] == "campaign "+c.ID+" in ")
		})
	}
	return s.on(partRule, s.p.day.windows[d.win].rules.clock, d.rule.def)
}

// room returns the most that the fills of the demand's windows could give. bounded is false if anything was dropped
// there.
func (s supply) room(d *demand) (most int64, bounded bool) {
	perSegment := map[int32]int64{}
	var total, first, last int64
	first = maxTime
	for i := range s.p.day.windows {
		w := &s.p.day.windows[i]
		if !d.windows[i] || d.part != nil && !overlaps(d.part, w.start, w.end) {
			continue
		}
		if !s.in[i] {
			return 0, false
		}
		list, open := s.stretches(i)
		if open {
			return 0, false
		}
		first, last = min(first, w.start), max(last, w.end+w.tolerance)
		for _, e := range list {
			shortest := int64(maxTime)
			for _, seg := range s.material(w, e) {
				if !d.members.has(seg) {
					continue
				}
				ms := s.p.lib.entries[seg].ms
				shortest = min(shortest, ms)
				perSegment[seg] += min(s.cap(w, i, seg, e.span+2*w.tolerance+e.fade+e.late),
					(e.ms+2*w.tolerance+e.fade+e.late)/ms)
			}
			for _, f := range e.fills {
				if f.Chain {
					return 0, false // companions may count too
				}
			}
			if shortest < maxTime {
				if d.time {
					total += max(e.ms+2*w.tolerance+e.late, 0)
				} else {
					total += max(e.ms+2*w.tolerance+e.fade+e.late, 0) / shortest
				}
			}
		}
	}
	var sum int64
	for seg, n := range perSegment {
		n = min(n, s.dayCap(d, seg, first, last))
		if apart := s.apartAll(d, seg, first, last); apart < maxTime {
			n = max(min(n, apart), 0)
		}
		if d.time {
			n *= s.p.lib.entries[seg].ms
		}
		sum += n
	}
	most = min(total, sum)
	if !d.time {
		most = min(most, s.jointLimit(d, perSegment, first, last))
	}
	return most, true
}

// apartAll returns how often the fills of the demand's windows may air a segment besides the places there, or maxTime
// if no separation limits that.
func (s supply) apartAll(d *demand, seg int32, first, last int64) int64 {
	out := int64(maxTime)
	s.everyRule(d, func(_ *rule, w *window, _ int) { out = s.apart(w, seg, last-first+w.tolerance) })
	for i := range d.windows {
		if d.windows[i] && out < maxTime {
			out -= s.placed(i, seg)
		}
	}
	return out
}

// dayCap returns how often a segment may air in all of the demand's windows.
func (s supply) dayCap(d *demand, seg int32, first, last int64) int64 {
	out := int64(maxTime)
	s.everyRule(d, func(r *rule, w *window, i int) {
		e := s.p.lib.entries[seg]
		if r.only != nil && !r.only.has(seg) {
			return
		}
		switch {
		case r.form == formSeparate && len(e.valuesOf(r.attr)) > 0:
			out = min(out, 1+max(last-first-e.ms, 0)/(r.minGap+e.ms))
		case r.form == formAtMost && r.per == "day" && (r.each && len(e.valuesOf(r.attr)) > 0 || !r.each && e.has(r.match)):
			out = min(out, max(r.limit-s.used(r, w, i, e), 0))
		}
	})
	return out
}

// jointLimit bounds the airings of all of the demand's segments together, if a rule applies to all of them as one
// value.
func (s supply) jointLimit(d *demand, segments map[int32]int64, first, last int64) int64 {
	out := int64(maxTime)
	s.everyRule(d, func(r *rule, w *window, i int) {
		var value int32
		var one *entry
		shortest := int64(maxTime)
		for seg := range segments {
			e := s.p.lib.entries[seg]
			if r.only != nil && !r.only.has(seg) {
				return
			}
			v := int32(1)
			switch {
			case r.form == formAtMost && !r.each:
				if !e.has(r.match) {
					return
				}
			case r.form == formSeparate || r.form == formAtMost:
				if r.attr == schedules.AttributeTag || len(e.valuesOf(r.attr)) != 1 {
					return
				}
				v = e.valuesOf(r.attr)[0]
			}
			if value != 0 && v != value {
				return
			}
			value, one, shortest = v, e, min(shortest, e.ms)
		}
		switch {
		case one == nil:
		case r.form == formSeparate:
			out = min(out, 1+max(last-first-shortest, 0)/(r.minGap+shortest))
		case r.form == formAtMost && r.per == "day":
			out = min(out, max(r.limit-s.used(r, w, i, one), 0))
		}
	})
	return out
}

// everyRule calls f with the active hard rules of the clock of the demand's windows, if they all have the same one.
func (s supply) everyRule(d *demand, f func(r *rule, w *window, i int)) {
	first := slices.Index(d.windows, true)
	if first < 0 {
		return
	}
	rs := s.p.day.windows[first].rules
	for i := range d.windows {
		if d.windows[i] && s.p.day.windows[i].rules != rs {
			return
		}
	}
	for k := range rs.rules {
		if r := &rs.rules[k]; r.hard && r.foreign == nil && s.on(partRule, rs.clock, r.def) {
			f(r, &s.p.day.windows[first], first)
		}
	}
}

// follows reports whether every unit that must follow a certain segment could have one before it.
func (s supply) follows() bool {
	for k := range s.places {
		w := &s.p.day.windows[s.places[k].win]
		for n := range w.rules.rules {
			r := &w.rules.rules[n]
			if s.places[k].kept != nil || r.form != formAfter || !r.hard || !s.on(partRule, w.rules.clock, r.def) {
				continue
			}
			for _, m := range s.chosen[k].members[:s.chosen[k].n] {
				if (r.only == nil || r.only.has(m)) && !s.hasPredecessor(r, k) {
					return false
				}
			}
		}
	}
	return true
}

// hasPredecessor reports whether a segment that the rule asks for airs, or could air, before the place.
func (s supply) hasPredecessor(r *rule, k int) bool {
	for _, h := range s.p.airings.sequence {
		if h.win < 0 && s.p.lib.entries[h.seg].has(r.match) &&
			(r.within == 0 || s.p.day.windows[s.places[k].win].start-h.end <= r.within) {
			return true
		}
	}
	for j := range k {
		for _, m := range s.chosen[j].members[:s.chosen[j].n] {
			if s.p.lib.entries[m].has(r.match) {
				return true
			}
		}
	}
	for i := range int(s.places[k].win) + 1 {
		w := &s.p.day.windows[i]
		if !s.in[i] {
			return true
		}
		list, open := s.stretches(i)
		if open && (i < int(s.places[k].win) || s.openBefore(w, s.places[k].index)) {
			return true
		}
		for _, e := range list {
			for _, seg := range s.material(w, e) {
				if s.p.lib.entries[seg].has(r.match) && (i < int(s.places[k].win) || s.openBefore(w, s.places[k].index)) {
					return true
				}
			}
		}
	}
	return false
}

// openBefore reports whether an elastic or dropped position comes before a position of the clock.
func (s supply) openBefore(w *window, index int) bool {
	for j := range min(max(index, 0), len(w.clock.Positions)) {
		pos := &w.clock.Positions[j]
		if pos.Fill != nil || pos.Optional || !s.on(partPosition, w.clock.ID, j) {
			return true
		}
	}
	return false
}
