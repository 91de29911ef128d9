package control

import (
	"iter"
	"slices"
	"strings"
	"sync"
)

// held is one document as the mirror holds it.
type held[T any] struct {
	value    T
	revision int64 // of the document
	deleted  bool
}

// table is the decoded copy of all documents of one kind. Values are shared: readers must not change what they
// point to.
type table[T any] struct {
	mu         sync.RWMutex
	rows       map[string]held[T]
	ids        []string // sorted; nil when it must be made again
	generation int64    // counts changes
}

func newTable[T any]() *table[T] { return &table[T]{rows: make(map[string]held[T])} }

// put takes a row unless a later one is there already.
func (t *table[T]) put(id string, row held[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known := t.rows[id]
	if known && old.revision >= row.revision {
		return
	}
	if !known || old.deleted != row.deleted {
		t.ids = nil
	}
	t.rows[id] = row
	t.generation++
}

// revision is the latest revision seen of a document, deleted or not.
func (t *table[T]) revision(id string) int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rows[id].revision
}

func (t *table[T]) get(id string) (held[T], bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	row, ok := t.rows[id]
	return row, ok && !row.deleted
}

// changes counts how often the table has changed.
func (t *table[T]) changes() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.generation
}

// after yields the rows whose ids start with prefix and come after the given id, in byte order, as they are at each
// step.
func (t *table[T]) after(prefix, id string) iter.Seq2[string, held[T]] {
	return func(yield func(string, held[T]) bool) {
		ids := t.sorted()
		start, found := slices.BinarySearch(ids, max(prefix, id))
		if found && ids[start] == id {
			start++
		}
		for _, id := range ids[start:] {
			if !strings.HasPrefix(id, prefix) {
				return
			}
			if row, ok := t.get(id); ok && !yield(id, row) {
				return
			}
		}
	}
}

func (t *table[T]) sorted() []string {
	t.mu.RLock()
	ids := t.ids
	t.mu.RUnlock()
	if ids != nil {
		return ids
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids == nil {
		t.ids = make([]string, 0, len(t.rows))
		for id, row := range t.rows {
			if !row.deleted {
				t.ids = append(t.ids, id)
			}
		}
		slices.Sort(t.ids)
	}
	return t.ids
}

// living are the ids of what is there.
func (t *table[T]) living() []string { return t.sorted() }

// clear drops every row.
func (t *table[T]) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.ids = make(map[string]held[T]), nil
	t.generation++
}

// forget drops the rows whose ids match. A later change of one brings it back.
func (t *table[T]) forget(match func(id string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.rows {
		if match(id) {
			delete(t.rows, id)
			t.ids = nil
		}
	}
}
