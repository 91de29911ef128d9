package planner

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"lifeline/schedules"
)

// walkSteps bounds the candidates put on trial in each of the walks over one day: one before the search for a conflict,
// one after it, and two without soft rules. The walks count candidates instead of time, so that every machine finds the
// same plan.
var walkSteps = [...]int{60_000, 150_000, 60_000, 150_000}

func walkTrials() (sum int) {
	for _, steps := range walkSteps {
		sum += steps
	}
	return sum
}

// tryCost is the cost of a try at a stretch, in candidates, in addition to those that it puts on trial.
const tryCost = 20

// stretchTries is how often one stretch is drawn before earlier stretches are drawn again.
const stretchTries = 14

// walker plans a day in the order of time, each item at its exact time with everything before it in place. It draws
// among the candidates that may air: first in due order, then, after failures, increasingly at random from the input's
// seed. It finds days that the passes, which choose picks before fills, do not.
type walker struct {
	*planner
	rng     *rand.Rand
	steps   int
	try     int // number of the try at the present stretch
	lengths map[*queue][]int64
	leads   [][]*rule // per stretch: hard rules by which an item after its fill must follow a certain segment
}

// drawn is a candidate in the order in which it is drawn.
type drawn struct {
	unit  unit
	since int64
	rank  int
	key   float64
}

// walk plans the day with at most the given number of candidates on trial.
func (p *planner) walk(steps int, round uint64) *stuck {
	w := &walker{planner: p, rng: rand.New(rand.NewPCG(p.in.Seed, round)), steps: steps, lengths: map[*queue][]int64{}}
	p.stretches = layoutPass{p}.layout()
	layoutPass{p}.placeKept()
	demandPass{p}.openDemands()
	w.findLeads()
	n := len(p.stretches)
	marks, tries, failed := make([]checkpoint, n+1), make([]int, n+1), make([]int, n+1)
	queued := make([][]int, n+1)
	far := 0
	begin := p.checkpoint()
	for i := 0; ; {
		if tries[i] == 0 {
			marks[i], queued[i] = p.checkpoint(), w.queued()
		}
		if w.steps <= 0 || p.ctx.Err() != nil {
			p.reset(begin)
			return &stuck{stretch: &p.stretches[min(far, n-1)], place: p.stretches[min(far, n-1)].lastFill}
		}
		w.steps -= tryCost
		done := false
		if i == n {
			if done = w.meetsHardRules(); done {
				return nil
			}
			tries[i] = stretchTries
		} else if tries[i] < stretchTries {
			w.try = tries[i] + 2*failed[i]
			tries[i]++
			done = w.stretch(i) && w.windowStands(i)
		}
		if done {
			i++
			tries[i] = 0
			far = max(far, i)
			continue
		}
		p.reset(marks[i])
		w.unqueue(queued[i])
		if n == 0 {
			return &stuck{demand: demandPass{p}.unmet()}
		}
		if tries[i] < stretchTries {
			continue
		}
		failed[i]++
		tries[i] = 0
		back := max(0, i-1-w.rng.IntN(min(failed[i], max(i, 1))))
		if i == n && w.rng.IntN(2) == 0 {
			back = w.rng.IntN(n)
		}
		for ; i > back; i-- {
			tries[i] = 0
		}
		tries[i] = max(1, min(tries[i], stretchTries/2))
		p.reset(marks[i])
		w.unqueue(queued[i])
	}
}

func (w *walker) queued() []int {
	out := make([]int, len(w.queueList))
	for k, q := range w.queueList {
		out[k] = len(q.order)
	}
	return out
}

// unqueue shortens the queues to earlier lengths, after the last airings were restored.
func (w *walker) unqueue(lengths []int) {
	for k, n := range lengths {
		w.queueList[k].order = w.queueList[k].order[:n]
	}
}

// findLeads records, for every stretch, the hard rules by which a segment that the clock names or picks after the fill
// must follow another.
func (w *walker) findLeads() {
	w.leads = make([][]*rule, len(w.stretches))
	for i := range w.stretches {
		st := &w.stretches[i]
		rules := w.day.windows[st.win].rules
		next := st.places[st.lastFill+1:]
		if i+1 < len(w.stretches) && w.stretches[i+1].win == st.win {
			more := w.stretches[i+1].places
			if fill := slices.IndexFunc(more, func(x place) bool { return x.fill }); fill >= 0 {
				more = more[:fill]
			}
			next = append(slices.Clone(next), more...)
		}
		for k := range rules.rules {
			r := &rules.rules[k]
			if r.form == formAfter && r.hard && slices.ContainsFunc(next, func(pl place) bool { return w.holdsFor(r, &pl) }) {
				w.leads[i] = append(w.leads[i], r)
			}
		}
	}
}

func (w *walker) holdsFor(r *rule, pl *place) bool {
	if pl.pos.Segment != "" {
		seg, ok := w.lib.index(pl.pos.Segment)
		return ok && (r.only == nil || r.only.has(seg))
	}
	return slices.ContainsFunc(pl.queue.class, func(seg int32) bool { return r.only == nil || r.only.has(seg) })
}

// meetsHardRules reports whether the whole day meets the hard demands and each item, with all others in place, the hard
// rules.
func (w *walker) meetsHardRules() bool {
	if d := (demandPass{w.planner}).unmet(); d != nil {
		return false
	}
	for i := range w.placed {
		pl := &w.placed[i]
		if pl.kept != nil {
			continue
		}
		w.removeAirings(pl.unit, pl.start, pl.win)
		refused := w.planner.try(&w.day.windows[pl.win], pl.win, pl.unit, pl.start, pl.start+pl.unit.ms)
		w.addAirings(pl.unit, pl.start, pl.win)
		if refused.rule != nil {
			return false
		}
	}
	demandPass{w.planner}.checkDemands() // warns of unmet soft demands
	return true
}

// unmet returns a hard demand that the day does not meet, or nil.
func (p demandPass) unmet() *demand {
	for _, d := range p.demands {
		if d.hard && p.airings.met(d) < d.need {
			return d
		}
	}
	return nil
}

// windowStands reports, after a window's last stretch, whether the hard demands on this window are met.
func (w *walker) windowStands(i int) bool {
	win := w.stretches[i].win
	if i+1 < len(w.stretches) && w.stretches[i+1].win == win {
		return true
	}
	for _, d := range w.demands {
		if d.hard && slices.Index(d.windows, true) == int(win) && !slices.Contains(d.windows[win+1:], true) &&
			w.airings.met(d) < d.need {
			return false
		}
	}
	return true
}

// stretch draws one stretch from start to end.
func (w *walker) stretch(i int) bool {
	st := &w.stretches[i]
	at := st.start
	if i > 0 && st.adjoins {
		if prev := &w.stretches[i-1]; prev.win == st.win && prev.end == st.start {
			at = prev.ended
		}
	}
	for k := range st.places {
		st.places[k].set = false
	}
	tail, ok := w.tail(st)
	if !ok {
		return false
	}
	wanted := w.wanted(i)
	for k := range st.places {
		pl := &st.places[k]
		var ok bool
		switch {
		case pl.fill && k == st.lastFill:
			at, ok = w.close(i, pl, at, st.end-tail, wanted, true)
		case pl.fill:
			part := fillPass{w.planner}.part(st, k, at)
			if w.try > 0 {
				part = w.rng.Int64N(2*part + 1)
			}
			at, ok = w.close(i, pl, at, at+part, wanted, false)
		case st.lastFill >= 0 && k > st.lastFill:
			if !pl.set {
				continue
			}
			if ok = w.mayAir(&w.day.windows[st.win], st.win, pl.unit, at); ok {
				at = w.put(st, pl, drawn{unit: pl.unit, since: pl.since, rank: pl.rank}, at, nil)
			}
		default:
			at, ok = w.pick(st, k, at, tail)
		}
		if !ok {
			return false
		}
	}
	over := at - st.end
	if over > st.most && len(w.placed) > 0 && w.placed[len(w.placed)-1].position != nil {
		at -= fillPass{w.planner}.trimLast(over, max(w.placed[len(w.placed)-1].position.FadeMax.Milliseconds(), st.cut))
		over = at - st.end
	}
	st.ended = at
	return over >= st.least && over <= st.most
}

// tail chooses the units after the last fill, so that the end of the fill is known.
func (w *walker) tail(st *stretch) (ms int64, ok bool) {
	for k := len(st.places) - 1; k > st.lastFill && st.lastFill >= 0; k-- {
		pl := &st.places[k]
		at := st.end - ms
		var first, fits *drawn
		for _, c := range w.order(pl, at, nil) {
			start := at - c.unit.ms
			if start < st.start || !w.validThroughout(c.unit, start, at) {
				continue
			}
			w.steps--
			if first == nil {
				first = &c
			}
			if w.mayAir(&w.day.windows[st.win], st.win, c.unit, start) {
				fits = &c
				break
			}
		}
		if fits == nil {
			fits = first
		}
		if fits == nil {
			if !pl.pos.Optional {
				return 0, false
			}
			w.empty(st, pl)
			continue
		}
		pl.set, pl.unit, pl.since, pl.rank = true, fits.unit, fits.since, fits.rank
		ms += fits.unit.ms
	}
	return ms, true
}

func (w *walker) empty(st *stretch, pl *place) {
	w.warn(schedules.WarnPositionEmpty, w.day.windows[st.win].Window, "",
		"The planner left position %s empty: no segment may air in it.", pl.pos.ID)
}

// pick draws a unit for a place before the last fill, or of a stretch without a fill, whose last picks must end it
// exactly.
func (w *walker) pick(st *stretch, k int, at, tail int64) (int64, bool) {
	pl := &st.places[k]
	left := st.end - tail - at
	fits := func(ms int64) bool { return ms <= left+st.most }
	if st.lastFill < 0 {
		switch rest := len(st.places) - 1 - k; rest {
		case 0:
			most := max(st.most, st.cut, pl.pos.FadeMax.Milliseconds())
			fits = func(ms int64) bool { return ms >= left+st.least && ms <= left+most }
		case 1:
			last := &st.places[k+1]
			most := max(st.most, st.cut, last.pos.FadeMax.Milliseconds())
			fits = func(ms int64) bool { return last.pos.Optional || w.partner(last, left-ms+st.least, left-ms+most) }
		}
	}
	list := w.order(pl, at, nil)
	c, record, ok := w.draw(st, list, at, fits, nil)
	if !ok {
		if pl.pos.Optional {
			w.empty(st, pl)
		}
		return at, pl.pos.Optional
	}
	return w.put(st, pl, c, at, record), true
}

// partner reports whether the place has a candidate with a length between least and most.
func (w *walker) partner(pl *place, least, most int64) bool {
	if pl.queue == nil {
		ms := int64(0)
		if seg, ok := w.lib.index(pl.pos.Segment); ok {
			u, _ := w.unit(seg, pl.pos.Chain)
			ms = u.ms
		}
		return ms >= least && ms <= most
	}
	list, ok := w.lengths[pl.queue]
	if !ok {
		for _, seg := range pl.queue.class {
			for _, chain := range [...]bool{false, pl.pos.Chain} {
				if u, broken := w.unit(seg, chain); broken == "" {
					list = append(list, u.ms)
				}
			}
		}
		for _, id := range w.in.Station.Fallback {
			if seg, ok := w.lib.index(id); ok {
				list = append(list, w.lib.entries[seg].ms)
			}
		}
		slices.Sort(list)
		w.lengths[pl.queue] = list
	}
	k, _ := slices.BinarySearch(list, least)
	return k < len(list) && list[k] <= most
}

// order lists a place's candidates, for about an instant, in the order in which they are drawn. Those that serve a
// demand come first.
func (w *walker) order(pl *place, at int64, serve *demand) []drawn {
	var out []drawn
	add := func(seg int32, since int64) bool {
		e := w.lib.entries[seg]
		if u, broken := w.unit(seg, pl.pos.Chain); broken == "" && e.Fit && u.ms > 0 {
			out = append(out, drawn{unit: u, since: since, rank: len(out)})
		}
		return true
	}
	if pl.queue == nil {
		if seg, ok := w.lib.index(pl.pos.Segment); ok {
			add(seg, w.last[seg])
		}
		return out
	}
	w.each(pl.queue, at, add)
	if pl.fill && (w.try%3 == 2 || len(out) == 0) {
		for _, id := range w.in.Station.Fallback {
			if seg, ok := w.lib.index(id); ok && !pl.queue.members.has(seg) {
				add(seg, w.last[seg])
			}
		}
	}
	spread := float64(len(out)) * min(1, float64(w.try)/6)
	for k := range out {
		out[k].key = float64(k) + w.rng.Float64()*spread
		serves := serve != nil && serving(out[k].unit, serve, out[k].unit.main)
		if serve == nil && !pl.fill {
			serves = slices.ContainsFunc(w.demands, func(d *demand) bool {
				return (d.hard || w.try < 4) && serving(out[k].unit, d, out[k].unit.main) && w.airings.met(d) < d.need
			})
		}
		if serves {
			out[k].key -= float64(2 * len(out))
		}
	}
	slices.SortFunc(out, func(a, b drawn) int { return cmp.Or(cmp.Compare(a.key, b.key), a.rank-b.rank) })
	return out
}

// bendLooks is how many candidates that may air are tried to find one that bends no soft rule.
const bendLooks = 24

// draw returns the first candidate of the list that fits, may air exactly at at, and bends no soft rule. If the first
// bendLooks of them all bend some, it returns the one that bends the least.
func (w *walker) draw(st *stretch, list []drawn, at int64, fits func(ms int64) bool, among func(drawn) bool) (
	best drawn, record []schedules.Candidate, ok bool) {
	win := &w.day.windows[st.win]
	least, looked, chosen := 0.0, 0, 0
	for _, c := range list {
		if !fits(c.unit.ms) || among != nil && !among(c) || w.steps <= 0 {
			continue
		}
		w.steps--
		k := schedules.Candidate{Segment: w.name(c.unit.main), Duration: schedules.Ms(c.unit.ms), LastAired: instant(c.since)}
		switch refused := w.planner.try(win, st.win, c.unit, at, at+c.unit.ms); {
		case !w.validThroughout(c.unit, at, at+c.unit.ms) ||
			!schedules.Speaks(w.lib.entries[c.unit.main].Language, win.languages):
			k.Refused = schedules.Refusal{Rule: schedules.RefusedValidity}
		case refused.rule != nil:
			k.Refused = refused.public()
		default:
			bends := w.bends(win, st.win, c.unit, at, at+c.unit.ms)
			if !ok || bends < least {
				best, least, chosen, ok = c, bends, len(record), true
			}
			looked++
		}
		record = append(record, k)
		if ok && least == 0 || looked == bendLooks {
			break
		}
	}
	if !ok {
		return best, nil, false
	}
	record = record[:chosen+1]
	for i := range record[:chosen] {
		if record[i].Refused.IsZero() {
			record[i].Refused = schedules.Refusal{Rule: bendsMore}
		}
	}
	return best, record, true
}

// put settles a drawn candidate and returns where it ends.
func (w *walker) put(st *stretch, pl *place, c drawn, at int64, record []schedules.Candidate) int64 {
	choice := &schedules.Choice{Method: schedules.MethodSearch, StartAt: instant(at), Candidates: record,
		Aired: []string{w.name(c.unit.main)}}
	if pl.pos.Segment != "" {
		choice.Method = schedules.MethodFixed
	}
	if len(record) == 0 {
		choice.Candidates = []schedules.Candidate{{Segment: w.name(c.unit.main), Duration: schedules.Ms(c.unit.ms),
			LastAired: instant(c.since)}}
	}
	w.settle(placed{unit: c.unit, start: at, win: st.win, position: pl.pos, index: pl.index, choice: choice, rank: c.rank,
		since:    c.since,
		fallback: pl.fill && !pl.queue.members.has(c.unit.main), queue: pl.queue})
	return at + c.unit.ms
}

// wanted returns the open demands that the stretch's fills must serve, each as often as the stretch's share of the
// missing amount.
func (w *walker) wanted(i int) (out []*demand) {
	st := &w.stretches[i]
	for _, d := range w.demands {
		if !d.hard && w.try >= 3 || !d.windows[st.win] || d.part != nil && !overlaps(d.part, st.start, st.end) {
			continue
		}
		missing := d.need - w.airings.met(d)
		if missing <= 0 {
			continue
		}
		left := int64(0)
		for k := i; k < len(w.stretches); k++ {
			if o := &w.stretches[k]; d.windows[o.win] && (d.part == nil || overlaps(d.part, o.start, o.end)) &&
				w.canServe(o, d) {
				left++
			}
		}
		if left == 0 || !w.canServe(st, d) {
			continue
		}
		if d.time {
			missing = 1 + missing/60_000 // approximately so many items
		}
		share := (missing + left - 1) / left
		if w.try > 0 && w.rng.IntN(3) == 0 {
			share++
		}
		for range min(share, 40) {
			out = append(out, d)
		}
	}
	if w.try > 0 {
		w.rng.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	}
	return out
}

func (w *walker) canServe(st *stretch, d *demand) bool {
	return slices.ContainsFunc(st.places, func(pl place) bool { return pl.fill && pl.queue.shares(d) })
}

// close draws the items of a fill to its end: items for the wanted demands in between, and last one or two items that
// end it on time. If exact is false, the fill need only end near end.
func (w *walker) close(i int, pl *place, at, end int64, wanted []*demand, exact bool) (int64, bool) {
	st := &w.stretches[i]
	list := w.order(pl, at, nil)
	var mean int64 = 1
	for _, c := range list {
		mean += c.unit.ms / int64(len(list))
	}
	most := max(st.most, st.cut, pl.pos.FadeMax.Milliseconds())
	if exact && st.lastFill < len(st.places)-1 {
		most = st.most // the units after the fill are not cut
	}
	if !exact && end-at < mean/2 {
		return at, true
	}
	for n := 0; n < 600 && w.steps > 0; n++ {
		left := end - at
		if over := -left; exact && over >= st.least && over <= most && (n > 0 || left <= 0) {
			return w.trimmed(st, at, end, most), true
		}
		if !exact && left < mean/2 {
			return at, true
		}
		if left+most <= 0 {
			return at, false
		}
		if next, rest, ok := w.serve(st, pl, wanted, at, left+most, left/mean); ok {
			at, wanted = next, rest
			continue
		}
		if exact && left < 4*mean {
			if reached, ok := w.closeExactly(i, pl, list, at, end, most); ok {
				return reached, true
			}
		}
		c, record, ok := w.draw(st, list, at, func(ms int64) bool { return ms <= left-2000 || !exact && ms <= left+mean/2 },
			nil)
		if !ok {
			return at, !exact
		}
		at = w.put(st, pl, c, at, record)
		if n%4 == 3 {
			list = w.order(pl, at, nil)
		} else { // move it to the end, as in the queue
			k := slices.IndexFunc(list, func(o drawn) bool { return o.unit.main == c.unit.main })
			list = append(slices.Delete(list, k, k+1), c)
		}
	}
	return at, false
}

// serve puts in one item for a wanted demand, of at most most milliseconds. It spreads the demands over the items that
// are still to come. ok is false if it puts in nothing.
func (w *walker) serve(st *stretch, pl *place, wanted []*demand, at, most, items int64) (next int64, rest []*demand,
	ok bool) {
	for k, d := range wanted {
		if !pl.queue.shares(d) || w.airings.met(d) >= d.need ||
			w.try > 0 && w.rng.Int64N(max(items-int64(len(wanted)), 1)) > 0 {
			continue
		}
		c, record, found := w.draw(st, w.order(pl, at, d), at, func(ms int64) bool { return ms <= most },
			func(c drawn) bool { return serving(c.unit, d, c.unit.main) })
		if found && within(d.part, at) {
			return w.put(st, pl, c, at, record), slices.Delete(slices.Clone(wanted), k, k+1), true
		}
	}
	return at, wanted, false
}

// closeExactly ends a fill with one or two items. It first tries items that the items after the fill must follow.
func (w *walker) closeExactly(i int, pl *place, list []drawn, at, end, most int64) (int64, bool) {
	st := &w.stretches[i]
	led := func(c drawn) bool {
		e := w.lib.entries[c.unit.members[c.unit.n-1]]
		return slices.ContainsFunc(w.leads[i], func(r *rule) bool { return e.has(r.match) })
	}
	left := end - at
	closes := func(ms int64) bool { return ms >= left+st.least && ms <= left+most }
	for _, among := range []func(drawn) bool{led, nil} {
		if among != nil && len(w.leads[i]) == 0 {
			continue
		}
		if c, record, ok := w.draw(st, list, at, closes, among); ok {
			return w.trimmed(st, w.put(st, pl, c, at, record), end, most), true
		}
		if reached, ok := w.pair(st, pl, list, at, left, most, among); ok {
			return w.trimmed(st, reached, end, most), true
		}
	}
	return at, false
}

// trimmed returns where a fill ends after its last item was cut, if it ran over the stretch's end by more than the
// stretch allows.
func (w *walker) trimmed(st *stretch, at, end, most int64) int64 {
	if over := at - end; over > st.most {
		at -= fillPass{w.planner}.trimLast(over, most)
	}
	return at
}

// pair ends a fill with two items.
func (w *walker) pair(st *stretch, pl *place, list []drawn, at, left, most int64, among func(drawn) bool) (int64,
	bool) {
	looked := 0
	for _, a := range list {
		if a.unit.ms >= left || !w.partner(pl, left-a.unit.ms+st.least, left-a.unit.ms+most) {
			continue
		}
		mark := w.checkpoint()
		one, record, ok := w.draw(st, []drawn{a}, at, func(int64) bool { return true }, nil)
		if !ok {
			continue
		}
		next := w.put(st, pl, one, at, record)
		rest := left - one.unit.ms
		if b, record, ok := w.draw(st, list, next, func(ms int64) bool { return ms >= rest+st.least && ms <= rest+most },
			among); ok {
			return w.put(st, pl, b, next, record), true
		}
		w.reset(mark)
		if looked++; looked == 40 {
			break
		}
	}
	return at, false
}
