package schedules

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// Library is segments and scripts made ready for planning. It is immutable and safe for concurrent use.
type Library struct {
	entries    []*entry         // by id
	slots      overlay[int32]   // id -> a number that the segment keeps, whatever comes before it
	places     []int32          // by that number: where it is in entries
	rotation   []int32          // all entries in an order that only their ids decide: what is due when nothing has aired
	readers    overlay[[]int32] // id of an intro or back-announce -> slots of those that name it, or once did
	scripts    map[string]Script
	scriptIDs  []string // sorted
	values     overlay[int32]
	valueCount int32
	classes    *sync.Map // key -> *classOf
}

// entry is a segment with what planning asks of it a thousand times.
type entry struct {
	Segment
	own  Life   // by its validity and its passages
	life Life   // by what it belongs to, too
	ms   int64  // air time
	from int64  // earliest start, Unix ms
	till int64  // latest end, Unix ms
	dice uint64 // a hash of the id
	fit  bool   // may air at all
	// values of the attributes that rules separate and count; 0: has none
	attrs [attrCount]int32
	tags  []int32
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
	l.entries, l.places, l.rotation = make([]*entry, n), make([]int32, n), make([]int32, n)
	l.slots.base, l.readers.base, l.values.base = make(map[string]int32, n), map[string][]int32{}, map[string]int32{}
	l.classes = &sync.Map{}
	block := make([]entry, n)
	for i, s := range sorted {
		slot := int32(i)
		block[i] = l.newEntry(s, func(key string) int32 {
			l.values.base[key] = l.valueCount
			return l.valueCount
		})
		l.entries[i], l.places[i], l.rotation[i] = &block[i], slot, slot
		l.slots.base[s.ID] = slot
		for _, id := range block[i].speaksOf() {
			l.readers.base[id] = append(l.readers.base[id], slot)
		}
	}
	for _, e := range l.entries {
		l.settle(e)
	}
	slices.SortFunc(l.rotation, l.inRotation)
}

// inRotation compares two places by the turn of their segments.
func (l *Library) inRotation(a, b int32) int {
	return cmp.Or(cmp.Compare(l.entries[a].dice, l.entries[b].dice), cmp.Compare(a, b))
}

// newEntry is all of an entry but what depends on others. number keeps an attribute's value that no segment had so far.
func (l *Library) newEntry(s Segment, number func(key string) int32) entry {
	h := fnv.New64a()
	h.Write([]byte(s.ID))
	e := entry{Segment: s, ms: s.Recording.AirTime().Milliseconds(), dice: mix(h.Sum64())}
	e.own = s.Script.life(l.Script)
	if e.own.Dead == "" {
		until, because := s.ExpiresAt()
		if e.own.Until = earlier(until, e.own.Until); e.own.Until == until {
			e.own.Because = because
		}
		e.own.From = s.ValidFrom
	}
	value := func(a attr, v string) int32 {
		if v == "" {
			return 0
		}
		key := string(rune('0'+a)) + v
		n, ok := l.values.get(key)
		if !ok {
			l.valueCount++
			n = number(key)
		}
		return n
	}
	for a := range attrCount {
		e.attrs[a] = value(a, a.of(&s))
	}
	for _, t := range slices.Compact(slices.Sorted(slices.Values(s.Tags))) {
		e.tags = append(e.tags, value(attrTag, t))
	}
	return e
}

// speaksOf are the ids of the intro and the back-announce that speak of the segment.
func (e *entry) speaksOf() (ids []string) {
	for _, id := range []string{e.Intro, e.BackAnnounce} {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// ruled is an entry's own life with an editor's rulings carried from readings to the intros and back-announces that speak of
// them: one that serves readings lives no longer than the longest-lived of them.
func (l *Library) ruled(e *entry) Life {
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

// settle rules on an entry and computes what depends on its life.
func (l *Library) settle(e *entry) {
	e.life = l.ruled(e)
	e.from, e.till = minTime, maxTime
	if !e.life.From.IsZero() {
		e.from = e.life.From.UnixMilli()
	}
	if !e.life.Until.IsZero() {
		e.till = e.life.Until.UnixMilli()
	}
	e.fit = e.unfit() == nil
}

// lookup is the number of an attribute's value, and -1 when no segment has it.
func (l *Library) lookup(a attr, v string) int32 {
	if n, ok := l.values.get(string(rune('0'+a)) + v); ok {
		return n
	}
	return -1
}

// place is where a segment is in entries.
func (l *Library) place(id string) (int32, bool) {
	slot, ok := l.slots.get(id)
	if !ok {
		return 0, false
	}
	return l.places[slot], true
}

func (l *Library) entry(id string) (*entry, bool) {
	i, ok := l.place(id)
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
	return e.life, true
}

const (
	minTime = -1 << 62
	maxTime = 1<<62 - 1
)

// mix spreads the bits of x (SplitMix64's finaliser).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func itoa(n int) string { return strconv.Itoa(n) }
