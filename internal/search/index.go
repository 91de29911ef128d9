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

// Field tells apart what values mean. The owner numbers the fields from 1 on.
type Field uint8

// Word is the field of Words. Only values of it are found by how they begin.
const Word Field = 0

// Term is a value that a thing has.
type Term struct {
	Field Field
	Value string
}

// Terms are the terms of one thing, sorted and each once, and when it ends; the zero time is never.
type Terms struct {
	Of   []Term
	Ends time.Time
}

// Sort brings t into the form that an Index takes.
func (t *Terms) Sort() {
	slices.SortFunc(t.Of, compareTerms)
	t.Of = slices.Compact(t.Of)
}

func compareTerms(a, b Term) int {
	return cmp.Or(cmp.Compare(a.Field, b.Field), strings.Compare(a.Value, b.Value))
}

// Index finds the numbers of things in the byte order of their ids. A thing keeps its number while it is there. Several
// may read an Index at once while nobody writes.
//
// It takes four to five bytes for each term of a thing, and about 150 for a term that only one thing has.
type Index struct {
	order
	numbers map[string]uint32 // by id
	ids     []string          // by number
	free    []uint32          // numbers that nothing has
	all     []uint32          // all others, in order
	fields  []map[string]*list
	words   btree.Set[string] // the values of Word
	ends    *btree.BTreeG[end]
}

// end is when a thing ends.
type end struct {
	at     int64 // Unix ms
	number uint32
}

// NewIndex is an empty Index for the fields below the given one.
func NewIndex(fields Field) *Index {
	x := &Index{numbers: map[string]uint32{}, fields: make([]map[string]*list, fields)}
	for f := range x.fields {
		x.fields[f] = map[string]*list{}
	}
	x.ends = btree.NewBTreeGOptions(func(a, b end) bool { return a.at < b.at || a.at == b.at && a.number < b.number },
		btree.Options{NoLocks: true})
	return x
}

// Len is how many things there are.
func (x *Index) Len() int { return len(x.all) }

// Count is how many things have a term.
func (x *Index) Count(t Term) int { return len(x.having(t)) }

// having are the things that have a term, in order.
func (x *Index) having(t Term) []uint32 {
	if l := x.fields[t.Field][t.Value]; l != nil {
		return l.numbers
	}
	return nil
}

// Number is the number of a thing.
func (x *Index) Number(id string) (uint32, bool) {
	n, ok := x.numbers[id]
	return n, ok
}

// Put makes a thing known, or changes its terms from those before, and answers its number.
func (x *Index) Put(id string, before, now Terms) uint32 {
	n, known := x.numbers[id]
	if !known {
		n = x.number(id)
	}
	x.change(n, before, now)
	return n
}

// Remove forgets a thing that has the terms before.
func (x *Index) Remove(id string, before Terms) {
	n := x.numbers[id]
	x.change(n, before, Terms{})
	at := x.find(x.all, x.ranks[n])
	x.all = slices.Delete(x.all, at, at+1)
	delete(x.numbers, id)
	x.ids[n] = ""
	x.free = append(x.free, n)
}

// number gives a new thing a number, and its rank between its neighbours.
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
			x.ranks[n] = uint64(i+1) * farApart
		}
	}
	return n
}

// place is where in all an id stands, or would.
func (x *Index) place(id string) int {
	if last := len(x.all) - 1; last < 0 || x.ids[x.all[last]] < id {
		return last + 1 // most often new ids come last: whoever lists gives them in order
	}
	return sort.Search(len(x.all), func(i int) bool { return x.ids[x.all[i]] >= id })
}

// Ranks stand far apart, so that there is room between them, and things that come one after the other between two
// others stand near.
const (
	farApart = 1 << 32
	near     = 1 << 16
)

// rank gives the thing at a place a rank between its neighbours', unless there is no room.
func (x *Index) rank(at int) bool {
	var before uint64
	if at > 0 {
		before = x.ranks[x.all[at-1]]
	}
	step := uint64(farApart)
	if at+1 < len(x.all) {
		step = min(near, (x.ranks[x.all[at+1]]-before)/2)
	}
	x.ranks[x.all[at]] = before + step
	return step > 0 && before <= math.MaxUint64-step
}

// change takes a thing out of the lists of terms that it has no more, and into those that are new.
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

// compareHeads compares what two sorted lists begin with; an empty one comes last.
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
			t.Value = strings.Clone(t.Value) // without the text that it is a part of
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

// Query asks for things that have all that it names. The zero Query asks for everything.
type Query struct {
	Terms      []Term
	Prefixes   []string  // of words; of each the thing has one
	EndsBefore time.Time // zero: whenever
	After      string    // an id, whether it is there or not: only things whose ids come after it
}

// Find gives the numbers of the things, by id. The Index must not change meanwhile.
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
		all = append(all, x.along(x.having(t), first))
	}
	for _, p := range q.Prefixes {
		all = append(all, x.beginning(p, first))
	}
	if !q.EndsBefore.IsZero() {
		all = append(all, x.ending(q.EndsBefore, first))
	}
	if len(all) == 0 {
		all = append(all, &along{x.order, x.all[start:]})
	}
	slices.SortFunc(all, func(a, b walker) int { return a.size() - b.size() })
	return func(yield func(uint32) bool) { x.meet(all, first, yield) }
}

func (x *Index) along(numbers []uint32, first uint64) *along {
	return &along{x.order, numbers[x.find(numbers, first):]}
}

// fewLists is how many lists are walked beside each other; more are made one before.
const fewLists = 16

// beginning walks the things that have a word with a prefix.
func (x *Index) beginning(prefix string, first uint64) walker {
	var lists []*along
	x.words.Ascend(prefix, func(word string) bool {
		if !strings.HasPrefix(word, prefix) {
			return false
		}
		lists = append(lists, x.along(x.fields[Word][word].numbers, first))
		return true
	})
	e := &either{x.order, lists}
	if len(lists) <= fewLists {
		return e
	}
	numbers := make([]uint32, 0, e.size())
	for _, l := range lists {
		numbers = append(numbers, l.rest...)
	}
	return &along{x.order, x.sorted(numbers, x.all)}
}

// ending walks the things that end before an instant.
func (x *Index) ending(before time.Time, first uint64) walker {
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
	return &along{x.order, x.sorted(numbers, x.all)}
}

// meet gives what all walkers have, from a rank on.
func (x *Index) meet(all []walker, rank uint64, yield func(uint32) bool) {
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
