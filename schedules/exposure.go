package schedules

import (
	"cmp"
	"slices"
)

// Exposure is one passage of a script heard from one station in one language: when, and how often.
type Exposure struct {
	Script   string    `json:"script"`
	Passage  int       `json:"passage"`
	Station  string    `json:"station"`
	Language string    `json:"language"`
	Airings  []Instant `json:"airings"` // starts, ascending
}

// Exposures is the ledger of which passage reached which station in which language and when, by script, passage,
// station and language. Airings of segments that read no script, or are not in the library, expose nothing.
func (l *Library) Exposures(history []Airing) []Exposure {
	type key struct {
		script            string
		passage           int
		station, language string
	}
	at := map[key][]Instant{}
	for _, a := range history {
		e, ok := l.entry(a.SegmentID)
		if !ok || e.Script == nil {
			continue
		}
		for _, n := range e.Script.Passages {
			k := key{e.Script.ID, n, a.Station, e.Language}
			at[k] = append(at[k], a.StartAt)
		}
	}
	out := make([]Exposure, 0, len(at))
	for k, airings := range at {
		slices.SortFunc(airings, func(a, b Instant) int { return a.Compare(b.Time) })
		out = append(out, Exposure{k.script, k.passage, k.station, k.language, airings})
	}
	slices.SortFunc(out, func(a, b Exposure) int {
		return cmp.Or(cmp.Compare(a.Script, b.Script), cmp.Compare(a.Passage, b.Passage), cmp.Compare(a.Station, b.Station), cmp.Compare(a.Language, b.Language))
	})
	return out
}

// byExposure orders a queue so that what reads the passages least heard on the station comes first: by the airings of
// its least heard passage, then as due. Segments that read nothing come last.
func (p *planner) byExposure(order []due) {
	type key struct {
		script, language string
		passage          int
	}
	heard := map[key]int{}
	for i := range p.in.History {
		a := &p.in.History[i]
		e, ok := p.lib.entry(a.SegmentID)
		if !ok || a.Station != p.in.Station.ID || e.Script == nil || p.day.own(a.StartAt.UnixMilli()) || a.StartAt.UnixMilli() >= p.horizonEnd {
			continue
		}
		for _, n := range e.Script.Passages {
			heard[key{e.Script.ID, e.Language, n}]++
		}
	}
	least := func(seg int32) int {
		e := p.lib.entries[seg]
		n := int(^uint(0) >> 1)
		if e.Script != nil {
			for _, passage := range e.Script.Passages {
				n = min(n, heard[key{e.Script.ID, e.Language, passage}])
			}
		}
		return n
	}
	slices.SortStableFunc(order, func(a, b due) int { return cmp.Compare(least(a.seg), least(b.seg)) })
}
