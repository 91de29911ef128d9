package schedules

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// Library is segments and scripts with what their validity and rulings leave of them. It is immutable and safe for
// concurrent use.
type Library struct {
	entries   []*Entry         // by id
	slots     overlay[int32]   // id -> a number that the segment keeps, whatever comes before it
	places    []int32          // by that number: where it is in entries
	readers   overlay[[]int32] // id of an intro or back-announce -> slots of those that name it, or once did
	scripts   map[string]Script
	scriptIDs []string // sorted
}

// Entry is a segment of a library with how long it may air. A library that differs from another in some segments shares
// the entries of all others with it.
type Entry struct {
	Segment
	own  Life // by its validity and its passages
	Life Life // by what it belongs to, too
	Fit  bool // may air at all
}

// Prepare makes a library of segments and scripts. Where an id is there twice, the higher revision counts. Neither
// the order of the lists nor the machine changes what is planned with it. It keeps no reference to the slices.
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
	l.entries, l.places = make([]*Entry, n), make([]int32, n)
	l.slots.base, l.readers.base = make(map[string]int32, n), map[string][]int32{}
	block := make([]Entry, n)
	for i, s := range sorted {
		slot := int32(i)
		block[i] = l.newEntry(s)
		l.entries[i], l.places[i] = &block[i], slot
		l.slots.base[s.ID] = slot
		for _, id := range block[i].speaksOf() {
			l.readers.base[id] = append(l.readers.base[id], slot)
		}
	}
	for _, e := range l.entries {
		l.settle(e)
	}
}

// newEntry is all of an entry but what depends on others.
func (l *Library) newEntry(s Segment) Entry {
	e := Entry{Segment: s, own: s.Script.life(l.Script)}
	if e.own.Dead == "" {
		until, because := s.ExpiresAt()
		if e.own.Until = earlier(until, e.own.Until); e.own.Until == until {
			e.own.Because = because
		}
		e.own.From = s.ValidFrom
	}
	return e
}

// speaksOf are the ids of the intro and the back-announce that speak of the segment.
func (e *Entry) speaksOf() (ids []string) {
	for _, id := range []string{e.Intro, e.BackAnnounce} {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ruled is an entry's own life with an editor's rulings carried from readings to the intros and back-announces that
// speak of them: one that serves readings lives no longer than the longest-lived of them.
func (l *Library) ruled(e *Entry) Life {
	life := e.own
	readers, _ := l.readers.get(e.ID)
	if life.Dead != "" || len(readers) == 0 || e.Kind != "intro" && e.Kind != "back-announce" {
		return life
	}
	var until Instant
	named, open, live := false, false, false
	for _, slot := range readers {
		reader := l.entries[l.places[slot]]
		if reader.Intro != e.ID && reader.BackAnnounce != e.ID {
			continue
		}
		named = true
		if reader.own.Dead == "" {
			live = true
			open = open || reader.own.Until.IsZero()
			until = later(until, reader.own.Until)
		}
	}
	switch {
	case !named:
	case !live:
		life.Dead = "no reading that it belongs to may air any more"
	case !open:
		if until = earlier(life.Until, until); until != life.Until {
			life.Until, life.Because = until, "the readings that it belongs to may air no longer"
		}
	}
	return life
}

// settle rules on an entry by what it belongs to.
func (l *Library) settle(e *Entry) {
	e.Life = l.ruled(e)
	e.Fit = e.Unfit() == nil
}

// Index is where a segment is in Entries.
func (l *Library) Index(id string) (int32, bool) {
	slot, ok := l.slots.get(id)
	if !ok {
		return 0, false
	}
	return l.places[slot], true
}

func (l *Library) entry(id string) (*Entry, bool) {
	i, ok := l.Index(id)
	if !ok {
		return nil, false
	}
	return l.entries[i], true
}

// Segment is the library's segment of that id.
func (l *Library) Segment(id string) (Segment, bool) {
	e, ok := l.entry(id)
	if !ok {
		return Segment{}, false
	}
	return e.Segment, true
}

// Entries are the library's segments, by id, each with its life. Neither the list nor what is in it may be changed.
func (l *Library) Entries() []*Entry { return slices.Clip(l.entries) }

// Segments are all the library's segments, by id.
func (l *Library) Segments() []Segment {
	out := make([]Segment, len(l.entries))
	for i := range l.entries {
		out[i] = l.entries[i].Segment
	}
	return out
}

// Script is the library's script of that id.
func (l *Library) Script(id string) (Script, bool) {
	s, ok := l.scripts[id]
	return s, ok
}

// Life is how long the segment may air, by its validity and by an editor's rulings on what it reads.
func (l *Library) Life(id string) (Life, bool) {
	e, ok := l.entry(id)
	if !ok {
		return Life{}, false
	}
	return e.Life, true
}

func itoa(n int) string { return strconv.Itoa(n) }
