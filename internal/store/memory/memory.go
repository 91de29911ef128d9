// Package memory implements the storage contract in the process's memory, for tests and rehearsals. Its content ends
// with the Store.
package memory

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Store guards all its content with one mutex. It copies values on the way in and on the way out.
type Store struct {
	keep int // number of changes that the feed keeps; 0 means all

	mu        sync.Mutex
	documents map[string]*collection // by kind
	changes   []store.Change         // consecutive by sequence after trimmed
	trimmed   int64                  // superseded changes up to this one are removed
	changed   chan struct{}          // closed and replaced at each commit
	asrun     map[string]map[int64]store.Entry
	leases    map[string]lease
}

// collection holds the documents of one kind.
type collection struct {
	ids    []string // of the existing documents, in byte order
	living map[string]store.Document
	graves map[string]int64 // last revisions of deleted documents
}

// New returns an empty Store. Its feed keeps the latest keep changes, or all of them if keep is 0; the audit keeps all.
func New(keep int) *Store {
	return &Store{
		keep:      keep,
		documents: make(map[string]*collection),
		changed:   make(chan struct{}),
		asrun:     make(map[string]map[int64]store.Entry),
		leases:    make(map[string]lease),
	}
}

// Ping fails only with ctx's error.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Close releases nothing and keeps the content, so that further use of the Store simulates reopening it.
func (s *Store) Close() error { return nil }

// Get returns the document. It fails with NotFound.
func (s *Store) Get(ctx context.Context, kind, id string) (store.Document, error) {
	if err := ctx.Err(); err != nil {
		return store.Document{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.collection(kind).living[id]
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
	documents := s.collection(kind)
	from, found := slices.BinarySearch(documents.ids, after)
	if found {
		from++
	}
	ids := documents.ids[from:min(from+limit, len(documents.ids))]
	page := make([]store.Document, len(ids))
	for i, id := range ids {
		page[i] = documents.living[id]
		page[i].Body = bytes.Clone(page[i].Body)
	}
	return page, nil
}

func (s *Store) collection(kind string) *collection {
	k := s.documents[kind]
	if k == nil {
		k = &collection{living: make(map[string]store.Document), graves: make(map[string]int64)}
		s.documents[kind] = k
	}
	return k
}
