package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"lifeline/internal/fault"
)

// Forget removes the station's entries of these sequences, all together; one that is not there is no failure. A
// forgotten name is free again: whoever lets entries go knows where they went.
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

// trimStep is how many changes one transaction of a Trim looks at, so that commits need not wait for long.
const trimStep = 1000

// Trim lets go of every change up to through that a later change of its document has overtaken, or that has no
// document. The last change of each document stays: it says where the document stands. The feed answers Gone to
// whoever has not come as far. Trim fails with Invalid unless through is before the latest change; to trim less far
// than before does nothing. One that was cut short is finished by the next.
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
