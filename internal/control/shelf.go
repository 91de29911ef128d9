package control

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"lifeline/internal/store"
)

// shelf keeps the copy of the documents of one kind.
type shelf interface {
	// read decodes documents; put takes them onto the shelf, but for those that it has in a later revision.
	read(docs []store.Document) (put func(), err error)
	// remove takes a document off that was deleted with a revision, unless a later one is here.
	remove(id string, revision int64)
	revision(id string) int64
	living() []string
	clear()
	// keeps is where the rows are.
	keeps() any
}

// rows are where a shelf puts what it has decoded.
type rows[T any] interface {
	put(id string, row held[T])
	revision(id string) int64
	living() []string
	clear()
}

// decoded is a shelf with the way to read its documents.
type decoded[T any] struct {
	rows[T]
	decode func([]byte) (T, error)
}

// copied makes a shelf with a table of what decode reads.
func copied[T any](decode func([]byte) (T, error)) func() shelf {
	return func() shelf { return decoded[T]{newTable[T](), decode} }
}

// rowsOf is where m keeps the rows of a kind, as its Copy makes it.
func rowsOf[R any](m *Mirror, kind string) R { return m.shelves[kind].keeps().(R) }

func (s decoded[T]) keeps() any { return s.rows }

func (s decoded[T]) read(docs []store.Document) (put func(), err error) {
	values := make([]held[T], len(docs))
	for i, d := range docs {
		if d.Revision <= s.revision(d.ID) {
			continue
		}
		v, err := s.decode(d.Body)
		if err != nil {
			return nil, fmt.Errorf("control: %s %s: %w", d.Kind, d.ID, err)
		}
		values[i] = held[T]{value: v, revision: d.Revision}
	}
	return func() {
		for i, row := range values {
			if row.revision > 0 {
				s.put(docs[i].ID, row)
			}
		}
	}, nil
}

func (s decoded[T]) remove(id string, revision int64) {
	s.put(id, held[T]{revision: revision, deleted: true})
}

// list takes every mirrored document, finds out what is there no more, then wakes everybody. A store that has not come
// as far as the copy had lost its data or been put back to an older state: the copy begins anew.
func (m *Mirror) list(ctx context.Context) error {
	since, err := m.store.Latest(ctx)
	if err != nil {
		return err
	}
	for kind, shelf := range m.shelves {
		if since < m.Sequence() {
			shelf.clear()
		}
		before := map[string]bool{}
		for _, id := range shelf.living() {
			before[id] = true
		}
		if err := m.listKind(ctx, kind, shelf, func(id string) { delete(before, id) }); err != nil {
			return err
		}
		for id := range before {
			if err := m.refresh(ctx, kind, id, shelf.revision(id)+1); err != nil {
				return err
			}
		}
	}
	m.mu.Lock()
	m.since, m.recent = since, nil
	m.mu.Unlock()
	m.signals.wake(anyChange)
	m.signals.wake(slices.Collect(maps.Keys(m.shelves))...)
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

// listKind takes every document of a kind. While it waits for the next ones, what has come is decoded, page beside page; it
// is put in order.
func (m *Mirror) listKind(ctx context.Context, kind string, s shelf, seen func(id string)) error {
	g, ctx := errgroup.WithContext(ctx)
	pages := make(chan *page, listAhead)
	g.Go(func() error {
		defer close(pages)
		for after := ""; ; {
			docs, err := m.store.List(ctx, kind, after, listPage)
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
				m.signals.wake(topic(kind, d.ID))
			}
		}
		return nil
	})
	return g.Wait()
}

// take puts one document onto its shelf and wakes who waits for it.
func (m *Mirror) take(d store.Document, deleted bool) error {
	s, mirrored := m.shelves[d.Kind]
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
	m.signals.wake(topic(d.Kind, d.ID))
	return nil
}
