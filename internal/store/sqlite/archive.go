package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Export calls begin with the change up to which changes are trimmed, document with every document by kind and id,
// change with every change by sequence, and entry with every as-run entry by station and sequence, all as of one
// instant, while writers continue. It stops at the first error that they return.
func (s *Store) Export(ctx context.Context, begin func(trimmed int64) error, document func(store.Document) error,
	change func(store.Change) error, entry func(store.Entry) error) error {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sqlite: export: %w", classify(ctx, err))
	}
	defer tx.Rollback()
	err = visit(ctx, tx, selectTrimmed, begin, func(n *int64) []any { return []any{n} })
	if err == nil {
		err = visit(ctx, tx, "SELECT kind, id, revision, body FROM documents ORDER BY kind, id", document,
			func(d *store.Document) []any {
				return []any{&d.Kind, &d.ID, &d.Revision, &d.Body}
			})
	}
	if err == nil {
		err = visit(ctx, tx, selectChanges+"ORDER BY sequence", change, changeParts)
	}
	if err == nil {
		err = visit(ctx, tx, "SELECT station, sequence, at, body FROM asrun ORDER BY station, sequence", entry, entryParts)
	}
	if err != nil {
		return fmt.Errorf("sqlite: export: %w", classify(ctx, err))
	}
	return nil
}

// visit passes each row of a query to take.
func visit[T any](ctx context.Context, tx *sql.Tx, query string, take func(T) error, parts func(*T) []any) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(parts(&v)...); err != nil {
			return err
		}
		if err := take(v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Import imports the result of an Export, in its order, all or nothing. It fails with Conflict unless the Store is
// empty, with Invalid if the parts are inconsistent, and with the first error of the sequences.
func (s *Store) Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error],
	changes iter.Seq2[store.Change, error], entries iter.Seq2[store.Entry, error]) error {
	var latest int64
	err := s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var held bool
		err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM changes) OR EXISTS (SELECT 1 FROM asrun) OR EXISTS "+
			"(SELECT 1 FROM documents)").Scan(&held)
		if err == nil && held {
			err = fault.New(fault.Conflict, "the store is not empty")
		}
		if err != nil {
			return err
		}
		for d, err := range documents {
			if err := cmp.Or(err, importDocument(ctx, tx, d)); err != nil {
				return err
			}
		}
		for c, err := range changes {
			if err := cmp.Or(err, store.Follows(trimmed, latest, c.Sequence), insertChange(ctx, tx, c)); err != nil {
				return err
			}
			latest = c.Sequence
		}
		for e, err := range entries {
			if err := cmp.Or(err, importEntry(ctx, tx, e)); err != nil {
				return err
			}
		}
		if trimmed > 0 && latest <= trimmed {
			return fault.New(fault.Invalid, "the archive lacks change %d", trimmed+1)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE trimmed SET through = ?", trimmed); err != nil {
			return err
		}
		return finish(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("sqlite: import: %w", err)
	}
	s.notifier.Announce(latest)
	return nil
}

func importDocument(ctx context.Context, tx *sql.Tx, d store.Document) error {
	if !store.ValidName(d.Kind) || !store.ValidName(d.ID) || d.Revision < 1 {
		return fault.New(fault.Invalid, "the archive has a document %q %q at revision %d", d.Kind, d.ID, d.Revision)
	}
	return once(tx.ExecContext(ctx, "INSERT INTO documents (kind, id, revision, body) VALUES (?, ?, ?, ?) ON CONFLICT "+
		"DO NOTHING", d.Kind, d.ID, d.Revision, blob(d.Body)))
}

func importEntry(ctx context.Context, tx *sql.Tx, e store.Entry) error {
	if !store.ValidName(e.Station) {
		return fault.New(fault.Invalid, "the archive has a report without a station")
	}
	return once(tx.ExecContext(ctx, "INSERT INTO asrun (station, sequence, at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO "+
		"NOTHING", e.Station, e.Sequence, e.At.UnixMilli(), []byte(e.Body)))
}

// once fails with Invalid if an insertion found that its name exists.
func once(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fault.New(fault.Invalid, "the archive has something twice")
}

// finish checks that the documents have the revisions to which the changes led, and records the deleted ones.
func finish(ctx context.Context, tx *sql.Tx) error {
	for _, contradiction := range []string{"documents d WHERE " + astray, "changes c WHERE " + missing} {
		var kind, id string
		switch err := tx.QueryRowContext(ctx, "SELECT kind, id FROM "+contradiction+" LIMIT 1").Scan(&kind, &id); {
		case err == nil:
			return fault.New(fault.Invalid, "the archive's %s %q is not at the revision of its last change", kind, id)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO graves (kind, id, revision) SELECT kind, id, revision FROM changes c "+
		"WHERE deleted AND "+last)
	return err
}
