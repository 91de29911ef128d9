package planner

// consistent reports whether times exist for the chosen units under the active rules that limit from above. The times
// form a system of difference constraints: a start is at least, or at most, another start plus a constant.
func (x *relaxation) consistent(places []proofPlace, chosen []unit) bool {
	n := len(places)
	low, high := make([]int64, n), make([]int64, n)
	type least struct {
		from, to int
		by       int64
	}
	var edges []least // start[to] >= start[from] + by
	for i := range places {
		s := &places[i]
		u := chosen[i]
		low[i], high[i] = s.low, min(s.high, s.lastEnd-u.ms)
		if s.endLow != minTime {
			low[i] = max(low[i], s.endLow-u.ms)
		}
		at := int64(0)
		for _, m := range u.members[:u.n] {
			e := x.p.lib.entries[m]
			if s.kept == nil {
				low[i], high[i] = max(low[i], e.from-at), min(high[i], e.till-at-e.ms)
				for _, k := range x.p.campaignEnds {
					if k.members.has(m) {
						high[i] = min(high[i], k.until-at-e.ms)
					}
				}
			}
			at += e.ms
		}
		if i > 0 && places[i-1].win == s.win && ordered(&places[i-1], s) {
			edges = append(edges, least{from: i - 1, to: i, by: chosen[i-1].ms - max(fade(&places[i-1]),
				x.p.day.windows[s.win].tolerance)})
			if s.follows {
				edges = append(edges, least{from: i, to: i - 1, by: -chosen[i-1].ms})
			}
		}
		if !x.fitsAround(s, u, &low[i], &high[i]) {
			return false
		}
		for j := range i {
			by, apart := x.minStartDistance(&places[j], chosen[j], s, u, i-j-1)
			if !apart {
				return false
			}
			if by > minTime {
				edges = append(edges, least{from: j, to: i, by: by})
			}
		}
	}
	for round := 0; ; round++ {
		changed := false
		for _, e := range edges {
			if t := low[e.from] + e.by; t > low[e.to] {
				low[e.to] = t
				changed = true
			}
		}
		for i := range places {
			if low[i] > high[i] {
				return false
			}
		}
		if !changed {
			break
		}
		if round > n+2 {
			return false
		}
	}
	return x.keepsLimits(places, chosen)
}

// ordered reports whether a is known to come before b.
func ordered(a, b *proofPlace) bool {
	fixed := func(s *proofPlace) bool { return s.kept != nil || s.pos.At != nil }
	return a.kept == nil && b.kept == nil || fixed(a) && fixed(b)
}

func fade(s *proofPlace) int64 {
	if s.pos == nil {
		return 0
	}
	return s.pos.FadeMax.Milliseconds()
}

// fitsAround narrows a place's start by the rules that concern only its unit and the history, and reports whether a
// start is left.
func (x *relaxation) fitsAround(s *proofPlace, u unit, low, high *int64) bool {
	if s.kept != nil {
		return true
	}
	w := &x.p.day.windows[s.win]
	for k := range w.rules.rules {
		r := &w.rules.rules[k]
		if !r.hard || r.foreign != nil || !x.on(partRule, w.rules.clock, r.def) {
			continue
		}
		at := int64(0)
		for _, m := range u.members[:u.n] {
			e := x.p.lib.entries[m]
			if r.only == nil || r.only.has(m) {
				switch r.form {
				case formSeparate:
					for _, v := range e.valuesOf(r.attr) {
						for _, h := range x.p.airings.by[v] {
							if h.win >= 0 || !r.against(h) {
								continue
							}
							if h.start < w.start {
								*low = max(*low, h.end+r.minGap-at)
							} else if h.start >= w.end {
								*high = min(*high, h.start-r.minGap-at-e.ms)
							}
						}
					}
				case formFresh:
					if e.since() == minTime {
						return false
					}
					*high = min(*high, e.since()+r.within-at)
				case formKeepTo:
					lo, hi := int64(maxTime), int64(minTime)
					for _, p := range r.periods {
						if a, b := max(p[0], w.start), min(p[1], w.end+w.tolerance); b-a >= e.ms {
							lo, hi = min(lo, a), max(hi, b)
						}
					}
					*low, *high = max(*low, lo-at), min(*high, hi-at-e.ms)
				}
			}
			at += e.ms
		}
	}
	return *low <= *high
}

// minStartDistance returns the least distance between the starts of the two places under the separation rules of both
// clocks. It returns false if no distance is allowed.
func (x *relaxation) minStartDistance(a *proofPlace, u unit, b *proofPlace, v unit, between int) (
	by int64, apart bool) {
	by = minTime
	clocks := []*ruleset{x.p.day.windows[a.win].rules}
	if other := x.p.day.windows[b.win].rules; other != clocks[0] {
		clocks = append(clocks, other)
	}
	for _, rs := range clocks {
		for k := range rs.rules {
			r := &rs.rules[k]
			if !r.hard || r.foreign != nil || r.form != formSeparate && r.form != formItems || !x.on(partRule, rs.clock, r.def) {
				continue
			}
			start := int64(0)
			for _, m := range u.members[:u.n] {
				end := start + x.p.lib.entries[m].ms
				offset := int64(0)
				for _, o := range v.members[:v.n] {
					if (r.only == nil || r.only.has(m) && r.only.has(o)) && shared(x.p.lib.entries[m].valuesOf(r.attr),
						x.p.lib.entries[o].valuesOf(r.attr)) {
						if r.form == formSeparate {
							by = max(by, end+r.minGap-offset)
						} else if int64(between) < r.limit && b.follows && between == 0 {
							return 0, false
						}
					}
					offset += x.p.lib.entries[o].ms
				}
				start = end
			}
		}
	}
	return by, true
}

// keepsLimits reports whether the chosen units keep the active limits on counts and shares.
func (x *relaxation) keepsLimits(places []proofPlace, chosen []unit) bool {
	for i := range x.p.day.windows {
		if !x.in[i] {
			continue
		}
		rs := x.p.day.windows[i].rules
		for k := range rs.rules {
			r := &rs.rules[k]
			if !r.hard || r.foreign != nil || !x.on(partRule, rs.clock, r.def) || r.form != formAtMost && r.form != formMost {
				continue
			}
			count := map[int32]int64{}
			for j := range places {
				if x.p.day.windows[places[j].win].rules != rs || r.per == "window" && int(places[j].win) != i {
					continue
				}
				if w := &x.p.day.windows[places[j].win]; r.per == "daypart" && !inside(r.periods, w.start, w.end) {
					continue
				}
				for _, m := range chosen[j].members[:chosen[j].n] {
					e := x.p.lib.entries[m]
					switch {
					case r.only != nil && !r.only.has(m):
					case r.form == formMost && e.has(r.match):
						count[0] += e.ms
					case r.form == formMost:
					case r.each:
						for _, v := range e.valuesOf(r.attr) {
							count[v]++
						}
					case e.has(r.match):
						count[0]++
					}
				}
			}
			limit := r.limit
			if r.form == formMost {
				total, _ := rs.share(r, int32(i), x.p.airings)
				limit = total * r.limit / 1_000_000
			}
			if r.form == formAtMost && r.per == "week" {
				for v := range count {
					count[v] += x.past(r, rs, v)
				}
			}
			for _, n := range count {
				if n > limit {
					return false
				}
			}
		}
	}
	return true
}

// past returns how often the week's history has a value, or the rule's match.
func (x *relaxation) past(r *rule, rs *ruleset, v int32) (n int64) {
	list := x.p.airings.by[v]
	if !r.each {
		list = x.p.airings.sequence
	}
	for _, s := range list {
		if s.win < 0 && rs.counts(r, s, trial{}) && (r.each || x.p.lib.entries[s.seg].has(r.match)) {
			n++
		}
	}
	return n
}

func inside(parts [][2]int64, start, end int64) bool {
	for _, p := range parts {
		if start >= p[0] && end <= p[1] {
			return true
		}
	}
	return false
}
