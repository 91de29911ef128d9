package control

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-json"

	"lifeline/internal/search"
	"lifeline/schedules"
)

// catalogue is the copy of all segments, with the index by which they are found. What it answers at one time is as of one
// moment. Values are shared: readers must not change what they point to.
type catalogue struct {
	mu         sync.RWMutex
	index      *search.Index
	rows       []*held[schedules.Segment] // by the index's numbers
	gone       map[string]int64           // id -> revision, of the deleted
	texts      texts
	generation int64    // counts changes
	latest     []string // ids of what the last changes were of, one each
}

// changesKept is how many changes of the catalogue are remembered.
const changesKept = 4096

// What a segment is found by, beside its words.
const (
	byKind = search.Word + 1 + iota
	byLanguage
	byState
	byScript
	byTag
	byPerson
	byRecording
	byPrevious // recording
	byAnalysis // version
	fields
)

func newCatalogue() *catalogue {
	return &catalogue{index: search.NewIndex(fields), gone: map[string]int64{}}
}

// card is a segment with what it is found by.
type card struct {
	schedules.Segment
	terms search.Terms
}

// read decodes a segment. The decoder takes a third of the time that the standard library's takes: of a start with a large
// library it is the larger part.
func (c *catalogue) read(body []byte) (card, error) {
	var s schedules.Segment
	in := bytes.NewReader(body)
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := strictly(d.Decode(&s), d.Buffered(), in); err != nil {
		return card{}, err
	}
	tidySegment(&s)
	c.texts.share(&s)
	return card{s, termsOf(s)}, nil
}

// searched is the text of a segment in which words are looked for.
func searched(s schedules.Segment) string {
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
	add(search.Word, search.Words(searched(s))...)
	add(byKind, string(s.Kind))
	add(byLanguage, strings.ToLower(s.Language))
	add(byState, string(s.State))
	if s.Script != nil {
		add(byScript, s.Script.ID)
	}
	add(byTag, s.Tags...)
	add(byPerson, s.Persons...)
	if s.Recording != nil {
		add(byRecording, s.Recording.SHA256)
		add(byAnalysis, strconv.Itoa(s.Recording.AnalysisVersion))
	}
	add(byPrevious, s.Previous...)
	t.Sort()
	return t
}

// put takes a row unless a later one is there already.
func (c *catalogue) put(id string, row held[card]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row.revision <= c.known(id) {
		return
	}
	c.generation++
	if c.latest = append(c.latest, id); len(c.latest) > 2*changesKept {
		c.latest = append([]string(nil), c.latest[changesKept:]...)
	}
	var before search.Terms
	n, known := c.index.Number(id)
	if known {
		before = termsOf(c.rows[n].value)
	}
	if row.deleted {
		c.gone[id] = row.revision
		if known {
			c.index.Remove(id, before)
			c.rows[n] = nil
		}
		return
	}
	delete(c.gone, id)
	if row.value.ID == id {
		id = row.value.ID // one text for both
	}
	n = c.index.Put(id, before, row.value.terms)
	for int(n) >= len(c.rows) {
		c.rows = append(c.rows, nil)
	}
	c.rows[n] = &held[schedules.Segment]{value: row.value.Segment, revision: row.revision}
}

// revision is the latest revision seen of a segment, deleted or not.
func (c *catalogue) revision(id string) int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known(id)
}

func (c *catalogue) known(id string) int64 {
	if n, ok := c.index.Number(id); ok {
		return c.rows[n].revision
	}
	return c.gone[id]
}

func (c *catalogue) get(id string) (held[schedules.Segment], bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.index.Number(id)
	if !ok {
		return held[schedules.Segment]{}, false
	}
	return *c.rows[n], true
}

// changes counts how often the catalogue has changed.
func (c *catalogue) changes() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.generation
}

// since are the segments that changed after so many changes of the catalogue, as they are now. ok is false when they are not
// known any more, when one of them is there no more, or when they are so many that it is as well to look at all.
func (c *catalogue) since(generation int64) (changed []schedules.Segment, ok bool) {
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
			changed = append(changed, c.rows[at].value)
		}
	}
	return changed, true
}

// count is how many segments have a term.
func (c *catalogue) count(f search.Field, value string) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index.Count(search.Term{Field: f, Value: value})
}

// find answers up to limit segments that the query and then keep select, by id; a limit of 0 is none. Rows never change:
// another takes the place of one.
func (c *catalogue) find(q search.Query, limit int, keep func(schedules.Segment) bool) (out []*held[schedules.Segment]) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for n := range c.index.Find(q) {
		if row := c.rows[n]; keep == nil || keep(row.value) {
			if out = append(out, row); len(out) == limit {
				break
			}
		}
	}
	return out
}

// all are the segments, by id.
func (c *catalogue) all() []schedules.Segment {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]schedules.Segment, 0, c.index.Len())
	for n := range c.index.Find(search.Query{}) {
		out = append(out, c.rows[n].value)
	}
	return out
}

// living are the ids of what is there.
func (c *catalogue) living() []string {
	all := c.all()
	ids := make([]string, len(all))
	for i, s := range all {
		ids[i] = s.ID
	}
	return ids
}

// clear drops every row.
func (c *catalogue) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := newCatalogue()
	c.index, c.rows, c.gone, c.latest = fresh.index, nil, fresh.gone, nil
	c.generation++
}
