package planner

import "lifeline/schedules"

// trial is a segment on trial for a place. It would air somewhere in [start, end), for ms of that time. If ms is all of
// it, the trial is exact; otherwise the segment is fit only if it is fit wherever it airs in that time.
type trial struct {
	seg        int32
	start, end int64
	ms         int64
	win        int32
}

// finding holds a rule's figures for a trial. For upper limits (at most, share, fresh) need is the limit and has is the
// count including the trial, or the age; for others has must reach need. Rules about order have no figures.
type finding struct {
	need, has int64
	broken    bool
}

// apply applies one rule to a trial, given the airings in the index. Rules with a minimum (at least) never refuse:
// they are demands.
func (rs *ruleset) apply(r *rule, t trial, ix *airingIndex) finding {
	if r.only != nil && !r.only.has(t.seg) {
		return finding{}
	}
	e := rs.lib.entries[t.seg]
	switch r.form {
	case formSeparate:
		return r.separate(e, t, ix)
	case formItems:
		return r.items(e, t, ix)
	case formAtMost:
		return rs.atMost(r, e, t, ix)
	case formMost:
		if !e.has(r.match) {
			return finding{}
		}
		total, used := rs.share(r, t.win, ix)
		limit := total * r.limit / 1_000_000
		return finding{limit, used + t.ms, used+t.ms > limit}
	case formAfter:
		return rs.follows(r, t, ix)
	case formKeepTo:
		return r.keepTo(t)
	case formFresh:
		return r.fresh(e, t)
	case formOrder:
		return rs.ordered(r, e, t, ix)
	}
	return finding{}
}

// against reports whether a separation rule looks at the airing: the rule applies to its segment; it is on the same
// station, unless the rule applies across stations; and, for a rule of another clock, it is in a window of that clock.
func (r *rule) against(s span) bool {
	return (!s.other || r.across) && (r.only == nil || r.only.has(s.seg)) && (r.foreign == nil || s.win >= 0 &&
		r.foreign[s.win])
}

func (r *rule) separate(e *entry, t trial, ix *airingIndex) finding {
	f := finding{need: r.minGap, has: maxTime}
	for _, v := range e.valuesOf(r.attr) {
		for _, s := range ix.by[v] {
			if !r.against(s) {
				continue
			}
			gap := s.start - t.end
			if s.start < t.end {
				gap = t.start - s.end
			}
			f.has = min(f.has, gap)
		}
	}
	f.broken = f.has < f.need
	return f
}

// items counts the other items between the trial and the nearest airing of the same value, before or after it.
func (r *rule) items(e *entry, t trial, ix *airingIndex) finding {
	f := finding{need: r.limit, has: maxTime}
	here := after(ix.sequence, t.start)
	for _, v := range e.valuesOf(r.attr) {
		for _, s := range ix.by[v] {
			if s.other || !r.against(s) {
				continue
			}
			at := after(ix.sequence, s.start)
			between := at - here
			if at < here {
				between = here - at - 1
			}
			f.has = min(f.has, int64(between))
		}
	}
	f.broken = f.has < f.need
	return f
}

func (rs *ruleset) atMost(r *rule, e *entry, t trial, ix *airingIndex) finding {
	f := finding{need: r.limit}
	if r.each {
		for _, v := range e.valuesOf(r.attr) {
			n := int64(1)
			for _, s := range rs.period(r, t.win, ix.by[v]) {
				if rs.counts(r, s, t) {
					n++
				}
			}
			f.has = max(f.has, n)
		}
	} else if e.has(r.match) {
		f.has = 1
		for _, s := range rs.period(r, t.win, ix.sequence) {
			if rs.counts(r, s, t) && rs.lib.entries[s.seg].has(r.match) {
				f.has++
			}
		}
	}
	f.broken = f.has > f.need
	return f
}

// period returns the part of a list sorted by start that contains all airings of the rule's period. For weeks and
// dayparts it returns the whole list.
func (rs *ruleset) period(r *rule, win int32, list []span) []span {
	var from, until int64
	switch w := &rs.day.windows[win]; r.per {
	case "week", "daypart":
		return list
	case "window":
		from, until = w.start-w.tolerance, w.end+w.tolerance
	default:
		first, last := &rs.day.windows[0], &rs.day.windows[len(rs.day.windows)-1]
		from, until = min(rs.day.start, first.start-first.tolerance), max(rs.day.end, last.end+last.tolerance)
	}
	return list[after(list, from):after(list, until+1)]
}

// counts reports whether the airing counts for the rule in the period that contains the trial.
func (rs *ruleset) counts(r *rule, s span, t trial) bool {
	if s.other && !r.across || r.only != nil && !r.only.has(s.seg) {
		return false
	}
	if s.win >= 0 && rs.day.windows[s.win].rules != rs || s.win < -1 &&
		rs.day.station.Windows[-2-s.win].Clock != rs.clock {
		return false
	}
	switch r.per {
	case "window":
		return s.win == t.win
	case "week":
		return s.win >= 0 || s.start >= r.periods[0][0] && s.start < r.periods[0][1]
	case "daypart":
		for _, p := range r.periods {
			if t.start < p[1] && t.end > p[0] && s.start >= p[0] && s.start < p[1] {
				return true
			}
		}
		return false
	}
	return s.win >= 0 || s.other && s.start >= rs.day.start && s.start < rs.day.end
}

// share returns the air time of the trial's window, or of all the day's windows with these rules, and how much of it
// airs segments that match the rule.
func (rs *ruleset) share(r *rule, win int32, ix *airingIndex) (total, used int64) {
	for i, w := range rs.day.windows {
		if w.rules == rs && (r.per == "window" && int32(i) == win || r.per != "window" && !w.repeats) {
			total += w.end - w.start
		}
	}
	for _, s := range rs.period(r, win, ix.sequence) {
		if s.win >= 0 && rs.day.windows[s.win].rules == rs && (r.per != "window" || s.win == win) &&
			rs.lib.entries[s.seg].has(r.match) {
			used += s.end - s.start
		}
	}
	return total, used
}

func (rs *ruleset) follows(r *rule, t trial, ix *airingIndex) finding {
	f := finding{need: r.within, has: -1, broken: true}
	last := t.end - t.ms // the latest start
	for i := after(ix.sequence, t.start) - 1; i >= 0 && f.has < 0; i-- {
		if s := &ix.sequence[i]; s.end <= t.start && rs.lib.entries[s.seg].has(r.match) {
			f.has = last - s.end
		}
	}
	if f.has >= 0 && (r.within == 0 || f.has <= r.within) {
		f.broken = false
	}
	return f
}

func (r *rule) keepTo(t trial) finding {
	f := finding{need: t.end - t.start, broken: true}
	for _, p := range r.periods {
		overlap := min(t.end, p[1]) - max(t.start, p[0])
		f.has = max(f.has, overlap)
	}
	f.broken = f.has < f.need
	return f
}

// refusal is the first hard rule that refuses a trial. rule is nil if none does.
type refusal struct {
	rule *rule
	finding
}

func (rs *ruleset) refuse(t trial, ix *airingIndex) refusal {
	for i := range rs.rules {
		if r := &rs.rules[i]; r.hard {
			if f := rs.apply(r, t, ix); f.broken {
				return refusal{r, f}
			}
		}
	}
	return refusal{}
}

// bent returns the sum of the weights of the soft rules that the trial would bend.
func (rs *ruleset) bent(t trial, ix *airingIndex) (weight float64) {
	for i := range rs.rules {
		if r := &rs.rules[i]; !r.hard && rs.apply(r, t, ix).broken {
			weight += r.weight
		}
	}
	return weight
}

func (r *rule) unit() string {
	switch r.form {
	case formItems:
		return "items"
	case formAtMost, formAtLeast:
		return "airings"
	}
	return "ms"
}

func (r refusal) public() schedules.Refusal {
	if r.rule == nil {
		return schedules.Refusal{}
	}
	return schedules.Refusal{Rule: r.rule.name, Unit: r.rule.unit(), Need: r.need, Has: r.has}
}
