package schedules

import (
	"slices"
	"strings"
)

// classOf is the segments that a selector selects: in rotation order those that may air and speak one of some languages, or
// as a set all of them.
type classOf struct {
	selector  *Selector
	languages []string
	list      []int32
	set       bitset
}

// bitset is a set of places in the library's entries.
type bitset []uint64

func (b bitset) has(i int32) bool { return b[i>>6]>>(i&63)&1 != 0 }

// class lists the segments that may air at some time, match the selector and speak one of the languages, in the
// library's rotation order.
func (l *Library) class(s *Selector, languages []string) []int32 {
	key := s.key() + strings.Join(languages, " ")
	if c, ok := l.classes.Load(key); ok {
		return c.(*classOf).list
	}
	c := &classOf{selector: s.copied(), languages: slices.Clone(languages), list: []int32{}}
	for _, i := range l.rotation {
		if c.has(l.entries[i]) {
			c.list = append(c.list, i)
		}
	}
	kept, _ := l.classes.LoadOrStore(key, c)
	return kept.(*classOf).list
}

// members is the set of segments that match the selector.
func (l *Library) members(s *Selector) bitset {
	key := "members " + s.key()
	if c, ok := l.classes.Load(key); ok {
		return c.(*classOf).set
	}
	c := &classOf{selector: s.copied(), set: make(bitset, (len(l.entries)+63)/64)}
	for i, e := range l.entries {
		if c.has(e) {
			c.set[i>>6] |= 1 << (i & 63)
		}
	}
	kept, _ := l.classes.LoadOrStore(key, c)
	return kept.(*classOf).set
}

// copied is a selector that whoever has s may not change.
func (s *Selector) copied() *Selector {
	if s == nil {
		return nil
	}
	c := *s
	c.Kinds, c.Tags = slices.Clone(s.Kinds), slices.Clone(s.Tags)
	return &c
}

func (c *classOf) has(e *entry) bool {
	return c.selector.Matches(&e.Segment) && (c.set != nil || e.fit && Speaks(e.Language, c.languages))
}

// after is the class in a library in which something has changed.
func (c *classOf) after(l *Library, inserted int32, changed []change) *classOf {
	next := *c
	own := false // whether next has memory of its own
	if inserted >= 0 {
		own = true
		if c.set != nil {
			next.set = c.set.inserted(inserted, len(l.entries))
		} else {
			next.list = shifted(c.list, inserted)
		}
	}
	for _, ch := range changed {
		is := c.has(ch.now)
		if is == (ch.before != nil && c.has(ch.before)) {
			continue
		}
		if !own {
			next.list, next.set, own = slices.Clone(c.list), slices.Clone(c.set), true
		}
		switch {
		case c.set != nil:
			next.set[ch.place>>6] ^= 1 << (ch.place & 63)
		default:
			turn, _ := slices.BinarySearchFunc(next.list, ch.place, l.inRotation)
			if is {
				next.list = slices.Insert(next.list, turn, ch.place)
			} else {
				next.list = slices.Delete(next.list, turn, turn+1)
			}
		}
	}
	return &next
}

// inserted is the set, of n places then, after a place that it has not came in.
func (b bitset) inserted(at int32, n int) bitset {
	out := make(bitset, (n+63)/64)
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
