package planner

import (
	"fmt"
	"slices"
	"strings"

	"lifeline/schedules"
)

// classOf holds the segments that match a selector: either, in rotation order, those that may air and are in one of the
// languages, or all of them as a set.
type classOf struct {
	selector  *schedules.Selector
	languages []string
	list      []int32
	set       bitset
}

// bitset is a set of places in the library's entries.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) add(i int32) { b[i>>6] |= 1 << (i & 63) }

func (b bitset) has(i int32) bool { return b[i>>6]>>(i&63)&1 != 0 }

// class returns the segments that may air at some time, match the selector and are in one of the languages, in the
// catalogue's rotation order.
func (c *Catalogue) class(s *schedules.Selector, languages []string) []int32 {
	key := classKey(s) + strings.Join(languages, " ")
	if known, ok := c.classes.Load(key); ok {
		return known.(*classOf).list
	}
	of := &classOf{selector: copied(s), languages: slices.Clone(languages), list: []int32{}}
	for _, i := range c.rotation {
		if of.has(c.entries[i]) {
			of.list = append(of.list, i)
		}
	}
	kept, _ := c.classes.LoadOrStore(key, of)
	return kept.(*classOf).list
}

// members returns the set of segments that match the selector.
func (c *Catalogue) members(s *schedules.Selector) bitset {
	key := "members " + classKey(s)
	if known, ok := c.classes.Load(key); ok {
		return known.(*classOf).set
	}
	of := &classOf{selector: copied(s), set: newBitset(len(c.entries))}
	for i, e := range c.entries {
		if of.has(e) {
			of.set.add(int32(i))
		}
	}
	kept, _ := c.classes.LoadOrStore(key, of)
	return kept.(*classOf).set
}

// classKey returns a key that identifies a selector's class of segments.
func classKey(s *schedules.Selector) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%q %q %q %q %q %q %d %d", s.Kinds, s.Language, s.Tags, s.Script, s.Voice, s.Series, s.Min.Duration,
		s.Max.Duration)
}

// copied returns a copy of a selector that shares no memory with s.
func copied(s *schedules.Selector) *schedules.Selector {
	if s == nil {
		return nil
	}
	c := *s
	c.Kinds, c.Tags = slices.Clone(s.Kinds), slices.Clone(s.Tags)
	return &c
}

func (c *classOf) has(e *entry) bool {
	return c.selector.Matches(&e.Segment) && (c.set != nil || e.Fit && schedules.Speaks(e.Language, c.languages))
}

// after returns the class in the catalogue l, which the change s led to.
func (c *classOf) after(l *Catalogue, s step) *classOf {
	next := *c
	own := s.came // whether next owns its memory
	switch {
	case own && c.set != nil:
		next.set = c.set.inserted(s.place, len(l.entries))
	case own:
		next.list = shifted(c.list, s.place)
	}
	is := c.has(s.current)
	if is == (s.before != nil && c.has(s.before)) {
		return &next
	}
	if !own {
		next.list, next.set = slices.Clone(c.list), slices.Clone(c.set)
	}
	if c.set != nil {
		next.set[s.place>>6] ^= 1 << (s.place & 63)
		return &next
	}
	at, _ := slices.BinarySearchFunc(next.list, s.place, l.inRotation)
	if is {
		next.list = slices.Insert(next.list, at, s.place)
	} else {
		next.list = slices.Delete(next.list, at, at+1)
	}
	return &next
}

// inserted returns the set, now of n places, after a place was inserted at at. The new place is not in the set.
func (b bitset) inserted(at int32, n int) bitset {
	out := newBitset(n)
	copy(out, b)
	carry := uint64(0)
	for k := int(at >> 6); k < len(out); k++ {
		v, low := out[k], uint64(0)
		if k == int(at>>6) {
			low = 1<<(at&63) - 1
		}
		out[k] = v&low | (v&^low)<<1 | carry
		carry = v >> 63
	}
	return out
}
