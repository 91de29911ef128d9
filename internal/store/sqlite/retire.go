package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"lifeline/internal/fault"
)

// Forget removes the station's entries with these sequences atomically; a missing one is not an error. The names of
// forgotten entries become free again, so the caller must remember which entries it removed.
func (s *Store) Forget(ctx context.Context, station string, sequences []int64) error {
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		remove, err := tx.PrepareContext(ctx, "DELETE FROM asrun WHERE station = ? AND sequence = ?")
		if err != nil {
			return err
		}
		defer remove.Close()
		for _, n := range sequences {
			if _, err := remove.ExecContext(ctx, station, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sqlite: forget as-run: %w", err)
	}
	return nil
}

// trimStep is the number of changes that one transaction of a Trim examines, so that commits do not wait for long.
const trimStep = 1000

// Trim removes every change up to through that a later change of its document supersedes, or that has no document. The
// last change of each document stays, because it gives the document's revision. The feed then answers Gone to followers
// that have not come as far. Trim fails with Invalid unless through is before the latest change; trimming less far than
// before does nothing. The next Trim completes an interrupted one.
func (s *Store) Trim(ctx context.Context, through int64) error {
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var latest int64
		if err := tx.QueryRowContext(ctx, selectLatest).Scan(&latest); err != nil {
			return err
		}
		if through < 0 || through > 0 && through >= latest {
			return fault.New(fault.Invalid, "changes can be trimmed up to before the latest, %d, not %d", latest, through)
		}
		_, err := tx.ExecContext(ctx, "UPDATE trimmed SET through = max(through, ?)", through)
		return err
	})
	for after := int64(0); err == nil && after < through; after += trimStep {
		err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM changes AS c WHERE sequence > ? AND sequence <= ? AND (kind = '' OR NOT "+
				last+")",
				after, min(after+trimStep, through))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("sqlite: trim: %w", err)
	}
	return nil
}
