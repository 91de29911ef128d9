package redis

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/store"
)

// Audit returns the changes that q selects, in order. It covers all changes that were not trimmed. An index finds the
// changes of one document; other queries scan all changes, a thousand at a time.
func (s *Store) Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit, err := q.Most()
	if err != nil {
		return nil, err
	}
	more := s.span
	if q.Kind != "" && q.ID != "" {
		more = s.history(q.Kind, q.ID)
	}
	from, to := max(q.After, 0)+1, int64(math.MaxInt64)
	if q.Before > 0 {
		to = q.Before - 1
	}
	var found []store.Change
	for from <= to {
		changes, err := more(ctx, from, to, q.Newest)
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
			if q.Newest {
				to = c.Sequence - 1
			} else {
				from = c.Sequence + 1
			}
		}
		if len(changes) == 0 {
			break
		}
	}
	return found, nil
}

// audited reads the next changes after after.
func (s *Store) audited(ctx context.Context, after int64) ([]store.Change, error) {
	return s.span(ctx, after+1, math.MaxInt64, false)
}

// span reads the next changes in [from, to], from the beginning, or from the end if newest is set.
func (s *Store) span(ctx context.Context, from, to int64, newest bool) ([]store.Change, error) {
	read := s.client.XRangeN(ctx, s.key("audit"), message(from), message(to), 1000)
	if newest {
		read = s.client.XRevRangeN(ctx, s.key("audit"), message(to), message(from), 1000)
	}
	messages, err := read.Result()
	if err != nil {
		return nil, err
	}
	return decode(messages)
}

// history returns a function that reads the changes of one document as span does.
func (s *Store) history(kind, id string) func(ctx context.Context, from, to int64, newest bool) ([]store.Change,
	error) {
	return func(ctx context.Context, from, to int64, newest bool) ([]store.Change, error) {
		by := &goredis.ZRangeBy{Min: fmt.Sprintf("[%s\x00%020d", id, from), Max: fmt.Sprintf("[%s\x00%020d", id, to),
			Count: 500}
		read := s.client.ZRangeByLex(ctx, s.key("history", kind), by)
		if newest {
			read = s.client.ZRevRangeByLex(ctx, s.key("history", kind), by)
		}
		names, err := read.Result()
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
