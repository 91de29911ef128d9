package redis

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Reserve is reserved memory of this Redis. It consists of the fields of one key, one per piece, which all replicas of
// the service share. Deleting a field releases a piece: a Redis without memory accepts no writes, not even of a smaller
// value.
type Reserve struct{ store *Store }

// Reserve returns the store's reserve.
func (s *Store) Reserve() Reserve { return Reserve{s} }

// smallest is the divisor of the largest share of a Redis that is reserved, and largest the maximum number of bytes,
// because they are sent to Redis, a piece at a time. A field with its name and header takes a whole piece.
const (
	smallest = 8
	largest  = 16 << 20
	piece    = 16 << 10
	head     = 128
)

func (r Reserve) key() string { return r.store.key("reserve") }

// Fit returns at most an eighth of Redis's maximum memory, in whole pieces, or 0 if the memory is unlimited.
func (r Reserve) Fit(ctx context.Context, size int64) (int64, error) {
	_, most, err := r.memory(ctx)
	return min(size, most/smallest, largest) / piece * piece, err
}

// Free returns how much more memory Redis may use.
func (r Reserve) Free(ctx context.Context) (int64, error) {
	used, most, err := r.memory(ctx)
	if err != nil || most == 0 {
		return math.MaxInt64, err
	}
	return most - used, nil
}

// Held returns the reserved memory, including that of other services that share the reserve.
func (r Reserve) Held(ctx context.Context) (int64, error) {
	fields, err := r.pieces(ctx)
	return int64(len(fields)) * piece, err
}

// pieces returns the existing fields.
func (r Reserve) pieces(ctx context.Context) (map[int]bool, error) {
	names, err := r.store.client.HKeys(ctx, r.key()).Result()
	if err != nil {
		return nil, fmt.Errorf("redis: reserve: %w", classify(ctx, err))
	}
	held := make(map[int]bool, len(names))
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			held[n] = true
		}
	}
	return held, nil
}

// Hold sets the reserved memory to n bytes, in whole pieces. It fails with Full if there is not enough memory, and then
// reserves as much as fits.
func (r Reserve) Hold(ctx context.Context, n int64) (int64, error) {
	held, err := r.pieces(ctx)
	if err != nil {
		return 0, err
	}
	want := int(n / piece)
	_, err = r.store.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		pipe.HDel(ctx, r.key(), "size", "bytes") // of an earlier version, which had one value
		for k := range held {
			if k >= want {
				pipe.HDel(ctx, r.key(), strconv.Itoa(k))
				delete(held, k)
			}
		}
		return nil
	})
	bytes := strings.Repeat("\x00", piece-head)
	for k := 0; k < want && err == nil; k++ {
		if !held[k] {
			if err = r.store.client.HSet(ctx, r.key(), strconv.Itoa(k), bytes).Err(); err == nil {
				held[k] = true
			}
		}
	}
	if err != nil {
		err = fmt.Errorf("redis: reserve: %w", classify(ctx, err))
	}
	return int64(len(held)) * piece, err
}

// memory returns Redis's used and maximum memory; the maximum is 0 if it is unlimited.
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
