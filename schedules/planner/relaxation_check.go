package planner

import (
	"fmt"
	"slices"

	"lifeline/schedules"
)

// proofPlace is one place of the relaxed day that must air something.
type proofPlace struct {
	win     int32
	index   int // of the position; -1: a kept item
	kept    *schedules.Item
	pos     *schedules.Position
	follows bool // starts exactly where the previous place ends
	low     int64
	high    int64 // earliest and latest start
	lastEnd int64 // latest end
	endLow  int64 // earliest end; minTime: free
	choices []choiceOf
}

// choiceOf is a candidate of a place. It represents all candidates that are alike under the active rules.
type choiceOf struct{ u unit }

// check reports whether the active demands can all hold.
func (x *relaxation) check() answer {
	x.steps = proofSteps
	places, ok := x.proofPlaces()
	if !ok {
		return impossible
	}
	chosen := make([]unit, len(places))
	if slices.ContainsFunc(x.p.demands, func(d *demand) bool { return x.hopeless(supply{x, places, chosen}, d) }) {
		return impossible // each choice of the places would show the same
	}
	return x.assign(places, chosen, 0)
}

// proofPlaces returns the places in order of time. It returns false if some place has no candidate.
func (x *relaxation) proofPlaces() ([]proofPlace, bool) {
	var out []proofPlace
	for i := range x.p.day.windows {
		if !x.in[i] {
			continue
		}
		w := &x.p.day.windows[i]
		k, _ := x.p.day.lengthOf(w.Window)
		length := x.on(partLength, "", k)
		var kept []proofPlace
		for k := range x.p.in.Keep {
			item := &x.p.in.Keep[k]
			if at := item.StartAt.UnixMilli(); x.on(partKept, "", k) && at >= w.start && at < w.end {
				if seg, ok := x.p.lib.index(item.SegmentID); ok {
					u := unit{main: seg, members: [3]int32{seg}, n: 1, ms: item.Duration.Milliseconds()}
					kept = append(kept, proofPlace{win: int32(i), index: -1, kept: item, low: at, high: at, lastEnd: maxTime,
						endLow: minTime, choices: []choiceOf{{u}}})
				}
			}
		}
		own := x.windowPlaces(i, w, length, kept)
		for _, s := range own {
			if len(s.choices) == 0 {
				return nil, false
			}
		}
		out = append(out, own...)
	}
	return out, true
}

func (x *relaxation) windowPlaces(i int, w *window, length bool, kept []proofPlace) []proofPlace {
	var out []proofPlace
	slices.SortFunc(kept, func(a, b proofPlace) int { return int(a.low - b.low) })
	edge := true // nothing was dropped since the window's start or the last place
	for j := range w.clock.Positions {
		pos := &w.clock.Positions[j]
		if pos.Fill != nil || !x.on(partPosition, w.clock.ID, j) || pos.Optional {
			edge = false
			continue
		}
		if k := slices.IndexFunc(kept, func(s proofPlace) bool { return s.kept.Position == pos.ID }); k >= 0 {
			edge = false
			continue // the kept item takes the position
		}
		s := proofPlace{win: int32(i), index: j, pos: pos, low: w.start, high: maxTime, lastEnd: w.end + w.tolerance,
			endLow: minTime}
		if !length {
			s.lastEnd = maxTime
		}
		switch {
		case pos.At != nil:
			at := w.start + pos.At.Milliseconds()
			s.low, s.high = at-w.tolerance, at+w.tolerance
			if pos.Start == schedules.Soft {
				s.low, s.high = at, at+pos.Grace.Milliseconds()
			}
			if j == 0 {
				s.high = s.low + 2*w.tolerance
			}
		case edge && len(out) == 0 && len(kept) == 0:
			s.high = w.start
		case edge && len(kept) == 0:
			s.follows = true
		}
		switch next := j + 1; {
		case next == len(w.clock.Positions):
			if length {
				s.endLow = w.end - w.tolerance
			}
		case w.clock.Positions[next].At != nil && x.on(partPosition, w.clock.ID, next):
			after := &w.clock.Positions[next]
			post := w.start + after.At.Milliseconds()
			s.lastEnd = min(s.lastEnd, post+max(w.tolerance, after.Grace.Milliseconds()))
			if length {
				s.endLow = post - w.tolerance
			}
		}
		s.lastEnd = min(s.lastEnd, maxTime/2) + pos.FadeMax.Milliseconds()
		s.choices = x.choices(w, pos)
		out = append(out, s)
		edge = true
	}
	for _, k := range kept { // inserted among the places by time, as far as it is known
		at := slices.IndexFunc(out, func(s proofPlace) bool { return s.index >= 0 && s.low > k.low && s.pos.At != nil })
		if at < 0 {
			at = len(out)
			for at > 0 && out[at-1].pos != nil && out[at-1].pos.AtEnd {
				at--
			}
		}
		out = slices.Insert(out, at, k)
	}
	return out
}

// choices returns the segments that may take the position at some time, one for each group of alike segments.
func (x *relaxation) choices(w *window, pos *schedules.Position) []choiceOf {
	key := fmt.Sprint(w.Window, w.StartAt, pos.ID, x.active)
	if c, ok := x.options[key]; ok {
		return c
	}
	var segments []int32
	if pos.Segment != "" {
		if seg, ok := x.p.lib.index(pos.Segment); ok {
			segments = []int32{seg}
		}
	} else {
		segments = x.p.lib.class(pos.Pick, w.languages)
	}
	seen := map[string]bool{}
	out := []choiceOf{}
	for _, seg := range segments {
		e := x.p.lib.entries[seg]
		u, broken := x.p.unit(seg, pos.Chain)
		if !e.Fit || broken != "" || !schedules.Speaks(e.Language, w.languages) || !x.mayLive(u, w) {
			continue
		}
		if like := x.equivalenceKey(u); !seen[like] {
			seen[like] = true
			out = append(out, choiceOf{u})
		}
	}
	x.options[key] = out
	return out
}

// mayLive reports whether every member of the unit may air at some time in the window.
func (x *relaxation) mayLive(u unit, w *window) bool {
	for _, m := range u.members[:u.n] {
		e := x.p.lib.entries[m]
		if e.till < w.start+u.ms || e.from > w.end+w.tolerance-u.ms {
			return false
		}
	}
	return true
}

// equivalenceKey returns a key that is equal for units that no active rule and no time limit distinguishes.
func (x *relaxation) equivalenceKey(u unit) string {
	out := fmt.Sprint(u.ms)
	for _, m := range u.members[:u.n] {
		e := x.p.lib.entries[m]
		out += fmt.Sprint(" ", e.from, e.till) // from is valid_from, from which ages count
		if history := x.p.airings.by[e.attrs[schedules.AttributeSegment]]; len(history) > 0 {
			out += " " + e.ID
		}
		for i := range x.p.day.windows {
			if !x.in[i] {
				continue
			}
			rs := x.p.day.windows[i].rules
			for k := range rs.rules {
				r := &rs.rules[k]
				if r.foreign != nil || !r.hard || !x.on(partRule, rs.clock, r.def) {
					continue
				}
				out += fmt.Sprint(r.only == nil || r.only.has(m), e.has(r.match))
				if r.each || r.form == formSeparate || r.form == formItems {
					out += fmt.Sprint(e.valuesOf(r.attr))
				}
			}
		}
		for _, k := range x.p.campaignEnds {
			out += fmt.Sprint(k.members.has(m))
		}
		for i, c := range x.p.in.Campaigns {
			out += fmt.Sprint(x.on(partCampaign, "", i) && c.Of.Matches(&e.Segment))
		}
	}
	return out
}

// spent reports whether the proof must stop, because its budget is used up or its context is done.
func (x *relaxation) spent() bool { return x.work < 0 || x.p.ctx.Err() != nil }

// assign tries all choices of the places from the ith on.
func (x *relaxation) assign(places []proofPlace, chosen []unit, i int) answer {
	if i == len(places) {
		enough := x.enough(places, chosen)
		switch {
		case x.spent():
			return unknown
		case enough:
			return possible
		}
		return impossible
	}
	out := impossible
	for _, c := range places[i].choices {
		x.steps--
		if x.work -= assignWork; x.steps < 0 || x.spent() {
			return unknown
		}
		chosen[i] = c.u
		if !x.consistent(places[:i+1], chosen[:i+1]) {
			continue
		}
		switch x.assign(places, chosen, i+1) {
		case possible:
			return possible
		case unknown:
			out = unknown
		}
	}
	return out
}
