package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// filler fills one elastic position of one stretch.
type filler struct {
	p           *planner
	st          *stretch
	w           *window
	pl          *place
	useFallback bool // the station's fallback counts as material too
	bend        bool // soft rules may bend
	mean        int64
	more        bool   // the last gather left material out
	list        []cand // candidates of the last gather, in due order, including refused ones
	play        []int  // indexes in list of the candidates that nothing refuses
	known       []cand // cached trials
}

// cand is a candidate of a fill.
type cand struct {
	unit    unit
	last    int64
	refused refusal
	why     string // reason for a refusal without a rule
	bends   float64
}

// filling returns the planner's only filler, reset for a place. It reuses the memory of the previous place.
func (p fillPass) filling(st *stretch, w *window, pl *place, useFallback bool) *filler {
	f := &p.filler
	*f = filler{p: p.planner, st: st, w: w, pl: pl, useFallback: useFallback,
		list: f.list[:0], play: f.play[:0], known: f.known[:0]}
	return f
}

// closingPass finds the set of items that ends a fill on time.
type closingPass struct{ *filler }

// closeItems is the number of items of mean length that a closing set may span. Heads are placed until no more than
// that is left.
const closeItems = 4.7

// The numbers of candidates that closings consider, in turn: for those that must be exact, and for those that need only
// come near.
var (
	exactWidths = []int{90, 128, 192, closeWidth - 1}
	nearWidths  = []int{44, 48, 52, 56, 60, 64, 112, closeWidth - 1}
)

// nearEnough is the offset in milliseconds within which the nearest set is searched for first, and the length that may
// always be faded away.
const nearEnough = 20

// coarseAfter limits the closings of a day that consider all candidates without finding an exact set. After that many,
// later closings stop at their first width: durations that are multiples of a frame, for example, may never add up
// exactly.
const coarseAfter = 3

// backSteps is the number of heads that an unsuccessful closing gives back, one by one.
const backSteps = 10

// close fills [at, end) as exactly as the material allows, and returns where the settled items end.
func (f *filler) close(at, end int64) (int64, bool) {
	if at >= end {
		return at, at-end <= f.st.most
	}
	first := f.p.checkpoint()
	for _, f.bend = range [...]bool{false, true} {
		if reached, ok := f.headsAndClosing(at, end); ok {
			return reached, true
		}
		f.p.reset(first)
	}
	if reached, ok := (closingPass{f}).search(at, end); ok {
		return reached, true
	}
	f.p.reset(first)
	return at, false
}

func (f *filler) headsAndClosing(at, end int64) (int64, bool) {
	type step struct {
		mark checkpoint
		at   int64
	}
	var heads []step
	f.gather(at, end, nearWidths[0])
	if len(f.play) == 0 && end-at <= f.longest() {
		return at, false
	}
	begin, start := f.p.checkpoint(), at
	// First search for a set that closes exactly, giving back several heads; then for the least residual.
	for _, exact := range [...]bool{true, false} {
		if exact && float64(end-at) <= closeItems*float64(f.mean) && len(f.pl.queue.class) > nearWidths[0] {
			continue // no heads: there is one set to choose, and being due counts as much as being exact
		}
		f.p.reset(begin)
		heads, at = heads[:0], start
		for float64(end-at) > closeItems*float64(f.mean) {
			mark := f.p.checkpoint()
			next, ok := f.head(at, end)
			if !ok {
				break
			}
			heads = append(heads, step{mark, at})
			at = next
		}
		for back := 0; back < backSteps; back++ {
			if reached, ok := (closingPass{f}).closing(at, end, exact); ok {
				return reached, true
			}
			if len(heads) == 0 {
				break
			}
			last := heads[len(heads)-1]
			heads = heads[:len(heads)-1]
			f.p.reset(last.mark)
			at = last.at
		}
	}
	return start, false
}

// fade returns how much of the last item's end may be cut: the fade that the position declares, or the time that a hard
// post after it may cut off.
func (f *filler) fade() int64 { return max(f.pl.pos.FadeMax.Milliseconds(), f.st.cut) }

// longest returns the longest time in milliseconds for a closing set by the mean air time of the candidates, which
// counts as at least 1.
func (f *filler) longest() int64 { return int64(closeItems * float64(max(f.mean, 1))) }

// fillRoughly places the most overdue items until the target is approximately reached.
func (f *filler) fillRoughly(at, target int64) int64 {
	f.gather(at, target, nearWidths[0])
	for target-at > f.mean/2 {
		next, ok := f.head(at, f.st.end)
		if !ok {
			f.bend = !f.bend
			if next, ok = f.head(at, f.st.end); !ok {
				break
			}
		}
		if next > target+f.mean/2 {
			break
		}
		at = next
	}
	return at
}

// longShare is how many in ten candidates may be longer than half of the time to fill. Long candidates are hard to
// place and a set holds at most one, so without a bound they would in time be the only ones due.
const longShare = 7

// gather lists up to limit candidates that may air anywhere in [at, end), most overdue first.
func (f *filler) gather(at, end int64, limit int) {
	f.known = f.known[:0]
	f.regather(at, end, limit)
}

// regather gathers again with another limit. Nothing else may have changed since gather.
func (f *filler) regather(at, end int64, limit int) {
	f.list, f.play, f.more = f.list[:0], f.play[:0], false
	room := end - at + max(f.st.most, f.fade())
	long, place := 0, 0
	f.each(func(seg int32, last int64) bool {
		if len(f.play) == limit {
			f.more = true
			return false
		}
		if place == len(f.known) {
			f.known = append(f.known, f.consider(seg, last, at, end, room))
		}
		c := f.known[place]
		place++
		if c.why == "" && c.refused.rule == nil {
			if c.unit.ms > (end-at)/2 {
				long++
			}
			if c.unit.ms > (end-at)/2 && long > limit*longShare/10 && limit < closeWidth-1 {
				c.why, f.more = "is long, and enough long segments are more overdue", true
			} else {
				f.play = append(f.play, len(f.list))
			}
		}
		f.list = append(f.list, c)
		return true
	})
	if f.bend {
		slices.SortStableFunc(f.play, func(a, b int) int { return cmp.Compare(f.list[a].bends, f.list[b].bends) })
	}
	if f.mean == 0 {
		var sum int64
		for _, i := range f.play {
			sum += f.list[i].unit.ms
		}
		f.mean = max(sum/int64(max(len(f.play), 1)), 1)
	}
}

// each calls g with the fill's material in due order. The fallback, if it counts, comes last.
func (f *filler) each(g func(seg int32, last int64) bool) {
	more := true
	f.p.each(f.pl.queue, f.st.start, func(seg int32, last int64) bool {
		more = g(seg, last)
		return more
	})
	if !f.useFallback || !more {
		return
	}
	for _, id := range f.p.in.Station.Fallback {
		seg, ok := f.p.lib.index(id)
		if e := f.p.lib.entries[max(seg, 0)]; ok && e.Fit && !f.pl.queue.members.has(seg) && schedules.Speaks(e.Language,
			f.w.languages) {
			if !g(seg, f.p.last[seg]) {
				return
			}
		}
	}
}

// consider puts a segment on trial for any time in [start, end). Its unit may be at most room milliseconds long.
func (f *filler) consider(seg int32, last, start, end, room int64) cand {
	u, broken := f.p.unit(seg, f.pl.pos.Chain)
	c := cand{unit: u, last: last, why: broken}
	switch {
	case broken != "":
		c.unit = unit{main: seg, members: [3]int32{seg}, n: 1, ms: f.p.lib.entries[seg].ms}
	case u.ms > room:
		c.why = schedules.RefusedLength
	case !f.p.validThroughout(u, start, end):
		c.why = schedules.RefusedValidity
	default:
		if c.refused = f.p.try(f.w, f.st.win, u, start, end); c.refused.rule == nil {
			c.bends = f.p.bends(f.w, f.st.win, u, start, end)
			if c.bends > 0 && !f.bend {
				c.why = bendsMore
			}
		}
	}
	return c
}

// headRest is the number of items of mean length for which a head leaves room, if possible: a shorter rest is hard to
// fill with due candidates.
const headRest = 2

// head settles the most overdue candidate that may air exactly at at and leaves room for something after it.
func (f *filler) head(at, end int64) (int64, bool) {
	best := f.headWithin(at, end-at-headRest*f.mean)
	if best < 0 {
		best = f.headWithin(at, end-at)
	}
	if best < 0 {
		return at, false
	}
	c := f.list[best]
	choice := &schedules.Choice{Method: schedules.MethodDue, StartAt: instant(at), Aired: []string{f.p.name(c.unit.main)}}
	for i := range f.list[:best+1] {
		k := f.candidate(i)
		if i != best && k.Refused.IsZero() {
			k.Refused = schedules.Refusal{Rule: bendsMore}
		}
		choice.Candidates = append(choice.Candidates, k)
	}
	f.settle(c, at, choice, 0, best)
	return at + c.unit.ms, true
}

// headWithin lists candidates and returns the index of one that may air exactly at at and is at most room milliseconds
// long, or -1. It takes the first that bends no soft rule, or the one that bends the least of those that it lists.
func (f *filler) headWithin(at, room int64) int {
	f.list = f.list[:0]
	best := -1
	f.each(func(seg int32, last int64) bool {
		e := f.p.lib.entries[seg]
		u, broken := f.p.unit(seg, f.pl.pos.Chain)
		c := f.consider(seg, last, at, at+u.ms, room)
		if broken == "" && e.ms > 0 && c.why == "" && c.refused.rule == nil && (best < 0 || c.bends < f.list[best].bends) {
			best = len(f.list)
		}
		f.list = append(f.list, c)
		return best < 0 || f.list[best].bends > 0 && len(f.list) < 4*closeWidth
	})
	return best
}

func (f *filler) settle(c cand, at int64, choice *schedules.Choice, order, rank int) {
	f.p.settle(placed{unit: c.unit, start: at, win: f.st.win, position: f.pl.pos, index: f.pl.index, choice: choice,
		place: order,
		rank:  rank, since: c.last, fallback: !f.pl.queue.members.has(c.unit.main), queue: f.pl.queue})
}

func (f *filler) candidate(i int) schedules.Candidate {
	c := &f.list[i]
	k := schedules.Candidate{Segment: f.p.name(c.unit.main), Duration: schedules.Ms(c.unit.ms), LastAired: instant(c.last),
		Refused: c.refused.public()}
	if c.why != "" {
		k.Refused = schedules.Refusal{Rule: c.why}
	}
	return k
}

// closing settles a set of candidates that fills [at, end): first one as near to the end as the position asks, of the
// most overdue candidates; then of more and more candidates; last the one with the least residual. If exact is set, it
// accepts only a set as near as the position asks, because giving back heads may find one.
func (f closingPass) closing(at, end int64, exact bool) (int64, bool) {
	c := &f.p.setFinder
	near, widths := f.near(), nearWidths
	if near == 1 {
		widths = exactWidths
	}
	f.known = f.known[:0]
	for _, wide := range widths {
		f.regather(at, end, wide)
		f.load(c, end-at)
		c.least, c.most = f.dueWithin()
		if !c.reachable() {
			break // no sum comes that near, for example in whole seconds, and more candidates would not help
		}
		set, off := c.find()
		if reached, ok := f.offer(c, at, end, off, near == 1, set); ok {
			return reached, true
		}
		if exact || !f.more || near == 1 && f.p.inexactClosings >= coarseAfter {
			break
		}
		if wide == closeWidth-1 {
			f.p.inexactClosings++
		}
	}
	if exact && f.more {
		return at, false
	}
	bound := int64(maxTime)
	if exact {
		bound = near
	}
	for _, wide := range widths { // the nearest set of overdue candidates before the nearest of any
		f.regather(at, end, wide)
		f.load(c, end-at)
		c.least, c.most = f.allowed(min(bound, nearEnough))
		if c.nearest = true; !f.more || !c.reachable() {
			break
		}
		set, off := c.find()
		if reached, ok := f.offer(c, at, end, off, true, set); ok {
			return reached, true
		}
	}
	return f.nearest(c, at, end, bound)
}

// near returns how far off its end, in milliseconds, the fill may stop in favour of the rotation: the limit that the
// position declares, or the window's tolerance. Before a hard post, which cuts off an overrun, it is at most what can
// be cut inaudibly.
func (f closingPass) near() int64 {
	near := f.pl.pos.Near.Milliseconds()
	if near == 0 {
		near = max(f.st.most, -f.st.least)
		if f.st.cut > 0 {
			near = min(f.st.cut, nearEnough)
		}
	}
	return max(near, 1)
}

// allowed returns the range for the residual of a closing that must come within near of its end. The upper limit is at
// least the time that a fade removes.
func (f closingPass) allowed(near int64) (least, most int64) {
	most = f.st.most
	if f.st.cut > 0 {
		most = f.st.cut // a post cuts it off
	}
	return max(f.st.least, -near), max(min(most, near), f.pl.pos.FadeMax.Milliseconds())
}

// dueWithin returns the range for the residual within which being overdue counts more than being near.
func (f closingPass) dueWithin() (least, most int64) {
	near := f.near()
	least, most = f.allowed(near)
	if f.pl.pos.FadeMax.Duration > 0 {
		return 0, min(most, max(near, nearEnough))
	}
	return least, most
}

// load prepares the set finder for the gathered candidates.
func (f closingPass) load(c *setFinder, target int64) {
	c.ms, c.target, c.nearest, c.dueFirst = c.ms[:0], target, false, true
	c.banned = c.banned[:0]
	for _, i := range f.play {
		c.ms = append(c.ms, f.list[i].unit.ms)
	}
	f.clashes(c)
}

// nearest settles the set of any size with the least allowed residual, if that is within bound. The subset sums prove
// that the candidates allow no smaller one.
func (f closingPass) nearest(c *setFinder, at, end, bound int64) (int64, bool) {
	if len(f.play) == 0 || f.p.tables == 0 {
		return at, false
	}
	f.p.tables--
	least, most := f.allowed(bound)
	table := &f.p.sums
	table.table(c.ms, c.target+most, c.stride())
	if reached, ok := f.dueSums(c, at, end, table); ok {
		return reached, true
	}
	c.least, c.most, c.nearest = max(least, -nearEnough), min(most, nearEnough), true
	near, off := c.find()
	near = slices.Clone(near)
	proved := true
	for size := int64(0); size <= max(most, -least); size++ {
		for _, r := range [...]int64{size, -size} {
			if r > most || r < least || r == 0 && size > 0 || !table.has(c.target+r) {
				continue
			}
			set := near
			if size > nearEnough {
				c.least, c.most = r, r
				set, off = c.find()
			}
			if off == r {
				if reached, ok := f.offer(c, at, end, r, proved, set); ok {
					return reached, true
				}
			}
			big := table.set(c.target+r, c.ms)
			slices.Sort(big)
			if len(big) <= maxClosing && !c.clashing(big) {
				chosen := make([]uint8, len(big))
				for n, k := range big {
					chosen[n] = uint8(k)
				}
				if reached, ok := f.settleSet(c, at, end, r, proved, chosen, true); ok {
					return reached, true
				}
			}
			proved = false
		}
	}
	return at, false
}

// sumsTried is the number of sets found by subset sums, the most overdue first, for which orders of airing are tried.
const sumsTried = 8

// dueSums settles the most overdue of the sets of any size that the subset sums find, one set for each sum within the
// range of dueWithin.
func (f closingPass) dueSums(c *setFinder, at, end int64, table *sums) (int64, bool) {
	type sum struct {
		set      []uint8
		residual int64
		merit    int64
	}
	var found []sum
	least, most := f.dueWithin()
	for r := least; r <= most; r++ {
		if !table.has(c.target + r) {
			continue
		}
		set := table.set(c.target+r, c.ms)
		if len(set) > maxClosing || c.clashing(set) {
			continue
		}
		x := sum{residual: r}
		for _, k := range slices.Backward(set) {
			x.set = append(x.set, uint8(k))
		}
		x.merit = c.merit(x.set, c.target+r)
		found = append(found, x)
	}
	slices.SortStableFunc(found, func(a, b sum) int {
		return cmp.Or(cmp.Compare(b.merit, a.merit), cmp.Compare(abs(a.residual), abs(b.residual)))
	})
	c.least, c.most = least, most
	for _, x := range found[:min(len(found), sumsTried)] {
		if reached, ok := f.settleSet(c, at, end, x.residual, false, x.set, true); ok {
			return reached, true
		}
	}
	return at, false
}

// settleSet settles the set in the best order that the hard rules allow.
func (f closingPass) settleSet(c *setFinder, at, end, residual int64, proved bool, set []uint8, bySums bool) (int64,
	bool) {
	order, tried, ok := f.arrange(at, set)
	if !ok {
		return at, false
	}
	return f.record(c, at, end, residual, proved, order, tried, bySums), true
}

// offer settles the set. If no order of it is allowed, it bans the set and tries the next best, up to four sets.
func (f closingPass) offer(c *setFinder, at, end, residual int64, proved bool, set []uint8) (int64, bool) {
	for range 4 {
		if len(set) == 0 {
			return at, false
		}
		chosen := slices.Clone(set)
		if reached, ok := f.settleSet(c, at, end, residual, proved, chosen, false); ok {
			return reached, true
		}
		c.banned = append(c.banned, chosen)
		set, residual = c.find()
	}
	return at, false
}
