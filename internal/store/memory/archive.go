package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Export calls begin with the change up to which changes are trimmed, document with every document by kind and id,
// change with every change by sequence, and entry with every as-run entry by station and sequence, all as of one
// instant. It stops at the first error that they return.
func (s *Store) Export(ctx context.Context, begin func(trimmed int64) error, document func(store.Document) error,
	change func(store.Change) error, entry func(store.Entry) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := begin(s.trimmed); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(s.documents)) {
		for _, id := range s.documents[kind].ids {
			d := s.documents[kind].living[id]
			d.Body = bytes.Clone(d.Body)
			if err := cmp.Or(ctx.Err(), document(d)); err != nil {
				return err
			}
		}
	}
	for _, c := range s.changes {
		if err := cmp.Or(ctx.Err(), change(c)); err != nil {
			return err
		}
	}
	for _, station := range slices.Sorted(maps.Keys(s.asrun)) {
		for _, n := range slices.Sorted(maps.Keys(s.asrun[station])) {
			e := s.asrun[station][n]
			e.Body = bytes.Clone(e.Body)
			if err := cmp.Or(ctx.Err(), entry(e)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Import imports the result of an Export, in its order, all or nothing. It fails with Conflict unless the Store is
// empty, with Invalid if the parts are inconsistent, and with the first error of the sequences.
func (s *Store) Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error],
	changes iter.Seq2[store.Change, error], entries iter.Seq2[store.Entry, error]) error {
	read := New(s.keep)
	read.trimmed = trimmed
	for d, err := range documents {
		if err := cmp.Or(err, ctx.Err(), read.take(d)); err != nil {
			return err
		}
	}
	for c, err := range changes {
		if err := cmp.Or(err, ctx.Err(), read.follow(c)); err != nil {
			return err
		}
	}
	for e, err := range entries {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if fresh, err := read.Append(ctx, []store.Entry{e}); err != nil {
			return err
		} else if !fresh[0] {
			return fault.New(fault.Invalid, "the archive has report %d of %q twice", e.Sequence, e.Station)
		}
	}
	if err := read.finish(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.changes) > 0 || len(s.asrun) > 0 {
		return fault.New(fault.Conflict, "the store is not empty")
	}
	s.documents, s.changes, s.trimmed, s.asrun = read.documents, read.changes, trimmed, read.asrun
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *Store) take(d store.Document) error {
	if !store.ValidName(d.Kind) || !store.ValidName(d.ID) || d.Revision < 1 {
		return fault.New(fault.Invalid, "the archive has a document %q %q at revision %d", d.Kind, d.ID, d.Revision)
	}
	k := s.collection(d.Kind)
	at, found := slices.BinarySearch(k.ids, d.ID)
	if found {
		return fault.New(fault.Invalid, "the archive has %s %q twice", d.Kind, d.ID)
	}
	k.ids = slices.Insert(k.ids, at, d.ID)
	d.Body = bytes.Clone(d.Body)
	k.living[d.ID] = d
	return nil
}

// follow adds a change. Until all changes are there, graves holds the last revision of every document.
func (s *Store) follow(c store.Change) error {
	if err := store.Follows(s.trimmed, s.latest(), c.Sequence); err != nil {
		return err
	}
	s.changes = append(s.changes, c)
	if c.Kind != "" {
		s.collection(c.Kind).graves[c.ID] = c.Revision
		if c.Deleted {
			s.collection(c.Kind).graves[c.ID] = -c.Revision
		}
	}
	return nil
}

// finish checks that the documents have the revisions to which the changes led.
func (s *Store) finish() error {
	if s.trimmed > 0 && s.latest() <= s.trimmed {
		return fault.New(fault.Invalid, "the archive lacks change %d", s.trimmed+1)
	}
	for kind, k := range s.documents {
		for id, d := range k.living {
			if k.graves[id] != d.Revision {
				return fault.New(fault.Invalid, "the archive's %s %q is not at the revision of its last change", kind, id)
			}
			delete(k.graves, id)
		}
		for id, revision := range k.graves {
			if revision > 0 {
				return fault.New(fault.Invalid, "the archive lacks %s %q", kind, id)
			}
			k.graves[id] = -revision
		}
	}
	return nil
}
