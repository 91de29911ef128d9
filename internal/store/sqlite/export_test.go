package sqlite

import (
	"context"
	"strconv"
)

// Waiting returns the number of writes that wait for the running one.
func (s *Store) Waiting() int {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	return len(s.group.waiting)
}

// Confine limits the growth of the file to the given number of pages.
func (s *Store) Confine(ctx context.Context, pages int) error {
	var has int
	if err := s.writer.QueryRowContext(ctx, "PRAGMA page_count").Scan(&has); err != nil {
		return err
	}
	_, err := s.writer.ExecContext(ctx, "PRAGMA max_page_count = "+strconv.Itoa(has+pages))
	return err
}
