package redis

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Reserve is the memory that this Redis may still take. What is held are the fields of a key, of a piece each, which
// all replicas of the service share. A piece is given out by deleting its field: a Redis without room takes nothing
// new, not even less of what it had.
type Reserve struct{ store *Store }

// Reserve is the store's.
func (s *Store) Reserve() Reserve { return Reserve{s} }

// smallest is the part of a Redis that is held at most, and largest how many bytes: they are sent to it, a piece at a
// time. A field takes up a whole piece with its name and head.
const (
	smallest = 8
	largest  = 16 << 20
	piece    = 16 << 10
	head     = 128
)

func (r Reserve) key() string { return r.store.key("reserve") }

// Fit is at most an eighth of the memory that Redis may take, in whole pieces, and nothing where that has no bounds.
func (r Reserve) Fit(ctx context.Context, size int64) (int64, error) {
	_, most, err := r.memory(ctx)
	return min(size, most/smallest, largest) / piece * piece, err
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
	fields, err := r.pieces(ctx)
	return int64(len(fields)) * piece, err
}

// pieces are the fields that are held.
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

// Hold makes the held memory n bytes, in whole pieces. It fails with Full when there is no room for so many, and holds
// as many as there was room for.
func (r Reserve) Hold(ctx context.Context, n int64) (int64, error) {
	held, err := r.pieces(ctx)
	if err != nil {
		return 0, err
	}
	want := int(n / piece)
	_, err = r.store.client.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
		pipe.HDel(ctx, r.key(), "size", "bytes") // of an earlier version, which held one value
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
