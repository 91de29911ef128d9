package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// pickLimit bounds the candidates of one pick that bend no soft rule, and pickSteps the choices for a whole day.
const (
	pickLimit = 96
	pickSteps = 10_000
)

// bendsMore is the refusal of a candidate that bends soft rules by more weight than the chosen one.
const bendsMore = "would bend more soft rules than the chosen segment"

// option is a candidate of a pick, with the weight of the soft rules that it would bend.
type option struct {
	unit    unit
	last    int64
	rank    int
	bends   float64
	serves  bool // it meets a demand
	refused schedules.Refusal
}

// decision is one pick in progress: its options, and which one is in force.
type decision struct {
	stretch, place int
	options        []option // all considered, in due order
	order          []int    // indexes of the options that nothing refuses, best first
	next           int
	at             int64
	before         [3]int64
}

// pickPass chooses units for the places that the clocks name or pick.
type pickPass struct{ *planner }

// pickAll chooses a unit for every place that is not elastic, in the order of the day. It backtracks when a choice
// leaves a later place without a candidate.
func (p pickPass) pickAll() *stuck {
	var decisions []decision
	for i := range p.stretches {
		st := &p.stretches[i]
		first := slices.IndexFunc(st.places, func(x place) bool { return x.fill })
		if first < 0 {
			first = len(st.places)
		}
		for j := range first {
			decisions = append(decisions, decision{stretch: i, place: j})
		}
		for j := len(st.places) - 1; j > st.lastFill && j >= first; j-- {
			decisions = append(decisions, decision{stretch: i, place: j})
		}
		for j := first; j < st.lastFill; j++ {
			if !st.places[j].fill {
				decisions = append(decisions, decision{stretch: i, place: j})
			}
		}
	}
	demandPass(p).openDemands()
	reserved := p.reserve(decisions)
	farthest := -1
	for i, steps := 0, 0; i < len(decisions); {
		t := &decisions[i]
		if t.order == nil {
			p.unreserve(reserved, i)
			p.consider(t)
		}
		if t.next < len(t.order) && steps < pickSteps && p.ctx.Err() == nil {
			steps++
			p.choose(t)
			i++
			continue
		}
		pos := p.stretches[t.stretch].places[t.place].pos
		if pos.Optional && t.next == len(t.order) {
			t.next++ // leave the place empty
			p.warn(schedules.WarnPositionEmpty, p.day.windows[p.stretches[t.stretch].win].Window, "",
				"The planner left position %s empty: no segment may air in it.", pos.ID)
			i++
			continue
		}
		farthest = max(farthest, i)
		if i == 0 || steps >= pickSteps || p.ctx.Err() != nil {
			far := decisions[farthest]
			return &stuck{stretch: &p.stretches[far.stretch], place: far.place}
		}
		t.order, t.options, t.next = nil, nil, 0
		p.rereserve(reserved, i)
		i--
		p.unchoose(&decisions[i])
	}
	return nil
}

// start returns where the place begins, given the units chosen before it or, for a place after the last fill, after it.
// ms is the length of its own unit.
func (p pickPass) start(st *stretch, j int, ms int64) int64 {
	if st.lastFill >= 0 && j > st.lastFill {
		at := st.end - ms
		for k := j + 1; k < len(st.places); k++ {
			if st.places[k].set {
				at -= st.places[k].unit.ms
			}
		}
		return at
	}
	at := st.start
	fills := int64(0)
	for k := range j {
		if st.places[k].set {
			at += st.places[k].unit.ms
		}
		if st.places[k].fill {
			fills++
		}
	}
	if fills > 0 { // between two fills: an estimate
		total := int64(0)
		free := st.end - st.start
		for k := range st.places {
			if st.places[k].set {
				free -= st.places[k].unit.ms
			}
			if st.places[k].fill {
				total++
			}
		}
		at += max(free, 0) * fills / total
	}
	return at
}

// consider lists the candidates of a decision.
func (p pickPass) consider(t *decision) {
	st := &p.stretches[t.stretch]
	pl := &st.places[t.place]
	w := &p.day.windows[st.win]
	t.order = []int{}
	free := st.end - st.start + st.most
	last := st.lastFill < 0
	for k := range st.places {
		if st.places[k].set {
			free -= st.places[k].unit.ms
		} else if k != t.place {
			last = false // other places are still to be chosen
		}
	}
	good := 0
	look := func(seg int32, since int64) bool {
		o := option{last: since, rank: len(t.options)}
		u, broken := p.unit(seg, pl.pos.Chain)
		o.unit = u
		at := p.start(st, t.place, u.ms)
		switch {
		case broken != "":
			o.unit = unit{main: seg, members: [3]int32{seg}, n: 1, ms: p.lib.entries[seg].ms}
			o.refused = schedules.Refusal{Rule: broken}
		case !p.lib.entries[seg].Fit:
			o.refused = schedules.Refusal{Rule: p.lib.entries[seg].Unfit().Message}
		case !schedules.Speaks(p.lib.entries[seg].Language, w.languages):
			o.refused = schedules.Refusal{Rule: "is in " + p.lib.entries[seg].Language + ", which the window does not allow"}
		case u.ms > free+max(pl.pos.FadeMax.Milliseconds(), st.cut):
			o.refused = schedules.Refusal{Rule: schedules.RefusedLength, Unit: "ms", Need: u.ms, Has: free}
		case last && u.ms < free-st.most+st.least:
			o.refused = schedules.Refusal{Rule: schedules.RefusedLength, Unit: "ms", Need: u.ms, Has: free}
		case !p.validThroughout(u, at, at+u.ms):
			o.refused = schedules.Refusal{Rule: schedules.RefusedValidity}
		default:
			o.refused = p.try(w, st.win, u, at, at+u.ms).public()
		}
		if o.refused.IsZero() {
			o.bends = p.bends(w, st.win, u, at, at+u.ms)
			o.serves = demandPass(p).serves(u, st.win)
			t.order = append(t.order, len(t.options))
			if o.bends == 0 {
				good++
			}
		}
		t.options = append(t.options, o)
		return good < pickLimit
	}
	if pl.pos.Segment != "" {
		if seg, ok := p.lib.index(pl.pos.Segment); ok {
			look(seg, p.last[seg])
		}
	} else {
		p.each(pl.queue, p.start(st, t.place, 0), look)
	}
	t.arrange()
	if last { // nothing elastic follows: the best length first
		want := free - st.most
		slices.SortStableFunc(t.order, func(a, b int) int {
			return cmp.Compare(abs(t.options[a].unit.ms-want), abs(t.options[b].unit.ms-want))
		})
	}
}

// arrange orders the options: those that serve a demand first, then those that bend the least weight of soft rules.
func (t *decision) arrange() {
	slices.SortStableFunc(t.order, func(a, b int) int {
		x, y := &t.options[a], &t.options[b]
		if x.serves != y.serves {
			if x.serves {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.bends, y.bends)
	})
}

// choose puts the decision's next option into force.
func (p pickPass) choose(t *decision) {
	st := &p.stretches[t.stretch]
	pl := &st.places[t.place]
	o := &t.options[t.order[t.next]]
	t.next++
	t.at = p.start(st, t.place, o.unit.ms)
	for k, m := range o.unit.members[:o.unit.n] {
		t.before[k] = p.last[m]
		p.aired(m, t.at)
	}
	p.addAirings(o.unit, t.at, st.win)
	pl.set, pl.unit, pl.at, pl.rank, pl.since = true, o.unit, t.at, o.rank, o.last
	pl.choice = p.pickChoice(t, pl, o)
}

func (p pickPass) unchoose(t *decision) {
	pl := &p.stretches[t.stretch].places[t.place]
	if !pl.set {
		return // an optional place that was left empty
	}
	p.removeAirings(pl.unit, pl.at, p.stretches[t.stretch].win)
	for k := pl.unit.n - 1; k >= 0; k-- {
		p.last[pl.unit.members[k]] = t.before[k]
	}
	pl.set = false
	o := &t.options[t.order[t.next-1]]
	o.refused = schedules.Refusal{Rule: "would leave a later position without a candidate"}
}

// pickChoice records the choice: every candidate ahead of the chosen one, with the reason for its refusal.
func (p pickPass) pickChoice(t *decision, pl *place, chosen *option) *schedules.Choice {
	c := &schedules.Choice{Method: schedules.MethodDue, StartAt: instant(t.at), Aired: []string{p.name(chosen.unit.main)}}
	if pl.pos.Segment != "" {
		c.Method = schedules.MethodFixed
	}
	for i := range t.options[:chosen.rank+1] {
		o := &t.options[i]
		refused := o.refused
		if refused.IsZero() && i != chosen.rank {
			switch {
			case chosen.serves && !o.serves:
				refused = schedules.Refusal{Rule: "meets no demand, and the chosen segment meets one"}
			case o.bends > chosen.bends:
				refused = schedules.Refusal{Rule: bendsMore}
			default:
				refused = schedules.Refusal{Rule: "fits the time less well than the chosen segment"}
			}
		}
		c.Candidates = append(c.Candidates, schedules.Candidate{Segment: p.name(o.unit.main),
			Duration: schedules.Ms(o.unit.ms), LastAired: instant(o.last), Refused: refused})
	}
	return c
}

// reserve enters the segments that the clocks name at about the times when they will air, so that picks keep their
// distance from them.
func (p pickPass) reserve(decisions []decision) map[int]placed {
	out := map[int]placed{}
	for i := range decisions {
		st := &p.stretches[decisions[i].stretch]
		pl := &st.places[decisions[i].place]
		if pl.pos.Segment == "" {
			continue
		}
		if seg, ok := p.lib.index(pl.pos.Segment); ok {
			if u, broken := p.unit(seg, pl.pos.Chain); broken == "" {
				out[i] = placed{unit: u, start: p.start(st, decisions[i].place, u.ms), win: st.win}
				p.addAirings(u, out[i].start, st.win)
			}
		}
	}
	return out
}

func (p pickPass) unreserve(reserved map[int]placed, i int) {
	if r, ok := reserved[i]; ok {
		p.removeAirings(r.unit, r.start, r.win)
	}
}

func (p pickPass) rereserve(reserved map[int]placed, i int) {
	if r, ok := reserved[i]; ok {
		p.addAirings(r.unit, r.start, r.win)
	}
}
