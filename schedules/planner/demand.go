package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"lifeline/schedules"
)

// demand is a demand on the day: a number of airings, or milliseconds of air time, of certain segments in certain
// windows.
type demand struct {
	name    string
	rule    *rule // nil for campaigns and make-goods
	win     int32 // window whose clock has the rule, for messages
	members bitset
	windows []bool // windows in which it may be met
	part    [][2]int64
	need    int64
	time    bool // need counts milliseconds
	hard    bool
	elastic bool // some fill may meet it
	only    bool // a make-good: only the one segment meets it
}

// demandPass collects the demands on the day, and places units for them in the fills that may air them.
type demandPass struct{ *planner }

// openDemands collects the demands of rules, campaigns and make-goods on the day, in a fixed order.
func (p demandPass) openDemands() {
	p.demands, p.unguided = nil, nil
	if p.in.open != nil && p.in.open.ignoreDemands {
		return
	}
	seen := map[*ruleset]bool{}
	for i := range p.day.windows {
		rs := p.day.windows[i].rules
		for k := range rs.rules {
			r := &rs.rules[k]
			if r.form != formAtLeast && r.form != formLeast || r.per != "window" && seen[rs] ||
				r.per == "window" && p.day.windows[i].repeats {
				continue
			}
			p.demands = append(p.demands, p.ruleDemands(r, rs, i)...)
		}
		seen[rs] = true
	}
	campaigns := slices.Clone(p.in.Campaigns)
	slices.SortFunc(campaigns, func(a, b schedules.Campaign) int { return cmp.Compare(a.ID, b.ID) })
	for i := range campaigns {
		p.demands = append(p.demands, p.campaignDemands(&campaigns[i])...)
	}
	owed := slices.Clone(p.in.Owed)
	slices.SortFunc(owed, func(a, b schedules.MakeGood) int {
		return cmp.Or(a.MissedAt.Compare(b.MissedAt.Time), cmp.Compare(a.ID, b.ID))
	})
	for _, m := range owed {
		if seg, ok := p.lib.index(m.SegmentID); ok && m.Station == p.in.Station.ID {
			d := &demand{name: "make-good " + m.ID, members: newBitset(len(p.lib.entries)), windows: p.everyWindow(), only: true}
			for i := range p.day.windows {
				d.windows[i] = d.windows[i] && p.day.windows[i].EndAt.After(p.in.Over)
			}
			d.members.add(int32(seg))
			d.need = 1
			for _, o := range p.demands { // several make-goods of a segment demand as many airings
				if o.only && o.members.has(seg) {
					d.need++
				}
			}
			p.demands = append(p.demands, d)
		}
	}
	if p.hardOnly {
		all := p.demands
		p.demands = nil
		for _, d := range all {
			if d.hard {
				p.demands = append(p.demands, d)
			} else {
				p.unguided = append(p.unguided, d)
			}
		}
	}
	for _, d := range p.demands {
		for i := range p.stretches {
			st := &p.stretches[i]
			for j := range st.places {
				if st.places[j].fill && d.windows[st.win] && st.places[j].queue.shares(d) {
					d.elastic = true
				}
			}
		}
	}
}

// shares reports whether some segment of the queue would meet the demand.
func (q *queue) shares(d *demand) bool {
	for i, w := range q.members {
		if w&d.members[i] != 0 {
			return true
		}
	}
	return false
}

func (p demandPass) everyWindow() []bool {
	all := make([]bool, len(p.day.windows))
	for i := range all {
		all[i] = !p.day.windows[i].repeats
	}
	return all
}

func (p demandPass) ruleDemands(r *rule, rs *ruleset, win int) []*demand {
	base := demand{name: r.name, rule: r, hard: r.hard, win: int32(win), need: r.limit,
		windows: make([]bool, len(p.day.windows)), part: r.periods}
	if r.per == "day" {
		base.part = nil // all windows of the day, including their part past midnight
	}
	for i := range p.day.windows {
		base.windows[i] = p.day.windows[i].rules == rs && !p.day.windows[i].repeats && (r.per != "window" || i == win)
	}
	if r.form == formLeast {
		base.time = true
		total, _ := rs.share(r, int32(win), p.airings)
		base.need = (total*r.limit + 999_999) / 1_000_000
	}
	if !r.each {
		base.members = p.set(func(i int32) bool { return p.counted(r, i) })
		return p.spread(&base, rs)
	}
	// each: every value that the segments have is a separate demand
	values := map[int32]bitset{}
	var order []int32
	for i := range p.lib.entries {
		if e := p.lib.entries[i]; e.Fit && (r.only == nil || r.only.has(int32(i))) {
			for _, v := range e.valuesOf(r.attr) {
				if values[v] == nil {
					values[v] = newBitset(len(p.lib.entries))
					order = append(order, v)
				}
				values[v].add(int32(i))
			}
		}
	}
	var out []*demand
	for _, v := range order {
		d := base
		d.members = values[v]
		out = append(out, p.spread(&d, rs)...)
	}
	return out
}

// spread divides a weekly demand. It returns the day's even share of the missing airings as a soft demand and, for a
// hard rule, the number that the later windows of the week cannot give as a hard one; the share is left out if the hard
// demand covers it. Other demands are returned unchanged.
func (p demandPass) spread(d *demand, rs *ruleset) []*demand {
	if d.rule.per != "week" {
		return []*demand{d}
	}
	d.part = nil
	missing := d.need
	for _, s := range p.airings.sequence {
		if s.win < 0 && d.members.has(s.seg) && rs.counts(d.rule, s, trial{}) {
			missing--
		}
	}
	missing = max(missing, 0)
	later := p.later(rs.clock)
	dates := map[schedules.Date]bool{}
	for _, o := range later {
		dates[schedules.DateOf(o.StartAt.In(p.day.loc))] = true
	}
	days := int64(len(dates)) + 1
	share := *d
	share.need, share.hard = (missing+days-1)/days, false
	if !d.hard {
		return []*demand{&share}
	}
	if d.need = max(missing-p.mostLater(later, d.members), 0); d.need >= share.need {
		return []*demand{d}
	}
	return []*demand{d, &share}
}

// counted reports whether a rule counts the segment.
func (p demandPass) counted(r *rule, seg int32) bool {
	return (r.only == nil || r.only.has(seg)) && p.lib.entries[seg].has(r.match)
}

func (p demandPass) set(in func(int32) bool) bitset {
	b := newBitset(len(p.lib.entries))
	for i := range int32(len(p.lib.entries)) {
		if in(i) {
			b.add(int32(i))
		}
	}
	return b
}

func (p demandPass) campaignDemands(c *schedules.Campaign) []*demand {
	if !c.Concerns(p.in.Station.ID) || !c.From.IsZero() && c.From.UnixMilli() >= p.horizonEnd || !c.Until.IsZero() &&
		c.Until.UnixMilli() <= p.day.start {
		return nil
	}
	base := demand{name: "campaign " + c.ID, members: p.lib.members(&c.Of), windows: p.everyWindow(), hard: c.Hard}
	var out []*demand
	lasts := [][2]int64{{minTime, maxTime}}
	if !c.From.IsZero() {
		lasts[0][0] = c.From.UnixMilli()
	}
	if !c.Until.IsZero() {
		lasts[0][1] = c.Until.UnixMilli()
	}
	for _, part := range c.Dayparts {
		d := base
		d.name = fmt.Sprintf("campaign %s in %s", c.ID, part.Daypart)
		dayparts := p.day.dayparts(part.Daypart)
		d.need, d.part = p.day.requiredCount(int64(part.AtLeast), lasts[0], dayparts), common(lasts[0], dayparts)
		out = append(out, &d)
	}
	if c.AtLeast > 0 {
		d := base
		if d.need = p.day.requiredCount(int64(c.AtLeast), lasts[0], nil); lasts[0] != [2]int64{minTime, maxTime} {
			d.part = lasts
		}
		out = append(out, &d)
	}
	return out
}

// requiredCount returns the part of a campaign's daily number that the day owes: the proportion of the air time of the
// day's windows, or of their part in the dayparts, that lies within the campaign's time. It is rounded down, and 0 on a
// day without a window.
func (d *day) requiredCount(number int64, lasts [2]int64, dayparts [][2]int64) int64 {
	var all, in int64
	for i := range d.windows {
		w := &d.windows[i]
		if w.repeats {
			continue
		}
		for _, s := range common([2]int64{w.start, w.end}, dayparts) {
			all += s[1] - s[0]
			in += max(min(s[1], lasts[1])-max(s[0], lasts[0]), 0)
		}
	}
	if all == 0 {
		return 0
	}
	return number * in / all
}

// common returns the intersections of t with parts, or t itself if parts is nil.
func common(t [2]int64, parts [][2]int64) [][2]int64 {
	if parts == nil {
		return [][2]int64{t}
	}
	out := [][2]int64{}
	for _, p := range parts {
		if a, b := max(t[0], p[0]), min(t[1], p[1]); a < b {
			out = append(out, [2]int64{a, b})
		}
	}
	return out
}

// met returns how much of the demand the day meets so far.
func (ix *airingIndex) met(d *demand) int64 {
	var n int64
	for _, s := range ix.sequence {
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

// serves reports whether the unit would meet an open demand that no fill can meet.
func (p demandPass) serves(u unit, win int32) bool {
	for _, d := range p.demands {
		if d.elastic || !d.windows[win] {
			continue
		}
		for _, m := range u.members[:u.n] {
			if d.members.has(m) && p.airings.met(d) < d.need {
				return true
			}
		}
	}
	return false
}

// placeDemands adds units for the unmet demands to the fills that may air them, spread over the day.
func (p demandPass) placeDemands() *stuck {
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
			missing := d.need - p.airings.met(d)
			if missing <= 0 {
				break
			}
			best := p.emptiest(d, open, tried)
			if best < 0 {
				break
			}
			if !p.placeForDemand(d, &p.stretches[open[best]]) {
				tried[best] = true
			}
		}
	}
	return nil
}

// emptiest returns the open stretch farthest from any airing that already serves the demand, or the earliest of several
// such stretches.
func (p demandPass) emptiest(d *demand, open []int, tried []bool) int {
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
		for _, s := range p.airings.sequence {
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

// placeForDemand puts one unit that serves the demand at the head of the stretch's fill, and reports whether there was
// one.
func (p demandPass) placeForDemand(d *demand, st *stretch) bool {
	w := &p.day.windows[st.win]
	first := slices.IndexFunc(st.places, func(x place) bool { return x.fill })
	at, free := p.fillStart(st), p.free(st)
	var record []schedules.Candidate
	done := false
	for j := first; j < len(st.places) && !done; j++ {
		pl := &st.places[j]
		if !pl.fill {
			continue
		}
		p.each(pl.queue, at, func(seg int32, since int64) bool {
			u, broken := p.unit(seg, pl.pos.Chain)
			if !serving(u, d, seg) || broken != "" || u.ms > free {
				return true
			}
			c := schedules.Candidate{Segment: p.name(seg), Duration: schedules.Ms(u.ms), LastAired: instant(since)}
			switch {
			case !p.validThroughout(u, at, at+u.ms):
				c.Refused = schedules.Refusal{Rule: "validity"}
			case !within(d.part, at):
				c.Refused = schedules.Refusal{Rule: "daypart"}
			default:
				c.Refused = p.try(w, st.win, u, at, at+u.ms).public()
			}
			record = append(record, c)
			if !c.Refused.IsZero() {
				return true
			}
			choice := &schedules.Choice{Method: schedules.MethodDemand, For: d.name, StartAt: instant(at), Candidates: record,
				Aired: []string{p.name(seg)}}
			st.demandedUnits = append(st.demandedUnits, demandedUnit{u, d, choice, at})
			p.addAirings(u, at, st.win)
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

// fillStart returns where the stretch's first fill begins, after the units chosen before it and those already owed in
// it.
func (p demandPass) fillStart(st *stretch) int64 {
	at := st.start
	for k := range st.places {
		if st.places[k].fill {
			break
		}
		if st.places[k].set {
			at += st.places[k].unit.ms
		}
	}
	for _, m := range st.demandedUnits {
		at += m.unit.ms
	}
	return at
}

// free returns the time in milliseconds that the stretch has left for its fills.
func (p demandPass) free(st *stretch) int64 {
	free := st.end - st.start
	for k := range st.places {
		if st.places[k].set {
			free -= st.places[k].unit.ms
		}
	}
	for _, m := range st.demandedUnits {
		free -= m.unit.ms
	}
	return free
}

// checkDemands fails if a hard demand is not met, and warns of soft demands that are not met.
func (p demandPass) checkDemands() *stuck {
	p.demands, p.unguided = append(p.demands, p.unguided...), nil
	for _, d := range p.demands {
		has := p.airings.met(d)
		if has >= d.need {
			continue
		}
		if d.hard {
			return &stuck{demand: d}
		}
		p.warn(schedules.WarnDemandUnmet, "", "", "The demand %q asks for %s; the plan has %s.", d.name, d.asks(d.need),
			d.amount(has))
	}
	return nil
}

// asks returns an amount of the demand with its unit.
func (d *demand) asks(n int64) string {
	if d.time {
		return length(n)
	}
	return counted(int(n), "airing")
}

func (d *demand) amount(n int64) string {
	if d.time {
		return length(n)
	}
	return strconv.Itoa(int(n))
}
