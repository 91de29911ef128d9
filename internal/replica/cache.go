package replica

import (
	"iter"
	"slices"
	"strings"
	"sync"
)

// Row is a document in the replica.
type Row[T any] struct {
	Value    T
	Revision int64 // of the document
	Deleted  bool
}

// Cache holds the decoded documents of one kind. Its values are shared: readers must not change what they point to.
type Cache[T any] struct {
	mu         sync.RWMutex
	rows       map[string]Row[T]
	ids        []string // sorted; nil when it must be built again
	generation int64    // counts changes
}

func newCache[T any]() *Cache[T] { return &Cache[T]{rows: make(map[string]Row[T])} }

// Put stores a row unless the cache has a later revision.
func (t *Cache[T]) Put(id string, row Row[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known := t.rows[id]
	if known && old.Revision >= row.Revision {
		return
	}
	if !known || old.Deleted != row.Deleted {
		t.ids = nil
	}
	t.rows[id] = row
	t.generation++
}

// Revision returns the latest known revision of a document, deleted or not.
func (t *Cache[T]) Revision(id string) int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rows[id].Revision
}

func (t *Cache[T]) Get(id string) (Row[T], bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	row, ok := t.rows[id]
	return row, ok && !row.Deleted
}

func (t *Cache[T]) held(id string) (value any, revision int64) {
	row, ok := t.Get(id)
	if !ok {
		return nil, 0
	}
	return row.Value, row.Revision
}

// Changes returns the number of changes so far.
func (t *Cache[T]) Changes() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.generation
}

// After yields the rows whose ids start with prefix and follow the given id, in byte order. It reads the cache anew at
// each step.
func (t *Cache[T]) After(prefix, id string) iter.Seq2[string, Row[T]] {
	return func(yield func(string, Row[T]) bool) {
		ids := t.sorted()
		start, found := slices.BinarySearch(ids, max(prefix, id))
		if found && ids[start] == id {
			start++
		}
		for _, id := range ids[start:] {
			if !strings.HasPrefix(id, prefix) {
				return
			}
			if row, ok := t.Get(id); ok && !yield(id, row) {
				return
			}
		}
	}
}

func (t *Cache[T]) sorted() []string {
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
			if !row.Deleted {
				t.ids = append(t.ids, id)
			}
		}
		slices.Sort(t.ids)
	}
	return t.ids
}

// Living returns the ids of all rows.
func (t *Cache[T]) Living() []string { return t.sorted() }

// Clear removes all rows.
func (t *Cache[T]) Clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.ids = make(map[string]Row[T]), nil
	t.generation++
}

// Forget removes the rows whose ids match. A later change of a document stores its row again.
func (t *Cache[T]) Forget(match func(id string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.rows {
		if match(id) {
			delete(t.rows, id)
			t.ids = nil
		}
	}
}
