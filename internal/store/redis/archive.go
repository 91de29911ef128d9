package redis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"lifeline/internal/fault"
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

// underRestore replaces the sequence during an Import, so that nothing else can write and nobody can open the prefix.
const underRestore = "restoring"

var (
	beginScript = goredis.NewScript(`
		for n = 1, #KEYS do if redis.call('EXISTS', KEYS[n]) == 1 then return '0' end end
		redis.call('SET', KEYS[1], ARGV[1])
		return '1'`)
	finishScript = goredis.NewScript(`
		if ARGV[1] == '0' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[1]) end
		return '1'`)
)

// Import imports the result of an Export, in its order, all or nothing. It fails with Conflict unless the prefix is
// empty, with Invalid if the parts are inconsistent, and with the first error of the sequences. After a crash during an
// Import, Open fails for the prefix with an error that says what to do.
func (s *Store) Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error],
	changes iter.Seq2[store.Change, error], entries iter.Seq2[store.Entry, error]) error {
	begun, err := s.write(ctx, beginScript, []string{s.key("sequence"), s.key("kinds"), s.key("stations")},
		[]any{underRestore})
	if err == nil && begun != "1" {
		err = fault.New(fault.Conflict, "the store is not empty")
	}
	if err != nil {
		return fmt.Errorf("redis: import: %w", err)
	}
	i := &importer{s: s, trimmed: trimmed, stands: make(map[name]int64), ends: make(map[name]int64)}
	err = i.all(ctx, documents, changes, entries)
	if err == nil {
		_, err = s.write(ctx, finishScript, []string{s.key("sequence")}, []any{i.latest})
	}
	if err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return fmt.Errorf("redis: import: %w", errors.Join(classify(ctx, err), classify(undo, s.empty(undo))))
	}
	s.notifier.Announce(i.latest)
	return nil
}

// importer writes an archive in batches and tracks the expected final state.
type importer struct {
	s       *Store
	trimmed int64
	latest  int64
	stands  map[name]int64 // the documents' revisions
	ends    map[name]int64 // the revisions after their last changes; negative if deleted

	batch []func(pipe goredis.Pipeliner)
}

func (i *importer) all(ctx context.Context, documents iter.Seq2[store.Document, error], changes iter.Seq2[store.Change,
	error], entries iter.Seq2[store.Entry, error]) error {
	for d, err := range documents {
		if err != nil {
			return err
		}
		if err := i.document(ctx, d); err != nil {
			return err
		}
	}
	for c, err := range changes {
		if err != nil {
			return err
		}
		if err := i.change(ctx, c); err != nil {
			return err
		}
	}
	var last store.Entry
	for e, err := range entries {
		switch {
		case err != nil:
			return err
		case !store.ValidName(e.Station) || e.Station < last.Station || e.Station == last.Station &&
			e.Sequence <= last.Sequence:
			return fault.New(fault.Invalid, "the archive has report %d of %q out of order", e.Sequence, e.Station)
		}
		if err := i.entry(ctx, e); err != nil {
			return err
		}
		last = e
	}
	return i.finish(ctx)
}

func (i *importer) document(ctx context.Context, d store.Document) error {
	n := name{d.Kind, d.ID}
	if !store.ValidName(d.Kind) || !store.ValidName(d.ID) || d.Revision < 1 || i.stands[n] > 0 {
		return fault.New(fault.Invalid, "the archive has a document %q %q at revision %d, or twice", d.Kind, d.ID, d.Revision)
	}
	i.stands[n] = d.Revision
	revision := strconv.FormatInt(d.Revision, 10)
	value := append([]byte(revision+" "), d.Body...)
	return i.write(ctx, func(pipe goredis.Pipeliner) {
		pipe.SAdd(ctx, i.s.key("kinds"), d.Kind)
		pipe.HSet(ctx, i.s.key("documents", d.Kind), d.ID, value)
		pipe.HSet(ctx, i.s.key("revisions", d.Kind), d.ID, revision)
		pipe.ZAdd(ctx, i.s.key("ids", d.Kind), goredis.Z{Member: d.ID})
	})
}

func (i *importer) change(ctx context.Context, c store.Change) error {
	if err := store.Follows(i.trimmed, i.latest, c.Sequence); err != nil {
		return err
	}
	i.latest = c.Sequence
	n, deleted := name{c.Kind, c.ID}, "0"
	if c.Kind != "" {
		i.ends[n] = c.Revision
	}
	if c.Deleted {
		i.ends[n], deleted = -c.Revision, "1"
	}
	values := []any{"k", c.Kind, "i", c.ID, "r", c.Revision, "d", deleted, "t", c.At.UnixMilli(), "b", c.By, "a", c.Action,
		"w", c.Reason, "q", c.RequestID, "p", c.Person, "n", c.Token, "f", c.Remote, "c", c.Fields}
	return i.write(ctx, func(pipe goredis.Pipeliner) {
		pipe.XAdd(ctx, &goredis.XAddArgs{Stream: i.s.key("audit"), ID: message(c.Sequence), Values: values})
		if c.Sequence > i.trimmed {
			pipe.XAdd(ctx, &goredis.XAddArgs{Stream: i.s.key("feed"), ID: message(c.Sequence), Values: values,
				MaxLen: i.s.o.Feed, Approx: true})
		}
		if c.Kind == "" {
			return
		}
		pipe.SAdd(ctx, i.s.key("kinds"), c.Kind)
		pipe.ZAdd(ctx, i.s.key("history", c.Kind), goredis.Z{Member: fmt.Sprintf("%s\x00%020d", c.ID, c.Sequence)})
		if c.Deleted && i.stands[n] == 0 {
			pipe.HSet(ctx, i.s.key("revisions", c.Kind), c.ID, -c.Revision)
		}
	})
}

func (i *importer) entry(ctx context.Context, e store.Entry) error {
	at := e.At.UnixMilli()
	value := append([]byte(strconv.FormatInt(at, 10)+" "), e.Body...)
	return i.write(ctx, func(pipe goredis.Pipeliner) {
		pipe.SAdd(ctx, i.s.key("stations"), e.Station)
		pipe.HSet(ctx, i.s.key("asrun", e.Station), e.Sequence, value)
		pipe.ZAdd(ctx, i.s.key("instants", e.Station), goredis.Z{Score: float64(at), Member: e.Sequence})
	})
}

// finish writes the rest and checks that the documents have the revisions of their last changes.
func (i *importer) finish(ctx context.Context) error {
	for n, revision := range i.stands {
		if i.ends[n] != revision {
			return fault.New(fault.Invalid, "the archive's %s %q is not at the revision of its last change", n.kind, n.id)
		}
	}
	for n, revision := range i.ends {
		if revision > 0 && i.stands[n] != revision {
			return fault.New(fault.Invalid, "the archive lacks %s %q", n.kind, n.id)
		}
	}
	if i.trimmed > 0 {
		if i.latest <= i.trimmed {
			return fault.New(fault.Invalid, "the archive lacks change %d", i.trimmed+1)
		}
		i.batch = append(i.batch, func(pipe goredis.Pipeliner) { pipe.Set(ctx, i.s.key("trimmed"), i.trimmed, 0) })
	}
	return i.flush(ctx)
}

func (i *importer) write(ctx context.Context, one func(pipe goredis.Pipeliner)) error {
	if i.batch = append(i.batch, one); len(i.batch) < 200 {
		return nil
	}
	return i.flush(ctx)
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	_, err := i.s.client.TxPipelined(ctx, func(pipe goredis.Pipeliner) error {
		for _, one := range i.batch {
			one(pipe)
		}
		return nil
	})
	i.batch = i.batch[:0]
	return err
}

// empty deletes a failed import in one command.
func (s *Store) empty(ctx context.Context) error {
	kinds, err := s.client.SMembers(ctx, s.key("kinds")).Result()
	if err != nil {
		return err
	}
	stations, err := s.client.SMembers(ctx, s.key("stations")).Result()
	if err != nil {
		return err
	}
	keys := []string{s.key("audit"), s.key("feed"), s.key("kinds"), s.key("stations"), s.key("trimmed"), s.key("sequence")}
	for _, kind := range kinds {
		keys = append(keys, s.key("documents", kind), s.key("revisions", kind), s.key("ids", kind), s.key("history", kind))
	}
	for _, station := range stations {
		keys = append(keys, s.key("asrun", station), s.key("instants", station))
	}
	return s.client.Del(ctx, keys...).Err()
}
