package schedules

import (
	"cmp"
	"slices"
)

// MakeGoodID returns the id of the make-good for a missed item.
func MakeGoodID(item string) string { return "mg-" + item }

// programme lists the kinds of segment that listeners tune in for. The other kinds only connect a programme: a missed
// time signal needs no make-good.
var programme = []Kind{"reading", "news", "commentary", "testimony", "interview", "letter", "names", "correction"}

// Committed reports whether an airing was a commitment, so that a make-good is owed if it is missed: it belongs to a
// programme or a campaign. An airing that was itself a make-good is not a commitment, because the original airing is
// still owed.
func (l *Library) Committed(r AiringRecord, campaigns []Campaign) bool {
	s, ok := l.Segment(r.SegmentID)
	if !ok || r.MakesGood != "" || r.PlannedAt.IsZero() {
		return false
	}
	return slices.Contains(programme, s.Kind) || slices.ContainsFunc(campaigns,
		func(c Campaign) bool { return c.covers(&s, r.Station, r.PlannedAt) })
}

// MarkMakeGoods marks, for each make-good owed, the item that airs it: an item that is already marked, else the first
// item of its segment that starts after the miss, is not over and serves no other make-good.
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
			if i.SegmentID == m.SegmentID && i.MakesGood == "" && i.Repeats == "" && i.StartAt.After(m.MissedAt.Time) &&
				i.EndAt().After(in.Over) && (first < 0 || i.StartAt.Before(items[first].StartAt.Time)) {
				first = k
			}
		}
		if first >= 0 {
			items[first].MakesGood = m.ID
		}
	}
}
