package replica

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/store/sqlite"
)

// digested is a store that has digests, with a note of the time before.
type digested struct {
	t    *testing.T
	back *memory.Store
	*Versioned
	raised time.Time
}

var digestedKinds = append(slices.Clone(testKinds), Kind{Name: kindOfNotes,
	Inspect: Readable[olderNote], Form: reflect.TypeFor[olderNote]()})

func newDigested(t *testing.T) digested {
	t.Helper()
	back := memory.New(100)
	v, err := NewVersioned(t.Context(), back, digestedKinds, "lifeline")
	if err != nil {
		t.Fatal(err)
	}
	d := digested{t, back, v, time.Unix(1_800_000_000, 0)}
	d.put("before", 0, "of before")
	d.must(v.Raise(t.Context(), store.System, d.raised))
	return d
}

func (d digested) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// put stores a note over a revision of it.
func (d digested) put(id string, over int64, text string) {
	d.t.Helper()
	_, err := d.Commit(d.t.Context(), store.Commit{Writes: []store.Write{{Kind: kindOfNotes, ID: id, Expect: over,
		Body: fmt.Appendf(nil, `{"text":%q}`, text)}}, Origin: store.Origin{At: d.raised, By: "Hana", Action: "note"}})
	d.must(err)
}

// look holds the store against its audit, after change changed either. It has one line for each problem.
func (d digested) look(change func(docs []store.Document, changes []store.Change)) (string, HeldDigests) {
	d.t.Helper()
	var docs []store.Document
	var changes []store.Change
	d.must(d.back.Export(d.t.Context(), func(int64) error { return nil },
		func(doc store.Document) error { docs = append(docs, doc); return nil },
		func(c store.Change) error { changes = append(changes, c); return nil },
		func(store.Entry) error { return nil }))
	for i := range docs {
		docs[i].Body = bytes.Clone(docs[i].Body)
	}
	change(docs, changes)
	var told []string
	g := NewDigests(func(problem string) { told = append(told, problem) })
	for _, doc := range docs {
		g.Document(doc)
	}
	for _, c := range changes {
		g.Change(c)
	}
	held := g.Finish()
	return strings.Join(told, "\n"), held
}

func nothing([]store.Document, []store.Change) {}

// of returns the position of a note.
func of(docs []store.Document, id string) *store.Document {
	return &docs[slices.IndexFunc(docs, func(d store.Document) bool { return d.Kind == kindOfNotes && d.ID == id })]
}

func TestDocumentThatNoCommitChangedIsFound(t *testing.T) {
	d := newDigested(t)
	d.put("a", 0, "first")
	if says, held := d.look(nothing); says != "" || held != (HeldDigests{ByEntry: 2, Unknown: 1}) {
		t.Errorf("before there is a baseline, it says %q, %+v", says, held)
	}
	d.must(d.Baseline(t.Context(), d.raised.Add(baselineAfter)))
	d.put("a", 1, "second")
	if says, held := d.look(nothing); says != "" || held != (HeldDigests{ByEntry: 3, ByBaseline: 1}) {
		t.Errorf("it says %q, %+v", says, held)
	}
	for name, c := range map[string]struct {
		change func(docs []store.Document, changes []store.Change)
		says   string
	}{
		"another text": {func(docs []store.Document, _ []store.Change) {
			n := of(docs, "a")
			n.Body = bytes.Replace(n.Body, []byte("second"), []byte("forged"), 1)
		}, "note a is not what entry 5 of the audit says was stored (note, at 2027-01-15T08:00:00Z)"},
		"without its salt": {func(docs []store.Document, _ []store.Change) {
			n := of(docs, "a")
			n.Body = readMark(n.Body).form
		}, "note a is not what entry 5 of the audit says was stored (note, at 2027-01-15T08:00:00Z)"},
		"one of before": {func(docs []store.Document, _ []store.Change) {
			n := of(docs, "before")
			n.Body = bytes.Replace(n.Body, []byte("of"), []byte("if"), 1)
		}, "note before is not as it was when the audit began to say what was stored"},
		"an entry without its fields": {func(docs []store.Document, changes []store.Change) {
			n := of(docs, "a")
			n.Body = bytes.Replace(n.Body, []byte("second"), []byte("forged"), 1)
			changes[4].Fields = ""
		}, "entry 5 of the audit does not say any more what was stored of note a"},
		"an entry of nonsense": {func(_ []store.Document, changes []store.Change) { changes[4].Fields = "{" },
			"entry 5 of the audit does not say any more what was stored of note a"},
		"the format": {func(docs []store.Document, _ []store.Change) {
			at := slices.IndexFunc(docs, func(d store.Document) bool { return d.Kind == KindFormat })
			docs[at].Body = bytes.Replace(docs[at].Body, []byte("baseline"), []byte("baselinf"), 1)
		}, "format format is not what entry 2 of the audit says was stored (format.raise, at 2027-01-15T08:00:00Z)"},
		"one without an entry": {func(docs []store.Document, _ []store.Change) { of(docs, "a").ID = "b" },
			"note b is on no entry of the audit"},
	} {
		if says, _ := d.look(c.change); says != c.says {
			t.Errorf("%s: it says\n%s\nwant\n%s", name, says, c.says)
		}
	}
	d.put("a", 2, "third")
	says, _ := d.look(func(_ []store.Document, changes []store.Change) { changes[4].Fields = "" })
	if want := "entry 5 of the audit does not say any more what was stored of note a"; says != want {
		t.Errorf("of an older entry without its fields it says %q, want %q", says, want)
	}
	d.must(d.Baseline(t.Context(), d.raised.Add(time.Hour)))
	if b, err := List(t.Context(), d, KindBaseline, "", ""); err != nil || len(b) != 1 || b[0].Revision != 1 {
		t.Errorf("a second baseline made %+v, %v", b, err)
	}
}

func TestStoreThatIsNewHasABaselineOfNothing(t *testing.T) {
	v, err := NewVersioned(t.Context(), memory.New(10), digestedKinds, "lifeline")
	d := digested{t, v.Store.(*memory.Store), v, time.Unix(1_800_000_000, 0)}
	d.must(err)
	d.must(d.Baseline(t.Context(), d.raised)) // it has no digests yet
	d.must(v.Raise(t.Context(), store.System, d.raised))
	d.must(d.Baseline(t.Context(), d.raised.Add(baselineAfter-1))) // older replicas may still write
	if says, held := d.look(nothing); says != "" || held != (HeldDigests{ByEntry: 1}) {
		t.Errorf("it says %q, %+v", says, held)
	}
	d.must(d.Baseline(t.Context(), d.raised.Add(baselineAfter)))
	if says, held := d.look(nothing); says != "" || held != (HeldDigests{ByEntry: 2}) {
		t.Errorf("with a baseline it says %q, %+v", says, held)
	}
}

func TestDigestConfirmsNoGuess(t *testing.T) {
	d := newDigested(t)
	d.put("a", 0, "a name")
	d.put("b", 0, "a name")
	d.must(d.Baseline(t.Context(), d.raised.Add(baselineAfter)))
	holds := func(digest string) bool {
		t.Helper()
		found := false
		d.must(d.back.Export(t.Context(), func(int64) error { return nil },
			func(doc store.Document) error { found = found || bytes.Contains(doc.Body, []byte(digest)); return nil },
			func(c store.Change) error { found = found || strings.Contains(c.Fields, digest); return nil },
			func(store.Entry) error { return nil }))
		return found
	}
	for _, guess := range []string{`{"text":"a name"}`, `v1 {"text":"a name"}`} {
		if holds(digestOf([]byte(guess))) {
			t.Errorf("the store has the digest of %s", guess)
		}
	}
	a, err := d.back.Get(t.Context(), kindOfNotes, "a")
	d.must(err)
	b, err := d.back.Get(t.Context(), kindOfNotes, "b")
	d.must(err)
	if bytes.Equal(a.Body, b.Body) || !readMark(a.Body).salted || !readMark(b.Body).salted {
		t.Errorf("two equal notes are stored as %s and %s", a.Body, b.Body)
	}

	before := digestOf([]byte(`{"text":"of before"}`))
	if !holds(before) {
		t.Error("the baseline has no digest of a note of before")
	}
	d.put("before", 1, "(erased)")
	d.must(d.Purge(t.Context()))
	if holds(before) {
		t.Error("a purge leaves the digest of what was overwritten")
	}
	if says, held := d.look(nothing); says != "" || held.Unknown+held.ByBaseline > 0 {
		t.Errorf("after it, it says %q, %+v", says, held)
	}
	if again := OnlyDigest(Digested(`{"fields":[{"field":"text"}]}`, nil)); again != Digested("", nil) ||
		OnlyDigest(`{"fields":[{"field":"text"}]}`) != "" {
		t.Errorf("without its fields a change says %s", again)
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, bytes := range []int{1_000, 50_000} { // a status, and a day
		for _, digests := range []bool{false, true} {
			b.Run(fmt.Sprintf("bytes=%d/digests=%v", bytes, digests), func(b *testing.B) {
				s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "lifeline.db"))
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				v, err := NewVersioned(b.Context(), s, digestedKinds, "lifeline")
				if err != nil {
					b.Fatal(err)
				}
				if digests {
					v.format.Kinds = map[string]int{KindBaseline: 1}
				}
				body := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", bytes))
				for n := int64(0); b.Loop(); n++ {
					if _, err := v.Commit(b.Context(), store.Commit{Writes: []store.Write{{Kind: kindOfNotes, ID: "a", Expect: n,
						Body: body}}, Origin: store.Origin{At: time.Unix(0, 0), By: store.System, Action: "note"}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
