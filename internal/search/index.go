package search

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tidwall/btree"
)

// Field distinguishes the meanings of values. The owner of an Index numbers the fields from 1.
type Field uint8

// Word is the field of Words. Only its values can be found by prefix.
const Word Field = 0

// Term is a value of a thing.
type Term struct {
	Field Field
	Value string
}

// Terms holds the terms of one thing, sorted without repetition, and the thing's end; the zero time means never.
type Terms struct {
	Of   []Term
	Ends time.Time
}

// Sort brings t into the form that an Index requires.
func (t *Terms) Sort() {
	slices.SortFunc(t.Of, compareTerms)
	t.Of = slices.Compact(t.Of)
}

func compareTerms(a, b Term) int {
	return cmp.Or(cmp.Compare(a.Field, b.Field), strings.Compare(a.Value, b.Value))
}

// Index is an inverted index. It finds the numbers of things in the byte order of their ids. A thing keeps its number
// as long as it is in the index. Concurrent reads are safe while nobody writes.
//
// It takes four to five bytes per term of a thing, and about 150 per term that only one thing has.
type Index struct {
	order
	numbers map[string]uint32 // by id
	ids     []string          // by number
	free    []uint32          // unused numbers
	all     []uint32          // used numbers, in the order of ids
	fields  []map[string]*list
	words   btree.Set[string] // the values of Word
	ends    *btree.BTreeG[end]
}

// end is the end of a thing.
type end struct {
	at     int64 // Unix ms
	number uint32
}

// NewIndex returns an empty Index for the fields below the given one.
func NewIndex(fields Field) *Index {
	x := &Index{numbers: map[string]uint32{}, fields: make([]map[string]*list, fields)}
	for f := range x.fields {
		x.fields[f] = map[string]*list{}
	}
	x.ends = btree.NewBTreeGOptions(func(a, b end) bool { return a.at < b.at || a.at == b.at && a.number < b.number },
		btree.Options{NoLocks: true})
	return x
}

// Len returns the number of things.
func (x *Index) Len() int { return len(x.all) }

// Count returns the number of things with a term.
func (x *Index) Count(t Term) int { return len(x.withTerm(t)) }

// withTerm returns the things with a term, in order.
func (x *Index) withTerm(t Term) []uint32 {
	if l := x.fields[t.Field][t.Value]; l != nil {
		return l.numbers
	}
	return nil
}

// Number returns the number of a thing.
func (x *Index) Number(id string) (uint32, bool) {
	n, ok := x.numbers[id]
	return n, ok
}

// Put adds a thing, or replaces its terms before by now, and returns its number.
func (x *Index) Put(id string, before, now Terms) uint32 {
	n, known := x.numbers[id]
	if !known {
		n = x.number(id)
	}
	x.change(n, before, now)
	return n
}

// Remove removes a thing with the terms before.
func (x *Index) Remove(id string, before Terms) {
	n := x.numbers[id]
	x.change(n, before, Terms{})
	at := x.find(x.all, x.ranks[n])
	x.all = slices.Delete(x.all, at, at+1)
	delete(x.numbers, id)
	x.ids[n] = ""
	x.free = append(x.free, n)
}

// number assigns a number to a new thing, and a rank between those of its neighbours.
func (x *Index) number(id string) uint32 {
	n := uint32(len(x.ids))
	if last := len(x.free) - 1; last >= 0 {
		n, x.free = x.free[last], x.free[:last]
		x.ids[n] = id
	} else {
		x.ids, x.ranks = append(x.ids, id), append(x.ranks, 0)
	}
	x.numbers[id] = n
	at := x.place(id)
	x.all = slices.Insert(x.all, at, n)
	if !x.rank(at) {
		for i, n := range x.all {
			x.ranks[n] = uint64(i+1) * rankGap
		}
	}
	return n
}

// place returns the position of an id in all, or its insertion point.
func (x *Index) place(id string) int {
	if last := len(x.all) - 1; last < 0 || x.ids[x.all[last]] < id {
		return last + 1 // new ids usually come last, because listings are ordered
	}
	return sort.Search(len(x.all), func(i int) bool { return x.ids[x.all[i]] >= id })
}

// Ranks are far apart, so that there is room between them. The ranks of things that are inserted one after another
// between two others are close together.
const (
	rankGap = 1 << 32
	near    = 1 << 16
)

// rank gives the thing at a position a rank between its neighbours', and reports whether there was room.
func (x *Index) rank(at int) bool {
	var before uint64
	if at > 0 {
		before = x.ranks[x.all[at-1]]
	}
	step := uint64(rankGap)
	if at+1 < len(x.all) {
		step = min(near, (x.ranks[x.all[at+1]]-before)/2)
	}
	x.ranks[x.all[at]] = before + step
	return step > 0 && before <= math.MaxUint64-step
}

// change removes a thing from the lists of its former terms, and adds it to those of its new ones.
func (x *Index) change(n uint32, before, now Terms) {
	a, b := before.Of, now.Of
	for len(a) > 0 || len(b) > 0 {
		switch c := compareHeads(a, b); {
		case c < 0:
			x.take(n, a[0])
			a = a[1:]
		case c > 0:
			x.give(n, b[0])
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	if before.Ends.Equal(now.Ends) {
		return
	}
	if !before.Ends.IsZero() {
		x.ends.Delete(end{before.Ends.UnixMilli(), n})
	}
	if !now.Ends.IsZero() {
		x.ends.Set(end{now.Ends.UnixMilli(), n})
	}
}

// compareHeads compares the first elements of two sorted lists; an empty list comes last.
func compareHeads(a, b []Term) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	}
	return compareTerms(a[0], b[0])
}

func (x *Index) give(n uint32, t Term) {
	l := x.fields[t.Field][t.Value]
	if l == nil {
		l = &list{}
		if t.Field == Word {
			t.Value = strings.Clone(t.Value) // do not keep the surrounding text in memory
			x.words.Insert(t.Value)
		}
		x.fields[t.Field][t.Value] = l
	}
	x.add(l, n)
}

func (x *Index) take(n uint32, t Term) {
	l := x.fields[t.Field][t.Value]
	x.remove(l, n)
	if len(l.numbers) > 0 {
		return
	}
	delete(x.fields[t.Field], t.Value)
	if t.Field == Word {
		x.words.Delete(t.Value)
	}
}

// Query selects the things that satisfy all of its conditions. The zero Query selects everything.
type Query struct {
	Terms      []Term
	Prefixes   []string  // prefixes of words; the thing must have a word for each
	EndsBefore time.Time // zero means at any time
	After      string    // only things with greater ids; the id itself need not exist
}

// Find returns the numbers of the selected things, by id. The Index must not change during the iteration.
func (x *Index) Find(q Query) iter.Seq[uint32] {
	start := 0
	if q.After != "" {
		start = x.place(q.After)
		if start < len(x.all) && x.ids[x.all[start]] == q.After {
			start++
		}
	}
	if start == len(x.all) {
		return func(func(uint32) bool) {}
	}
	first := x.ranks[x.all[start]]
	var all []walker
	for _, t := range q.Terms {
		all = append(all, x.walkerFrom(x.withTerm(t), first))
	}
	for _, p := range q.Prefixes {
		all = append(all, x.withPrefix(p, first))
	}
	if !q.EndsBefore.IsZero() {
		all = append(all, x.endingBefore(q.EndsBefore, first))
	}
	if len(all) == 0 {
		all = append(all, &listWalker{x.order, x.all[start:]})
	}
	slices.SortFunc(all, func(a, b walker) int { return a.size() - b.size() })
	return func(yield func(uint32) bool) { x.intersect(all, first, yield) }
}

func (x *Index) walkerFrom(numbers []uint32, first uint64) *listWalker {
	return &listWalker{x.order, numbers[x.find(numbers, first):]}
}

// fewLists is the number of lists that are merged on the fly; more are merged into one beforehand.
const fewLists = 16

// withPrefix returns a walker over the things that have a word with a prefix.
func (x *Index) withPrefix(prefix string, first uint64) walker {
	var lists []*listWalker
	x.words.Ascend(prefix, func(word string) bool {
		if !strings.HasPrefix(word, prefix) {
			return false
		}
		lists = append(lists, x.walkerFrom(x.fields[Word][word].numbers, first))
		return true
	})
	e := &unionWalker{x.order, lists}
	if len(lists) <= fewLists {
		return e
	}
	numbers := make([]uint32, 0, e.size())
	for _, l := range lists {
		numbers = append(numbers, l.rest...)
	}
	return &listWalker{x.order, x.sorted(numbers, x.all)}
}

// endingBefore returns a walker over the things that end before an instant.
func (x *Index) endingBefore(before time.Time, first uint64) walker {
	var numbers []uint32
	ms := before.UnixMilli()
	if before.Nanosecond()%int(time.Millisecond) != 0 {
		ms++ // ends are whole milliseconds
	}
	x.ends.Scan(func(e end) bool {
		if e.at < ms && x.ranks[e.number] >= first {
			numbers = append(numbers, e.number)
		}
		return e.at < ms
	})
	return &listWalker{x.order, x.sorted(numbers, x.all)}
}

// intersect yields the intersection of all walkers, from a rank on.
func (x *Index) intersect(all []walker, rank uint64, yield func(uint32) bool) {
	for {
		n, there := all[0].seek(rank)
		if !there {
			return
		}
		rank = x.ranks[n]
		for _, w := range all[1:] {
			m, there := w.seek(rank)
			if !there {
				return
			}
			if m != n {
				rank = x.ranks[m]
				break
			}
		}
		if rank != x.ranks[n] {
			continue
		}
		if !yield(n) {
			return
		}
		rank++
	}
}
