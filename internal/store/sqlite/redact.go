package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Redact replaces in place, all or nothing, the origins and fields of changes, named by their sequences, and the
// bodies of as-run entries, named by station and sequence. It ignores those that are not stored.
func (s *Store) Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error {
	s.keeping.mu.Lock() // the mark has a digest of what a change was
	defer s.keeping.mu.Unlock()
	if s.keeping.is {
		if err := os.Remove(markFile(s.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sqlite: redact: %w", err)
		}
	}
	err := s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error { return redact(ctx, tx, changes, entries) })
	if s.keeping.is {
		err = errors.Join(err, s.writeMark(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return fmt.Errorf("sqlite: redact: %w", err)
	}
	return nil
}

func redact(ctx context.Context, tx *sql.Tx, changes []store.Change, entries []store.Entry) error {
	for _, c := range changes {
		if _, err := tx.ExecContext(ctx, "UPDATE changes SET by = ?, action = ?, reason = ?, request_id = ?, person = ?, "+
			"token = ?, remote = ?, fields = ? WHERE sequence = ?", c.By, c.Action, c.Reason, c.RequestID, c.Person,
			c.Token, c.Remote, c.Fields, c.Sequence); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if _, err := tx.ExecContext(ctx, "UPDATE asrun SET body = ? WHERE station = ? AND sequence = ?", []byte(e.Body),
			e.Station, e.Sequence); err != nil {
			return err
		}
	}
	return nil
}

// Purge writes the file anew, without what was overwritten or deleted, and empties its journal. Writers wait meanwhile.
// It fails with Unavailable if a reader holds the journal for long.
func (s *Store) Purge(ctx context.Context) error {
	if err := s.purge(ctx); err != nil {
		return fmt.Errorf("sqlite: purge: %w", classify(ctx, err))
	}
	return nil
}

func (s *Store) purge(ctx context.Context) error {
	c, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "VACUUM"); err != nil {
		return err
	}
	for range 20 { // each waits for readers, up to the timeout of the connection
		var busy, pages, moved int
		err := c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
		if err != nil || busy == 0 {
			return err
		}
	}
	return fault.New(fault.Unavailable, "a reader holds the journal of the database: please try again")
}
