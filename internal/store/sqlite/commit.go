package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Commit applies all of c's writes or none and returns their changes in the order of the writes. They are on disk when
// it returns. It fails with Conflict if a document that must not exist does, and with Stale if one is not at the
// expected revision; the first such write determines the error. If ctx ends it, nothing is written.
func (s *Store) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("sqlite: commit: %w", err)
	}
	c.At = time.UnixMilli(c.At.UnixMilli()).UTC()
	var changes []store.Change
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		changes, err = apply(ctx, tx, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: commit: %w", err)
	}
	s.notifier.Announce(changes[len(changes)-1].Sequence)
	return changes, nil
}

func apply(ctx context.Context, tx *sql.Tx, c store.Commit) ([]store.Change, error) {
	var sequence int64
	if err := tx.QueryRowContext(ctx, selectLatest).Scan(&sequence); err != nil {
		return nil, err
	}
	changes := make([]store.Change, 0, max(1, len(c.Writes)))
	for _, w := range c.Writes {
		revision, err := applyOne(ctx, tx, w)
		if err != nil {
			return nil, err
		}
		changes = append(changes, store.Change{Kind: w.Kind, ID: w.ID, Revision: revision, Deleted: w.Delete,
			Origin: c.Origin, Fields: w.Fields})
	}
	if len(c.Writes) == 0 {
		changes = append(changes, store.Change{Origin: c.Origin, Fields: c.Fields})
	}
	for i := range changes {
		changes[i].Sequence = sequence + int64(i) + 1
		if err := insertChange(ctx, tx, changes[i]); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// applyOne applies one write and returns the document's new revision.
func applyOne(ctx context.Context, tx *sql.Tx, w store.Write) (int64, error) {
	var current int64
	err := tx.QueryRowContext(ctx, "SELECT revision FROM documents WHERE kind = ? AND id = ?", w.Kind, w.ID).Scan(&current)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, err
	case w.Expect == 0 && current > 0:
		return 0, fault.New(fault.Conflict, "%s %q exists already", w.Kind, w.ID)
	case w.Expect != current:
		return 0, fault.New(fault.Stale, "%s %q is not at revision %d", w.Kind, w.ID, w.Expect)
	}
	revision := current + 1
	switch {
	case w.Delete:
		if _, err = tx.ExecContext(ctx, "DELETE FROM documents WHERE kind = ? AND id = ?", w.Kind, w.ID); err == nil {
			_, err = tx.ExecContext(ctx, "INSERT INTO graves (kind, id, revision) VALUES (?, ?, ?)", w.Kind, w.ID, revision)
		}
	case current > 0:
		_, err = tx.ExecContext(ctx, "UPDATE documents SET revision = ?, body = ? WHERE kind = ? AND id = ?", revision,
			blob(w.Body), w.Kind, w.ID)
	default:
		var buried int64
		err = tx.QueryRowContext(ctx, "DELETE FROM graves WHERE kind = ? AND id = ? RETURNING revision", w.Kind,
			w.ID).Scan(&buried)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
		revision += buried
		_, err = tx.ExecContext(ctx, "INSERT INTO documents (kind, id, revision, body) VALUES (?, ?, ?, ?)", w.Kind, w.ID,
			revision, blob(w.Body))
	}
	return revision, err
}

func insertChange(ctx context.Context, tx *sql.Tx, c store.Change) error {
	_, err := tx.ExecContext(ctx,
		"INSERT INTO changes (sequence, kind, id, revision, deleted, at, by, action, reason, request_id, person, token, "+
			"remote, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		c.Sequence, c.Kind, c.ID, c.Revision, c.Deleted, c.At.UnixMilli(), c.By, c.Action, c.Reason, c.RequestID, c.Person,
		c.Token, c.Remote, c.Fields)
	return err
}

// blob returns b in a form that the driver stores as a blob: it would store a nil slice as NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
