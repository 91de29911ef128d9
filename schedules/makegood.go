package schedules

import (
	"cmp"
	"slices"
)

// MakeGoodID is the id of the make-good for a missed item.
func MakeGoodID(item string) string { return "mg-" + item }

// programme are the kinds of segment that a listener tunes in for. The others hold a programme together, and nobody
// wants yesterday's time signal.
var programme = []Kind{"reading", "news", "commentary", "testimony", "interview", "letter", "names", "correction"}

// Committed reports whether the airing was a commitment, so that missing it is owed: it was of a programme, or within a
// campaign. What was to make good an earlier miss is none: that one is owed still.
func (l *Library) Committed(r AiringRecord, campaigns []Campaign) bool {
	s, ok := l.Segment(r.SegmentID)
	if !ok || r.MakesGood != "" || r.PlannedAt.IsZero() {
		return false
	}
	return slices.Contains(programme, s.Kind) || slices.ContainsFunc(campaigns,
		func(c Campaign) bool { return c.covers(&s, r.Station, r.PlannedAt) })
}

// MarkMakeGoods marks for each make-good owed the one item that airs it: one that is marked already, or else the first
// of its segment that airs after the miss, is not over and is for no other.
func (in Input) MarkMakeGoods(items []Item) {
	owed := slices.Clone(in.Owed)
	slices.SortFunc(owed, func(a, b MakeGood) int {
		return cmp.Or(a.MissedAt.Compare(b.MissedAt.Time),
			cmp.Compare(a.ID, b.ID))
	})
	for _, m := range owed {
		if slices.ContainsFunc(items, func(i Item) bool { return i.MakesGood == m.ID }) {
			continue
		}
		first := -1
		for k, i := range items {
			if i.SegmentID == m.SegmentID && i.MakesGood == "" && i.StartAt.After(m.MissedAt.Time) && i.EndAt().After(in.Over) &&
				(first < 0 || i.StartAt.Before(items[first].StartAt.Time)) {
				first = k
			}
		}
		if first >= 0 {
			items[first].MakesGood = m.ID
		}
	}
}
