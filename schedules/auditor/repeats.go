package auditor

import (
	"time"

	"lifeline/schedules"
)

// repeated reports whether an item of the window repeats one of another window.
func (w *window) repeated(i schedules.Item) bool { return w.Repeats != nil && i.Repeats != "" }

// sourceFade returns by how much the item that an item repeats is shorter than its segment; what has changed since may
// have been cut by a window's tolerance.
func (a *audit) sourceFade(w *window, i schedules.Item, s schedules.Segment) time.Duration {
	if of, _, ok := a.in.Source(w.DayWindow, a.r); ok {
		if there, known := of.Item(i.Repeats); known {
			return s.Recording.CueOut.Duration - there.CueOut.Duration
		}
	}
	return w.Tolerance.Duration
}

// repeated checks that the items of a window which repeats another are items of that window, each at most once and in
// its order. A window that repeats what has changed since is a soft violation: the service brings it up to date.
func (a *audit) repeated(w *window) {
	var slot schedules.Slot
	for _, s := range a.r.Windows {
		if s.Window == w.Window && s.StartAt.Equal(w.StartAt.Time) {
			slot = s
		}
	}
	if slot.Repeats == nil {
		for _, i := range w.items {
			if i.Repeats != "" && w.Repeats == nil {
				a.add(!w.Published, "position", w.Window, i.ID, "says that it repeats another item, and its window repeats nothing")
			}
		}
		return
	}
	of, source, ok := a.in.Source(w.DayWindow, a.r)
	if !ok {
		return
	}
	there := of.ItemsOf(source)
	if schedules.RepeatHash(there) != slot.Repeats.Items {
		a.add(false, "repeat", w.Window, "", "window %s has changed since it was copied", source.Window)
		return
	}
	next := 0
	for _, i := range w.items {
		if i.Repeats == "" {
			continue
		}
		at := next
		for at < len(there) && there[at].SegmentID != i.SegmentID {
			at++
		}
		if at == len(there) {
			a.add(!w.Published, "repeat", w.Window, i.ID, "repeats %s, which window %s does not air in this place",
				i.SegmentID, source.Window)
			continue
		}
		next = at + 1
	}
}
