package sqlite

import (
	"context"
	"fmt"
	"time"

	"lifeline/internal/store"
)

// Claim gives the lease to holder for life from now, by the machine's clock, and reports whether it did; another holder
// may have it. A claim by the present holder renews the lease. A lease that seems to have been claimed in the future,
// because the clock was set back, is free, and so is one that would last longer than a lease can. A claim is not a
// change: it does not appear in the feed or the audit.
func (s *Store) Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error) {
	if err := store.CheckLease(name, holder, life); err != nil {
		return false, err
	}
	// The statement reads the time once it has the write lock. With an earlier time, a claim that waited for the lock
	// would see the lease of the claim before it as claimed in the future, and take it.
	result, err := s.writer.ExecContext(ctx, `INSERT INTO leases (name, holder, claimed, ends)
		SELECT ?, ?, now, now + ? FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now) WHERE true
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, claimed = excluded.claimed, ends = excluded.ends
		WHERE leases.holder = excluded.holder OR leases.ends <= excluded.claimed OR leases.claimed > excluded.claimed
			OR leases.ends > excluded.claimed + ?`,
		name, holder, life.Milliseconds(), store.MostLease.Milliseconds())
	if err != nil {
		return false, fmt.Errorf("sqlite: claim %s: %w", name, classify(ctx, err))
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// Release ends the lease if holder has it.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	_, err := s.writer.ExecContext(ctx, "DELETE FROM leases WHERE name = ? AND holder = ?", name, holder)
	if err != nil {
		return fmt.Errorf("sqlite: release %s: %w", name, classify(ctx, err))
	}
	return nil
}
