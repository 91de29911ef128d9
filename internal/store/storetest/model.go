package storetest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var modelRules = []rule{
	{"RandomCommitsBehaveLikeAMap", func(b *bench) {
		round := 0
		rapid.Check(b.T, func(t *rapid.T) {
			round++ // each run of the property uses a kind of its own, so that all share one store
			m := &model{bench: b, kind: fmt.Sprintf("run %d", round), documents: map[string]store.Document{},
				last: map[string]int64{}}
			m.since = b.latest()
			for range rapid.IntRange(1, 8).Draw(t, "commits") {
				m.step(t)
			}
			m.compare(t)
		})
	}},
}

// model is the contract in its simplest form: a map.
type model struct {
	*bench
	kind      string
	documents map[string]store.Document
	last      map[string]int64 // the last revision that each id has had
	since     int64
	changes   []store.Change
}

// step makes one commit of up to four writes, valid or not, and expects the result that the map predicts.
func (m *model) step(t *rapid.T) {
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "가", "b\n", "0"}), 1, 4, rapid.ID).Draw(t, "ids")
	want := fault.Kind(-1)
	var c store.Commit
	for _, id := range ids {
		expect := rapid.Int64Range(0, 3).Draw(t, "expect")
		if rapid.IntRange(0, 3).Draw(t, "right") > 0 {
			expect = m.documents[id].Revision
		}
		w := put(m.kind, id, expect, rapid.String().Draw(t, "body"))
		if expect > 0 && rapid.Bool().Draw(t, "delete") {
			w = remove(m.kind, id, expect)
		}
		_, exists := m.documents[id]
		if want < 0 && expect == 0 && exists {
			want = fault.Conflict
		}
		if want < 0 && expect != m.documents[id].Revision {
			want = fault.Stale
		}
		c.Writes = append(c.Writes, w)
	}
	c.Origin = origin()
	changes, err := m.Commit(m.Context(), c)
	if want >= 0 {
		if !fault.Is(err, want) {
			t.Fatalf("commit %+v: %v; want fault kind %d", c.Writes, err, want)
		}
		return
	}
	if err != nil {
		t.Fatalf("commit %+v: %v", c.Writes, err)
	}
	for _, w := range c.Writes {
		m.last[w.ID]++
		m.documents[w.ID] = store.Document{Kind: m.kind, ID: w.ID, Revision: m.last[w.ID], Body: w.Body}
		if w.Delete {
			delete(m.documents, w.ID)
		}
		m.changes = append(m.changes, store.Change{
			Sequence: m.since + int64(len(m.changes)) + 1, Kind: m.kind, ID: w.ID, Revision: m.last[w.ID], Deleted: w.Delete,
			Origin: c.Origin,
		})
	}
	if !slices.Equal(changes, m.changes[len(m.changes)-len(changes):]) {
		t.Fatalf("changes of the commit: %+v; want %+v", changes, m.changes)
	}
}

// compare reads everything back in every possible way.
func (m *model) compare(t *rapid.T) {
	listed := m.list(m.kind, 2)
	if len(listed) != len(m.documents) {
		t.Fatalf("%d documents listed; want %d", len(listed), len(m.documents))
	}
	for _, d := range listed {
		if want := m.documents[d.ID]; d.Revision != want.Revision || string(d.Body) != string(want.Body) {
			t.Fatalf("listed %s; want %s", brief(d), brief(want))
		}
		m.holds(m.kind, d.ID, d.Revision, string(d.Body))
	}
	if got := m.feed(m.since, 3); !slices.Equal(got, m.changes) {
		t.Fatalf("feed: %+v; want %+v", got, m.changes)
	}
	got, err := m.Audit(m.Context(), store.AuditQuery{Kind: m.kind, Limit: 500})
	if err != nil || !slices.Equal(got, m.changes) {
		t.Fatalf("audit: %+v, %v; want %+v", got, err, m.changes)
	}
}
