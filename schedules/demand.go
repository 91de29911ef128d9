package schedules

import (
	"cmp"
	"fmt"
	"slices"
)

// demand is what the day owes: airings, or milliseconds of air time, of some segments in some windows.
type demand struct {
	name    string
	rule    *rule // nil for campaigns and make-goods
	win     int32 // of the clock whose rule it is, for messages
	members bitset
	windows []bool // where it may be met
	part    [][2]int64
	need    int64
	time    bool // need counts milliseconds
	hard    bool
	elastic bool // some fill may meet it
	only    bool // nothing but the one segment will do: a make-good
}

// openDemands gathers what rules, campaigns and make-goods ask of the day, in a fixed order.
func (p *planner) openDemands() {
	p.demands = nil
	seen := map[*ruleset]bool{}
	for i := range p.day.windows {
		rs := p.day.windows[i].rules
		for k := range rs.rules {
			r := &rs.rules[k]
			if r.form != formAtLeast && r.form != formLeast || r.per != "window" && seen[rs] {
				continue
			}
			p.demands = append(p.demands, p.ruleDemands(r, rs, i)...)
		}
		seen[rs] = true
	}
	campaigns := slices.Clone(p.in.Campaigns)
	slices.SortFunc(campaigns, func(a, b Campaign) int { return cmp.Compare(a.ID, b.ID) })
	for i := range campaigns {
		p.demands = append(p.demands, p.campaignDemands(&campaigns[i])...)
	}
	owed := slices.Clone(p.in.Owed)
	slices.SortFunc(owed, func(a, b MakeGood) int { return cmp.Or(a.MissedAt.Compare(b.MissedAt.Time), cmp.Compare(a.ID, b.ID)) })
	for _, m := range owed {
		if seg, ok := p.lib.index[m.SegmentID]; ok && m.Station == p.in.Station.ID {
			d := &demand{name: "make-good " + m.ID, members: make(bitset, (len(p.lib.entries)+63)/64), windows: p.everyWindow(), only: true}
			d.members[seg>>6] |= 1 << (seg & 63)
			d.need = 1
			for _, o := range p.demands { // several of one segment are owed as many airings
				if o.only && o.members.has(seg) {
					d.need++
				}
			}
			p.demands = append(p.demands, d)
		}
	}
	for _, d := range p.demands {
		for i := range p.stretches {
			st := &p.stretches[i]
			for j := range st.places {
				if st.places[j].fill && d.windows[st.win] && p.shares(st.places[j].queue, d) {
					d.elastic = true
				}
			}
		}
	}
}

func (p *planner) shares(q *queue, d *demand) bool {
	for i, w := range q.members {
		if w&d.members[i] != 0 {
			return true
		}
	}
	return false
}

func (p *planner) everyWindow() []bool {
	all := make([]bool, len(p.day.windows))
	for i := range all {
		all[i] = true
	}
	return all
}

func (p *planner) ruleDemands(r *rule, rs *ruleset, win int) []*demand {
	base := demand{name: r.name, rule: r, hard: r.hard, win: int32(win), need: r.limit, windows: make([]bool, len(p.day.windows)), part: r.periods}
	if r.per == "day" {
		base.part = nil // all the day's windows, also past midnight
	}
	for i := range p.day.windows {
		base.windows[i] = p.day.windows[i].rules == rs && (r.per != "window" || i == win)
	}
	if r.form == formLeast {
		base.time = true
		total, _ := rs.share(r, int32(win), p.ledger)
		base.need = (total*r.limit + 999_999) / 1_000_000
	}
	if r.per == "week" {
		left := 7 - (int(p.day.date.utc().Weekday())+6)%7
		aired := int64(0)
		for _, s := range p.ledger.sequence {
			if s.win < 0 && p.day.inWeek(s.start) && s.start < p.day.start && p.counted(r, s.seg) {
				aired++
			}
		}
		base.need = (max(base.need-aired, 0) + int64(left) - 1) / int64(left)
		base.hard = base.hard && left == 1 // before the week's last day it can still be met
		base.part = nil
	}
	if !r.each {
		base.members = p.set(func(i int32) bool { return p.counted(r, i) })
		return []*demand{&base}
	}
	// of each: every value that the segments have is a demand of its own
	values := map[int32]bitset{}
	var order []int32
	for i := range p.lib.entries {
		if e := &p.lib.entries[i]; e.fit && (r.only == nil || r.only.has(int32(i))) {
			for _, v := range e.values(r.attr) {
				if values[v] == nil {
					values[v] = make(bitset, (len(p.lib.entries)+63)/64)
					order = append(order, v)
				}
				values[v][i>>6] |= 1 << (i & 63)
			}
		}
	}
	var out []*demand
	for _, v := range order {
		d := base
		d.members = values[v]
		out = append(out, &d)
	}
	return out
}

// counted reports whether a rule's count takes the segment in.
func (p *planner) counted(r *rule, seg int32) bool {
	return (r.only == nil || r.only.has(seg)) && p.lib.entries[seg].has(r.match)
}

func (p *planner) set(in func(int32) bool) bitset {
	b := make(bitset, (len(p.lib.entries)+63)/64)
	for i := range int32(len(p.lib.entries)) {
		if in(i) {
			b[i>>6] |= 1 << (i & 63)
		}
	}
	return b
}

func (p *planner) campaignDemands(c *Campaign) []*demand {
	if !c.on(p.in.Station.ID) || !c.From.IsZero() && c.From.UnixMilli() >= p.horizonEnd || !c.Until.IsZero() && c.Until.UnixMilli() <= p.day.start {
		return nil
	}
	base := demand{name: "campaign " + c.ID, members: p.lib.members(&c.Of), windows: p.everyWindow(), hard: c.Hard}
	var out []*demand
	for _, part := range c.Dayparts {
		d := base
		d.name = fmt.Sprintf("campaign %s in %s", c.ID, part.Daypart)
		d.need, d.part = int64(part.AtLeast), p.day.dayparts(part.Daypart)
		out = append(out, &d)
	}
	if c.AtLeast > 0 {
		d := base
		d.need = int64(c.AtLeast)
		out = append(out, &d)
	}
	return out
}

// met is how much of the demand the day has so far.
func (p *planner) met(d *demand) int64 {
	var n int64
	for _, s := range p.ledger.sequence {
		if s.win < 0 || !d.windows[s.win] || !d.members.has(s.seg) || !within(d.part, s.start) {
			continue
		}
		if d.time {
			n += s.end - s.start
		} else {
			n++
		}
	}
	return n
}

func within(parts [][2]int64, t int64) bool {
	for _, p := range parts {
		if t >= p[0] && t < p[1] {
			return true
		}
	}
	return len(parts) == 0
}

// serves reports whether a pick would meet a demand that is open and that no fill can meet.
func (p *planner) serves(u unit, win int32) bool {
	for _, d := range p.demands {
		if d.elastic || !d.windows[win] {
			continue
		}
		for _, m := range u.members[:u.n] {
			if d.members.has(m) && p.met(d) < d.need {
				return true
			}
		}
	}
	return false
}

// placeDemands gives what is still owed to the fills that may air it, spread over the day.
func (p *planner) placeDemands() *stuck {
	for _, d := range p.demands {
		var open []int
		for i := range p.stretches {
			st := &p.stretches[i]
			if st.lastFill >= 0 && d.windows[st.win] {
				open = append(open, i)
			}
		}
		tried := make([]bool, len(open))
		for rounds := 0; rounds < 4*len(open)+4; rounds++ {
			missing := d.need - p.met(d)
			if missing <= 0 {
				break
			}
			best := p.emptiest(d, open, tried)
			if best < 0 {
				break
			}
			if !p.owe(d, &p.stretches[open[best]]) {
				tried[best] = true
			}
		}
	}
	return nil
}

// emptiest is the open stretch farthest from any airing that already serves the demand; the earliest of equals.
func (p *planner) emptiest(d *demand, open []int, tried []bool) int {
	best, distance := -1, int64(-1)
	for k, i := range open {
		if tried[k] {
			continue
		}
		st := &p.stretches[i]
		mid := (st.start + st.end) / 2
		if d.part != nil && !overlaps(d.part, st.start, st.end) {
			continue
		}
		near := int64(maxTime)
		for _, s := range p.ledger.sequence {
			if s.win >= 0 && d.members.has(s.seg) {
				near = min(near, abs(s.start-mid))
			}
		}
		if near > distance {
			best, distance = k, near
		}
	}
	return best
}

func overlaps(parts [][2]int64, start, end int64) bool {
	for _, p := range parts {
		if start < p[1] && end > p[0] {
			return true
		}
	}
	return false
}

// owe puts one unit that serves the demand at the head of the stretch's fill.
func (p *planner) owe(d *demand, st *stretch) bool {
	w := &p.day.windows[st.win]
	first := slices.IndexFunc(st.places, func(x place) bool { return x.fill })
	at, free := p.fillStart(st), p.free(st)
	var record []Candidate
	done := false
	for j := first; j < len(st.places) && !done; j++ {
		pl := &st.places[j]
		if !pl.fill {
			continue
		}
		p.each(pl.queue, func(seg int32, since int64) bool {
			u, broken := p.unit(seg, pl.pos.Chain)
			if !serving(u, d, seg) || broken != "" || u.ms > free {
				return true
			}
			c := Candidate{Segment: p.name(seg), Duration: Ms(u.ms), LastAired: instant(since)}
			switch {
			case !p.lives(u, at, at+u.ms):
				c.Refused = Refusal{Rule: "validity"}
			case !within(d.part, at):
				c.Refused = Refusal{Rule: "daypart"}
			default:
				c.Refused = p.try(w, st.win, u, at, at+u.ms).public()
			}
			record = append(record, c)
			if !c.Refused.IsZero() {
				return true
			}
			choice := &Choice{Method: MethodDemand, For: d.name, StartAt: instant(at), Candidates: record, Aired: []string{p.name(seg)}}
			st.musts = append(st.musts, must{u, d, choice, at})
			p.lay(u, at, st.win)
			for _, m := range u.members[:u.n] {
				p.aired(m, at)
			}
			done = true
			return false
		})
	}
	return done
}

func serving(u unit, d *demand, seg int32) bool {
	if d.members.has(seg) {
		return true
	}
	for _, m := range u.members[:u.n] {
		if d.members.has(m) {
			return true
		}
	}
	return false
}

// fillStart is where the stretch's first fill begins after what is chosen before it and already owed in it.
func (p *planner) fillStart(st *stretch) int64 {
	at := st.start
	for k := range st.places {
		if st.places[k].fill {
			break
		}
		if st.places[k].set {
			at += st.places[k].unit.ms
		}
	}
	for _, m := range st.musts {
		at += m.unit.ms
	}
	return at
}

// free is what the stretch has left for its fills.
func (p *planner) free(st *stretch) int64 {
	free := st.end - st.start
	for k := range st.places {
		if st.places[k].set {
			free -= st.places[k].unit.ms
		}
	}
	for _, m := range st.musts {
		free -= m.unit.ms
	}
	return free
}

// checkDemands ends the plan where a hard demand is not met, and warns where a soft one is not.
func (p *planner) checkDemands() *stuck {
	for _, d := range p.demands {
		has := p.met(d)
		if has >= d.need {
			continue
		}
		if d.hard {
			return &stuck{demand: d}
		}
		p.warn("demand_unmet", "", "", "%s: %s of %s", d.name, d.amount(has), d.amount(d.need))
	}
	return nil
}

func (d *demand) amount(n int64) string {
	if d.time {
		return clockTime(Ms(n).Duration)
	}
	return itoa(int(n))
}
