package control

import (
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// Next is the item that follows the item after in the station's published days, as Listed has them, or, without after, the
// one that airs now or next. ok is false at the end of what is published. It fails with NotFound when no published day has the item:
// it may have been recalled since.
func (s *Scheduler) Next(station, after string) (item wire.QueueItem, ok bool, err error) {
	if _, err := s.Station(station); err != nil {
		return item, false, err
	}
	var items []wire.QueueItem
	for _, row := range queuesIn(s.mirror).after(station+"/", "") {
		items = append(items, s.Listed(row.value.Value)...)
	}
	slices.SortStableFunc(items, func(a, b wire.QueueItem) int { return a.StartAt.Compare(b.StartAt.Time) })
	now := s.now()
	at := slices.IndexFunc(items, func(i wire.QueueItem) bool { return now.Before(endOf(i)) })
	if after != "" {
		if at = slices.IndexFunc(items, func(i wire.QueueItem) bool { return i.ID == after }); at < 0 {
			return item, false, fault.New(fault.NotFound, "no published day has an item %q: ask without after for what airs now", after)
		}
		at++
	}
	if at < 0 || at == len(items) {
		return item, false, nil
	}
	return items[at], true, nil
}

func endOf(i wire.QueueItem) time.Time { return i.StartAt.Add(i.Duration.Duration) }
