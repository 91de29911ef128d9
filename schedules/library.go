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
	entries   []entry          // by id
	index     map[string]int32 // id -> place in entries
	rotation  []int32          // all entries in an order that only their ids decide: what is due when nothing has aired
	scripts   map[string]Script
	scriptIDs []string // sorted
	values    map[string]int32
	classes   *sync.Map // selector key -> []int32, in rotation order
}

// entry is a segment with what planning asks of it a thousand times.
type entry struct {
	Segment
	life Life
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

// With is the library with one segment added or replaced.
func (l *Library) With(s Segment) *Library {
	segments := make([]Segment, 0, len(l.entries)+1)
	i, found := slices.BinarySearchFunc(l.entries, s.ID, func(e entry, id string) int { return cmp.Compare(e.ID, id) })
	for j := range l.entries {
		if j == i {
			segments = append(segments, s)
			if found {
				continue
			}
		}
		segments = append(segments, l.entries[j].Segment)
	}
	if i == len(l.entries) {
		segments = append(segments, s)
	}
	next := &Library{scripts: l.scripts, scriptIDs: l.scriptIDs}
	next.fill(segments)
	return next
}

func (l *Library) fill(sorted []Segment) {
	l.entries = make([]entry, len(sorted))
	l.index = make(map[string]int32, len(sorted))
	l.values = map[string]int32{}
	l.classes = &sync.Map{}
	for i, s := range sorted {
		l.entries[i] = l.newEntry(s)
		l.index[s.ID] = int32(i)
	}
	l.ruleOnCompanions()
	l.rotation = make([]int32, len(sorted))
	for i := range l.entries {
		e := &l.entries[i]
		e.settle()
		l.rotation[i] = int32(i)
	}
	slices.SortFunc(l.rotation, func(a, b int32) int {
		return cmp.Or(cmp.Compare(l.entries[a].dice, l.entries[b].dice), cmp.Compare(a, b))
	})
}

func (l *Library) newEntry(s Segment) entry {
	h := fnv.New64a()
	h.Write([]byte(s.ID))
	e := entry{Segment: s, ms: s.Recording.AirTime().Milliseconds(), dice: mix(h.Sum64())}
	e.life = s.Script.life(l.Script)
	if e.life.Dead == "" {
		until, because := s.ExpiresAt()
		if e.life.Until = earlier(until, e.life.Until); e.life.Until == until {
			e.life.Because = because
		}
		e.life.From = s.ValidFrom
	}
	for a := range attrCount {
		e.attrs[a] = l.value(a, a.of(&s))
	}
	for _, t := range slices.Compact(slices.Sorted(slices.Values(s.Tags))) {
		e.tags = append(e.tags, l.value(attrTag, t))
	}
	return e
}

// ruleOnCompanions carries an editor's rulings from readings to the intros and back-announces that speak of them: one
// that serves readings lives no longer than the longest-lived of them.
func (l *Library) ruleOnCompanions() {
	type served struct {
		until      Instant
		open, live bool
	}
	of := map[int32]served{}
	for i := range l.entries {
		e := &l.entries[i]
		for _, id := range []string{e.Intro, e.BackAnnounce} {
			companion, ok := l.index[id]
			if !ok {
				continue
			}
			s := of[companion]
			if e.life.Dead == "" {
				s.live = true
				s.open = s.open || e.life.Until.IsZero()
				s.until = later(s.until, e.life.Until)
			}
			of[companion] = s
		}
	}
	for i, s := range of {
		e := &l.entries[i]
		switch {
		case e.life.Dead != "" || e.Kind != "intro" && e.Kind != "back-announce":
		case !s.live:
			e.life.Dead = "no reading that it belongs to may air any more"
		case !s.open:
			if until := earlier(e.life.Until, s.until); until != e.life.Until {
				e.life.Until, e.life.Because = until, "the readings that it belongs to may air no longer"
			}
		}
	}
}

// settle computes what depends on the final life.
func (e *entry) settle() {
	e.from, e.till = minTime, maxTime
	if !e.life.From.IsZero() {
		e.from = e.life.From.UnixMilli()
	}
	if !e.life.Until.IsZero() {
		e.till = e.life.Until.UnixMilli()
	}
	e.fit = e.unfit() == nil
}

// value interns an attribute's value. Numbers are given in the order of the sorted segments.
func (l *Library) value(a attr, v string) int32 {
	if v == "" {
		return 0
	}
	key := string(rune('0'+a)) + v
	n, ok := l.values[key]
	if !ok {
		n = int32(len(l.values) + 1)
		l.values[key] = n
	}
	return n
}

// lookup is the number of an attribute's value, and -1 when no segment has it.
func (l *Library) lookup(a attr, v string) int32 {
	if n, ok := l.values[string(rune('0'+a))+v]; ok {
		return n
	}
	return -1
}

func (l *Library) entry(id string) (*entry, bool) {
	i, ok := l.index[id]
	if !ok {
		return nil, false
	}
	return &l.entries[i], true
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
