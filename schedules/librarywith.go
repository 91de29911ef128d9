package schedules

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// With is the library with one segment added or replaced. It plans as the library does that Prepare makes of the same
// segments, and shares with l what has not changed, so that it costs a small part of that.
func (l *Library) With(s Segment) *Library {
	next := *l
	next.classes = &sync.Map{}
	e := next.newEntry(s, func(key string) int32 {
		next.values = next.values.with(key, next.valueCount)
		return next.valueCount
	})
	at, found := next.place(s.ID)
	var before *entry
	if found {
		before = l.entries[at]
		next.entries = slices.Clone(l.entries)
		next.entries[at] = &e
	} else {
		at = next.insert(&e)
	}
	changed := []change{{at, before, &e}}
	companions := next.spokenOf(before, &e)
	next.settle(&e)
	for _, id := range companions {
		i, ok := next.place(id)
		if !ok || i == at {
			continue
		}
		companion := *next.entries[i]
		next.settle(&companion)
		if companion.life != next.entries[i].life {
			changed = append(changed, change{i, next.entries[i], &companion})
			next.entries[i] = &companion
		}
	}
	inserted := at
	if found {
		inserted = -1
	}
	next.carry(l, inserted, changed)
	return &next
}

// insert makes room for an entry and answers its place.
func (l *Library) insert(e *entry) int32 {
	i, _ := slices.BinarySearchFunc(l.entries, e.ID, func(e *entry, id string) int { return cmp.Compare(e.ID, id) })
	at := int32(i)
	entries := make([]*entry, 0, len(l.entries)+1)
	l.entries = append(append(append(entries, l.entries[:i]...), e), l.entries[i:]...)
	l.slots = l.slots.with(e.ID, int32(len(l.places)))
	l.places = append(shifted(l.places, at), at)
	rotation := shifted(l.rotation, at)
	turn, _ := slices.BinarySearchFunc(rotation, at, l.inRotation)
	l.rotation = slices.Insert(rotation, turn, at)
	return at
}

// shifted is a list of places after another has come in.
func shifted(places []int32, at int32) []int32 {
	out := make([]int32, len(places), len(places)+1)
	for k, i := range places {
		if i >= at {
			i++
		}
		out[k] = i
	}
	return out
}

// spokenOf has the new entry stand as a reader of those that it names, and answers the companions whose lives may change.
func (l *Library) spokenOf(before, now *entry) (ids []string) {
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
	if slices.Equal(ids, before.speaksOf()) && (before.own.Dead == "") == (now.own.Dead == "") && before.own.Until == now.own.Until {
		return nil
	}
	return append(ids, before.speaksOf()...)
}

// change is an entry that took the place of another; before is nil for one that came in.
type change struct {
	place       int32
	before, now *entry
}

// maxClasses bounds how many classes are carried on: beyond it they are found anew when they are asked for.
const maxClasses = 256

// carry takes over the classes of the library before, with what has changed. inserted is the place of an entry that came in;
// below zero: none did.
func (l *Library) carry(from *Library, inserted int32, changed []change) {
	count := 0
	from.classes.Range(func(key, value any) bool {
		l.classes.Store(key, value.(*classOf).after(l, inserted, changed))
		count++
		return count < maxClasses
	})
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
