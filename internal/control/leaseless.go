package control

import (
	"fmt"
	"slices"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// What takes the place of a sensitive item for who can hold no lease, as the player does it: see bestFit in
// internal/playout.
const (
	leastFill = 1500 * time.Millisecond // what is left shorter than this stays open
	fillFade  = time.Second             // of one that is cut
)

// Listed is what a queue airs, for players that know only lists: its items, as Leaseless has them, and in the times of its
// windows that none fills the fallback, as this service's own player airs it there; a withdrawn day has the windows of the
// definitions. An item of that kind has an id that
// starts with "open-" and is in no queue, so that a report of it is one of something extra.
func (s *Scheduler) Listed(q wire.Queue) []wire.QueueItem {
	if q.Withdrawn {
		q.Windows = s.definedOn(q.Station, q.Date)
	}
	items := s.Leaseless(q.Station, q.Items)
	spare := s.spare(q.Station)
	for _, o := range planOf(q).Open() {
		start := o.StartAt
		id := "open-" + schedules.ItemID(q.Station, o.StartAt, o.Window, schedules.Millis{}, "")
		items = append(items[:len(items):len(items)], inPlaceOf(wire.QueueItem{ID: id, Window: o.Window, StartAt: &start, Start: schedules.Follow,
			Duration: schedules.Millis{Duration: o.EndAt.Sub(start.Time)}}, spare)...)
	}
	slices.SortStableFunc(items, func(a, b wire.QueueItem) int { return a.StartAt.Compare(b.StartAt.Time) })
	return items
}

// spare is the station's fallback without what is recalled or needs a lease.
func (s *Scheduler) spare(station string) []wire.QueueItem {
	f, ok := s.mirror.fallback.get(station)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.value.Value.Items), func(i wire.QueueItem) bool {
		return i.Sensitive || slices.Contains(f.value.Value.Recalled, i.SegmentID)
	})
}

// Leaseless is the station's items for players that can hold no lease, whose lists play for ever: in place of each
// sensitive item, and of all of its chain, stand the best fitting items of the fallback that need no lease. The first
// of them has the item's id, so that a report of it is one of the item. In a fallback list nothing stands there.
func (s *Scheduler) Leaseless(station string, items []wire.QueueItem) []wire.QueueItem {
	sensitive := func(i wire.QueueItem) bool { return i.Sensitive }
	if !slices.ContainsFunc(items, sensitive) {
		return items
	}
	spare := s.spare(station)
	chains := map[string]bool{}
	for _, i := range items {
		if i.Sensitive && i.Chain != "" {
			chains[i.Chain] = true
		}
	}
	var out []wire.QueueItem
	for _, i := range items {
		switch {
		case !i.Sensitive && !chains[i.Chain]:
			out = append(out, i)
		case i.StartAt != nil:
			out = append(out, inPlaceOf(i, spare)...)
		}
	}
	return out
}

// inPlaceOf fills an item's time from the list.
func inPlaceOf(item wire.QueueItem, list []wire.QueueItem) (out []wire.QueueItem) {
	for at, end := item.StartAt.Time, endOf(item); end.Sub(at) >= leastFill; {
		last := ""
		if len(out) > 0 {
			last = out[len(out)-1].SegmentID
		}
		next, ok := nearest(list, at, end.Sub(at), last)
		if !ok {
			return out
		}
		start := schedules.At(at)
		next.ID, next.Window, next.Position, next.Start = item.ID, item.Window, item.Position, schedules.Follow
		next.StartAt, next.StartMs = &start, start.UnixMilli()
		if len(out) == 0 {
			next.Start, next.Grace = item.Start, item.Grace
		} else {
			next.ID = fmt.Sprintf("%s.%d", item.ID, len(out)+1)
		}
		out = append(out, next)
		at = at.Add(next.Duration.Duration)
	}
	return out
}

// nearest is the item of the list nearest in length to a gap, cut to it; what aired just before only when there is
// nothing else. ok is false when none may air there.
func nearest(list []wire.QueueItem, at time.Time, gap time.Duration, last string) (best wire.QueueItem, ok bool) {
	for _, repeated := range []bool{false, true} {
		for _, i := range list {
			ends := at.Add(min(i.Duration.Duration, gap))
			if (i.SegmentID == last) != repeated || !i.NotAfter.IsZero() && ends.After(i.NotAfter.Time) {
				continue
			}
			if !ok || (i.Duration.Duration-gap).Abs() < (best.Duration.Duration-gap).Abs() {
				best, ok = i, true
			}
		}
		if ok {
			break
		}
	}
	if over := best.Duration.Duration - gap; over > 0 {
		best.Duration.Duration -= over
		best.CueOut.Duration -= over
		best.FadeOut.Duration = min(fillFade, best.Duration.Duration)
	}
	return best, ok
}
