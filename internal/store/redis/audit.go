package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/store"
)

// Audit returns the changes that q selects, in order. It knows every change that was not trimmed. The changes of one
// document are found by an index; everything else is read through, a thousand at a time.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit, err := q.Most()
	if err != nil {
		return nil, err
	}
	more := s.audited
	if q.Kind != "" && q.ID != "" {
		more = s.history(q.Kind, q.ID)
	}
	var found []store.Change
	for after := max(q.After, 0); ; {
		changes, err := more(ctx, after)
		if err != nil {
			return nil, fmt.Errorf("redis: audit: %w", classify(ctx, err))
		}
		for _, c := range changes {
			if q.Selects(c) {
				found = append(found, c)
			}
			if len(found) == limit {
				return found, nil
			}
			after = c.Sequence
		}
		if len(changes) == 0 {
			return found, nil
		}
	}
}

// audited reads the next changes of all.
func (s *Store) audited(ctx context.Context, after int64) ([]store.Change, error) {
	messages, err := s.client.XRangeN(ctx, s.key("audit"), message(after+1), "+", 1000).Result()
	if err != nil {
		return nil, err
	}
	return decode(messages)
}

// history reads the next changes of one document.
func (s *Store) history(kind, id string) func(ctx context.Context, after int64) ([]store.Change, error) {
	return func(ctx context.Context, after int64) ([]store.Change, error) {
		names, err := s.client.ZRangeByLex(ctx, s.key("history", kind), &goredis.ZRangeBy{
			Min: fmt.Sprintf("(%s\x00%020d", id, after), Max: fmt.Sprintf("(%s\x01", id), Count: 500,
		}).Result()
		if err != nil || len(names) == 0 {
			return nil, err
		}
		reads := make([]*goredis.XMessageSliceCmd, len(names))
		_, err = s.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
			for i, name := range names {
				_, digits, _ := strings.Cut(name, "\x00")
				n, err := strconv.ParseInt(digits, 10, 64)
				if err != nil {
					return fmt.Errorf("the history of %s has %q", kind, name)
				}
				reads[i] = pipe.XRangeN(ctx, s.key("audit"), message(n), message(n), 1)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		var messages []goredis.XMessage
		for _, read := range reads {
			messages = append(messages, read.Val()...)
		}
		return decode(messages)
	}
}
