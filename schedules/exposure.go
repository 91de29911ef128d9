package schedules

import (
	"cmp"
	"slices"
)

// Exposure lists the airings of one passage of a script from one station in one language.
type Exposure struct {
	Script   string    `json:"script"`
	Passage  int       `json:"passage"`
	Station  string    `json:"station"`
	Language string    `json:"language"`
	Airings  []Instant `json:"airings"` // starts, ascending
}

// Exposures returns when each passage aired from each station in each language, ordered by script, passage, station and
// language. It ignores segments that read no script or are not in the library.
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
		return cmp.Or(cmp.Compare(a.Script, b.Script), cmp.Compare(a.Passage, b.Passage), cmp.Compare(a.Station, b.Station),
			cmp.Compare(a.Language, b.Language))
	})
	return out
}
