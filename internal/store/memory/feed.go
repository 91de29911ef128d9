package memory

import (
	"cmp"
	"context"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Changes returns up to limit consecutive changes after since, in order. It fails with Gone if the feed no longer has
// the next one, or never reached since: the caller must list again.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.follows(since); err != nil {
		return nil, err
	}
	next := s.changes[s.index(since+1):]
	return slices.Clone(next[:min(limit, len(next))]), nil
}

// Latest returns the sequence of the last change, 0 before the first.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest(), nil
}

// latest returns the sequence of the last change.
func (s *Store) latest() int64 {
	if len(s.changes) == 0 {
		return 0
	}
	return s.changes[len(s.changes)-1].Sequence
}

// index returns the index of the change with that sequence, or its insertion point.
func (s *Store) index(sequence int64) int {
	at, _ := slices.BinarySearchFunc(s.changes, sequence, func(c store.Change, n int64) int {
		return cmp.Compare(c.Sequence, n)
	})
	return at
}

// Wait returns as soon as there is a change after since, or with ctx's error. It fails with Gone if the feed never
// reached since.
func (s *Store) Wait(ctx context.Context, since int64) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		latest, changed := s.latest(), s.changed
		s.mu.Unlock()
		switch {
		case latest > since:
			return nil
		case latest < since:
			return fault.New(fault.Gone, "the feed ends at change %d, before %d", latest, since)
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Audit returns the changes that q selects, in order. It covers all changes that were not trimmed.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit, err := q.Most()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := slices.All(s.changes)
	if q.Newest {
		changes = slices.Backward(s.changes)
	}
	var found []store.Change
	for _, c := range changes {
		if len(found) == limit {
			break
		}
		if q.Selects(c) {
			found = append(found, c)
		}
	}
	return found, nil
}

func (s *Store) follows(since int64) error {
	latest := s.latest()
	switch {
	case since > latest:
		return fault.New(fault.Gone, "the feed ends at change %d, before %d", latest, since)
	case since < s.trimmed || s.keep > 0 && since < latest-int64(s.keep):
		return fault.New(fault.Gone, "the feed no longer keeps what follows change %d", since)
	}
	return nil
}
