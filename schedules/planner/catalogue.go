package planner

import (
	"cmp"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"lifeline/schedules"
)

// Catalogue is a library compiled for planning. It holds what a plan asks about segments thousands of times, by number
// instead of by name. It is immutable and safe for concurrent use.
type Catalogue struct {
	library  *schedules.Library
	source   []*schedules.Entry // entries of the library
	entries  []*entry           // compiled from source, in its order
	rotation []int32            // all entries ordered by a hash of the id: the due order before anything has aired
	values   *numbering
	classes  *sync.Map // key -> *classOf
}

// entry is an entry of a library with the values that planning needs.
type entry struct {
	*schedules.Entry
	ms     int64  // air time
	from   int64  // earliest start, Unix ms
	till   int64  // latest end, Unix ms
	idHash uint64 // a hash of the id
	// values of the attributes that rules separate and count; 0: none
	attrs [schedules.AttributeTag]int32
	tags  []int32
}

// Compile compiles a library. If a catalogue of a slightly different library exists, Follow is faster.
func Compile(l *schedules.Library) *Catalogue {
	source := l.Entries()
	n := len(source)
	c := &Catalogue{library: l, source: source, entries: make([]*entry, n), rotation: make([]int32, n),
		values: newNumbering(n), classes: &sync.Map{}}
	block := make([]entry, n)
	for i, e := range source {
		block[i] = c.values.entry(e)
		c.entries[i], c.rotation[i] = &block[i], int32(i)
	}
	slices.SortFunc(c.rotation, c.inRotation)
	return c
}

// Library returns the library that the catalogue was compiled from.
func (c *Catalogue) Library() *schedules.Library { return c.library }

// maxFollowed is the largest number of changed segments that Follow applies one by one.
const maxFollowed = 32

// Follow returns the catalogue of a library that differs from this one's by a few changes, and shares the unchanged
// parts. It plans exactly like a catalogue that Compile makes of the same library.
func (c *Catalogue) Follow(l *schedules.Library) *Catalogue {
	if c.library == l {
		return c
	}
	source := l.Entries()
	steps, ok := c.steps(source)
	if !ok {
		return Compile(l)
	}
	next := *c
	for _, s := range steps {
		next = next.after(s)
	}
	next.library, next.source = l, source
	return &next
}

// step is one entry that was added or replaced another.
type step struct {
	place   int32
	came    bool
	entry   *schedules.Entry
	before  *entry // the replaced entry
	current *entry
}

// steps returns the changes that turn the catalogue's source into that of another library, in order of their places. ok
// is false if entries were removed or too many have changed.
func (c *Catalogue) steps(source []*schedules.Entry) (out []step, ok bool) {
	old := c.source
	for i, e := range source {
		switch {
		case len(old) > 0 && old[0] == e:
			old = old[1:]
			continue
		case len(old) > 0 && old[0].ID == e.ID:
			out = append(out, step{place: int32(i), entry: e})
			old = old[1:]
		case len(old) == 0 || old[0].ID > e.ID:
			out = append(out, step{place: int32(i), entry: e, came: true})
		default:
			return nil, false
		}
		if len(out) > maxFollowed {
			return nil, false
		}
	}
	return out, len(old) == 0
}

// after returns the catalogue after one change.
func (c Catalogue) after(s step) Catalogue {
	e := c.values.entry(s.entry)
	s.current = &e
	next := c
	next.classes = &sync.Map{}
	if s.came {
		next.entries = slices.Insert(slices.Clip(c.entries), int(s.place), &e)
		rotation := shifted(c.rotation, s.place)
		at, _ := slices.BinarySearchFunc(rotation, s.place, next.inRotation)
		next.rotation = slices.Insert(rotation, at, s.place)
	} else {
		s.before = c.entries[s.place]
		next.entries = slices.Clone(c.entries)
		next.entries[s.place] = &e
	}
	count := 0
	c.classes.Range(func(key, value any) bool {
		next.classes.Store(key, value.(*classOf).after(&next, s))
		count++
		return count < maxClasses
	})
	return next
}

// shifted returns a list of places after an insertion at place at.
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

// maxClasses bounds how many classes a change carries over. Further classes are computed again on demand.
const maxClasses = 256

// inRotation compares two places by the rotation order of their segments.
func (c *Catalogue) inRotation(a, b int32) int {
	return cmp.Or(cmp.Compare(c.entries[a].idHash, c.entries[b].idHash), cmp.Compare(a, b))
}

// index returns the place of a segment in entries.
func (c *Catalogue) index(id string) (int32, bool) { return c.library.Index(id) }

// lookup returns the number of an attribute's value, or -1 if no segment has it.
func (c *Catalogue) lookup(a schedules.Attribute, v string) int32 {
	if n, ok := c.values.get(a, v); ok {
		return n
	}
	return -1
}

// matchValues returns the numbers of a match's values. A -1 among them matches nothing.
func (c *Catalogue) matchValues(o schedules.Of) []int32 {
	var out []int32
	for a := range schedules.AttributeTag + 1 {
		if v, ok := o.Match[a.String()]; ok {
			out = append(out, c.lookup(a, v))
		}
	}
	return out
}

// numbering assigns numbers from 1 to the values of attributes. A catalogue and its followers share one, so numbers
// never change.
type numbering struct {
	mu sync.RWMutex
	of map[attributeValue]int32
}

type attributeValue struct {
	attribute schedules.Attribute
	value     string
}

func newNumbering(n int) *numbering { return &numbering{of: make(map[attributeValue]int32, n)} }

func (n *numbering) get(a schedules.Attribute, v string) (int32, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	i, ok := n.of[attributeValue{a, v}]
	return i, ok
}

// number returns the value's number, and assigns one if necessary. The empty value has number 0.
func (n *numbering) number(a schedules.Attribute, v string) int32 {
	if v == "" {
		return 0
	}
	key := attributeValue{a, v}
	i, ok := n.of[key]
	if !ok {
		i = int32(len(n.of) + 1)
		n.of[key] = i
	}
	return i
}

// entry compiles an entry of a library.
func (n *numbering) entry(of *schedules.Entry) entry {
	h := fnv.New64a()
	h.Write([]byte(of.ID))
	e := entry{Entry: of, ms: of.Recording.AirTime().Milliseconds(), idHash: mix(h.Sum64()), from: minTime, till: maxTime}
	if !of.Life.From.IsZero() {
		e.from = of.Life.From.UnixMilli()
	}
	if !of.Life.Until.IsZero() {
		e.till = of.Life.Until.UnixMilli()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for a := range schedules.AttributeTag {
		e.attrs[a] = n.number(a, a.Value(&of.Segment))
	}
	for _, t := range slices.Compact(slices.Sorted(slices.Values(of.Tags))) {
		e.tags = append(e.tags, n.number(schedules.AttributeTag, t))
	}
	return e
}

// has reports whether the entry has all of the values, of which there must be at least one.
func (e *entry) has(values []int32) bool {
next:
	for _, v := range values {
		for _, own := range e.attrs {
			if own == v {
				continue next
			}
		}
		for _, own := range e.tags {
			if own == v {
				continue next
			}
		}
		return false
	}
	return len(values) > 0
}

// valuesOf returns the values that the segment counts as: its value of an attribute, or its tags.
func (e *entry) valuesOf(a schedules.Attribute) []int32 {
	switch {
	case a == schedules.AttributeTag:
		return e.tags
	case e.attrs[a] == 0:
		return nil
	}
	return e.attrs[a : a+1]
}

// minTime and maxTime are before and after all times, in Unix ms.
const (
	minTime = -1 << 62
	maxTime = 1<<62 - 1
)

// instant converts a Unix time in milliseconds. minTime becomes the zero Instant.
func instant(ms int64) schedules.Instant {
	if ms == minTime {
		return schedules.Instant{}
	}
	return schedules.At(time.UnixMilli(ms))
}

// mix spreads the bits of x (SplitMix64's finaliser).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
