package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

const (
	selectLatest  = "SELECT coalesce(max(sequence), 0) FROM changes"
	selectTrimmed = "SELECT through FROM trimmed"
	selectChanges = "SELECT sequence, kind, id, revision, deleted, at, by, action, reason, request_id, person, " +
		"token, remote, fields FROM changes "
)

// Changes returns up to limit consecutive changes after since, in order. The feed is the audit trail. Changes fails
// with Gone if changes after since are trimmed, or the feed never reached since: the caller must list again.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]store.Change, error) {
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	if err := s.follows(ctx, since); err != nil {
		return nil, err
	}
	changes, err := s.changes(ctx, "WHERE sequence > ? AND ? >= ("+selectTrimmed+") ORDER BY sequence LIMIT ?", since,
		since, limit)
	if err == nil && len(changes) == 0 {
		err = s.keeps(ctx, since)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: changes after %d: %w", since, err)
	}
	return changes, nil
}

// Latest returns the sequence of the last change, 0 before the first.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	var latest int64
	if err := s.readers.QueryRowContext(ctx, selectLatest).Scan(&latest); err != nil {
		return 0, fmt.Errorf("sqlite: latest change: %w", classify(ctx, err))
	}
	return latest, nil
}

// Wait returns as soon as there is a change after since, including one by another process, or with ctx's error. It
// fails with Gone if the feed never reached since.
func (s *Store) Wait(ctx context.Context, since int64) error {
	if err := s.follows(ctx, since); err != nil {
		return err
	}
	if err := s.notifier.Await(ctx, since); err != nil {
		return fmt.Errorf("sqlite: wait for a change after %d: %w", since, err)
	}
	return nil
}

// pollInterval is the longest delay until a change by another process is seen. A look reads one index page, and happens
// only while a caller waits.
const pollInterval = 25 * time.Millisecond

// look is the notifier's Look.
func (s *Store) look(ctx context.Context, since int64) (int64, time.Duration) {
	latest, err := s.Latest(ctx)
	if err != nil {
		return since, pollInterval
	}
	return latest, pollInterval
}

// Audit returns the changes that q selects, in order. It covers all changes that were not trimmed.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	limit, err := q.Most()
	if err != nil {
		return nil, err
	}
	where := []string{"sequence > ?"}
	args := []any{q.After}
	selects := func(given bool, condition string, arg any) {
		if given {
			where, args = append(where, condition), append(args, arg)
		}
	}
	selects(q.Before != 0, "sequence < ?", q.Before)
	selects(q.Kind != "", "kind = ?", q.Kind)
	selects(q.ID != "", "id = ?", q.ID)
	selects(q.By != "", "by = ?", q.By)
	selects(!q.From.IsZero(), "at >= ?", ceil(q.From))
	selects(!q.To.IsZero(), "at < ?", ceil(q.To))
	order := ""
	if q.Newest {
		order = " DESC"
	}
	changes, err := s.changes(ctx, "WHERE "+strings.Join(where, " AND ")+" ORDER BY sequence"+order+" LIMIT ?",
		append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("sqlite: audit: %w", err)
	}
	return changes, nil
}

func (s *Store) changes(ctx context.Context, where string, args ...any) ([]store.Change, error) {
	rows, err := s.readers.QueryContext(ctx, selectChanges+where, args...)
	changes, err := collect(rows, err, changeParts)
	return changes, classify(ctx, err)
}

func changeParts(c *store.Change) []any {
	return []any{&c.Sequence, &c.Kind, &c.ID, &c.Revision, &c.Deleted, (*instant)(&c.At), &c.By, &c.Action, &c.Reason,
		&c.RequestID, &c.Person, &c.Token, &c.Remote, &c.Fields}
}

// follows fails with Gone if the feed ends before since, as it does after an older file replaced the database.
func (s *Store) follows(ctx context.Context, since int64) error {
	latest, err := s.Latest(ctx)
	if err != nil {
		return err
	}
	if since < 0 || since > latest {
		return fault.New(fault.Gone, "the feed ends at change %d, before %d", latest, since)
	}
	return nil
}

// keeps fails with Gone if changes after since are trimmed.
func (s *Store) keeps(ctx context.Context, since int64) error {
	var trimmed int64
	if err := s.readers.QueryRowContext(ctx, selectTrimmed).Scan(&trimmed); err != nil {
		return classify(ctx, err)
	}
	if since < trimmed {
		return fault.New(fault.Gone, "the feed no longer keeps what follows change %d", since)
	}
	return nil
}

// ceil returns the first whole millisecond at or after t, so that an interval's end within a millisecond does not
// exclude it.
func ceil(t time.Time) int64 {
	return t.Add(time.Millisecond - time.Nanosecond).UnixMilli()
}

// instant scans milliseconds since 1970.
type instant time.Time

func (i *instant) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return fmt.Errorf("an instant is stored as %T", v)
	}
	*i = instant(time.UnixMilli(ms).UTC())
	return nil
}
