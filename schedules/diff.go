package schedules

import (
	"cmp"
	"slices"
	"strconv"
)

// ItemChange is one difference between two rundowns of a station and day. Unchanged items are not listed.
type ItemChange struct {
	Change string `json:"change"` // added, removed, replaced, moved, changed
	Window string `json:"window"`
	Before *Item  `json:"before,omitempty"`
	After  *Item  `json:"after,omitempty"`
	Why    string `json:"why,omitempty"`
}

// The kinds of change. Replaced means another segment at the same start; moved, the same segment at another start in
// the same window; changed, the same segment at the same start with other details (its recording, its end, its lock).
const (
	ItemAdded    = "added"
	ItemRemoved  = "removed"
	ItemReplaced = "replaced"
	ItemMoved    = "moved"
	ItemChanged  = "changed"
)

// Diff lists the differences between two rundowns, by start. It returns an empty list for rundowns with equal items.
func Diff(from, to Rundown) []ItemChange {
	out := []ItemChange{}
	before, after := unmatched(from.Items, to.Items)
	// Two items with the same start in the same window take the same place.
	key := func(i *Item) string { return i.Window + " " + strconv.FormatInt(i.StartAt.UnixMilli(), 10) }
	at := map[string]*Item{}
	for _, i := range after {
		at[key(i)] = i
	}
	used := map[*Item]bool{}
	var gone []*Item
	for _, b := range before {
		a := at[key(b)]
		switch {
		case a == nil || used[a]:
			gone = append(gone, b)
			continue
		case a.SegmentID == b.SegmentID:
			out = append(out, ItemChange{Change: ItemChanged, Window: b.Window, Before: b, After: a})
		default:
			out = append(out, ItemChange{Change: ItemReplaced, Window: b.Window, Before: b, After: a})
		}
		used[a] = true
	}
	for _, b := range gone {
		var moved *Item
		for _, a := range after {
			if !used[a] && a.Window == b.Window && a.SegmentID == b.SegmentID {
				moved = a
				break
			}
		}
		if moved == nil {
			out = append(out, ItemChange{Change: ItemRemoved, Window: b.Window, Before: b})
			continue
		}
		used[moved] = true
		out = append(out, ItemChange{Change: ItemMoved, Window: b.Window, Before: b, After: moved})
	}
	for _, a := range after {
		if !used[a] {
			out = append(out, ItemChange{Change: ItemAdded, Window: a.Window, After: a})
		}
	}
	slices.SortStableFunc(out, func(a, b ItemChange) int { return cmp.Compare(a.start(), b.start()) })
	return out
}

// start is the sort key of a change: the item's present start, or its former start if it is gone.
func (c ItemChange) start() int64 {
	if c.After != nil {
		return c.After.StartAt.UnixMilli()
	}
	return c.Before.StartAt.UnixMilli()
}

// unmatched returns copies of the items that have no exact equal in the other list.
func unmatched(from, to []Item) (before, after []*Item) {
	count := map[Item]int{}
	for _, i := range to {
		count[i.plain()]++
	}
	for _, i := range from {
		if count[i.plain()] > 0 {
			count[i.plain()]--
			continue
		}
		before = append(before, &i)
	}
	left := map[Item]int{}
	for _, i := range from {
		left[i.plain()]++
	}
	for _, i := range to {
		if left[i.plain()] > 0 {
			left[i.plain()]--
			continue
		}
		after = append(after, &i)
	}
	return before, after
}

// plain returns the item in a form that == compares by instant.
func (i Item) plain() Item {
	i.StartAt, i.NotAfter = At(i.StartAt.Time), At(i.NotAfter.Time)
	return i
}
