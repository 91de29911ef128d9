package sqlite

import (
	"context"
	"fmt"
	"time"

	"lifeline/internal/store"
)

// Claim gives the lease to holder for life from now, by the machine's clock, and says whether it did: another may have
// it. Who has it already has it anew. A lease that was claimed in the future, as it seems after the clock was set
// back, is free. A claim is no change: the feed and the audit know nothing of it.
func (s *Store) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if err := store.CheckLease(name, holder, life); err != nil {
		return false, err
	}
	// The statement asks for the time once it has the write lock. A time from before that would let who waited for the
	// lock take the lease of who had it first for one claimed in the future.
	result, err := s.writer.ExecContext(ctx, `INSERT INTO leases (name, holder, claimed, ends)
		SELECT ?, ?, now, now + ? FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now) WHERE true
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, claimed = excluded.claimed, ends = excluded.ends
		WHERE leases.holder = excluded.holder OR leases.ends <= excluded.claimed OR leases.claimed > excluded.claimed`,
		name, holder, life.Milliseconds())
	if err != nil {
		return false, fmt.Errorf("sqlite: claim %s: %w", name, classify(ctx, err))
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// Release gives the lease back, if holder has it.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	_, err := s.writer.ExecContext(ctx, "DELETE FROM leases WHERE name = ? AND holder = ?", name, holder)
	if err != nil {
		return fmt.Errorf("sqlite: release %s: %w", name, classify(ctx, err))
	}
	return nil
}
