package search

import (
	"cmp"
	"slices"
	"sort"
)

// list holds the numbers of the things that have a term, in the order of their ids.
type list struct{ numbers []uint32 }

// order compares numbers: ranks have the order of ids.
type order struct{ ranks []uint64 }

// find returns the first index in the list whose rank is at least rank.
func (o order) find(numbers []uint32, rank uint64) int {
	return sort.Search(len(numbers), func(i int) bool { return o.ranks[numbers[i]] >= rank })
}

func (o order) add(l *list, n uint32) {
	at := len(l.numbers)
	if at > 0 && o.ranks[l.numbers[at-1]] > o.ranks[n] {
		at = o.find(l.numbers, o.ranks[n])
	}
	l.numbers = slices.Insert(l.numbers, at, n)
}

func (o order) remove(l *list, n uint32) {
	at := o.find(l.numbers, o.ranks[n])
	l.numbers = slices.Delete(l.numbers, at, at+1)
}

// sorted sorts numbers and removes repetitions. all lists every number in order.
func (o order) sorted(numbers []uint32, all []uint32) []uint32 {
	if len(numbers) < len(all)/16 {
		slices.SortFunc(numbers, func(a, b uint32) int { return cmp.Compare(o.ranks[a], o.ranks[b]) })
		return slices.Compact(numbers)
	}
	there := make([]uint64, len(o.ranks)/64+1)
	for _, n := range numbers {
		there[n/64] |= 1 << (n % 64)
	}
	out := numbers[:0]
	for _, n := range all {
		if there[n/64]&(1<<(n%64)) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// walker iterates over numbers in order, forwards.
type walker interface {
	// seek returns the first number whose rank is at least rank. rank must not decrease from call to call. there is false
	// after the last number.
	seek(rank uint64) (number uint32, there bool)
	// size returns the number of elements, or a small overestimate.
	size() int
}

// listWalker walks a list.
type listWalker struct {
	order
	rest []uint32
}

func (a *listWalker) size() int { return len(a.rest) }

// seek doubles its step each time, because the result is usually near.
func (a *listWalker) seek(rank uint64) (uint32, bool) {
	reach := 1
	for reach < len(a.rest) && a.ranks[a.rest[reach-1]] < rank {
		reach *= 2
	}
	a.rest = a.rest[reach/2:]
	a.rest = a.rest[a.find(a.rest[:min(len(a.rest), reach-reach/2)], rank):]
	if len(a.rest) == 0 {
		return 0, false
	}
	return a.rest[0], true
}

// unionWalker walks the union of several lists.
type unionWalker struct {
	order
	of []*listWalker
}

func (e *unionWalker) size() int {
	n := 0
	for _, a := range e.of {
		n += a.size()
	}
	return n
}

func (e *unionWalker) seek(rank uint64) (first uint32, there bool) {
	for _, a := range e.of {
		if n, ok := a.seek(rank); ok && (!there || e.ranks[n] < e.ranks[first]) {
			first, there = n, true
		}
	}
	return first, there
}
