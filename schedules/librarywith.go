package schedules

import (
	"cmp"
	"maps"
	"slices"
)

// With is the library with one segment added or replaced. It answers as the library does that Prepare makes of the same
// segments, and shares with l what has not changed, so that it costs a small part of that.
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
	companions := next.spokenOf(before, &e)
	next.settle(&e)
	for _, id := range companions {
		i, ok := next.Index(id)
		if !ok || id == s.ID {
			continue
		}
		companion := *next.entries[i]
		next.settle(&companion)
		if companion.Life != next.entries[i].Life {
			next.entries[i] = &companion
		}
	}
	return &next
}

// insert makes room for an entry.
func (l *Library) insert(e *Entry) {
	i, _ := slices.BinarySearchFunc(l.entries, e.ID, func(e *Entry, id string) int { return cmp.Compare(e.ID, id) })
	at := int32(i)
	l.entries = slices.Insert(slices.Clip(l.entries), i, e)
	l.slots = l.slots.with(e.ID, int32(len(l.places)))
	l.places = append(slices.Clone(l.places), at)
	for slot, place := range l.places[:len(l.places)-1] {
		if place >= at {
			l.places[slot]++
		}
	}
}

// spokenOf has the new entry stand as a reader of those that it names, and answers the companions whose lives may
// change.
func (l *Library) spokenOf(before, now *Entry) (ids []string) {
	slot, _ := l.slots.get(now.ID)
	for _, id := range now.speaksOf() {
		if readers, _ := l.readers.get(id); !slices.Contains(readers, slot) {
			l.readers = l.readers.with(id, append(slices.Clip(readers), slot))
		}
	}
	ids = now.speaksOf()
	if before == nil {
		return ids
	}
	if slices.Equal(ids, before.speaksOf()) && (before.own.Dead == "") == (now.own.Dead == "") &&
		before.own.Until == now.own.Until {
		return nil
	}
	return append(ids, before.speaksOf()...)
}

// overlay is an immutable map to which entries are added at a small cost. Those that came late lie in a map of their
// own until there are many.
type overlay[V any] struct{ base, late map[string]V }

// maxLate is how many entries are copied at most when one is added.
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
