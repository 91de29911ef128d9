package replica_test

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// audited commits a document by somebody as its next revision and returns what the audit shows of that.
func audited(t *testing.T, m *replica.Replica, by, kind, id string, expect int64, v any) wire.AuditRecord {
	t.Helper()
	body, err := replica.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: expect, Body: body}},
		Origin: store.Origin{At: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), By: by, Action: "test"}}); err != nil {
		t.Fatal(err)
	}
	changes, err := m.Store.Audit(t.Context(), store.AuditQuery{Newest: true, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return replica.AuditRecord(changes[0])
}

func TestAuditTellsWhatChangedFromWhatToWhat(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	s := schedules.Segment{ID: "reading-1", Kind: "reading", Title: "First", Language: "ko-KP",
		State: schedules.Pending, Tags: []string{"a", "b"}}
	audited(t, m, "Ruth", replica.KindSegment, s.ID, 0, s)
	s.Title, s.State, s.Tags, s.Revision = strings.Repeat("아", 400), schedules.Approved, []string{"a", "c"}, 2
	got := audited(t, m, "Ruth", replica.KindSegment, s.ID, 1, s)
	want := map[string]wire.FieldChange{
		"state":  {Field: "state", Before: "pending", After: "approved"},
		"tags.1": {Field: "tags.1", Before: "b", After: "c"},
		"title":  {Field: "title", Before: "First"},
	}
	for _, f := range got.Fields {
		w, ok := want[f.Field]
		if f.Field == "title" && strings.HasPrefix(f.After, "1200 bytes, SHA-256 ") {
			w.After = f.After
		}
		if !ok || f != w {
			t.Errorf("the audit tells %+v", f)
		}
		delete(want, f.Field)
	}
	if len(want) > 0 {
		t.Errorf("the audit does not tell %v", want)
	}
	if r := audited(t, m, "system", replica.KindSegment, s.ID, 2, schedules.Segment{ID: s.ID}); len(r.Fields) != 0 {
		t.Errorf("of background work the audit tells %+v", r.Fields)
	}
}

// What the audit tells is sealed, and cannot be erased.
func TestAuditNeverTellsPersonsConsentOrSensitiveTexts(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "하나씨"
	consent := &schedules.Consent{Reference: secret, GivenAt: schedules.At(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))}
	for id, c := range map[string]struct{ before, after schedules.Segment }{
		"named": {schedules.Segment{Title: "From " + secret, Persons: []string{secret}}, schedules.Segment{Title: "x"}},
		"naming": {schedules.Segment{Title: "x"},
			schedules.Segment{Title: "From " + secret, Persons: []string{secret}, Consent: consent}},
		"no longer sensitive": {schedules.Segment{Title: secret, Sensitive: true}, schedules.Segment{Title: secret + "2"}},
		"a letter":            {schedules.Segment{Kind: "letter", Title: secret}, schedules.Segment{Kind: "letter"}},
		"recalled": {schedules.Segment{Title: "y"}, schedules.Segment{Title: "y", State: schedules.Recalled,
			Recall: &schedules.RecallOrder{By: "Ruth", Person: secret}}},
	} {
		id = strings.ReplaceAll(id, " ", "-")
		c.before.ID = id
		audited(t, m, "system", replica.KindSegment, id, 0, c.before)
		r := audited(t, m, "Ruth", replica.KindSegment, id, 1, c.after)
		if len(r.Fields) == 0 {
			t.Errorf("%s: the audit does not tell that anything changed", id)
		}
		for _, f := range r.Fields {
			if strings.Contains(f.Before+f.After, secret) {
				t.Errorf("%s: the audit tells %+v", id, f)
			}
		}
	}
}

func TestAuditTellsABoundedNumberOfFields(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	st := schedules.Station{ID: "dawn"}
	for i := range 400 {
		st.Windows = append(st.Windows, schedules.Window{ID: strings.Repeat("w", i+1)})
	}
	audited(t, m, "Ruth", replica.KindStation, st.ID, 0, st)
	for i := range st.Windows {
		st.Windows[i].ID += "!"
	}
	got := audited(t, m, "Ruth", replica.KindStation, st.ID, 1, st).Fields
	if len(got) != 31 || got[30].Field != "and 370 more" {
		t.Errorf("the audit tells %d fields, the last %+v", len(got), got[len(got)-1])
	}
}
