package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/store/notify"
)

// Changes returns up to limit consecutive changes after since, in order. It fails with Gone if the feed no longer has
// the next one, or never reached since: the caller must list again.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	if since < 0 {
		return nil, fault.New(fault.Gone, "no feed begins before change 0")
	}
	var end *goredis.StringCmd
	var next *goredis.XMessageSliceCmd
	// The pipeline is not a transaction, because a Redis without memory refuses even to read in one. A commit in between
	// only makes the list of changes extend beyond the end that was read.
	_, err := s.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		end = pipe.Get(ctx, s.key("sequence"))
		next = pipe.XRangeN(ctx, s.key("feed"), message(since+1), "+", int64(limit))
		return nil
	})
	if err != nil && !errors.Is(err, goredis.Nil) {
		return nil, fmt.Errorf("redis: changes after %d: %w", since, classify(ctx, err))
	}
	changes, err := decode(next.Val())
	if err != nil {
		return nil, err
	}
	latest, err := number(end)
	switch {
	case err != nil:
		return nil, fmt.Errorf("redis: changes after %d: %w", since, classify(ctx, err))
	case latest < since:
		return nil, fault.New(fault.Gone, "the feed ends at change %d, before %d", latest, since)
	case latest > since && len(changes) == 0 || len(changes) > 0 && changes[0].Sequence != since+1:
		return nil, fault.New(fault.Gone, "the feed no longer keeps what follows change %d", since)
	}
	return changes, nil
}

// Latest returns the sequence of the last change, 0 before the first.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	latest, err := number(s.client.Get(ctx, s.key("sequence")))
	if err != nil {
		return 0, fmt.Errorf("redis: latest change: %w", classify(ctx, err))
	}
	return latest, nil
}

// Wait returns as soon as there is a change after since, including one by another replica, or with ctx's error. It
// fails with Gone if the feed never reached since, and with Unavailable if Redis is out of reach at the start of the
// call; later it waits for Redis to come back.
func (s *Store) Wait(ctx context.Context, since int64) error {
	latest, err := s.Latest(ctx)
	switch {
	case err != nil:
		return err
	case latest < since:
		return fault.New(fault.Gone, "the feed ends at change %d, before %d", latest, since)
	case latest > since:
		return nil
	}
	s.notifier.Return(latest)
	if err := s.notifier.Await(ctx, since); err != nil {
		return fmt.Errorf("redis: wait for a change after %d: %w", since, err)
	}
	return nil
}

// look returns the notifier's Look. While Redis is out of reach, it retries with growing delays of up to a second.
func (s *Store) look() notify.Look {
	const least = 10 * time.Millisecond
	pause := least
	return func(ctx context.Context, since int64) (int64, time.Duration) {
		latest, err := s.follow(ctx, since)
		if err == nil {
			pause = least
			return latest, 0
		}
		rest := pause
		pause = min(2*pause, time.Second)
		return since, rest
	}
}

// follow blocks for up to a second until there are changes after since, and returns the latest of them.
func (s *Store) follow(ctx context.Context, since int64) (int64, error) {
	const block = time.Second
	ctx, cancel := context.WithTimeout(ctx, 3*block)
	defer cancel()
	streams, err := s.client.XRead(ctx, &goredis.XReadArgs{Streams: []string{s.key("feed"), message(since)}, Count: 500,
		Block: block}).Result()
	if errors.Is(err, goredis.Nil) {
		return since, nil
	}
	if err != nil {
		return 0, err
	}
	for _, stream := range streams {
		for _, m := range stream.Messages {
			if since, err = sequence(m.ID); err != nil {
				return 0, err
			}
		}
	}
	return since, nil
}

// message returns the id of a change in the streams.
func message(sequence int64) string { return strconv.FormatInt(sequence, 10) + "-0" }

func sequence(message string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(message, "-0"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("redis: a change is named %q", message)
	}
	return n, nil
}

// number returns the value of a counter; 0 if it does not exist yet.
func number(get *goredis.StringCmd) (int64, error) {
	n, err := get.Int64()
	if errors.Is(err, goredis.Nil) {
		return 0, nil
	}
	if get.Val() == underRestore {
		return 0, restoring(err)
	}
	return n, err
}

// decode decodes changes that the commit script wrote.
func decode(messages []goredis.XMessage) ([]store.Change, error) {
	changes := make([]store.Change, len(messages))
	for i, m := range messages {
		text := func(field string) string { s, _ := m.Values[field].(string); return s }
		sequence, named := sequence(m.ID)
		revision, revised := strconv.ParseInt(text("r"), 10, 64)
		at, timed := strconv.ParseInt(text("t"), 10, 64)
		if err := errors.Join(named, revised, timed); err != nil {
			return nil, fmt.Errorf("redis: change %s is damaged: %w", m.ID, err)
		}
		changes[i] = store.Change{
			Sequence: sequence, Kind: text("k"), ID: text("i"), Revision: revision, Deleted: text("d") == "1",
			Origin: store.Origin{At: time.UnixMilli(at).UTC(), By: text("b"), Action: text("a"), Reason: text("w"),
				RequestID: text("q"), Person: text("p"), Token: text("n"), Remote: text("f")},
			Fields: text("c"),
		}
	}
	return changes, nil
}
