package replica

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/store"
)

// kindCache keeps the copy of the documents of one kind.
type kindCache interface {
	// read decodes documents; put takes them onto the cache, but for those that it has in a later revision.
	read(docs []store.Document) (put func(), err error)
	// remove takes a document off that was deleted with a revision, unless a later one is here.
	remove(id string, revision int64)
	Revision(id string) int64
	Living() []string
	Clear()
	// keeps is where the rows are.
	keeps() any
}

// cacheRows are where a cache puts what it has decoded.
type cacheRows[T any] interface {
	Put(id string, row Row[T])
	Revision(id string) int64
	Living() []string
	Clear()
}

// decodingCache is a cache with the way to read its documents.
type decodingCache[T any] struct {
	cacheRows[T]
	decode func([]byte) (T, error)
}

// Copied makes a cache with a cache of what decode reads.
func Copied[T any](decode func([]byte) (T, error)) func() kindCache {
	return func() kindCache { return decodingCache[T]{newCache[T](), decode} }
}

// CacheOf is where m keeps the rows of a kind, as its Copy makes it.
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

func (s decodingCache[T]) remove(id string, revision int64) {
	s.Put(id, Row[T]{Revision: revision, Deleted: true})
}

// list takes every copied document, finds out what is there no more, then wakes everybody. A store that has not come
// as far as the copy had lost its data or been put back to an older state: the copy begins anew.
func (m *Replica) list(ctx context.Context) error {
	since, err := m.Store.Latest(ctx)
	if err != nil {
		return err
	}
	for kind, cache := range m.caches {
		if since < m.Sequence() {
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
	m.mu.Lock()
	m.since, m.recent = since, nil
	m.mu.Unlock()
	m.Signals.Wake(anyChange)
	m.Signals.Wake(slices.Collect(maps.Keys(m.caches))...)
	return nil
}

// A listing reads so many documents at once, and is so many pages ahead of what is decoded.
const (
	listPage  = 1000
	listAhead = 4
)

// page is some documents of a listing, and what comes of decoding them.
type page struct {
	docs []store.Document
	put  func()
	err  error
	done chan struct{}
}

// listKind takes every document of a kind. While it waits for the next ones, what has come is decoded, page beside
// page; it is put in order.
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

// take puts one document onto its cache and wakes who waits for it.
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
