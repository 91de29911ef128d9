package planner

import (
	"math/rand/v2"
	"slices"

	"lifeline/schedules"
)

// improveSteps bounds the work of the search over whole days, in candidates put on trial.
var improveSteps = 1_500_000

// improver searches over whole days: it holds a complete day that may break rules and end stretches off time, takes a
// part of it out, draws that part again, and keeps the day that departs the least. It finds days in which stretches
// compete for the same few segments, which passes in the order of time do not find.
type improver struct {
	*planner
	rng    *rand.Rand
	steps  int
	parts  []partOfDay
	costs  []float64         // of parts
	usable map[*place][]unit // by length
}

// partOfDay is a stretch of a whole day with its items in order.
type partOfDay struct {
	items      []inPart
	start, end int64 // actual
	off        int64 // how far its end is outside what the stretch allows
}

// inPart is an item of a stretch: the unit at one of its places.
type inPart struct {
	place int
	unit  unit
	at    int64
}

// improve plans the day by a search over whole days. Soft rules do not guide it.
func improve(p *planner) *stuck {
	v := &improver{planner: p, rng: rand.New(rand.NewPCG(p.in.Seed, 2)), steps: improveSteps,
		usable: map[*place][]unit{}}
	p.stretches = layoutPass{p}.layout()
	layoutPass{p}.placeKept()
	demandPass{p}.openDemands()
	begin := p.checkpoint()
	if s := v.begin(); s != nil {
		p.reset(begin)
		return s
	}
	const patience = 250
	best := v.cost()
	least, since := best, 0
	for best > 0 && v.steps > 0 && p.ctx.Err() == nil {
		v.steps -= tryCost
		chosen := v.choose()
		before, costs := v.copyOf(chosen), slices.Clone(v.costs)
		v.redraw(chosen)
		switch now := v.cost(); {
		case now <= best:
			best = now
		case since > patience && now < best+3 && v.rng.IntN(20) == 0: // leave a day that nothing improves
			best = now
		default:
			v.restore(before)
			v.costs = costs
		}
		if since++; best < least {
			least, since = best, 0
		}
	}
	worst := v.worst()
	v.lift()
	p.reset(begin)
	if best == 0 && v.write() {
		return nil
	}
	p.reset(begin)
	st := &p.stretches[worst]
	return &stuck{stretch: st, place: max(st.lastFill, 0)}
}

// begin draws a first day, however bad.
func (v *improver) begin() *stuck {
	v.parts, v.costs = make([]partOfDay, len(v.stretches)), make([]float64, len(v.stretches))
	for i := range v.stretches {
		st := &v.stretches[i]
		if len(st.places) == 0 {
			return &stuck{stretch: st}
		}
		for k := range st.places {
			pl := &st.places[k]
			v.usable[pl] = v.units(pl, &v.day.windows[st.win])
			if len(v.usable[pl]) == 0 && !pl.pos.Optional && !pl.fill {
				return &stuck{stretch: st, place: k}
			}
		}
	}
	if len(v.stretches) == 0 {
		return &stuck{demand: demandPass{v.planner}.unmet()}
	}
	for i := range v.stretches {
		st := &v.stretches[i]
		for k := range st.places {
			if pl := &st.places[k]; !pl.fill && len(v.usable[pl]) > 0 {
				v.parts[i].items = append(v.parts[i].items, inPart{place: k, unit: v.any(v.usable[pl])})
			}
		}
		v.place(i)
		v.refill(i)
	}
	return nil
}

// units returns what may air in a place, by length.
func (v *improver) units(pl *place, w *window) (out []unit) {
	add := func(seg int32) {
		e := v.lib.entries[seg]
		if u, broken := v.unit(seg, pl.pos.Chain); broken == "" && e.Fit && u.ms > 0 &&
			schedules.Speaks(e.Language, w.languages) {
			out = append(out, u)
		}
	}
	if pl.queue == nil {
		if seg, ok := v.lib.index(pl.pos.Segment); ok {
			add(seg)
		}
		return out
	}
	for _, seg := range pl.queue.class {
		add(seg)
	}
	if pl.fill {
		for _, id := range v.in.Station.Fallback {
			if seg, ok := v.lib.index(id); ok && !pl.queue.members.has(seg) {
				add(seg)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b unit) int { return int(a.ms - b.ms) })
	return out
}

func (v *improver) any(list []unit) unit { return list[v.rng.IntN(len(list))] }

// place enters the items of a stretch, and of those that adjoin it, at the times that follow from their order.
func (v *improver) place(i int) {
	for ; i < len(v.stretches); i++ {
		v.take(i)
		st, d := &v.stretches[i], &v.parts[i]
		at := st.start
		if i > 0 && st.adjoins {
			if o := &v.stretches[i-1]; o.win == st.win && o.end == st.start {
				at = v.parts[i-1].end
			}
		}
		d.start, d.off = at, 0
		for n := range d.items {
			d.items[n].unit.cut = 0
			d.items[n].at = at
			at += d.items[n].unit.ms
		}
		over := at - st.end
		if n := len(d.items); over > st.most && n > 0 {
			last := &d.items[n-1]
			if cut := max(st.places[last.place].pos.FadeMax.Milliseconds(), st.cut); over <= cut && over < last.unit.ms {
				last.unit.cut = over
				at, over = st.end, 0
			}
		}
		d.off = max(st.least-over, over-st.most, 0)
		before := d.end
		if d.end = at; d.off > 0 {
			d.end = st.end // the next stretch is judged as if this one ended on time
		}
		for _, x := range d.items {
			v.addAirings(x.unit, x.at, st.win)
		}
		if i+1 == len(v.stretches) || d.end == before || !v.stretches[i+1].adjoins || v.stretches[i+1].win != st.win {
			return
		}
	}
}

// take takes the airings of a stretch out of the index.
func (v *improver) take(i int) {
	for _, x := range v.parts[i].items {
		if x.at != 0 {
			v.removeAirings(x.unit, x.at, v.stretches[i].win)
		}
	}
	for n := range v.parts[i].items {
		v.parts[i].items[n].at = 0
	}
}

func (v *improver) lift() {
	for i := range v.parts {
		v.take(i)
	}
}

// cost says how far the day departs from its definitions; 0 is a plan.
func (v *improver) cost() (sum float64) {
	for i := range v.parts {
		v.costs[i] = v.costOf(i)
		sum += v.costs[i]
	}
	for _, d := range v.demands {
		if missing := d.need - v.airings.met(d); d.hard && missing > 0 {
			if sum++; d.time {
				sum += float64(missing) / 60_000
			} else {
				sum += float64(missing)
			}
		}
	}
	return sum
}

// costOf says how far a stretch departs from its definitions, with the rest of the day in place.
func (v *improver) costOf(i int) (sum float64) {
	d := &v.parts[i]
	if d.off > 0 {
		sum += 1 + min(float64(d.off)/10_000, 20)
	}
	for _, x := range d.items {
		if v.broken(i, x) {
			sum++
		}
	}
	return sum
}

// broken reports whether an item breaks a hard rule.
func (v *improver) broken(i int, x inPart) bool {
	win := v.stretches[i].win
	v.steps--
	v.removeAirings(x.unit, x.at, win)
	whole := x.unit
	whole.cut = 0
	ok := v.mayAir(&v.day.windows[win], win, whole, x.at)
	v.addAirings(x.unit, x.at, win)
	return !ok
}

// worst returns the stretch that departs the most.
func (v *improver) worst() (worst int) {
	for i, c := range v.costs {
		if c > v.costs[worst] {
			worst = i
		}
	}
	return worst
}

// choose returns the stretches to draw again: mostly one that departs, and often another one with it.
func (v *improver) choose() []int {
	var bad []int
	for i := range v.parts {
		if v.costs[i] > 0 {
			bad = append(bad, i)
		}
	}
	first := v.rng.IntN(len(v.parts))
	if len(bad) > 0 && v.rng.IntN(4) > 0 {
		first = bad[v.rng.IntN(len(bad))]
	}
	out := []int{first}
	if other := v.rng.IntN(len(v.parts)); other != first && v.rng.IntN(2) == 0 {
		out = append(out, other)
	}
	return out
}

// copyOf returns the stretches as they are, for restore. A stretch that adjoins one of them may move with it.
func (v *improver) copyOf(chosen []int) map[int][]inPart {
	out := map[int][]inPart{}
	for _, i := range chosen {
		out[i] = slices.Clone(v.parts[i].items)
	}
	return out
}

func (v *improver) restore(before map[int][]inPart) {
	for i := range v.parts {
		items, ok := before[i]
		if !ok {
			continue
		}
		v.take(i)
		v.parts[i].items = items
		for n := range items {
			items[n].at = 0
		}
		v.place(i)
	}
}

// redraw takes a part out of each of the stretches, and draws them again one after the other.
func (v *improver) redraw(chosen []int) {
	for _, i := range chosen {
		v.take(i)
		d := &v.parts[i]
		st := &v.stretches[i]
		share := 1 + v.rng.IntN(4) // of four
		for n := len(d.items) - 1; n >= 0; n-- {
			pl := &st.places[d.items[n].place]
			switch {
			case pl.fill && v.rng.IntN(4) < share:
				d.items = slices.Delete(d.items, n, n+1)
			case !pl.fill && pl.pos.Pick != nil && v.rng.IntN(3) == 0:
				d.items[n].unit = v.any(v.usable[pl])
			}
		}
		v.optional(i)
		v.place(i)
	}
	for _, i := range chosen {
		v.refill(i)
	}
}

// optional at random fills or empties the optional places of a stretch.
func (v *improver) optional(i int) {
	st, d := &v.stretches[i], &v.parts[i]
	for k := range st.places {
		pl := &st.places[k]
		if pl.fill || !pl.pos.Optional || len(v.usable[pl]) == 0 || v.rng.IntN(4) > 0 {
			continue
		}
		if n := slices.IndexFunc(d.items, func(x inPart) bool { return x.place == k }); n >= 0 {
			d.items = slices.Delete(d.items, n, n+1)
		} else {
			v.insert(i, inPart{place: k, unit: v.any(v.usable[pl])})
		}
	}
}

// insert puts an item among those of its place, or where its place is.
func (v *improver) insert(i int, x inPart) {
	d := &v.parts[i]
	first := slices.IndexFunc(d.items, func(o inPart) bool { return o.place >= x.place })
	if first < 0 {
		first = len(d.items)
	}
	last := first
	for last < len(d.items) && d.items[last].place == x.place {
		last++
	}
	d.items = slices.Insert(d.items, first+v.rng.IntN(last-first+1), x)
}

// refill draws items for the fills of a stretch until it ends on time or as near to that as they come.
func (v *improver) refill(i int) {
	st := &v.stretches[i]
	if st.lastFill < 0 {
		return
	}
	var fills []int
	for k := range st.places {
		if st.places[k].fill && len(v.usable[&st.places[k]]) > 0 {
			fills = append(fills, k)
		}
	}
	for range 200 {
		if len(fills) == 0 || v.steps <= 0 {
			return
		}
		k := fills[v.rng.IntN(len(fills))]
		pl := &st.places[k]
		list := v.free(i, pl)
		left := v.left(i)
		most := max(st.most, st.cut)
		if k == len(st.places)-1 {
			most = max(most, pl.pos.FadeMax.Milliseconds())
		}
		if left <= -st.least && left >= -most || len(list) == 0 {
			return
		}
		if set := v.closing(list, left+st.least, left+most); set != nil {
			v.take(i)
			for _, u := range set {
				v.insert(i, inPart{place: k, unit: u})
			}
			v.place(i)
			return
		}
		u := v.any(list)
		if u.ms > left+most {
			fits := slices.IndexFunc(list, func(o unit) bool { return o.ms > left+most })
			if fits == 0 {
				return
			}
			u = v.any(list[:fits])
		}
		v.take(i)
		v.insert(i, inPart{place: k, unit: u})
		v.place(i)
	}
}

// left returns how long the items of a stretch leave it empty.
func (v *improver) left(i int) int64 {
	d := &v.parts[i]
	at := d.start
	for _, x := range d.items {
		at += x.unit.ms
	}
	return v.stretches[i].end - at
}

// free returns the units of a place that break no rule at the end of the stretch as it is, or now and then all of them.
func (v *improver) free(i int, pl *place) (out []unit) {
	if v.rng.IntN(8) == 0 {
		return v.usable[pl]
	}
	st, d := &v.stretches[i], &v.parts[i]
	at := d.start
	for _, x := range d.items {
		if x.place <= slices.IndexFunc(st.places, func(o place) bool { return o.pos == pl.pos }) {
			at = x.at + x.unit.ms
		}
	}
	for _, u := range v.usable[pl] {
		v.steps--
		if v.mayAir(&v.day.windows[st.win], st.win, u, at) {
			out = append(out, u)
		}
	}
	return out
}

// closing returns one, two or three different units of the list, at random, whose lengths add up to between least and
// most, or nil.
func (v *improver) closing(list []unit, least, most int64) []unit {
	n := len(list)
	if n == 0 || least > 3*list[n-1].ms {
		return nil
	}
	within := func(ms int64) (from, until int) {
		from, _ = slices.BinarySearchFunc(list, least-ms, func(u unit, t int64) int { return int(u.ms - t) })
		until, _ = slices.BinarySearchFunc(list, most-ms+1, func(u unit, t int64) int { return int(u.ms - t) })
		return from, until
	}
	pick := func(ms int64, not ...int) int {
		from, until := within(ms)
		if from >= until {
			return -1
		}
		k := from + v.rng.IntN(until-from)
		if slices.Contains(not, k) {
			return -1
		}
		return k
	}
	v.steps -= 1 + n/8
	sizes := v.rng.Perm(3)
	for _, size := range sizes {
		switch size {
		case 0:
			if k := pick(0); k >= 0 {
				return []unit{list[k]}
			}
		case 1:
			from := v.rng.IntN(n)
			for m := range n {
				a := (from + m) % n
				if b := pick(list[a].ms, a); b >= 0 {
					return []unit{list[a], list[b]}
				}
			}
		case 2:
			for range 4 {
				c, from := v.rng.IntN(n), v.rng.IntN(n)
				for m := range n {
					a := (from + m) % n
					if a == c {
						continue
					}
					if b := pick(list[a].ms+list[c].ms, a, c); b >= 0 {
						return []unit{list[a], list[b], list[c]}
					}
				}
			}
		}
	}
	return nil
}

// write settles the day as it was found. It reports whether it keeps all hard rules.
func (v *improver) write() bool {
	w := &walker{planner: v.planner, rng: v.rng, steps: improveSteps, lengths: map[*queue][]int64{}}
	for i := range v.stretches {
		st, d := &v.stretches[i], &v.parts[i]
		at := d.start
		for k := range st.places {
			pl := &st.places[k]
			empty := true
			for _, x := range d.items {
				if x.place != k {
					continue
				}
				empty = false
				u := x.unit
				u.cut = 0
				at = w.put(st, pl, drawn{unit: u, since: v.last[u.main]}, at, nil)
				if x.unit.cut > 0 {
					at -= fillPass{v.planner}.trimLast(x.unit.cut, x.unit.cut)
				}
			}
			if empty && !pl.fill {
				w.empty(st, pl)
			}
		}
		st.ended = at
	}
	return w.meetsHardRules()
}
