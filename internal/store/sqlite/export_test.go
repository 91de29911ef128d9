package sqlite

import (
	"context"
	"strconv"
)

// Waiting is how many writes wait for the one that is under way.
func (s *Store) Waiting() int {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	return len(s.group.waiting)
}

// Confine leaves the file so many pages to grow.
func (s *Store) Confine(ctx context.Context, pages int) error {
	var has int
	if err := s.writer.QueryRowContext(ctx, "PRAGMA page_count").Scan(&has); err != nil {
		return err
	}
	_, err := s.writer.ExecContext(ctx, "PRAGMA max_page_count = "+strconv.Itoa(has+pages))
	return err
}
