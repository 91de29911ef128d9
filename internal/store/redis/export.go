package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/store"
)

type name struct{ kind, id string }

func (n name) compare(m name) int {
	if c := strings.Compare(n.kind, m.kind); c != 0 {
		return c
	}
	return strings.Compare(n.id, m.id)
}

// Export calls begin with the change up to which changes are trimmed, document with every document by kind and id, and
// change with every change by sequence, all as of one instant; then entry with every as-run entry by station and
// sequence, while writers continue. It keeps the documents in memory until they are consistent. It stops at the first
// error that they return, and fails with Unavailable if older records are removed meanwhile.
func (s *Store) Export(ctx context.Context, begin func(trimmed int64) error, document func(store.Document) error,
	change func(store.Change) error, entry func(store.Entry) error) error {
	if err := s.export(ctx, begin, document, change, entry); err != nil {
		return fmt.Errorf("redis: export: %w", classify(ctx, err))
	}
	return nil
}

func (s *Store) export(ctx context.Context, begin func(trimmed int64) error, document func(store.Document) error,
	change func(store.Change) error, entry func(store.Entry) error) error {
	trimmed, steps, err := s.retirement(ctx)
	if err != nil {
		return err
	}
	documents, at, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	if err := begin(trimmed); err != nil {
		return err
	}
	for _, n := range slices.SortedFunc(maps.Keys(documents), name.compare) {
		if err := document(documents[n]); err != nil {
			return err
		}
	}
	for after := int64(0); after < at; {
		changes, err := s.audited(ctx, after)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.Sequence > at {
				break
			}
			if err := change(c); err != nil {
				return err
			}
		}
		after = changes[len(changes)-1].Sequence
	}
	stations, err := s.client.SMembers(ctx, s.key("stations")).Result()
	if err != nil {
		return err
	}
	slices.Sort(stations)
	for _, station := range stations {
		entries, err := s.Read(ctx, station, time.Time{}, time.UnixMilli(1<<53))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := entry(e); err != nil {
				return err
			}
		}
	}
	return s.steady(ctx, steps)
}

// snapshot lists all documents, and then reads the documents that changed meanwhile until no more do.
func (s *Store) snapshot(ctx context.Context) (map[name]store.Document, int64, error) {
	at, err := s.Latest(ctx)
	if err != nil {
		return nil, 0, err
	}
	documents := make(map[name]store.Document)
	kinds, err := s.client.SMembers(ctx, s.key("kinds")).Result()
	if err != nil {
		return nil, 0, err
	}
	for _, kind := range kinds {
		const page = 500
		for after := ""; ; {
			list, err := s.List(ctx, kind, after, page)
			if err != nil {
				return nil, 0, err
			}
			for _, d := range list {
				documents[name{kind, d.ID}], after = d, d.ID
			}
			if len(list) < page {
				break
			}
		}
	}
	for {
		changes, err := s.audited(ctx, at)
		if err != nil {
			return nil, 0, err
		}
		if len(changes) > 0 {
			at = changes[len(changes)-1].Sequence
		}
		latest, err := s.reread(ctx, documents, changes)
		if err != nil || latest == at {
			return documents, at, err
		}
	}
}

// reread rereads the changed documents, and the latest change at the same instant.
func (s *Store) reread(ctx context.Context, documents map[name]store.Document, changes []store.Change) (int64, error) {
	var latest *goredis.StringCmd
	values := make(map[name]*goredis.StringCmd)
	_, err := s.client.TxPipelined(ctx, func(pipe goredis.Pipeliner) error {
		latest = pipe.Get(ctx, s.key("sequence"))
		for _, c := range changes {
			if c.Kind != "" {
				values[name{c.Kind, c.ID}] = pipe.HGet(ctx, s.key("documents", c.Kind), c.ID)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, goredis.Nil) {
		return 0, err
	}
	for n, value := range values {
		if errors.Is(value.Err(), goredis.Nil) {
			delete(documents, n)
			continue
		}
		d, err := document(n.kind, n.id, value.Val())
		if err != nil {
			return 0, err
		}
		documents[n] = d
	}
	return number(latest)
}
