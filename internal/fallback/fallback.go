// Package fallback decides which item of a station's fallback list airs where the plan has none, or where a planned
// item may not air. The player airs by this rule and the service lists by it, so that lists, rendered windows and the
// air agree. It is pure: nothing here reads a clock or a store.
package fallback

import (
	"time"

	"lifeline/internal/wire"
)

const (
	// MinFill is the shortest gap that is filled. A shorter one stays silent.
	MinFill = 1500 * time.Millisecond
	// Fade is the length of the fade-out of an item that is cut.
	Fade = time.Second

	whole    = 10 * time.Millisecond // the longest remainder after an item that counts as none
	farthest = 24 * time.Hour        // no item is longer
)

// Gap is an interval [At, End) of one window that the list is to fill.
type Gap struct {
	At, End time.Time
	Planned bool      // a valid queue has the window; else the list airs in rotation
	Window  time.Time // start of the window
	Last    string    // segment that last filled a gap of the window; empty: none
}

// May reports whether an item may start at the gap's start and air for the given time.
type May func(it *wire.QueueItem, lasts time.Duration) bool

// Pick returns the item that airs from the gap's start, and its offset. The offset is above zero when a station joins a
// rotation that would have started earlier. The item airs until its end or the gap's. Pick returns nil when no item may
// air.
func (g Gap) Pick(list []wire.QueueItem, may May) (it *wire.QueueItem, into time.Duration) {
	// Players count frames; a plan has whole milliseconds. Rounding makes both agree.
	g.At, g.End = g.At.Round(time.Millisecond), g.End.Round(time.Millisecond)
	gap := g.End.Sub(g.At)
	switch {
	case gap < MinFill:
		return nil, 0
	case g.Planned:
		return nearest(list, gap, g.Last, may), 0
	}
	return rotated(list, g.Window, g.At, gap, g.Last, may)
}

// nearest returns the item whose air time is nearest to the gap's length; a longer one is cut. An item that would leave
// a remainder too short to fill comes after all others, since the remainder would be silent. last is repeated only when
// there is no other item.
func nearest(list []wire.QueueItem, gap time.Duration, last string, may May) *wire.QueueItem {
	var best *wire.QueueItem
	var off time.Duration
	for _, repeated := range [...]bool{false, true} {
		for i := range list {
			it := &list[i]
			d := (it.Duration.Duration - gap).Abs()
			if left := gap - it.Duration.Duration; left > whole && left < MinFill {
				d += farthest
			}
			if (it.SegmentID == last) != repeated || best != nil && d >= off || !may(it, min(it.Duration.Duration, gap)) {
				continue
			}
			best, off = it, d
		}
		if best != nil {
			break
		}
	}
	return best
}

// rotated returns the item after last. When nothing has aired in the window yet, it returns the item that would be on
// the air now if the player had aired the whole window, and its offset. Windows start at different positions of the
// list, so that a listener hears all of it.
func rotated(list []wire.QueueItem, start, now time.Time, gap time.Duration, last string, may May) (it *wire.QueueItem,
	into time.Duration) {
	if len(list) == 0 {
		return nil, 0
	}
	first := int((start.Unix()/86400 + start.Unix()/3600) % int64(len(list)))
	at := start
	for i := range list {
		if list[i].SegmentID == last {
			first, at = i+1, now
		}
	}
	for idle, i := 0, first; idle < len(list); i++ {
		it := &list[i%len(list)]
		length := it.Duration.Duration
		if end := at.Add(length); end.After(now) {
			if may(it, min(end.Sub(now), gap)) {
				return it, max(now.Sub(at), 0)
			}
			idle++
			continue
		}
		if may(it, 0) {
			at = at.Add(length)
			idle = 0
		} else {
			idle++
		}
	}
	return nil, 0
}
