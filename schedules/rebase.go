package schedules

import (
	"slices"
	"time"
)

// Rebase returns r, a draft based on the published rundown from, rebased onto its successor to. A window whose items
// are the same in r and from takes the items of to. Any other window keeps the draft's items, except those in gone,
// which Rebase returns as lost. Open time in such a window that was open in from too takes the items of to, if they
// fill it exactly. Nothing else changes: no item moves, and warnings list the time that stays open.
func (r Rundown) Rebase(from, to Rundown, gone map[string]string, now time.Time) (out Rundown, lost []Item) {
	out = r
	out.Windows, out.Items = slices.Clone(r.Windows), nil
	var own []Occurrence // the windows that the draft changed
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

// samePlain reports whether the items are equal in all fields.
func samePlain(a, b Item) bool { return a.plain() == b.plain() }

// same reports whether both are the same window at the same times.
func (o Occurrence) same(other Occurrence) bool {
	return o.Window == other.Window && o.StartAt.Equal(other.StartAt.Time) && o.EndAt.Equal(other.EndAt.Time)
}

// slotLike returns the rundown's slot of the same window at the same times, or nil.
func (r Rundown) slotLike(s Slot) *Slot {
	n := slices.IndexFunc(r.Windows, func(o Slot) bool { return o.same(s.Occurrence) })
	if n < 0 {
		return nil
	}
	return &r.Windows[n]
}

// itemsOf returns the items that belong to a slot, including those that an edit has pushed past its end: an item
// belongs to the last slot of its window that starts at or before it.
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

// filling returns the rundown's items that fill the time from start to end with complete chains, or none if there are
// no such items.
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
	chainIsSplit := slices.ContainsFunc(out, func(i Item) bool {
		return i.Chain != "" && slices.ContainsFunc(outside, func(x Item) bool { return x.Chain == i.Chain })
	})
	if chainIsSplit || short != 0 && (!o.EndAt.Equal(slot.EndAt.Time) || short.Abs() > slot.Tolerance.Duration) {
		return nil
	}
	return out
}
