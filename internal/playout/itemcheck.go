package playout

import (
	"fmt"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// itemCheck decides which items may air in a window.
type itemCheck struct {
	rate   dsp.Rate
	held   *Holdings
	has    func(wire.AudioRef) bool
	span   *TimedWindow
	broken map[string]bool // chains of the window with an item that could not air
}

// objection returns why the item may not air between two frames, and the outcome to report; "" if it may.
func (j itemCheck) objection(it *wire.QueueItem, from, end int64) (schedules.Outcome, string) {
	barred, withheld := j.held.Barred(it), j.held.Withheld(it, j.rate.Time(from))
	switch {
	case barred != "":
		return schedules.Skipped, barred
	case withheld != "":
		return schedules.Skipped, withheld
	case !it.NotAfter.IsZero() && instant(j.rate, end).After(it.NotAfter.Time):
		return schedules.Skipped, fmt.Sprintf("it would end after its expiry at %s", it.NotAfter)
	case it.Chain != "" && j.broken[it.Chain]:
		return schedules.Skipped, "another part of its chain cannot air"
	case it.Chain != "":
		for i := range j.span.Items {
			s := &j.span.Items[i]
			if s.Item == nil || s.Item.Chain != it.Chain || s.Item.ID == it.ID || s.End <= end {
				continue
			}
			if j.held.Recalled(s.Item) || !j.has(s.Item.Audio) || j.held.Withheld(s.Item, j.rate.Time(from)) != "" ||
				!s.Item.NotAfter.IsZero() && instant(j.rate, s.End).After(s.Item.NotAfter.Time) {
				return schedules.Skipped, fmt.Sprintf("item %s of its chain cannot air", s.Item.ID)
			}
		}
	}
	return "", ""
}

// instant returns when a frame is heard, in milliseconds.
func instant(rate dsp.Rate, pos int64) schedules.Instant {
	return schedules.At(rate.Time(pos).Round(time.Millisecond))
}
