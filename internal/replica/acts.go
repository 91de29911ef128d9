package replica

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"lifeline/internal/store"
)

// actsKept is how long what persons change of segments is remembered, before the latest change of the store.
const actsKept = 24 * time.Hour

// acts are the changes that persons made to segments in the last day, by sequence. They are read from the audit when
// the store is listed, so that a restart forgets none.
type acts struct {
	mu  sync.Mutex
	all []store.Change
}

// Recent returns what persons changed of segments since an instant, at most a day ago, the newest first: all that the
// store acknowledged to this process, and what it has of others.
func (m *Replica) Recent(since time.Time) (out []store.Change) {
	m.acts.mu.Lock()
	defer m.acts.mu.Unlock()
	for _, c := range slices.Backward(m.acts.all) {
		if !c.At.Before(since) {
			out = append(out, c)
		}
	}
	return out
}

// add takes the acts among changes, each once, and drops those that are too old.
func (a *acts) add(changes ...store.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	bySequence := func(a, b store.Change) int { return cmp.Compare(a.Sequence, b.Sequence) }
	for _, c := range changes {
		if c.Kind != KindSegment || c.By == store.System {
			continue
		}
		if at, known := slices.BinarySearchFunc(a.all, c, bySequence); !known {
			a.all = slices.Insert(a.all, at, c)
		}
	}
	if len(changes) > 0 {
		old := changes[len(changes)-1].At.Add(-actsKept)
		first := slices.IndexFunc(a.all, func(c store.Change) bool { return !c.At.Before(old) })
		if first < 0 {
			first = len(a.all)
		}
		a.all = slices.Delete(a.all, 0, first)
	}
}

// read reads the acts of the last day from the audit of a store.
func (a *acts) read(ctx context.Context, trail AuditTrail) error {
	a.mu.Lock()
	a.all = nil
	a.mu.Unlock()
	var found []store.Change
	for before := int64(0); ; {
		page, err := trail.Audit(ctx, store.AuditQuery{Before: before, Newest: true, Limit: 500})
		if err != nil {
			return err
		}
		found = append(found, page...)
		if len(page) == 0 || page[len(page)-1].At.Before(found[0].At.Add(-actsKept)) {
			break
		}
		before = page[len(page)-1].Sequence
	}
	slices.Reverse(found)
	a.add(found...)
	return nil
}
