package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"

	goredis "github.com/redis/go-redis/v9"
)

// Check reads everything, while others go on, and reports all that cannot be after any history of commits: missing
// changes, documents that do not stand where their changes end, indexes that disagree with what they index. It
// fails when it cannot read, and with Unavailable when older records are let go meanwhile.
func (s *Store) Check(ctx context.Context, report func(problem string)) error {
	if err := s.check(ctx, report); err != nil {
		return fmt.Errorf("redis: check: %w", classify(ctx, err))
	}
	return nil
}

func (s *Store) check(ctx context.Context, report func(problem string)) error {
	trimmed, steps, err := s.retirement(ctx)
	if err != nil {
		return err
	}
	documents, at, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	ends, err := s.ends(ctx, trimmed, at, report)
	if err != nil {
		return err
	}
	for _, n := range slices.SortedFunc(maps.Keys(documents), name.compare) {
		if ends[n] != documents[n].Revision {
			report(fmt.Sprintf("%s %s does not stand where its changes end", n.kind, n.id))
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(ends), name.compare) {
		if _, there := documents[n]; ends[n] > 0 && !there {
			report(fmt.Sprintf("%s %s is missing", n.kind, n.id))
		}
	}
	if err := s.indexes(ctx, report); err != nil {
		return err
	}
	return s.steady(ctx, steps)
}

// ends is where each document's changes end, up to change at; negative when deleted. Up to trimmed some are missing
// rightly.
func (s *Store) ends(ctx context.Context, trimmed, at int64, report func(problem string)) (map[name]int64, error) {
	ends := make(map[name]int64)
	for before := int64(0); before < at; {
		changes, err := s.audited(ctx, before)
		if err != nil {
			return nil, err
		}
		if len(changes) == 0 {
			report(fmt.Sprintf("change %d is the last; %d should be", before, at))
			return ends, nil
		}
		for _, c := range changes {
			if c.Sequence > at {
				break
			}
			if from := max(before, trimmed); c.Sequence > from+1 {
				report(fmt.Sprintf("change %d is followed by change %d", from, c.Sequence))
			}
			before = c.Sequence
			if c.Kind == "" {
				continue
			}
			n := name{c.Kind, c.ID}
			was := max(ends[n], -ends[n])
			if was == 0 && trimmed > 0 {
				was = c.Revision - 1 // what it started from is gone
			}
			if c.Sequence > trimmed && c.Revision != was+1 {
				report(fmt.Sprintf("%s %s goes from revision %d to %d at change %d", c.Kind, c.ID, was, c.Revision, c.Sequence))
			}
			if ends[n] = c.Revision; c.Deleted {
				ends[n] = -c.Revision
			}
		}
	}
	return ends, nil
}

// indexes compares the sizes of what belongs together, each pair in one instant.
func (s *Store) indexes(ctx context.Context, report func(problem string)) error {
	kinds, err := s.client.SMembers(ctx, s.key("kinds")).Result()
	if err != nil {
		return err
	}
	stations, err := s.client.SMembers(ctx, s.key("stations")).Result()
	if err != nil {
		return err
	}
	compare := func(what, hash, index string) error {
		var held, indexed *goredis.IntCmd
		_, err := s.client.TxPipelined(ctx, func(pipe goredis.Pipeliner) error {
			held, indexed = pipe.HLen(ctx, hash), pipe.ZCard(ctx, index)
			return nil
		})
		if err == nil && held.Val() != indexed.Val() {
			report(fmt.Sprintf("%s: %d are held, %d are in the index", what, held.Val(), indexed.Val()))
		}
		return err
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		if err := compare("documents of "+kind, s.key("documents", kind), s.key("ids", kind)); err != nil {
			return err
		}
	}
	slices.Sort(stations)
	for _, station := range stations {
		if err := compare("as-run of "+station, s.key("asrun", station), s.key("instants", station)); err != nil {
			return err
		}
	}
	return nil
}
