package planner

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"lifeline/schedules"
)

// supply computes the most that the elastic material of the relaxed day could give, once every place has its unit.
type supply struct {
	*relaxation
	places []proofPlace
	chosen []unit
}

// enough reports whether the elastic material can reach the minima of the active demands: the length of each stretch,
// counts and shares.
func (x *relaxation) enough(places []proofPlace, chosen []unit) bool {
	s := supply{x, places, chosen}
	for i := range x.p.day.windows {
		if x.in[i] && !s.lengths(i) {
			return false
		}
	}
	for _, d := range x.p.demands {
		if !s.meets(d) {
			return false
		}
	}
	return s.follows()
}

// elastic is a stretch with all of its positions in force: its fills, and how long they must last.
type elastic struct {
	fills []*schedules.Position // and optional positions, which may take any part of the time
	ms    int64                 // the least that its fills last
	fade  int64
	late  int64 // how much longer they may last, because posts wait
	span  int64 // of its fills, with the positions between them
}

// stretches returns the window's stretches from which nothing is dropped. open reports whether anything in the window
// is dropped.
func (s supply) stretches(i int) (list []elastic, open bool) {
	w := &s.p.day.windows[i]
	for _, sp := range s.places {
		if sp.kept != nil && int(sp.win) == i {
			return nil, true
		}
	}
	begin, e, whole := w.start, elastic{}, true
	flush := func(end int64) {
		if whole && len(e.fills) > 0 {
			e.ms += end - begin
			if e.span = e.ms; len(e.fills) > 1 {
				e.span = end - begin
			}
			list = append(list, e)
		}
		open = open || !whole
	}
	for j := range w.clock.Positions {
		pos := &w.clock.Positions[j]
		active := s.on(partPosition, w.clock.ID, j)
		if pos.At != nil && active {
			if at := w.start + pos.At.Milliseconds(); at > begin {
				waits := int64(0)
				if pos.Start == schedules.Soft {
					waits = pos.Grace.Milliseconds()
				}
				e.late += waits
				flush(at)
				begin, e, whole = at, elastic{ms: -waits, late: waits}, true
			}
		}
		switch {
		case !active && !pos.Optional || pos.Optional && (pos.Chain || pos.At != nil):
			whole = false
		case pos.Fill != nil || pos.Optional:
			e.fills = append(e.fills, pos)
			e.fade = max(e.fade, pos.FadeMax.Milliseconds())
		default:
			for k := range s.places {
				if int(s.places[k].win) == i && s.places[k].index == j {
					e.ms -= s.chosen[k].ms
				}
			}
		}
	}
	flush(w.end)
	return list, open
}

// material returns the segments that may fill a stretch, including the station's fallback.
func (s supply) material(w *window, e elastic) []int32 {
	seen := map[int32]bool{}
	var out []int32
	add := func(seg int32) {
		entry := s.p.lib.entries[seg]
		if !seen[seg] && entry.Fit && entry.ms > 0 && schedules.Speaks(entry.Language, w.languages) &&
			s.mayLive(unit{members: [3]int32{seg}, n: 1, ms: entry.ms}, w) {
			seen[seg] = true
			out = append(out, seg)
		}
	}
	for _, f := range e.fills {
		if seg, ok := s.p.lib.index(f.Segment); ok && f.Segment != "" {
			add(seg)
			continue
		}
		for _, seg := range s.p.lib.class(cmp.Or(f.Fill, f.Pick), w.languages) {
			if _, broken := s.p.unit(seg, f.Chain); broken == "" {
				add(seg)
			}
		}
	}
	for _, id := range s.p.in.Station.Fallback {
		if seg, ok := s.p.lib.index(id); ok {
			add(seg)
		}
	}
	return out
}

// lengths reports whether every whole stretch of a window can be filled to its length.
func (s supply) lengths(i int) bool {
	w := &s.p.day.windows[i]
	k, _ := s.p.day.lengthOf(w.Window)
	if !s.on(partLength, "", k) {
		return true
	}
	list, _ := s.stretches(i)
	slack := w.tolerance
	if slices.ContainsFunc(w.clock.Positions, func(p schedules.Position) bool { return p.At != nil }) {
		slack *= 2 // a post may be off in either direction, at both ends
	}
	for _, e := range list {
		if e.ms < -slack-e.fade-e.late {
			return false
		}
		if e.ms <= slack {
			continue
		}
		material := s.material(w, e)
		caps := make([]int64, len(material))
		var most int64
		chains := false
		for _, f := range e.fills {
			chains = chains || f.Chain
		}
		for n, seg := range material {
			ms := s.p.lib.entries[seg].ms
			caps[n] = (e.ms + slack + e.fade + e.late) / ms
			if !chains {
				caps[n] = min(caps[n], s.cap(w, i, seg, e.span+slack+e.fade+e.late))
			}
			most += caps[n] * ms
		}
		if !chains && (most < e.ms-slack || !s.reaches(material, caps, e.ms, slack, e.fade+e.late)) ||
			chains && len(material) == 0 {
			return false
		}
	}
	return s.together(i, list, slack) && s.day(i, list)
}

// together reports whether the stretches of a window have enough material if the separation of a segment's airings
// holds over the whole window.
func (s supply) together(i int, list []elastic, slack int64) bool {
	w := &s.p.day.windows[i]
	var need, have int64
	airings := map[int32]int64{} // as often as each stretch alone allows
	for _, e := range list {
		need += max(e.ms-slack, 0)
		for _, f := range e.fills {
			if f.Chain {
				return true
			}
		}
		most := e.ms + slack + e.fade + e.late
		for _, seg := range s.material(w, e) {
			airings[seg] += max(min(s.cap(w, i, seg, e.span+slack+e.fade+e.late), most/s.p.lib.entries[seg].ms), 0)
		}
	}
	for seg, n := range airings {
		all := s.apart(w, seg, w.end-w.start+2*w.tolerance) - s.placed(i, seg)
		have += max(min(n, all), 0) * s.p.lib.entries[seg].ms
	}
	return have >= need
}

// apart returns how often a segment may air within ms milliseconds under the active separations.
func (s supply) apart(w *window, seg int32, ms int64) int64 {
	out, e := int64(maxTime), s.p.lib.entries[seg]
	for k := range w.rules.rules {
		r := &w.rules.rules[k]
		if r.hard && r.foreign == nil && r.form == formSeparate && s.on(partRule, w.rules.clock, r.def) &&
			(r.only == nil || r.only.has(seg)) && len(e.valuesOf(r.attr)) > 0 {
			out = min(out, 1+max(ms-e.ms, 0)/(r.minGap+e.ms))
		}
	}
	return out
}

// placed returns how often the places of a window air a segment.
func (s supply) placed(i int, seg int32) (n int64) {
	for k := range s.places {
		if int(s.places[k].win) == i && slices.Contains(s.chosen[k].members[:s.chosen[k].n], seg) {
			n++
		}
	}
	return n
}

// cap returns how often a segment may air in a stretch of ms milliseconds under the active rules.
func (s supply) cap(w *window, i int, seg int32, ms int64) int64 {
	out := int64(maxTime)
	e := s.p.lib.entries[seg]
	for k := range w.rules.rules {
		r := &w.rules.rules[k]
		if !r.hard || r.foreign != nil || !s.on(partRule, w.rules.clock, r.def) || r.only != nil && !r.only.has(seg) {
			continue
		}
		switch {
		case r.form == formSeparate && len(e.valuesOf(r.attr)) > 0:
			out = min(out, 1+max(ms-e.ms, 0)/(r.minGap+e.ms))
		case r.form == formAtMost && (r.each && len(e.valuesOf(r.attr)) > 0 || !r.each && e.has(r.match)) &&
			(r.per == "window" || r.per == "day"):
			out = min(out, max(r.limit-s.used(r, w, i, e), 0))
		case r.form == formMost && e.has(r.match):
			total, _ := w.rules.share(r, int32(i), s.p.airings)
			out = min(out, total*r.limit/1_000_000/e.ms)
		case r.form == formFresh:
			if since := e.since(); since == minTime || since+r.within < w.start {
				out = 0
			}
		case r.form == formKeepTo:
			if !overlapsBy(r.periods, w.start, w.end+w.tolerance, e.ms) {
				out = 0
			}
		}
	}
	return out
}

func overlapsBy(parts [][2]int64, start, end, ms int64) bool {
	for _, p := range parts {
		if min(end, p[1])-max(start, p[0]) >= ms {
			return true
		}
	}
	return false
}

// used returns how many airings of an at-most rule the places already use for the values of the entry.
func (s supply) used(r *rule, w *window, i int, e *entry) (n int64) {
	for k := range s.places {
		if s.p.day.windows[s.places[k].win].rules != w.rules || r.per == "window" && int(s.places[k].win) != i {
			continue
		}
		for _, m := range s.chosen[k].members[:s.chosen[k].n] {
			o := s.p.lib.entries[m]
			if (r.only == nil || r.only.has(m)) && (r.each && shared(o.valuesOf(r.attr), e.valuesOf(r.attr)) || !r.each &&
				o.has(r.match)) {
				n++
			}
		}
	}
	return n
}

// reachLimit bounds the number of segments in an exact test of the sums of a stretch's material.
const reachLimit = 400

// reaches reports whether the material can add up to the length. It returns true if the test would be too large.
func (s supply) reaches(material []int32, caps []int64, ms, slack, fade int64) bool {
	var list []int64
	for n, seg := range material {
		if int64(len(list))+caps[n] > 250 || len(material) > reachLimit {
			return true
		}
		for range caps[n] {
			list = append(list, s.p.lib.entries[seg].ms)
		}
	}
	c := setFinder{ms: list}
	stride := c.stride()
	if (ms+slack+fade)/stride > 20_000_000 {
		return true
	}
	key := reach{hashLengths(list), ms, slack, fade}
	if known, ok := s.reached[key]; ok {
		return known
	}
	cost := (ms + slack + fade) / stride / 64 * int64(len(list))
	if s.work -= cost; s.work < 0 {
		return true // not tested: check then returns unknown
	}
	table := subsetSums(list, ms+slack+fade, stride)
	for t := (ms - slack + stride - 1) / stride * stride; t <= ms+slack+fade; t += stride {
		if table.has(t) {
			s.reached[key] = true
			return true
		}
	}
	s.reached[key] = false
	return false
}

// reach identifies the question whether lengths add up to about ms.
type reach struct {
	lengths         [sha256.Size]byte
	ms, slack, fade int64
}

func hashLengths(list []int64) [sha256.Size]byte {
	b := make([]byte, 0, 8*len(list))
	for _, ms := range list {
		b = binary.LittleEndian.AppendUint64(b, uint64(ms))
	}
	return sha256.Sum256(b)
}

// day reports whether the whole stretches of all windows of the clock have enough material under counts per day. It
// checks this for the clock's first window only.
func (s supply) day(i int, _ []elastic) bool {
	w := &s.p.day.windows[i]
	for k := range i {
		if s.in[k] && s.p.day.windows[k].rules == w.rules {
			return true
		}
	}
	for k := range w.rules.rules {
		r := &w.rules.rules[k]
		if !r.hard || r.foreign != nil || r.form != formAtMost || r.per != "day" || !r.each ||
			r.attr != schedules.AttributeSegment || !s.on(partRule, w.rules.clock, r.def) {
			continue
		}
		var need, have int64
		seen := map[int32]bool{}
		for n := range s.p.day.windows {
			v := &s.p.day.windows[n]
			if !s.in[n] || v.rules != w.rules {
				continue
			}
			list, _ := s.stretches(n)
			for _, e := range list {
				need += e.ms - 2*v.tolerance
				for _, seg := range s.material(v, e) {
					if seen[seg] {
						continue
					}
					seen[seg] = true
					x := s.p.lib.entries[seg]
					if r.only != nil && !r.only.has(seg) {
						return true
					}
					have += max(r.limit-s.used(r, v, n, x), 0) * x.ms
				}
				for _, f := range e.fills {
					if f.Chain {
						return true
					}
				}
			}
		}
		if have < need {
			return false
		}
	}
	return true
}
