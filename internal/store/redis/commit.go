package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

//go:embed scripts/commit.lua
var commitText string

var commitScript = goredis.NewScript(commitText)

// receiptLife is the time for which a repeated call finds its receipt.
const receiptLife = 10 * time.Minute

// Commit applies all of c's writes or none and returns their changes in the order of the writes. When it returns, Redis
// has them on disk, and so have as many replicas as the options require. It fails with Conflict if a document that must
// not exist does, and with Stale if one is not at the expected revision; the first such write determines the error.
// After Unavailable, or if ctx ends during the call, the commit was made completely or not at all.
func (s *Store) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("redis: commit: %w", err)
	}
	c.At = time.UnixMilli(c.At.UnixMilli()).UTC()
	keys := []string{s.key("sequence"), s.key("feed"), s.key("audit"), s.key("receipt", rand.Text()), s.key("kinds")}
	args := []any{s.o.Feed, receiptLife.Milliseconds(), c.At.UnixMilli(), c.By, c.Action, c.Reason, c.RequestID,
		c.Person, c.Token, c.Remote, c.Fields}
	for _, w := range c.Writes {
		verb := "put"
		if w.Delete {
			verb = "delete"
		}
		keys = append(keys, s.key("documents", w.Kind), s.key("revisions", w.Kind), s.key("ids", w.Kind),
			s.key("history", w.Kind))
		args = append(args, w.ID, w.Expect, verb, w.Body, w.Fields)
	}
	answer, err := s.write(ctx, commitScript, keys, args)
	if err != nil {
		return nil, fmt.Errorf("redis: commit: %w", err)
	}
	changes, err := outcome(c, answer)
	if err != nil {
		return nil, fmt.Errorf("redis: commit: %w", err)
	}
	return changes, nil
}

// outcome parses the script's answer.
func outcome(c store.Commit, answer string) ([]store.Change, error) {
	verdict, rest, _ := strings.Cut(answer, " ")
	var numbers []int64
	for _, field := range strings.Fields(rest) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the script answered %q", answer)
		}
		numbers = append(numbers, n)
	}
	switch {
	case verdict == "done" && len(numbers) == len(c.Writes)+1:
		changes := make([]store.Change, max(1, len(c.Writes)))
		for i := range changes {
			changes[i] = store.Change{Sequence: numbers[0] + int64(i), Origin: c.Origin, Fields: c.Fields}
			if len(c.Writes) > 0 {
				w := c.Writes[i]
				changes[i].Kind, changes[i].ID, changes[i].Revision, changes[i].Deleted = w.Kind, w.ID, numbers[i+1], w.Delete
				changes[i].Fields = w.Fields
			}
		}
		return changes, nil
	case len(numbers) != 1 || numbers[0] < 1 || numbers[0] > int64(len(c.Writes)):
		return nil, fmt.Errorf("the script answered %q", answer)
	}
	w := c.Writes[numbers[0]-1]
	switch verdict {
	case "conflict":
		return nil, fault.New(fault.Conflict, "%s %q exists already", w.Kind, w.ID)
	case "stale":
		return nil, fault.New(fault.Stale, "%s %q is not at revision %d", w.Kind, w.ID, w.Expect)
	}
	return nil, fmt.Errorf("the script answered %q", answer)
}
