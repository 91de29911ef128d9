package memory

import (
	"context"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Forget removes the station's entries with these sequences atomically; a missing one is not an error. The names of
// forgotten entries become free again, so the caller must remember which entries it removed.
func (s *Store) Forget(ctx context.Context, station string, sequences []int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range sequences {
		delete(s.asrun[station], n)
	}
	if len(s.asrun[station]) == 0 {
		delete(s.asrun, station)
	}
	return nil
}

// Trim removes every change up to through that a later change of its document supersedes, or that has no document. The
// last change of each document stays, because it gives the document's revision. The feed then answers Gone to followers
// that have not come as far. Trim fails with Invalid unless through is before the latest change; trimming less far than
// before does nothing.
func (s *Store) Trim(ctx context.Context, through int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if through < 0 || through > 0 && through >= s.latest() {
		return fault.New(fault.Invalid, "changes can be trimmed up to before the latest, %d, not %d", s.latest(), through)
	}
	s.trimmed = max(s.trimmed, through)
	type name struct{ kind, id string }
	overtaken := make(map[name]bool)
	var kept []store.Change
	for _, c := range slices.Backward(s.changes) {
		n := name{c.Kind, c.ID}
		if c.Sequence > s.trimmed || c.Kind != "" && !overtaken[n] {
			kept = append(kept, c)
		}
		overtaken[n] = true
	}
	slices.Reverse(kept)
	s.changes = kept
	return nil
}
