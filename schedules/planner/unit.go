package planner

import "lifeline/schedules"

// unit is the content of a place: a segment, or a chain of intro, reading and back-announce.
type unit struct {
	main    int32
	members [3]int32
	n       int
	ms      int64
	cut     int64 // how much of ms is cut off its end in its place
}

// unit returns the segment's unit for a position. If its chain is broken, because a member is missing, unfit or in
// another language, it returns the reason as broken.
func (p *planner) unit(seg int32, chain bool) (u unit, broken string) {
	e := p.lib.entries[seg]
	if !chain || e.Intro == "" && e.BackAnnounce == "" {
		return unit{main: seg, members: [3]int32{seg}, n: 1, ms: e.ms}, ""
	}
	u.main = seg
	for _, id := range [...]string{e.Intro, e.ID, e.BackAnnounce} {
		if id == "" {
			continue
		}
		i, ok := p.lib.index(id)
		if !ok {
			return unit{}, "needs " + id + " for its chain; " + id + " is not in the library"
		}
		m := p.lib.entries[i]
		switch {
		case !m.Fit:
			return unit{}, "needs " + id + " for its chain; " + id + " " + m.Unfit().Message
		case i != seg && m.Language != e.Language && m.Language != schedules.NoLanguage:
			return unit{}, "needs " + id + " for its chain; " + id + " is in another language"
		}
		u.members[u.n] = i
		u.n++
		u.ms += m.ms
	}
	return u, ""
}

// validThroughout reports whether all members may air at any time in [start, end), by validity, rulings and the ends of
// campaigns.
func (p *planner) validThroughout(u unit, start, end int64) bool {
	for _, m := range u.members[:u.n] {
		if e := p.lib.entries[m]; start < e.from || end > e.till {
			return false
		}
		for _, k := range p.campaignEnds {
			if end > k.until && k.members.has(m) {
				return false
			}
		}
	}
	return true
}

// pastEnd is the rule that refuses an item that would start after the end of its window.
var pastEnd = rule{name: "would start after the window's end"}

// try returns the first hard rule that refuses the unit in [start, end). If end-start is the unit's length, the times
// are exact.
func (p *planner) try(w *window, win int32, u unit, start, end int64) refusal {
	exact := end-start == u.ms
	if exact && start >= w.end { // it would lie in no window
		return refusal{rule: &pastEnd}
	}
	at := start
	for _, m := range u.members[:u.n] {
		t := trial{seg: m, start: start, end: end, ms: p.lib.entries[m].ms, win: win}
		if exact {
			t.start, t.end = at, at+t.ms
			at += t.ms
		}
		if r := w.rules.refuse(t, p.airings); r.rule != nil {
			return r
		}
	}
	return refusal{}
}

// bends returns the weight of the soft rules that the unit would bend.
func (p *planner) bends(w *window, win int32, u unit, start, end int64) (weight float64) {
	if !w.rules.soft || p.hardOnly {
		return 0
	}
	exact := end-start == u.ms
	at := start
	for _, m := range u.members[:u.n] {
		t := trial{seg: m, start: start, end: end, ms: p.lib.entries[m].ms, win: win}
		if exact {
			t.start, t.end = at, at+t.ms
			at += t.ms
		}
		weight += w.rules.bent(t, p.airings)
	}
	return weight
}

// mayAir reports whether a unit may air at an exact time under its limits and the hard rules.
func (p *planner) mayAir(w *window, win int32, u unit, at int64) bool {
	return p.validThroughout(u, at, at+u.ms) && p.try(w, win, u, at, at+u.ms).rule == nil
}
