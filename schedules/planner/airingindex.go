package planner

import (
	"slices"

	"lifeline/schedules"
)

// span is one airing in the index, in Unix milliseconds [start, end).
type span struct {
	start, end int64
	seg        int32
	win        int32 // index of its window occurrence in the day; -1: history; -2-i: history in the station's window i
	other      bool  // on another station
}

// airingIndex holds every airing that the rules of one plan look at, indexed by attribute values.
type airingIndex struct {
	lib      *Catalogue
	indexed  [schedules.AttributeTag + 1]bool // the attributes indexed in by
	by       map[int32][]span                 // value -> airings by start
	sequence []span                           // airings on the planned station, by start
}

func newAiringIndex(lib *Catalogue, indexed [schedules.AttributeTag + 1]bool) *airingIndex {
	return &airingIndex{lib: lib, indexed: indexed, by: map[int32][]span{}}
}

func (ix *airingIndex) add(s span) {
	e := ix.lib.entries[s.seg]
	for a := range schedules.AttributeTag + 1 {
		if ix.indexed[a] {
			for _, v := range e.valuesOf(a) {
				ix.by[v] = insert(ix.by[v], s)
			}
		}
	}
	if !s.other {
		ix.sequence = insert(ix.sequence, s)
	}
}

func (ix *airingIndex) remove(s span) {
	e := ix.lib.entries[s.seg]
	for a := range schedules.AttributeTag + 1 {
		if ix.indexed[a] {
			for _, v := range e.valuesOf(a) {
				ix.by[v] = without(ix.by[v], s)
			}
		}
	}
	if !s.other {
		ix.sequence = without(ix.sequence, s)
	}
}

// after returns the index of the first span that starts at or after t.
func after(list []span, t int64) int {
	if n := len(list); n == 0 || list[n-1].start < t {
		return n
	}
	i, _ := slices.BinarySearchFunc(list, t, func(s span, t int64) int {
		if s.start < t {
			return -1
		}
		return 1
	})
	return i
}

func insert(list []span, s span) []span {
	return slices.Insert(list, after(list, s.start), s)
}

func without(list []span, s span) []span {
	for i := after(list, s.start); i < len(list) && list[i].start == s.start; i++ {
		if list[i] == s {
			return slices.Delete(list, i, i+1)
		}
	}
	return list
}
