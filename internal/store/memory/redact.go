package memory

import (
	"bytes"
	"context"
	"slices"

	"lifeline/internal/store"
)

// Redact replaces in place, all or nothing, the origins and fields of changes, named by their sequences, and the
// bodies of as-run entries, named by station and sequence. It ignores those that are not stored.
func (s *Store) Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		at := slices.IndexFunc(s.changes, func(held store.Change) bool { return held.Sequence == c.Sequence })
		if at >= 0 {
			c.At = s.changes[at].At
			s.changes[at].Origin, s.changes[at].Fields = c.Origin, c.Fields
		}
	}
	for _, e := range entries {
		if held, ok := s.asrun[e.Station][e.Sequence]; ok {
			held.Body = bytes.Clone(e.Body)
			s.asrun[e.Station][e.Sequence] = held
		}
	}
	return nil
}

// Purge does nothing: there is no file.
func (s *Store) Purge(ctx context.Context) error { return ctx.Err() }
