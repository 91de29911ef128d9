package playout

import (
	"time"

	"lifeline/internal/wire"
)

// minFill is the least stretch that is worth an item of the fallback. What is shorter stays silent.
const minFill = 1500 * time.Millisecond

// bestFit picks the item of a fallback list whose air time fits a gap best: the nearest in length, a longer one
// being cut. One that would leave so little that nothing fills it comes after all others: that would be silent. last is
// what aired just before and is not repeated while there is anything else. It answers nil when nothing may air.
func bestFit(list []wire.QueueItem, gap time.Duration, last string, may func(*wire.QueueItem, time.Duration) bool) *wire.QueueItem {
	var best *wire.QueueItem
	var off time.Duration
	for pass := range 2 {
		for i := range list {
			it := &list[i]
			d := (it.Duration.Duration - gap).Abs()
			if left := gap - it.Duration.Duration; left > tolerance && left < minFill {
				d += maxItemLength
			}
			if (pass == 0) == (it.SegmentID == last) || best != nil && d >= off || !may(it, min(it.Duration.Duration, gap)) {
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

// rotated picks what a window without a queue airs from pos on: the item after last or, when nothing aired in it yet,
// the one that would be on the air now had the player aired the whole window, and how far into it that is. Windows
// start at different places of the list, so that a listener hears all of it.
func rotated(list []wire.QueueItem, start, now time.Time, gap time.Duration, last string,
	may func(*wire.QueueItem, time.Duration) bool) (it *wire.QueueItem, offset time.Duration) {
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
