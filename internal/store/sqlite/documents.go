package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Get returns the document. It fails with NotFound.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Document, error) {
	d := store.Document{Kind: kind, ID: id}
	err := s.readers.QueryRowContext(ctx, "SELECT revision, body FROM documents WHERE kind = ? AND id = ?", kind,
		id).Scan(&d.Revision, &d.Body)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "no %s %q", kind, id)
	}
	if err != nil {
		return store.Document{}, fmt.Errorf("sqlite: get: %w", classify(ctx, err))
	}
	return d, nil
}

// List returns up to limit documents with ids after after, in byte order.
func (s *Store) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	rows, err := s.readers.QueryContext(ctx, "SELECT id, revision, body FROM documents WHERE kind = ? AND id > ? ORDER "+
		"BY id LIMIT ?", kind, after, limit)
	list, err := collect(rows, err, func(d *store.Document) []any {
		d.Kind = kind
		return []any{&d.ID, &d.Revision, &d.Body}
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: list %s: %w", kind, classify(ctx, err))
	}
	return list, nil
}

// collect reads every row into a value; parts returns the destinations of its columns.
func collect[T any](rows *sql.Rows, err error, parts func(*T) []any) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(parts(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
