package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/store"
)

// Check reads everything, while writers continue, and reports every state that no history of commits can produce:
// missing changes, documents whose revision differs from their last change, indexes that disagree with their content.
// It fails if it cannot read, and with Unavailable if older records are removed meanwhile.
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
	counted, err := s.counted(ctx) // before the snapshot: they only grow
	if err != nil {
		return err
	}
	documents, at, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	if trimmed > 0 && trimmed >= at {
		report(fmt.Sprintf("the changes up to %d are said to be trimmed, and the latest is %d", trimmed, at))
	}
	ends, err := s.lastRevisions(ctx, trimmed, at, report)
	if err != nil {
		return err
	}
	for _, n := range slices.SortedFunc(maps.Keys(documents), name.compare) {
		if ends[n] != documents[n].Revision {
			report(fmt.Sprintf("%s %s is not at the revision of its last change", n.kind, n.id))
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(ends), name.compare) {
		if _, there := documents[n]; ends[n] > 0 && !there {
			report(fmt.Sprintf("%s %s is missing", n.kind, n.id))
		}
	}
	if err := s.graves(ctx, counted, ends, at, report); err != nil {
		return err
	}
	if err := s.indexes(ctx, report); err != nil {
		return err
	}
	if err := s.overlong(ctx, report); err != nil {
		return err
	}
	return s.steady(ctx, steps)
}

// counted returns how many documents of each kind have a revision from which they go on counting, deleted ones too.
func (s *Store) counted(ctx context.Context) (map[string]int64, error) {
	kinds, err := s.client.SMembers(ctx, s.key("kinds")).Result()
	out := map[string]int64{}
	for _, kind := range kinds {
		if err == nil {
			out[kind], err = s.client.HLen(ctx, s.key("revisions", kind)).Result()
		}
	}
	return out, err
}

// graves tells of revisions that no change made: a document goes on counting from them when it is made again, and a
// forged one keeps it from being made. ends are the revisions after the last changes up to at.
func (s *Store) graves(ctx context.Context, counted map[string]int64, ends map[name]int64, at int64,
	report func(problem string)) error {
	ids := map[string][]string{}
	for _, n := range slices.SortedFunc(maps.Keys(ends), name.compare) {
		ids[n.kind] = append(ids[n.kind], n.id)
	}
	var differ []name
	said := map[name]string{}
	for _, kind := range slices.Sorted(maps.Keys(counted)) {
		if more := counted[kind] - int64(len(ids[kind])); more > 0 {
			report(fmt.Sprintf("%d documents of kind %s have a revision, and no change made them", more, kind))
		}
		for part := range slices.Chunk(ids[kind], 500) {
			revisions, err := s.client.HMGet(ctx, s.key("revisions", kind), part...).Result()
			if err != nil {
				return err
			}
			for i, id := range part {
				n := name{kind, id}
				if said[n] = fmt.Sprint(revisions[i]); said[n] != fmt.Sprint(ends[n]) {
					differ = append(differ, n)
				}
			}
		}
	}
	later := map[name]bool{} // changed meanwhile
	for after := at; len(differ) > 0; {
		changes, err := s.audited(ctx, after)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			later[name{c.Kind, c.ID}], after = true, c.Sequence
		}
	}
	for _, n := range differ {
		if !later[n] {
			report(fmt.Sprintf("%s %s is said to be at revision %s, and its last change made %d (negative: deleted)", n.kind,
				n.id, said[n], ends[n]))
		}
	}
	return nil
}

// overlong tells of leases that no claim made: they would keep their work from everybody.
func (s *Store) overlong(ctx context.Context, report func(problem string)) error {
	node, err := s.master(ctx, s.key("sequence")) // all keys are there
	if err != nil {
		return err
	}
	literally := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)
	prefix := s.key("lease", "")
	var found []string
	for keys := node.Scan(ctx, 0, literally.Replace(prefix)+"*", 1000).Iterator(); ; {
		if !keys.Next(ctx) {
			err = keys.Err()
			break
		}
		left, err := node.PTTL(ctx, keys.Val()).Result()
		if err != nil {
			return err
		}
		if left > store.MostLease || left == -1 { // -1: without an end
			found = append(found, strings.TrimPrefix(keys.Val(), prefix))
		}
	}
	slices.Sort(found)
	for _, work := range slices.Compact(found) {
		report(fmt.Sprintf("the work %s is leased for longer than the %v that a lease lasts at most: somebody wrote it beside "+
			"the service", work, store.MostLease))
	}
	return err
}

// lastRevisions returns the revision of each document after its last change up to at; negative if deleted. Changes up
// to trimmed may be missing.
func (s *Store) lastRevisions(ctx context.Context, trimmed, at int64, report func(problem string)) (
	map[name]int64, error) {
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
				was = c.Revision - 1 // the change that it started from was trimmed
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

// indexes compares the sizes of related keys, each pair at one instant.
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
