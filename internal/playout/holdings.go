package playout

import (
	"maps"
	"slices"
	"strings"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Holdings holds the documents that the station accepts at one moment. It is immutable; the DocumentStore publishes a
// new one after each change.
type Holdings struct {
	Generation int64
	Queues     map[schedules.Date]*wire.Queue
	Fallback   *wire.Fallback   // nil: none
	Recalls    *wire.Recalls    // nil: none
	Lease      *wire.Lease      // nil: none
	Mirrors    *wire.MirrorList // nil: none
	Seen       wire.Seen

	serviceTime *serviceTime    // by which the lease ends
	contact     *contact        // by which the station is starved
	recalled    map[string]bool // segment ids and hashes

	recallsProof string // that the station has Recalls

	forgot bool // no document here states what is recalled, though something may be

	remembered []string        // of the latest recall list seen, in case it is lost: segment ids and hashes; nil: unknown
	kept       []wire.Recalled // recalls that the service may have lost
	listed     time.Time       // when that list was issued
	sensitive  []string        // segment ids, sorted
}

// Recalled reports whether the item may not air because its segment, or exactly its audio, is recalled.
func (h *Holdings) Recalled(it *wire.QueueItem) bool {
	return h.recalled[it.SegmentID] || h.recalled[it.Audio.SHA256]
}

// Barred returns why the item may not air under any plan; "" if it may.
func (h *Holdings) Barred(it *wire.QueueItem) string {
	switch {
	case h.Recalled(it):
		return "its segment is recalled"
	case h.forgot:
		return "the recall list is lost, and nothing says that it is not recalled"
	}
	return ""
}

// index collects the recalls, from the recall list and from documents newer than that list, and the sensitive segments.
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

// ValidQueue returns the day's queue, or nil if none is valid at t.
func (h *Holdings) ValidQueue(date schedules.Date, t time.Time) *wire.Queue {
	q := h.Queues[date]
	if q == nil || !q.ExpiresAt.After(t) {
		return nil
	}
	return q
}

// ValidFallback returns the fallback list that is valid at t, in order: that of the fallback document or, if it has no
// valid items, those of the queues.
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

// Revision returns the revision of the day's queue held, or 0 if there is none.
func (h *Holdings) Revision(date schedules.Date) int64 {
	if q := h.Queues[date]; q != nil {
		return q.Revision
	}
	return 0
}

// Zone returns the station's time zone according to its queues; UTC if there are none.
func (h *Holdings) Zone() *time.Location {
	for _, date := range slices.Backward(sortedDates(h.Queues)) {
		if loc, err := schedules.Zone(h.Queues[date].Timezone); err == nil {
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

// WindowEnd returns when the window of that day ends, according to the day's queue or else the fallback; zero if
// neither has it.
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
