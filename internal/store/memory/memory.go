// Package memory keeps the storage contract in the process's memory, for tests and rehearsals. Nothing survives
// the Store.
package memory

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Store holds everything behind one mutex. Values are copied on the way in and on the way out.
type Store struct {
	keep int // how many changes the feed keeps; 0: all

	mu        sync.Mutex
	documents map[string]*shelf // by kind
	changes   []store.Change    // by sequence, without a gap after trimmed
	trimmed   int64             // up to where overtaken changes are gone
	changed   chan struct{}     // closed, and replaced, at each commit
	asrun     map[string]map[int64]store.Entry
	leases    map[string]lease
}

// shelf holds the documents of one kind.
type shelf struct {
	ids    []string // of the living, in byte order
	living map[string]store.Document
	graves map[string]int64 // last revision of the deleted
}

// New is an empty Store. Its feed keeps the latest keep changes, or all of them when keep is 0; the audit keeps
// all.
func New(keep int) *Store {
	return &Store{
		keep:      keep,
		documents: make(map[string]*shelf),
		changed:   make(chan struct{}),
		asrun:     make(map[string]map[int64]store.Entry),
		leases:    make(map[string]lease),
	}
}

// Ping fails only with ctx's error.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Close has nothing to release: the Store stays as it is, so that closing and using it again is a reopening.
func (s *Store) Close() error { return nil }

// Get fails with NotFound.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if err := ctx.Err(); err != nil {
		return store.Document{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.shelf(kind).living[id]
	if !ok {
		return store.Document{}, fault.New(fault.NotFound, "no %s %q", kind, id)
	}
	d.Body = bytes.Clone(d.Body)
	return d, nil
}

// List returns up to limit documents with ids after after, in byte order.
func (s *Store) List(ctx context.Context, kind, after string, limit int) ([]store.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fault.New(fault.Invalid, "the limit of a list is at least 1, not %d", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shelf := s.shelf(kind)
	from, found := slices.BinarySearch(shelf.ids, after)
	if found {
		from++
	}
	ids := shelf.ids[from:min(from+limit, len(shelf.ids))]
	page := make([]store.Document, len(ids))
	for i, id := range ids {
		page[i] = shelf.living[id]
		page[i].Body = bytes.Clone(page[i].Body)
	}
	return page, nil
}

func (s *Store) shelf(kind string) *shelf {
	k := s.documents[kind]
	if k == nil {
		k = &shelf{living: make(map[string]store.Document), graves: make(map[string]int64)}
		s.documents[kind] = k
	}
	return k
}
