package planner

import "lifeline/schedules"

// fillPass fills stretches to their ends.
type fillPass struct{ *planner }

// fill settles one stretch: its picks at their exact times, its owed units, and elastic material up to its end.
func (p fillPass) fill(i int) *stuck {
	st := &p.stretches[i]
	start := st.start
	if i > 0 && st.adjoins {
		if prev := &p.stretches[i-1]; prev.win == st.win && prev.end == st.start {
			start = prev.ended
		}
	}
	p.liftStretch(st)
	mark := p.startUndo()
	stuckAt := st.lastFill
	for attempt := range fillAttempts {
		if p.ctx.Err() != nil {
			break
		}
		if attempt%2 == 1 && len(p.in.Station.Fallback) == 0 || attempt > 1 && len(p.picks(st)) == 0 {
			continue
		}
		p.searches, p.tables = searchSteps, sumTables
		if attempt > 1 || p.in.open != nil { // attempts with other picks or neighbours get a smaller budget
			p.searches, p.tables = searchSteps/8, sumTables/8
		}
		at := p.attempt(st, start, attempt)
		if at == attemptFilled {
			return nil
		}
		if attempt == 0 {
			stuckAt = at
		}
		p.reset(mark)
	}
	return &stuck{stretch: st, place: stuckAt}
}

// fillAttempts is the number of attempts at a stretch: first as chosen, then with other picks, each without and with
// fallback material.
const fillAttempts = 34

// sumTables is the largest number of subset-sum tables for one attempt at a stretch.
const sumTables = 24

// attemptFilled is the result of an attempt that filled its stretch.
const attemptFilled = -2

func (p fillPass) liftStretch(st *stretch) {
	for k := range st.places {
		if pl := &st.places[k]; pl.set {
			p.removeAirings(pl.unit, pl.at, st.win)
		}
	}
	for _, m := range st.demandedUnits {
		p.removeAirings(m.unit, m.at, st.win)
	}
}

// checkpoint is a state of the plan to which reset returns.
type checkpoint struct {
	placed, undo int
	warnings     int
}

func (p *planner) startUndo() checkpoint {
	p.undo = p.undo[:0]
	return checkpoint{len(p.placed), 0, len(p.warnings)}
}

func (p *planner) checkpoint() checkpoint {
	return checkpoint{len(p.placed), len(p.undo), len(p.warnings)}
}

func (p *planner) reset(b checkpoint) {
	for k := len(p.placed) - 1; k >= b.placed; k-- {
		p.removeAirings(p.placed[k].unit, p.placed[k].start, p.placed[k].win)
	}
	for k := len(p.undo) - 1; k >= b.undo; k-- {
		p.last[p.undo[k].seg] = p.undo[k].last
	}
	p.placed, p.undo, p.warnings = p.placed[:b.placed], p.undo[:b.undo], p.warnings[:b.warnings]
}

// settle places a unit and records it for reset.
func (p *planner) settle(pl placed) {
	p.addAirings(pl.unit, pl.start, pl.win)
	for _, m := range pl.unit.members[:pl.unit.n] {
		p.undo = append(p.undo, due{m, p.last[m]})
		p.aired(m, pl.start)
	}
	p.placed = append(p.placed, pl)
}

// attempt settles the stretch from start on. It returns attemptFilled, or the index of the place that it could not
// settle.
func (p fillPass) attempt(st *stretch, start int64, n int) int {
	w := &p.day.windows[st.win]
	useFallback, shift := n%2 == 1, n/2
	at := start
	owed := false
	var tail int64
	for k := st.lastFill + 1; st.lastFill >= 0 && k < len(st.places); k++ {
		if st.places[k].set {
			tail += st.places[k].unit.ms
		}
	}
	for k := range st.places {
		pl := &st.places[k]
		if pl.fill && !owed {
			owed = true
			for _, m := range st.demandedUnits {
				if !p.mayAir(w, st.win, m.unit, at) {
					continue // met elsewhere or not at all: checkDemands reports it
				}
				p.settle(placed{unit: m.unit, start: at, win: st.win, position: pl.pos, index: pl.index, choice: m.choice,
					since: p.last[m.unit.main]})
				at += m.unit.ms
			}
		}
		switch {
		case pl.fill && k == st.lastFill:
			end, ok := p.filling(st, w, pl, useFallback).close(at, st.end-tail)
			if !ok {
				return k
			}
			at = end
		case pl.fill:
			at = p.filling(st, w, pl, useFallback).fillRoughly(at, at+p.part(st, k, at))
		case !pl.set:
			continue
		default:
			next, ok := p.settlePick(st, w, pl, at, shift, k)
			if !ok {
				return k
			}
			at = next
		}
	}
	residual := at - st.end
	if st.lastFill < 0 && residual > st.most && len(p.placed) > 0 {
		at -= p.trimLast(residual, max(p.placed[len(p.placed)-1].position.FadeMax.Milliseconds(), st.cut))
		residual = at - st.end
	}
	if residual < st.least || residual > st.most {
		return max(st.lastFill, 0)
	}
	st.ended = at
	return attemptFilled
}

// part returns the time that a fill which does not close its stretch takes: an equal share with the fills after it.
func (p fillPass) part(st *stretch, k int, at int64) int64 {
	fills, rest := int64(0), int64(0)
	for j := k; j < len(st.places); j++ {
		if st.places[j].fill {
			fills++
		} else if st.places[j].set {
			rest += st.places[j].unit.ms
		}
	}
	return max(st.end-at-rest, 0) / fills
}

// settlePick settles a place's choice at its exact time and returns its end. Later attempts replace one pick after the
// other with another candidate.
func (p fillPass) settlePick(st *stretch, w *window, pl *place, at int64, shift, k int) (int64, bool) {
	u, choice, rank, since := pl.unit, pl.choice, pl.rank, pl.since
	if pl.pos.Pick != nil && (shift > 0 && k == p.varied(st, shift) || !p.mayAir(w, st.win, u, at)) {
		alternative := decision{place: k}
		nth := 1
		if shift > 0 && k == p.varied(st, shift) {
			nth = (shift-1)/len(p.picks(st)) + 1
		}
		found := p.nthOption(st, w, pl, at, nth, &alternative)
		if found < 0 {
			return 0, false
		}
		o := &alternative.options[found]
		u, rank, since = o.unit, o.rank, o.last
		choice = pickPass(p).pickChoice(&alternative, pl, o)
		choice.StartAt = instant(at)
	} else if !p.mayAir(w, st.win, u, at) {
		return 0, false
	}
	p.settle(placed{unit: u, start: at, win: st.win, position: pl.pos, index: pl.index, choice: choice, rank: rank,
		since: since})
	return at + u.ms, true
}

// picks returns the places of a stretch whose choice may be replaced, the last first.
func (p fillPass) picks(st *stretch) []int {
	var out []int
	for k := len(st.places) - 1; k >= 0; k-- {
		if st.places[k].pos.Pick != nil && st.places[k].set {
			out = append(out, k)
		}
	}
	return out
}

// varied returns the pick that a later attempt replaces: each in turn.
func (p fillPass) varied(st *stretch, shift int) int {
	picks := p.picks(st)
	return picks[(shift-1)%len(picks)]
}

// nthOption returns the index in t.options of the nth candidate that may air at the exact time, not counting the
// present one, or -1.
func (p fillPass) nthOption(st *stretch, w *window, pl *place, at int64, n int, t *decision) int {
	found := -1
	room := st.end + st.most - at
	p.each(pl.queue, at, func(seg int32, since int64) bool {
		u, broken := p.unit(seg, pl.pos.Chain)
		o := option{unit: u, last: since, rank: len(t.options)}
		switch {
		case broken != "":
			o.unit = unit{main: seg, members: [3]int32{seg}, n: 1, ms: p.lib.entries[seg].ms}
			o.refused = schedules.Refusal{Rule: broken}
		case u.ms > room:
			o.refused = schedules.Refusal{Rule: schedules.RefusedLength, Unit: "ms", Need: u.ms, Has: room}
		case !p.validThroughout(u, at, at+u.ms):
			o.refused = schedules.Refusal{Rule: schedules.RefusedValidity}
		default:
			o.refused = p.try(w, st.win, u, at, at+u.ms).public()
		}
		if o.refused.IsZero() {
			o.bends = p.bends(w, st.win, u, at, at+u.ms)
			if n--; n == 0 {
				found = len(t.options)
			} else {
				o.refused = schedules.Refusal{Rule: "leaves a time that the planner could not fill"}
			}
		}
		t.options = append(t.options, o)
		return found < 0
	})
	return found
}

// trimLast cuts over milliseconds off the end of the last placed item and returns over. It returns 0 and cuts nothing
// if that is more than most or not less than the item's length.
func (p fillPass) trimLast(over, most int64) int64 {
	pl := &p.placed[len(p.placed)-1]
	if over > most || over >= pl.unit.ms {
		return 0
	}
	p.removeAirings(pl.unit, pl.start, pl.win)
	pl.trim, pl.unit.cut = over, over
	p.addAirings(pl.unit, pl.start, pl.win)
	return over
}
