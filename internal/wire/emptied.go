package wire

import (
	"fmt"
	"slices"
	"time"
)

// Emptied is the reason why a player refuses a queue with implausibly little content.
type Emptied struct {
	Window   string        // the window that is more than half empty; empty if the whole day shrinks
	From, To time.Duration // the expected, or former, and the actual length
}

func (e *Emptied) Error() string {
	if e.Window != "" {
		return fmt.Sprintf("it implausibly fills only %v of window %q", e.To, e.Window)
	}
	return fmt.Sprintf("it implausibly shrinks the day from %v to %v", e.From, e.To)
}

// Emptied returns the reason why a player that holds an earlier queue of the day (nil: none) refuses q: a window is
// more than half empty, or q airs less than half of the held queue, and q does not declare that this is intended.
// Recalled items and declared open time count as filled, because a repair may leave their time open.
func (q *Queue) Emptied(held *Queue) *Emptied {
	if held == nil && len(q.Recalled) > 0 {
		return nil // the former length is unknown
	}
	var total time.Duration
	var recalled []QueueItem
	if held != nil {
		for _, it := range held.Items {
			if slices.Contains(q.Recalled, it.SegmentID) {
				recalled = append(recalled, it)
			}
		}
	}
	for _, w := range q.Windows {
		var filled time.Duration
		for _, it := range slices.Concat(q.Items, recalled) {
			if it.Window == w.Window && !it.StartAt.Before(w.StartAt.Time) && it.StartAt.Before(w.EndAt.Time) {
				filled += it.Duration.Duration
			}
		}
		for _, o := range q.Open {
			if o.Window == w.Window && !o.StartAt.Before(w.StartAt.Time) && !o.EndAt.After(w.EndAt.Time) {
				filled += o.EndAt.Sub(o.StartAt.Time)
			}
		}
		if whole := w.EndAt.Sub(w.StartAt.Time); filled < whole/2 {
			return &Emptied{w.Window, whole, filled}
		}
		total += filled
	}
	if held == nil || q.Withdrawn || q.Shortened {
		return nil
	}
	var before time.Duration
	for _, it := range held.Items {
		before += it.Duration.Duration
	}
	if total < before/2 {
		return &Emptied{"", before, total}
	}
	return nil
}
