package planner

import (
	"cmp"
	"slices"

	"lifeline/schedules"
)

// queue is a class of segments in due order: the longest unaired first, in an order drawn from the seed and the day
// where segments are nearly equally due. Segments that have never aired come before all others, in rotation order with
// an offset drawn from the seed.
type queue struct {
	order   []due
	members bitset
	class   []int32
	mean    float64 // number of airings per segment in the history

	fixed    bool      // the order is by age: an airing does not change it
	episodes *ordering // the next of these come first; nil: the position does not prefer episodes
}

// due is a segment and the time of its last airing when it was queued. The entry is valid while that time is current.
type due struct {
	seg  int32
	last int64
}

// queue returns the due queue of a selector, and makes it on first use.
func (p *planner) queue(s *schedules.Selector, languages []string, prefer string) *queue {
	key := prefer + classKey(s)
	for _, l := range languages {
		key += " " + l
	}
	if q, ok := p.queues[key]; ok {
		return q
	}
	class := p.lib.class(s, languages)
	q := &queue{class: class, order: make([]due, 0, len(class)+64), members: newBitset(len(p.lib.entries))}
	turn := 0
	if len(class) > 0 {
		turn = int(mix(p.in.Seed) % uint64(len(class)))
	}
	var aired []due
	place := func(list []int32) {
		for _, i := range list {
			e := p.lib.entries[i]
			q.members.add(int32(i))
			q.mean += float64(p.airingCounts[i]) / float64(len(class))
			if e.till < p.day.start || e.from > p.horizonEnd {
				continue
			}
			if last := p.last[i]; last == minTime {
				q.order = append(q.order, due{i, last})
			} else {
				aired = append(aired, due{i, last})
			}
		}
	}
	place(class[turn:])
	place(class[:turn])
	slices.SortStableFunc(aired, func(a, b due) int { return cmp.Compare(a.last, b.last) })
	q.order = append(q.order, p.shuffled(aired)...)
	switch prefer {
	case schedules.PreferUnexposed:
		p.byExposure(q.order)
	case schedules.ByNewest, schedules.ByOldest:
		orderPass{p}.byAge(q.order, prefer == schedules.ByNewest)
		q.fixed = true
	case schedules.ByEpisode:
		q.episodes = p.lib.ordering(prefer, q.members.has)
	}
	p.queues[key] = q
	p.queueList = append(p.queueList, q)
	return q
}

// nearlyDue is within how many places segments count as nearly equally due. nearlyShare limits that to one place for so
// many segments.
const (
	nearlyDue   = 4
	nearlyShare = 3
)

// shuffled orders segments that are nearly equally due by a hash of the seed and the day.
func (p *planner) shuffled(aired []due) []due {
	day := mix(p.in.Seed ^ mix(uint64(p.in.Date.Year)<<16|uint64(p.in.Date.Month)<<8|uint64(p.in.Date.Day)))
	shuffleReach := min(uint64(len(aired))<<5/nearlyShare, nearlyDue<<5)
	if other := uint64(p.in.order); other > 0 {
		day, shuffleReach = mix(day^other), min(other, otherOrders)*uint64(len(aired))<<5
	}
	keys := make(map[int32]uint64, len(aired)) // in 32nds of a place
	for rank, d := range aired {
		keys[d.seg] = uint64(rank)<<5 + mix(day^p.lib.entries[d.seg].idHash)%(shuffleReach+1)
	}
	slices.SortStableFunc(aired, func(a, b due) int { return cmp.Compare(keys[a.seg], keys[b.seg]) })
	return aired
}

// each calls f with the queue's segments for a place at about an instant, the preferred ones first, until f returns
// false.
func (p *planner) each(q *queue, at int64, f func(seg int32, last int64) bool) {
	p.generation++
	if q.episodes != nil {
		for _, seg := range (orderPass{p}).leads(q, at) {
			p.stamp[seg] = p.generation
			if !f(seg, p.last[seg]) {
				return
			}
		}
	}
	for _, d := range q.order {
		if p.last[d.seg] != d.last && !q.fixed || p.stamp[d.seg] == p.generation {
			continue
		}
		p.stamp[d.seg] = p.generation
		if !f(d.seg, p.last[d.seg]) {
			return
		}
	}
}

// aired moves a segment to the end of every queue that is not by age.
func (p *planner) aired(seg int32, at int64) {
	if p.last[seg] == at {
		return
	}
	p.last[seg] = at
	for _, q := range p.queueList {
		if q.members.has(seg) && !q.fixed {
			q.order = append(q.order, due{seg, at})
		}
	}
}

// byExposure orders a queue so that readings of the passages least heard on the station come first: by the airings of
// the least heard passage, then in due order. Segments that are no readings come last.
func (p *planner) byExposure(order []due) {
	type key struct {
		script, language string
		passage          int
	}
	heard := map[key]int{}
	for i := range p.in.History {
		a := &p.in.History[i]
		seg, ok := p.lib.index(a.SegmentID)
		if !ok {
			continue
		}
		e := p.lib.entries[seg]
		if a.Station != p.in.Station.ID || e.Script == nil || p.day.own(a.StartAt.UnixMilli()) ||
			a.StartAt.UnixMilli() >= p.horizonEnd {
			continue
		}
		for _, n := range e.Script.Passages {
			heard[key{script: e.Script.ID, language: e.Language, passage: n}]++
		}
	}
	least := func(seg int32) int {
		e := p.lib.entries[seg]
		n := int(^uint(0) >> 1)
		if e.Script != nil {
			for _, passage := range e.Script.Passages {
				n = min(n, heard[key{script: e.Script.ID, language: e.Language, passage: passage}])
			}
		}
		return n
	}
	slices.SortStableFunc(order, func(a, b due) int { return cmp.Compare(least(a.seg), least(b.seg)) })
}
