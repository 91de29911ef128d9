package schedules

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// Library holds segments and scripts with the time in which each segment may air, given its validity and the editors'
// rulings. It is immutable and safe for concurrent use.
type Library struct {
	entries   []*Entry         // by id
	numbers   overlay[int32]   // id -> a number that a segment keeps when others are inserted before it
	indexes   []int32          // number -> index in entries
	readers   overlay[[]int32] // id of an intro or back-announce -> numbers of the segments that name it, or once did
	scripts   map[string]Script
	scriptIDs []string // sorted
}

// Entry is a segment of a library with the time in which it may air. Libraries that differ in a few segments share the
// entries of all others.
type Entry struct {
	Segment
	own  Life // by its own validity and passages
	Life Life // own, limited by the readings that it introduces or closes
	Fit  bool // Unfit returns nil
}

// Prepare builds a library from segments and scripts. Of several documents with one id, the one with the highest
// revision counts. The order of the lists does not affect the result. The library keeps no reference to the slices.
func Prepare(segments []Segment, scripts []Script) *Library {
	l := &Library{scripts: make(map[string]Script, len(scripts))}
	for _, s := range scripts {
		if old, ok := l.scripts[s.ID]; !ok || s.Revision > old.Revision {
			l.scripts[s.ID] = s
		}
	}
	l.scriptIDs = slices.Sorted(maps.Keys(l.scripts))
	sorted := slices.Clone(segments)
	slices.SortStableFunc(sorted, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), -cmp.Compare(a.Revision, b.Revision))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Segment) bool { return a.ID == b.ID })
	l.fill(sorted)
	return l
}

func (l *Library) fill(sorted []Segment) {
	n := len(sorted)
	l.entries, l.indexes = make([]*Entry, n), make([]int32, n)
	l.numbers.base, l.readers.base = make(map[string]int32, n), map[string][]int32{}
	block := make([]Entry, n)
	for i, s := range sorted {
		number := int32(i)
		block[i] = l.newEntry(s)
		l.entries[i], l.indexes[i] = &block[i], number
		l.numbers.base[s.ID] = number
		for _, id := range block[i].companions() {
			l.readers.base[id] = append(l.readers.base[id], number)
		}
	}
	for _, e := range l.entries {
		l.applyRulings(e)
	}
}

// newEntry returns the entry of a segment without the fields that depend on other segments.
func (l *Library) newEntry(s Segment) Entry {
	e := Entry{Segment: s, own: s.Script.life(l.Script)}
	if e.own.BlockedBecause == "" {
		until, because := s.ExpiresAt()
		if e.own.Until = earlier(until, e.own.Until); e.own.Until == until {
			e.own.Because = because
		}
		e.own.From = s.ValidFrom
	}
	return e
}

// companions returns the ids of the segment's intro and back-announce, which speak about it.
func (e *Entry) companions() (ids []string) {
	for _, id := range []string{e.Intro, e.BackAnnounce} {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ruled returns the time in which an entry may air, with the editors' rulings on readings applied to their intros and
// back-announces: an intro or back-announce may air no longer than the longest-lived reading that names it.
func (l *Library) ruled(e *Entry) Life {
	life := e.own
	readers, _ := l.readers.get(e.ID)
	if life.BlockedBecause != "" || len(readers) == 0 || e.Kind != "intro" && e.Kind != "back-announce" {
		return life
	}
	var until Instant
	named, open, live := false, false, false
	for _, number := range readers {
		reader := l.entries[l.indexes[number]]
		if reader.Intro != e.ID && reader.BackAnnounce != e.ID {
			continue
		}
		named = true
		if reader.own.BlockedBecause == "" {
			live = true
			open = open || reader.own.Until.IsZero()
			until = later(until, reader.own.Until)
		}
	}
	switch {
	case !named:
	case !live:
		life.BlockedBecause = "no reading that it belongs to may air any more"
	case !open:
		if until = earlier(life.Until, until); until != life.Until {
			life.Until, life.Because = until, "the readings that it belongs to may air no longer"
		}
	}
	return life
}

// applyRulings computes the fields of an entry that depend on other segments.
func (l *Library) applyRulings(e *Entry) {
	e.Life = l.ruled(e)
	e.Fit = e.Unfit() == nil
}

// Index returns the index of a segment in Entries.
func (l *Library) Index(id string) (int32, bool) {
	number, ok := l.numbers.get(id)
	if !ok {
		return 0, false
	}
	return l.indexes[number], true
}

func (l *Library) entry(id string) (*Entry, bool) {
	i, ok := l.Index(id)
	if !ok {
		return nil, false
	}
	return l.entries[i], true
}

// Segment returns the segment with that id.
func (l *Library) Segment(id string) (Segment, bool) {
	e, ok := l.entry(id)
	if !ok {
		return Segment{}, false
	}
	return e.Segment, true
}

// Entries returns the library's segments with their lives, ordered by id. Callers must not change the list or its
// elements.
func (l *Library) Entries() []*Entry { return slices.Clip(l.entries) }

// Segments returns all segments of the library, ordered by id.
func (l *Library) Segments() []Segment {
	out := make([]Segment, len(l.entries))
	for i := range l.entries {
		out[i] = l.entries[i].Segment
	}
	return out
}

// Script returns the script with that id.
func (l *Library) Script(id string) (Script, bool) {
	s, ok := l.scripts[id]
	return s, ok
}

// Life returns the time in which the segment may air, given its validity and the editors' rulings on its passages.
func (l *Library) Life(id string) (Life, bool) {
	e, ok := l.entry(id)
	if !ok {
		return Life{}, false
	}
	return e.Life, true
}

func itoa(n int) string { return strconv.Itoa(n) }
