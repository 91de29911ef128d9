package schedules

import (
	"slices"
	"time"
)

// Warnings of what became of work by hand that is not published.
const (
	WarnRebased     = "rebased"      // what is published changed beneath the draft, which keeps what was edited
	WarnTakenOut    = "taken_out"    // an item that may not air any more is out of the draft
	WarnPlannedOver = "planned_over" // a plan or a withdrawal took the place of a draft that somebody had edited
)

// OfEdits reports whether the warning tells what became of work by hand that is not published.
func (w Warning) OfEdits() bool {
	return w.Code == WarnRebased || w.Code == WarnTakenOut || w.Code == WarnPlannedOver
}

// Rebase is r, a draft over the published rundown from, laid over to, which takes from's place. A window in which the
// draft airs what from airs comes to air what to does. Any other keeps what the draft has, without the items of the ids
// in gone, which it answers as lost; a time that is open there just as it was in from is filled as to fills it, if to
// does so exactly. Nothing else changes: no item moves, and what stays open is said by the warnings.
func (r Rundown) Rebase(from, to Rundown, gone map[string]string, now time.Time) (out Rundown, lost []Item) {
	out = r
	out.Windows, out.Items = slices.Clone(r.Windows), nil
	var own []Occurrence // the windows that differ from what was published
	for _, slot := range out.Windows {
		items := r.itemsOf(slot)
		f, t := from.slotLike(slot), to.slotLike(slot)
		if f != nil && t != nil && slices.EqualFunc(items, from.itemsOf(*f), samePlain) {
			out.Items = append(out.Items, to.itemsOf(*t)...)
			continue
		}
		own = append(own, slot.Occurrence)
		for _, i := range items {
			if gone[i.ID] != "" {
				lost = append(lost, i)
			} else {
				out.Items = append(out.Items, i)
			}
		}
	}
	open := from.Open()
	for _, o := range out.Open() {
		mine := slices.ContainsFunc(own, func(w Occurrence) bool { return w.Window == o.Window && w.overlaps(o) })
		if mine && slices.ContainsFunc(open, o.same) {
			out.Items = append(out.Items, to.filling(o)...)
		}
	}
	slices.SortStableFunc(out.Items, func(a, b Item) int { return a.StartAt.Compare(b.StartAt.Time) })
	out.SumWindows()
	out.WarnOpen(now)
	return out, lost
}

// samePlain reports whether both are the same item in every particular.
func samePlain(a, b Item) bool { return a.plain() == b.plain() }

// same reports whether both are the same time of the same window.
func (o Occurrence) same(other Occurrence) bool {
	return o.Window == other.Window && o.StartAt.Equal(other.StartAt.Time) && o.EndAt.Equal(other.EndAt.Time)
}

// slotLike is the rundown's slot of the same window at the same time; nil: it has none.
func (r Rundown) slotLike(s Slot) *Slot {
	n := slices.IndexFunc(r.Windows, func(o Slot) bool { return o.same(s.Occurrence) })
	if n < 0 {
		return nil
	}
	return &r.Windows[n]
}

// itemsOf are the items that belong to a slot, also those that an edit has pushed past its end: of an item, it is the
// last slot of its window that starts no later.
func (r Rundown) itemsOf(s Slot) (out []Item) {
	for _, i := range r.Items {
		if i.Window != s.Window || i.StartAt.Before(s.StartAt.Time) {
			continue
		}
		if !slices.ContainsFunc(r.Windows, func(o Slot) bool {
			return o.Window == i.Window && o.StartAt.After(s.StartAt.Time) && !o.StartAt.After(i.StartAt.Time)
		}) {
			out = append(out, i)
		}
	}
	return out
}

// filling are the rundown's items that fill a time from start to end, with whole chains; none where they do not.
func (r Rundown) filling(o Occurrence) (out []Item) {
	at := o.StartAt
	var outside []Item
	for _, i := range r.Items {
		if i.Window == o.Window && o.Contains(i.StartAt.Time) && i.StartAt.Equal(at.Time) {
			out, at = append(out, i), i.EndAt()
		} else {
			outside = append(outside, i)
		}
	}
	slot, _ := r.SlotOf(Item{Window: o.Window, StartAt: o.StartAt})
	short := o.EndAt.Sub(at.Time)
	torn := slices.ContainsFunc(out, func(i Item) bool {
		return i.Chain != "" && slices.ContainsFunc(outside, func(x Item) bool { return x.Chain == i.Chain })
	})
	if torn || short != 0 && (!o.EndAt.Equal(slot.EndAt.Time) || short.Abs() > slot.Tolerance.Duration) {
		return nil
	}
	return out
}
