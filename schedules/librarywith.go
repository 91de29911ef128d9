package schedules

import (
	"cmp"
	"maps"
	"slices"
)

// With returns the library with one segment added or replaced. The result equals the library that Prepare builds from
// the same segments, but shares all unchanged entries with l and so costs far less.
func (l *Library) With(s Segment) *Library {
	next := *l
	e := next.newEntry(s)
	at, found := next.Index(s.ID)
	var before *Entry
	if found {
		before = l.entries[at]
		next.entries = slices.Clone(l.entries)
		next.entries[at] = &e
	} else {
		next.insert(&e)
	}
	companions := next.indexCompanions(before, &e)
	next.applyRulings(&e)
	for _, id := range companions {
		i, ok := next.Index(id)
		if !ok || id == s.ID {
			continue
		}
		companion := *next.entries[i]
		next.applyRulings(&companion)
		if companion.Life != next.entries[i].Life {
			next.entries[i] = &companion
		}
	}
	return &next
}

// insert adds an entry at its place in the order of ids.
func (l *Library) insert(e *Entry) {
	i, _ := slices.BinarySearchFunc(l.entries, e.ID, func(e *Entry, id string) int { return cmp.Compare(e.ID, id) })
	at := int32(i)
	l.entries = slices.Insert(slices.Clip(l.entries), i, e)
	l.numbers = l.numbers.with(e.ID, int32(len(l.indexes)))
	l.indexes = append(slices.Clone(l.indexes), at)
	for number, index := range l.indexes[:len(l.indexes)-1] {
		if index >= at {
			l.indexes[number]++
		}
	}
}

// indexCompanions records the new entry as a reader of the companions that it names, and returns the companions whose
// lives may change.
func (l *Library) indexCompanions(before, now *Entry) (ids []string) {
	number, _ := l.numbers.get(now.ID)
	for _, id := range now.companions() {
		if readers, _ := l.readers.get(id); !slices.Contains(readers, number) {
			l.readers = l.readers.with(id, append(slices.Clip(readers), number))
		}
	}
	ids = now.companions()
	if before == nil {
		return ids
	}
	if slices.Equal(ids, before.companions()) && (before.own.BlockedBecause == "") == (now.own.BlockedBecause == "") &&
		before.own.Until == now.own.Until {
		return nil
	}
	return append(ids, before.companions()...)
}

// overlay is an immutable map that is cheap to extend. It keeps the latest entries in a small map of their own, and
// merges them into the base when there are many.
type overlay[V any] struct{ base, late map[string]V }

// maxLate is the largest number of entries that are copied when one is added.
const maxLate = 256

func (o overlay[V]) get(key string) (V, bool) {
	if len(o.late) > 0 {
		if v, ok := o.late[key]; ok {
			return v, true
		}
	}
	v, ok := o.base[key]
	return v, ok
}

func (o overlay[V]) with(key string, v V) overlay[V] {
	late := make(map[string]V, len(o.late)+1)
	maps.Copy(late, o.late)
	late[key] = v
	if len(late) <= maxLate {
		return overlay[V]{o.base, late}
	}
	base := make(map[string]V, len(o.base)+len(late))
	maps.Copy(base, o.base)
	maps.Copy(base, late)
	return overlay[V]{base: base}
}
