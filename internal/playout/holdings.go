package playout

import (
	"maps"
	"slices"
	"strings"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Holdings is what the station holds and believes at one moment. It never changes; the DocumentStore publishes a new
// one.
type Holdings struct {
	Generation int64
	Queues     map[schedules.Date]*wire.Queue
	Fallback   *wire.Fallback // nil: none
	Recalls    *wire.Recalls  // nil: none
	Lease      *wire.Lease    // nil: none
	Seen       wire.Seen

	clock    *serviceClock   // that the lease ends by
	recalled map[string]bool // segment ids and hashes
	forgot   bool            // nothing that is held says what is recalled, though something may be

	remembered []string        // segment ids and hashes by the recall list last seen, for when it is lost; nil: not known
	kept       []wire.Recalled // that the service may have lost
	listed     time.Time       // when that list was issued
	sensitive  []string        // segment ids, sorted
}

// Recalled reports whether the item may not air because its segment, or its very audio, is recalled.
func (h *Holdings) Recalled(it *wire.QueueItem) bool {
	return h.recalled[it.SegmentID] || h.recalled[it.Audio.SHA256]
}

// Barred is why the item may not air, whatever the plan; "" when it may.
func (h *Holdings) Barred(it *wire.QueueItem) string {
	switch {
	case h.Recalled(it):
		return "its segment is recalled"
	case h.forgot:
		return "the recall list is lost, and nothing says that it is not recalled"
	}
	return ""
}

// index gathers what is recalled: the recall list, and what documents newer than the list say. It gathers what is
// sensitive, too.
func (h *Holdings) index() {
	h.recalled = map[string]bool{}
	var listed time.Time
	if h.Recalls != nil {
		listed = h.Recalls.IssuedAt.Time
		for _, r := range h.Recalls.Segments {
			h.recalled[r.SegmentID] = true
			if r.SHA256 != "" {
				h.recalled[r.SHA256] = true
			}
		}
	} else if h.remembered != nil {
		listed = h.listed
		for _, id := range h.remembered {
			h.recalled[id] = true
		}
	}
	for _, s := range h.kept {
		h.recalled[s.SegmentID] = true
		if s.SHA256 != "" {
			h.recalled[s.SHA256] = true
		}
	}
	add := func(issued time.Time, ids []string) {
		if issued.After(listed) {
			for _, id := range ids {
				h.recalled[id] = true
			}
		}
	}
	h.sensitive = nil
	note := func(items []wire.QueueItem) {
		for i := range items {
			if items[i].Sensitive {
				h.sensitive = append(h.sensitive, items[i].SegmentID)
			}
		}
	}
	for _, q := range h.Queues {
		add(q.PublishedAt.Time, q.Recalled)
		note(q.Items)
		note(q.Fallback)
	}
	if h.Fallback != nil {
		add(h.Fallback.IssuedAt.Time, h.Fallback.Recalled)
		note(h.Fallback.Items)
	}
	slices.Sort(h.sensitive)
	h.sensitive = slices.Compact(h.sensitive)
}

// ValidQueue is the day's queue, or nil when there is none that may air at t.
func (h *Holdings) ValidQueue(date schedules.Date, t time.Time) *wire.Queue {
	q := h.Queues[date]
	if q == nil || !q.ExpiresAt.After(t) {
		return nil
	}
	return q
}

// ValidFallback is the fallback list that may air at t, in order: the fallback document's, then what only the
// queues carry.
func (h *Holdings) ValidFallback(t time.Time) []wire.QueueItem {
	var out []wire.QueueItem
	have := map[string]bool{}
	add := func(items []wire.QueueItem) {
		for _, it := range items {
			if !have[it.SegmentID+it.Audio.SHA256] {
				have[it.SegmentID+it.Audio.SHA256] = true
				out = append(out, it)
			}
		}
	}
	if f := h.Fallback; f != nil && (f.ExpiresAt.IsZero() || f.ExpiresAt.After(t)) {
		add(f.Items)
	}
	if len(out) == 0 {
		for _, date := range sortedDates(h.Queues) {
			if q := h.ValidQueue(date, t); q != nil {
				add(q.Fallback)
			}
		}
	}
	return out
}

// Revision is the revision of the day's queue that is held, 0 for none.
func (h *Holdings) Revision(date schedules.Date) int64 {
	if q := h.Queues[date]; q != nil {
		return q.Revision
	}
	return 0
}

// Zone is the station's time zone as its documents name it; UTC until there is one.
func (h *Holdings) Zone() *time.Location {
	for _, date := range slices.Backward(sortedDates(h.Queues)) {
		if loc, err := time.LoadLocation(h.Queues[date].Timezone); err == nil {
			return loc
		}
	}
	return time.UTC
}

func sortedDates[T any](m map[schedules.Date]T) []schedules.Date {
	return slices.SortedFunc(maps.Keys(m), func(a, b schedules.Date) int {
		return strings.Compare(a.String(), b.String())
	})
}

// WindowEnd is when the window of that day ends, by its queue or else by the fallback; zero when neither knows it.
func (h *Holdings) WindowEnd(window string, date schedules.Date) time.Time {
	if q := h.Queues[date]; q != nil {
		for _, w := range q.Windows {
			if w.Window == window {
				return w.EndAt.Time
			}
		}
	}
	if h.Fallback != nil {
		for _, w := range h.Fallback.Windows {
			if w.Window == window && w.Date == date {
				return w.EndAt.Time
			}
		}
	}
	return time.Time{}
}
