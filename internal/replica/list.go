package replica

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/store"
)

// kindCache is the cache of one kind.
type kindCache interface {
	// read decodes documents. put stores them in the cache, except where it has a later revision.
	read(docs []store.Document) (put func(), err error)
	// remove deletes a document at a revision, unless the cache has a later one.
	remove(id string, revision int64)
	Revision(id string) int64
	Living() []string
	Clear()
	// keeps returns the typed cache.
	keeps() any
	// members returns those of the document at a revision, as it is stored; nil if the cache has it not so.
	members(id string, revision int64, form reflect.Type) map[string]any
}

// cacheRows stores decoded rows.
type cacheRows[T any] interface {
	Put(id string, row Row[T])
	// held returns a document and its revision; nil if there is none.
	held(id string) (value any, revision int64)
	Revision(id string) int64
	Living() []string
	Clear()
}

// decodingCache is a cache with the decoder of its documents.
type decodingCache[T any] struct {
	cacheRows[T]
	decode func([]byte) (T, error)
}

// Copied returns a Kind.Copy that caches the results of decode.
func Copied[T any](decode func([]byte) (T, error)) func() kindCache {
	return func() kindCache { return decodingCache[T]{newCache[T](), decode} }
}

// CacheOf returns m's cache of a kind, as the kind's Copy made it.
func CacheOf[R any](m *Replica, kind string) R { return m.caches[kind].keeps().(R) }

func (s decodingCache[T]) keeps() any { return s.cacheRows }

func (s decodingCache[T]) read(docs []store.Document) (put func(), err error) {
	values := make([]Row[T], len(docs))
	for i, d := range docs {
		if d.Revision <= s.Revision(d.ID) {
			continue
		}
		v, err := s.decode(d.Body)
		if err != nil {
			return nil, fmt.Errorf("replica: %s %s: %w", d.Kind, d.ID, err)
		}
		values[i] = Row[T]{Value: v, Revision: d.Revision}
	}
	return func() {
		for i, row := range values {
			if row.Revision > 0 {
				s.Put(docs[i].ID, row)
			}
		}
	}, nil
}

func (s decodingCache[T]) members(id string, revision int64, form reflect.Type) map[string]any {
	value, at := s.held(id)
	if at != revision || reflect.TypeOf(value) != form {
		return nil
	}
	body, err := Encode(value)
	if err != nil {
		return nil
	}
	return Members(body)
}

func (s decodingCache[T]) remove(id string, revision int64) {
	s.Put(id, Row[T]{Revision: revision, Deleted: true})
}

// list reads every cached document, removes rows that no longer exist, and then wakes all waiters. If the store's
// sequence is behind the replica's, the store has lost data or was restored, and list fills the caches from the start.
func (m *Replica) list(ctx context.Context) error {
	since, err := m.Store.Latest(ctx)
	if err != nil {
		return err
	}
	setBack := since < m.Sequence()
	for kind, cache := range m.caches {
		if setBack {
			cache.Clear()
		}
		before := map[string]bool{}
		for _, id := range cache.Living() {
			before[id] = true
		}
		if err := m.listKind(ctx, kind, cache, func(id string) { delete(before, id) }); err != nil {
			return err
		}
		for id := range before {
			if err := m.refresh(ctx, kind, id, cache.Revision(id)+1); err != nil {
				return err
			}
		}
	}
	if err := m.acts.read(ctx, m.Store, setBack); err != nil {
		return err
	}
	m.mu.Lock()
	m.since, m.recent = since, nil
	m.mu.Unlock()
	m.Signals.Wake(anyChange)
	m.Signals.Wake(slices.Collect(maps.Keys(m.caches))...)
	return nil
}

// The sizes of a listing: the documents of a page, and the pages that are read ahead of decoding.
const (
	listPage  = 1000
	listAhead = 4
)

// page is a page of documents and the result of decoding them.
type page struct {
	docs []store.Document
	put  func()
	err  error
	done chan struct{}
}

// listKind reads every document of a kind. It decodes pages concurrently while it reads the next ones, and stores them
// in order.
func (m *Replica) listKind(ctx context.Context, kind string, s kindCache, seen func(id string)) error {
	g, ctx := errgroup.WithContext(ctx)
	pages := make(chan *page, listAhead)
	g.Go(func() error {
		defer close(pages)
		for after := ""; ; {
			docs, err := m.Store.List(ctx, kind, after, listPage)
			if err != nil {
				return err
			}
			p := &page{docs: docs, done: make(chan struct{})}
			select {
			case pages <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				defer close(p.done)
				p.put, p.err = s.read(p.docs)
				return p.err
			})
			if len(docs) < listPage {
				return nil
			}
			after = docs[len(docs)-1].ID
		}
	})
	g.Go(func() error {
		for p := range pages {
			<-p.done
			if p.err != nil {
				return p.err
			}
			p.put()
			for _, d := range p.docs {
				seen(d.ID)
				m.Signals.Wake(Topic(kind, d.ID))
			}
		}
		return nil
	})
	return g.Wait()
}

// take stores one document in its cache and wakes those who wait for it.
func (m *Replica) take(d store.Document, deleted bool) error {
	s, mirrored := m.caches[d.Kind]
	if !mirrored {
		return nil
	}
	if deleted {
		s.remove(d.ID, d.Revision)
	} else {
		put, err := s.read([]store.Document{d})
		if err != nil {
			return err
		}
		put()
	}
	m.Signals.Wake(Topic(d.Kind, d.ID))
	return nil
}
