package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Reserve is the memory that this Redis may still take. What is held is a field of a key, which all replicas of the
// service share.
type Reserve struct{ store *Store }

// Reserve is the store's.
func (s *Store) Reserve() Reserve { return Reserve{s} }

// smallest is the part of a Redis that is held at most, and largest how many bytes: they are sent to it.
const (
	smallest = 8
	largest  = 16 << 20
)

func (r Reserve) key() string { return r.store.key("reserve") }

// Fit is at most an eighth of the memory that Redis may take, and nothing where that has no bounds.
func (r Reserve) Fit(ctx context.Context, size int64) (int64, error) {
	_, most, err := r.memory(ctx)
	return min(size, most/smallest, largest), err
}

// Free is how much memory Redis may still take.
func (r Reserve) Free(ctx context.Context) (int64, error) {
	used, most, err := r.memory(ctx)
	if err != nil || most == 0 {
		return math.MaxInt64, err
	}
	return most - used, nil
}

// Held is how much is, by this service or another that shares it.
func (r Reserve) Held(ctx context.Context) (int64, error) {
	n, err := r.store.client.HGet(ctx, r.key(), "size").Int64()
	if err != nil && !errors.Is(err, goredis.Nil) {
		return 0, fmt.Errorf("redis: reserve: %w", classify(ctx, err))
	}
	return n, nil
}

// Hold makes the held memory n bytes, and fails with Full, holding nothing, when there is no room for them.
func (r Reserve) Hold(ctx context.Context, n int64) (held int64, err error) {
	err = r.store.client.Del(ctx, r.key()).Err()
	if err == nil && n > 0 {
		err = r.store.client.HSet(ctx, r.key(), "size", n, "bytes", strings.Repeat("\x00", int(n))).Err()
	}
	if err != nil {
		return 0, fmt.Errorf("redis: reserve: %w", classify(ctx, err))
	}
	return n, nil
}

// memory is what Redis says that it takes and may take; 0 where that has no bounds.
func (r Reserve) memory(ctx context.Context) (used, most int64, err error) {
	node, err := r.store.master(ctx, r.key())
	if err != nil {
		return 0, 0, fmt.Errorf("redis: memory: %w", classify(ctx, err))
	}
	info, err := node.Info(ctx, "memory").Result()
	if err != nil {
		return 0, 0, fmt.Errorf("redis: memory: %w", classify(ctx, err))
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "used_memory":
			used, err = strconv.ParseInt(value, 10, 64)
		case "maxmemory":
			most, err = strconv.ParseInt(value, 10, 64)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("redis: memory: %w", err)
		}
	}
	return used, most, nil
}
