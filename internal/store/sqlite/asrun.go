package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Append adds the entries whose station and sequence are new, atomically, and reports for each whether it was. They are
// on disk when Append returns. The first report under a name is final: a repetition, with whatever body, is not new and
// changes nothing.
func (s *Store) Append(ctx context.Context, entries []store.Entry) ([]bool, error) {
	for _, e := range entries {
		if !store.ValidName(e.Station) {
			return nil, fault.New(fault.Invalid, "station %q must be 1 to 512 bytes of UTF-8 without NUL", e.Station)
		}
	}
	fresh := make([]bool, len(entries))
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		add, err := tx.PrepareContext(ctx, "INSERT INTO asrun (station, sequence, at, body) VALUES (?, ?, ?, ?) ON "+
			"CONFLICT DO NOTHING")
		if err != nil {
			return err
		}
		defer add.Close()
		for i, e := range entries {
			added, err := add.ExecContext(ctx, e.Station, e.Sequence, e.At.UnixMilli(), []byte(e.Body))
			if err != nil {
				return err
			}
			n, err := added.RowsAffected()
			if err != nil {
				return err
			}
			fresh[i] = n == 1
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: append as-run: %w", err)
	}
	return fresh, nil
}

// Read returns the station's entries with At in [from, to), by sequence.
func (s *Store) Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error) {
	rows, err := s.readers.QueryContext(ctx,
		"SELECT station, sequence, at, body FROM asrun WHERE station = ? AND at >= ? AND at < ? ORDER BY sequence", station,
		ceil(from), ceil(to))
	entries, err := collect(rows, err, entryParts)
	if err != nil {
		return nil, fmt.Errorf("sqlite: read as-run: %w", classify(ctx, err))
	}
	return entries, nil
}

func entryParts(e *store.Entry) []any {
	return []any{&e.Station, &e.Sequence, (*instant)(&e.At), (*[]byte)(&e.Body)}
}
