package planner

import (
	"fmt"
	"slices"

	"lifeline/schedules"
)

// arrangements bounds the number of orders in which a closing set is tried.
const arrangements = 120

// maxClosing bounds the size of a closing set.
const maxClosing = 24

// arrange returns the order of the set, starting from due order, in which it may air from at and bends the least weight
// of soft rules. It stops at the first order that bends none. tried is the number of that order. It leaves nothing
// settled.
func (f closingPass) arrange(at int64, set []uint8) (order []uint8, tried int, ok bool) {
	order = slices.Clone(set)
	var best []uint8
	least, bestTried := 0.0, 0
	for tried = range arrangements {
		if bends, ok := f.airs(at, order); ok && (best == nil || bends < least) {
			best, least, bestTried = slices.Clone(order), bends, tried
			if bends == 0 {
				break
			}
		}
		if !nextPermutation(order) {
			break
		}
	}
	return best, bestTried, best != nil
}

// airs reports whether the set may air in this order at its exact times, and the weight of the soft rules that it
// bends.
func (f closingPass) airs(at int64, order []uint8) (bends float64, ok bool) {
	mark := f.p.checkpoint()
	defer f.p.reset(mark)
	for _, i := range order {
		u := f.list[f.play[i]].unit
		if !f.p.mayAir(f.w, f.st.win, u, at) {
			return 0, false
		}
		bends += f.p.bends(f.w, f.st.win, u, at, at+u.ms)
		f.p.settle(placed{unit: u, start: at, win: f.st.win})
		at += u.ms
	}
	return bends, true
}

func nextPermutation(a []uint8) bool {
	i := len(a) - 2
	for i >= 0 && a[i] >= a[i+1] {
		i--
	}
	if i < 0 {
		return false
	}
	j := len(a) - 1
	for a[j] <= a[i] {
		j--
	}
	a[i], a[j] = a[j], a[i]
	slices.Reverse(a[i+1:])
	return true
}

// record settles the set in the given order, with the record of its choice, and returns where it ends.
func (f closingPass) record(c *setFinder, at, end, residual int64, proved bool, order []uint8, tried int,
	bySums bool) int64 {
	choice := &schedules.Choice{Method: schedules.MethodClosing, StartAt: instant(at), Target: schedules.Ms(end - at),
		Residual: schedules.Ms(residual), Proved: proved, Cut: f.more,
		Least: schedules.Ms(c.least), Most: schedules.Ms(c.most), Nearest: c.nearest, DueFirst: c.dueFirst, Wide: len(c.ms),
		BySums: bySums, Tried: tried}
	choice.Candidates = make([]schedules.Candidate, 0, len(f.list))
	for _, i := range f.play { // candidates in play first, refused ones below
		choice.Candidates = append(choice.Candidates, f.candidate(i))
	}
	for k := range choice.Candidates {
		for j := range k {
			if c.clash[k].has(j) {
				choice.Candidates[k].Clashes = append(choice.Candidates[k].Clashes, j)
			}
		}
	}
	for i := range f.list {
		if x := &f.list[i]; x.why != "" || x.refused.rule != nil {
			choice.Candidates = append(choice.Candidates, f.candidate(i))
		}
	}
	for _, b := range c.banned {
		choice.Banned = append(choice.Banned, ints(b))
	}
	for k, i := range order {
		x := f.list[f.play[i]]
		choice.Aired = append(choice.Aired, f.p.name(x.unit.main))
		f.settle(x, at, choice, k, int(i))
		at += x.unit.ms
	}
	if residual > f.st.most || residual > 0 && f.fade() > 0 {
		at -= fillPass{f.p}.trimLast(residual, f.fade())
		choice.Faded = schedules.Ms(end + residual - at)
	}
	f.warnOff(choice, at-end)
	return at
}

// warnOff warns of a closing that is farther off than its position and window allow, and says whether a nearer one was
// possible.
func (f closingPass) warnOff(c *schedules.Choice, off int64) {
	if abs(off) <= max(f.near(), f.w.tolerance) {
		return // the rundown's window shows how full it is
	}
	why := "The rules allow no order of the segments that would come nearer."
	switch {
	case c.Proved && c.Cut:
		why = fmt.Sprintf("No set of up to %d of the %d most overdue segments comes nearer (proved).", maxSet, c.Wide)
	case c.Proved:
		why = fmt.Sprintf("No set of its %d segments comes nearer (proved).", c.Wide)
	case c.Cut:
		why = fmt.Sprintf("The planner found no nearer set among the %d most overdue segments.", c.Wide)
	}
	f.p.warn(schedules.WarnFillResidual, f.w.Window, "", "Position %s ends %s. %s", f.pl.pos.ID, lateness(off), why)
}

func ints(b []uint8) []int {
	out := make([]int, len(b))
	for i, x := range b {
		out[i] = int(x)
	}
	return out
}

// clashes marks the pairs of candidates that the rules allow in no order of the same closing.
func (f closingPass) clashes(c *setFinder) {
	n := len(f.play)
	c.clash = slices.Grow(c.clash[:0], n)[:n]
	clear(c.clash)
	for i := range f.w.rules.rules {
		r := &f.w.rules.rules[i]
		if !r.hard && f.bend {
			continue
		}
		switch r.form {
		case formSeparate, formItems, formAtMost, formMost:
			f.clashRule(c, r)
		}
	}
}

func (f closingPass) clashRule(c *setFinder, r *rule) {
	if r.attr == schedules.AttributeSegment && !f.pl.pos.Chain && (r.each || r.form == formSeparate ||
		r.form == formItems) {
		return // a set has no candidate twice
	}
	values := make([][]int32, len(f.play))
	has := make([]int64, len(f.play))
	for k, i := range f.play {
		seg := f.list[i].unit.main
		e := f.p.lib.entries[seg]
		switch {
		case r.only != nil && !r.only.has(seg) || r.foreign != nil && !r.foreign[f.st.win]:
			continue
		case r.form == formSeparate || r.form == formItems || r.form == formAtMost && r.each:
			values[k] = e.valuesOf(r.attr)
		case e.has(r.match):
			values[k] = r.match[:1]
		}
		if len(values[k]) > 0 && (r.form == formAtMost || r.form == formMost) {
			t := trial{seg: seg, start: f.st.start, end: f.st.start + c.ms[k], ms: c.ms[k], win: f.st.win}
			has[k] = f.w.rules.apply(r, t, f.p.airings).has
		}
	}
	limit := r.limit
	if r.form == formMost {
		total, _ := f.w.rules.share(r, f.st.win, f.p.airings)
		limit = total * r.limit / 1_000_000
	}
	for a := range values {
		if len(values[a]) == 0 {
			continue
		}
		for b := range a {
			if len(values[b]) == 0 || values[a][0] != values[b][0] && (r.attr != schedules.AttributeTag ||
				!shared(values[a], values[b])) {
				continue
			}
			clash := false
			switch r.form {
			case formSeparate:
				clash = r.minGap > c.target+f.st.most-c.ms[a]-c.ms[b]
			case formItems:
				clash = r.limit > maxClosing-2
			case formAtMost:
				clash = has[a]+1 > limit
			case formMost:
				clash = has[a]+c.ms[b] > limit
			}
			if clash {
				c.clash[a].set(b)
				c.clash[b].set(a)
			}
		}
	}
}

func shared(a, b []int32) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
