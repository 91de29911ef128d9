// Package fallback decides which item of a station's fallback list airs where the plan has none, or where a planned
// item may not air. The player airs by this rule and the service lists by it, so that lists, rendered windows and the
// air agree. It is pure: nothing here reads a clock or a store.
package fallback

import (
	"time"

	"lifeline/internal/wire"
)

const (
	// MinFill is the shortest stretch that an item of the list fills. A shorter one stays silent.
	MinFill = 1500 * time.Millisecond
	// Fade is the fade of an item that is cut.
	Fade = time.Second

	whole    = 10 * time.Millisecond // that may stay open after an item
	farthest = 24 * time.Hour        // no item is longer
)

// Gap is a stretch [At, End) of one window that the list is to fill.
type Gap struct {
	At, End time.Time
	Planned bool      // a valid queue has the window; else the list airs in rotation
	Window  time.Time // start of the window
	Last    string    // segment that last filled a gap of the window; empty: none has
}

// May reports whether an item may begin at the start of the gap and last so long.
type May func(it *wire.QueueItem, lasts time.Duration) bool

// Pick is the item that begins at the gap's start, and how far into it, which is more than zero where a station joins a
// rotation that would have begun before. It airs until its end or the gap's. It is nil when nothing may air.
func (g Gap) Pick(list []wire.QueueItem, may May) (it *wire.QueueItem, into time.Duration) {
	// Players count in frames: what is a whole number of milliseconds in the plan is one here.
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

// nearest picks the item whose air time fits a gap best: the nearest in length, a longer one being cut. One that would
// leave so little that nothing fills it comes after all others: that would be silent. last is not repeated while there
// is anything else.
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

// rotated picks the item after last or, when nothing aired in the window yet, the one that would be on the air now had
// the player aired the whole window, and how far into it that is. Windows start at different places of the list, so
// that a listener hears all of it.
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
