package replica

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"lifeline/internal/store"
)

// actsKept is how long what persons change of segments, scripts and stations is remembered, before the latest change
// of the store.
const actsKept = 24 * time.Hour

// ActWithdraw is the action that withdraws a published day.
const ActWithdraw = "queue.withdraw"

// acts are the changes that persons made to segments, scripts and stations, and their withdrawals of days, in the last
// day, by sequence. They are read from the audit when the store is listed, so that a restart forgets none.
type acts struct {
	mu  sync.Mutex
	all []store.Change
}

// Recent returns the acts of persons since an instant, at most a day ago, the newest first: all that the store
// acknowledged to this process, and what it has of others.
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

func isNoAct(c store.Change) bool {
	return c.By == store.System || c.Kind != KindSegment && c.Kind != KindScript && c.Kind != KindStation &&
		(c.Kind != KindQueue || c.Action != ActWithdraw)
}

// formerEvery bounds what the audit keeps of former values: it keeps none if the same person changed the document less
// than this time before, with its former value, and no two persons agreed on it since.
const formerEvery = time.Hour

// keepsFormer reports whether the audit keeps a former value by which the acts of the person of a commit are judged.
func (a *acts) keepsFormer(c store.Commit, w store.Write) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, done := range slices.Backward(a.all) {
		if done.Kind != w.Kind || done.ID != w.ID {
			continue
		}
		former, seconded := FormerOf(done)
		if seconded || c.At.Sub(done.At) >= formerEvery {
			return false
		}
		if len(former) > 0 && done.By == c.By && done.Person == c.Person {
			return true
		}
	}
	return false
}

// add takes the acts among changes, each once, and drops those that are too old.
func (a *acts) add(changes ...store.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	bySequence := func(a, b store.Change) int { return cmp.Compare(a.Sequence, b.Sequence) }
	for _, c := range changes {
		if isNoAct(c) {
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

// read reads the acts of the last day from the audit of a store. Those that are known stay while it reads, unless the
// store was set back. It reads all changes of that day: no back end finds those alone without reading more.
func (a *acts) read(ctx context.Context, trail AuditTrail, setBack bool) error {
	if setBack {
		a.mu.Lock()
		a.all = nil
		a.mu.Unlock()
	}
	var found []store.Change
	for newest, before := (time.Time{}), int64(0); ; {
		page, err := trail.Audit(ctx, store.AuditQuery{Before: before, Newest: true, Limit: 500})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		oldest := page[len(page)-1]
		if before = oldest.Sequence; newest.IsZero() {
			newest = page[0].At
		}
		if found = slices.DeleteFunc(append(found, page...), isNoAct); oldest.At.Before(newest.Add(-actsKept)) {
			break
		}
	}
	slices.Reverse(found)
	a.add(found...)
	return nil
}
