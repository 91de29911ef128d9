package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Commit applies all of c's writes or none and returns their changes in the order of the writes. It fails with Conflict
// if a document that must not exist does, and with Stale if one is not at the expected revision; the first such write
// determines the error.
func (s *Store) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.At = c.At.UTC().Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range c.Writes {
		if err := s.collection(w.Kind).allows(w); err != nil {
			return nil, err
		}
	}
	before := len(s.changes)
	for _, w := range c.Writes {
		s.record(store.Change{Kind: w.Kind, ID: w.ID, Revision: s.collection(w.Kind).apply(w), Deleted: w.Delete,
			Origin: c.Origin, Fields: w.Fields})
	}
	if len(c.Writes) == 0 {
		s.record(store.Change{Origin: c.Origin, Fields: c.Fields})
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return slices.Clone(s.changes[before:]), nil
}

func (s *Store) record(change store.Change) {
	change.Sequence = s.latest() + 1
	s.changes = append(s.changes, change)
}

func (k *collection) allows(w store.Write) error {
	d, exists := k.living[w.ID]
	switch {
	case w.Expect == 0 && exists:
		return fault.New(fault.Conflict, "%s %q exists already", w.Kind, w.ID)
	case w.Expect != d.Revision:
		return fault.New(fault.Stale, "%s %q is not at revision %d", w.Kind, w.ID, w.Expect)
	}
	return nil
}

// apply applies a valid write and returns the document's new revision.
func (k *collection) apply(w store.Write) int64 {
	revision := max(w.Expect, k.graves[w.ID]) + 1
	at, found := slices.BinarySearch(k.ids, w.ID)
	switch {
	case w.Delete:
		k.ids = slices.Delete(k.ids, at, at+1)
		delete(k.living, w.ID)
		k.graves[w.ID] = revision
		return revision
	case !found:
		k.ids = slices.Insert(k.ids, at, w.ID)
		delete(k.graves, w.ID)
	}
	k.living[w.ID] = store.Document{Kind: w.Kind, ID: w.ID, Revision: revision, Body: bytes.Clone(w.Body)}
	return revision
}
