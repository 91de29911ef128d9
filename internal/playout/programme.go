package playout

import (
	"cmp"
	"slices"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// TimedItem is a stretch [Start, End) of the timeline, in frames, and the item that is due in it. The item's cue-in
// point is at Start. The fallback fills a TimedItem without an Item.
type TimedItem struct {
	Item       *wire.QueueItem
	Start, End int64
}

// TimedWindow is one window occurrence on the timeline: [Start, End) in frames. Its items cover it without gaps.
type TimedWindow struct {
	output.Bounds
	Revision int64 // of the queue that planned it; 0: there is no valid queue and the fallback airs in rotation
	Items    []TimedItem
}

// itemAt returns the item that contains frame pos of the window.
func (s *TimedWindow) itemAt(pos int64) TimedItem {
	i, _ := slices.BinarySearchFunc(s.Items, pos, func(x TimedItem, pos int64) int {
		if x.End <= pos {
			return -1
		}
		return 1
	})
	return s.Items[i]
}

// timetable returns the windows that the holdings plan from t on: for each day the windows of its valid queue or, if
// there is none or it withdraws the day, those in the fallback document. The result is valid until a document expires
// at the instant until (zero: as long as the holdings are).
func timetable(h *Holdings, t time.Time, rate dsp.Rate) (spans []*TimedWindow, until time.Time) {
	expires := func(at time.Time) {
		if at.After(t) && (until.IsZero() || at.Before(until)) {
			until = at
		}
	}
	add := func(occ schedules.Occurrence) *TimedWindow {
		s := &TimedWindow{Bounds: output.Bounds{Occurrence: occ, Start: rate.Frame(occ.StartAt.Time),
			End: rate.Frame(occ.EndAt.Time)}}
		if s.End <= rate.Frame(t) {
			return s
		}
		spans = append(spans, s)
		return s
	}
	for _, date := range sortedDates(h.Queues) {
		q := h.ValidQueue(date, t)
		if q == nil {
			continue
		}
		expires(q.ExpiresAt.Time)
		for _, w := range q.Windows {
			s := add(w.Occurrence)
			s.Recurs = recurs(len(q.Windows), func(i int) schedules.Occurrence { return q.Windows[i].Occurrence }, w.Occurrence)
			s.Revision = q.Revision
			s.Items = programme(q.Items, s, rate)
		}
	}
	if f := h.Fallback; f != nil && (f.ExpiresAt.IsZero() || f.ExpiresAt.After(t)) {
		expires(f.ExpiresAt.Time)
		for _, w := range f.Windows {
			if q := h.ValidQueue(w.Date, t); q == nil || q.Withdrawn {
				s := add(w)
				s.Recurs = recurs(len(f.Windows), func(i int) schedules.Occurrence { return f.Windows[i] }, w)
				s.Items = []TimedItem{{Start: s.Start, End: s.End}}
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b *TimedWindow) int { return cmp.Compare(a.Start, b.Start) })
	return spans, until
}

// recurs reports whether the window of occ has another occurrence at a different time, among n occurrences, on the same
// day.
func recurs(n int, at func(int) schedules.Occurrence, occ schedules.Occurrence) bool {
	for i := range n {
		if o := at(i); o.Window == occ.Window && o.Date == occ.Date && !o.StartAt.Equal(occ.StartAt.Time) {
			return true
		}
	}
	return false
}

// startRounding is the number of frames by which a planned start may differ from the previous end and still count as
// the same instant: rounding at rates that do not divide a millisecond.
const startRounding = 2

// programme computes when each of a window's items starts and ends. A hard start cuts the item that plays; a soft start
// waits for it up to its grace and then cuts it; a following item waits for its end. No item starts before its planned
// instant. A stretch without an item becomes a slot without one.
func programme(items []wire.QueueItem, s *TimedWindow, rate dsp.Rate) []TimedItem {
	var own []*wire.QueueItem
	for i := range items {
		it := &items[i]
		if it.Window == s.Window && !it.StartAt.Before(s.StartAt.Time) && it.StartAt.Before(s.EndAt.Time) {
			own = append(own, it)
		}
	}
	slices.SortStableFunc(own, func(a, b *wire.QueueItem) int { return a.StartAt.Compare(b.StartAt.Time) })
	var slots []TimedItem
	at := s.Start // end of the previous item
	for _, it := range own {
		planned := rate.Frame(it.StartAt.Time)
		start := max(planned, at)
		switch {
		case it.Start == schedules.Hard || at-planned <= startRounding && planned-at <= startRounding:
			start = planned
		case it.Start == schedules.Soft:
			start = min(start, planned+rate.Frames(it.Grace.Duration))
		}
		if start >= s.End {
			continue
		}
		for len(slots) > 0 && slots[len(slots)-1].Start >= start {
			slots = slots[:len(slots)-1]
		}
		if len(slots) > 0 {
			slots[len(slots)-1].End = min(slots[len(slots)-1].End, start)
			at = slots[len(slots)-1].End
		} else {
			at = s.Start
		}
		if start-at > startRounding {
			slots = append(slots, TimedItem{Start: at, End: start})
		} else if len(slots) > 0 {
			slots[len(slots)-1].End = start
		} else {
			start = at
		}
		end := min(start+rate.Frames(it.Duration.Duration), s.End)
		slots = append(slots, TimedItem{it, start, end})
		at = end
	}
	if at < s.End {
		slots = append(slots, TimedItem{Start: at, End: s.End})
	}
	return slots
}
