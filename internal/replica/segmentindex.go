package replica

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-json"

	"lifeline/internal/fault"
	"lifeline/internal/search"
	"lifeline/schedules"
)

// SegmentIndex holds all segments with a search index. Each answer is consistent. Its values are shared: readers must
// not change what they point to.
type SegmentIndex struct {
	mu         sync.RWMutex
	index      *search.Index
	rows       []*Row[schedules.Segment] // by the index's numbers
	gone       map[string]int64          // id -> revision, of deleted segments
	texts      texts
	generation int64    // counts changes
	latest     []string // ids of the segments of the last changes
}

// changesKept bounds the changes that the index remembers.
const changesKept = 4096

// The fields of the index, beside words.
const (
	ByKind = search.Word + 1 + iota
	ByLanguage
	ByState
	ByScript
	ByTag
	byPerson
	byFormer // a person whom it named before
	ByRecording
	ByPrevious // recording
	ByAnalysis // version
	fields
)

func newSegmentIndex() *SegmentIndex {
	return &SegmentIndex{index: search.NewIndex(fields), gone: map[string]int64{}}
}

// indexedSegment is a segment with its terms.
type indexedSegment struct {
	schedules.Segment
	terms search.Terms
}

// read decodes a segment. Its decoder takes a third of the standard library's time, and decoding takes most of the
// start with a large library.
func (c *SegmentIndex) read(body []byte) (indexedSegment, error) {
	var s schedules.Segment
	in := bytes.NewReader(body)
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := strictly(d.Decode(&s), d.Buffered(), in); err != nil {
		return indexedSegment{}, err
	}
	tidySegment(&s)
	c.texts.share(&s)
	return indexedSegment{s, termsOf(s)}, nil
}

// Searched returns the text of a segment that is searched for words.
func Searched(s schedules.Segment) string {
	return strings.Join(append([]string{s.ID, s.Title, s.Voice, s.Series}, s.Tags...), "\n")
}

func termsOf(s schedules.Segment) search.Terms {
	ends, _ := s.ExpiresAt()
	t := search.Terms{Ends: ends.Time}
	add := func(f search.Field, values ...string) {
		for _, v := range values {
			if v != "" {
				t.Of = append(t.Of, search.Term{Field: f, Value: v})
			}
		}
	}
	add(search.Word, search.Words(Searched(s))...)
	add(ByKind, string(s.Kind))
	add(ByLanguage, strings.ToLower(s.Language))
	add(ByState, string(s.State))
	if s.Script != nil {
		add(ByScript, s.Script.ID)
	}
	add(ByTag, s.Tags...)
	add(byPerson, s.Persons...)
	add(byFormer, s.FormerPersons...)
	if s.Recording != nil {
		add(ByRecording, s.Recording.SHA256)
		add(ByAnalysis, strconv.Itoa(s.Recording.AnalysisVersion))
	}
	add(ByPrevious, s.Previous...)
	t.Sort()
	return t
}

// Put stores a row unless the index has a later revision.
func (c *SegmentIndex) Put(id string, row Row[indexedSegment]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row.Revision <= c.known(id) {
		return
	}
	c.generation++
	if c.latest = append(c.latest, id); len(c.latest) > 2*changesKept {
		c.latest = append([]string(nil), c.latest[changesKept:]...)
	}
	var before search.Terms
	n, known := c.index.Number(id)
	if known {
		before = termsOf(c.rows[n].Value)
	}
	if row.Deleted {
		c.gone[id] = row.Revision
		if known {
			c.index.Remove(id, before)
			c.rows[n] = nil
		}
		return
	}
	delete(c.gone, id)
	if row.Value.ID == id {
		id = row.Value.ID // keep one copy of the string
	}
	n = c.index.Put(id, before, row.Value.terms)
	for int(n) >= len(c.rows) {
		c.rows = append(c.rows, nil)
	}
	c.rows[n] = &Row[schedules.Segment]{Value: row.Value.Segment, Revision: row.Revision}
}

// Revision returns the latest known revision of a segment, deleted or not.
func (c *SegmentIndex) Revision(id string) int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known(id)
}

func (c *SegmentIndex) known(id string) int64 {
	if n, ok := c.index.Number(id); ok {
		return c.rows[n].Revision
	}
	return c.gone[id]
}

func (c *SegmentIndex) Get(id string) (Row[schedules.Segment], bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.index.Number(id)
	if !ok {
		return Row[schedules.Segment]{}, false
	}
	return *c.rows[n], true
}

func (c *SegmentIndex) held(id string) (value any, revision int64) {
	row, ok := c.Get(id)
	if !ok {
		return nil, 0
	}
	return row.Value, row.Revision
}

// Changes returns the number of changes so far.
func (c *SegmentIndex) Changes() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.generation
}

// Since returns the current state of the segments that changed after the given number of changes. ok is false when
// those changes are no longer remembered, when one of the segments was deleted, or when so many changed that reading
// all of them costs no more.
func (c *SegmentIndex) Since(generation int64) (changed []schedules.Segment, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := int(c.generation - generation)
	if n > len(c.latest) || n > 16+c.index.Len()/64 {
		return nil, false
	}
	seen := make(map[string]bool, n)
	for _, id := range c.latest[len(c.latest)-n:] {
		at, there := c.index.Number(id)
		if !there {
			return nil, false
		}
		if !seen[id] {
			seen[id] = true
			changed = append(changed, c.rows[at].Value)
		}
	}
	return changed, true
}

// Count returns the number of segments with a term.
func (c *SegmentIndex) Count(f search.Field, value string) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index.Count(search.Term{Field: f, Value: value})
}

// Find returns up to limit segments that match the query and pass keep, by id. A limit of 0 means no limit. A row is
// never changed; a new one replaces it.
func (c *SegmentIndex) Find(q search.Query, limit int, keep func(schedules.Segment) bool) (
	out []*Row[schedules.Segment]) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for n := range c.index.Find(q) {
		if row := c.rows[n]; keep == nil || keep(row.Value) {
			if out = append(out, row); len(out) == limit {
				break
			}
		}
	}
	return out
}

// All returns the segments, by id.
func (c *SegmentIndex) All() []schedules.Segment {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]schedules.Segment, 0, c.index.Len())
	for n := range c.index.Find(search.Query{}) {
		out = append(out, c.rows[n].Value)
	}
	return out
}

// Living returns the ids of all segments.
func (c *SegmentIndex) Living() []string {
	all := c.All()
	ids := make([]string, len(all))
	for i, s := range all {
		ids[i] = s.ID
	}
	return ids
}

// Clear removes all rows.
func (c *SegmentIndex) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := newSegmentIndex()
	c.index, c.rows, c.gone, c.latest = fresh.index, nil, fresh.gone, nil
	c.generation++
}

// Naming returns the segments that name a person, by id, or named them before. It fails with NotFound when there are
// none.
func (m *Replica) Naming(person string) (out []*Row[schedules.Segment], err error) {
	for _, f := range []search.Field{byPerson, byFormer} {
		out = append(out, SegmentsIn(m).Find(search.Query{Terms: []search.Term{{Field: f, Value: person}}}, 0, nil)...)
	}
	if len(out) == 0 {
		err = fault.New(fault.NotFound, "no segment names the person %q, or named them before", person)
	}
	return out, err
}
