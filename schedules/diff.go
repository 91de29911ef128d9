package schedules

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"
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
// the same window, the nearest one where a segment repeats; changed, the same segment at the same start with other
// details (its recording, its end, its lock).
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
	moved, left := moves(gone, slices.DeleteFunc(slices.Clone(after), func(a *Item) bool { return used[a] }))
	for _, b := range gone {
		if moved[b] == nil {
			out = append(out, ItemChange{Change: ItemRemoved, Window: b.Window, Before: b})
		} else {
			out = append(out, ItemChange{Change: ItemMoved, Window: b.Window, Before: b, After: moved[b]})
		}
	}
	for _, a := range left {
		out = append(out, ItemChange{Change: ItemAdded, Window: a.Window, After: a})
	}
	slices.SortStableFunc(out, func(a, b ItemChange) int { return cmp.Compare(a.start(), b.start()) })
	return out
}

// moves pairs items that are gone with items that came, of the same window and segment, the nearest starts first. It
// returns the pairs, and the items that came from nowhere.
func moves(gone, came []*Item) (to map[*Item]*Item, left []*Item) {
	to = map[*Item]*Item{}
	type end struct {
		item *Item
		came bool
	}
	alike := map[[2]string][]end{} // of one window and segment, in order of their starts
	for _, i := range gone {
		alike[[2]string{i.Window, i.SegmentID}] = append(alike[[2]string{i.Window, i.SegmentID}], end{i, false})
	}
	for _, i := range came {
		alike[[2]string{i.Window, i.SegmentID}] = append(alike[[2]string{i.Window, i.SegmentID}], end{i, true})
	}
	paired := map[*Item]bool{}
	for _, ends := range alike {
		slices.SortStableFunc(ends, func(a, b end) int { return a.item.StartAt.Compare(b.item.StartAt.Time) })
		off := func(n int) time.Duration { // between end n and the next, if these may be a pair
			if n < 0 || n+1 >= len(ends) || ends[n].came == ends[n+1].came {
				return math.MaxInt64
			}
			return ends[n+1].item.StartAt.Sub(ends[n].item.StartAt.Time)
		}
		for found := true; found; { // neighbours that are nearer to each other than to the others are pairs
			found = false
			for n := 0; n+1 < len(ends); n++ {
				if d := off(n); d == math.MaxInt64 || d >= off(n-1) || d > off(n+1) {
					continue
				}
				b, a := ends[n].item, ends[n+1].item
				if ends[n].came {
					b, a = a, b
				}
				to[b], paired[a], paired[b], found = a, true, true, true
				n++
			}
			ends = slices.DeleteFunc(ends, func(e end) bool { return paired[e.item] })
		}
	}
	return to, slices.DeleteFunc(came, func(a *Item) bool { return paired[a] })
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
