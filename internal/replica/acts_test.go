package replica_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
)

// counting counts the documents that are read one by one.
type counting struct {
	replica.Store
	gets int
}

func (c *counting) Get(ctx context.Context, kind, id string) (store.Document, error) {
	c.gets++
	return c.Store.Get(ctx, kind, id)
}

// What persons change of segments is known at once, after thousands of other changes, and after a restart.
func TestRecentActsOutliveARestartAndThousandsOfChanges(t *testing.T) {
	docs := memory.New(100_000)
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	act := func(id string) {
		t.Helper()
		body, err := replica.Encode(servicetest.Music(id))
		if err == nil {
			err = m.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindSegment, ID: id, Body: body}},
				Origin: access.Actor{Name: "Ruth", Person: "ruth"}.Origin(at, "segment.edit", "")})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	recent := func(since time.Time) (ids []string) {
		for _, c := range m.Recent(since) {
			ids = append(ids, c.ID)
		}
		return ids
	}
	act("older")
	at = at.Add(time.Hour)
	act("one")
	act("two")
	for _, when := range []string{"at once", "after many changes", "after a restart"} {
		switch when {
		case "after many changes":
			for n := range 5000 {
				if err := m.Commit(t.Context(), store.Commit{Origin: access.System.Origin(at, "test", fmt.Sprint(n))}); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		case "after a restart":
			if m, err = replica.Open(t.Context(), docs, kinds.All); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(recent(at), recent(at.Add(-time.Hour))); got != "[two one] [two one older]" {
			t.Errorf("%s: %s", when, got)
		}
	}
	at = at.Add(24*time.Hour - time.Minute)
	act("three")
	if got := fmt.Sprint(recent(time.Time{})); got != "[three two one]" {
		t.Errorf("a day later: %s", got)
	}
}

// A commit of a person asks the store for no document that the copy has at its revision, and the audit tells the same.
func TestAuditFieldsNeedNoReadOfWhatTheCopyHas(t *testing.T) {
	docs := &counting{Store: memory.New(100)}
	m, err := replica.Open(t.Context(), docs, kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	other, err := replica.Open(t.Context(), docs, kinds.All) // it hears of nothing by itself
	if err != nil {
		t.Fatal(err)
	}
	s := servicetest.Music("m1")
	servicetest.Put(t, m, replica.KindSegment, s.ID, s)
	change := func(m *replica.Replica, expect int64, title string) {
		t.Helper()
		s.Title, s.Revision = title, expect+1
		body, err := replica.Encode(s)
		if err == nil {
			err = m.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindSegment, ID: s.ID, Expect: expect,
				Body: body}}, Origin: access.Actor{Name: "Ruth"}.Origin(time.Now(), "segment.edit", "")})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	docs.gets = 0
	change(m, 1, "one")
	if docs.gets != 0 {
		t.Errorf("the commit read %d documents from the store", docs.gets)
	}
	change(other, 2, "two")
	if docs.gets != 1 {
		t.Errorf("a commit of what the copy lacks read %d documents", docs.gets)
	}
	all, err := docs.Audit(t.Context(), store.AuditQuery{Kind: replica.KindSegment})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`{"fields":[{"field":"title","before":"` + servicetest.Music("m1").Title +
		`","after":"one"}]}`, `{"fields":[{"field":"title","before":"one","after":"two"}]}`} {
		if all[i+1].Fields != want {
			t.Errorf("change %d says %s, want %s", i+1, all[i+1].Fields, want)
		}
	}
}

// A copy that lost the feed lists the store anew: meanwhile nobody's acts are forgotten.
func TestActsStayKnownWhileTheStoreIsListedAnew(t *testing.T) {
	docs := memory.New(2) // the feed keeps two changes
	known, looked := -1, false
	var m *replica.Replica
	m, err := replica.Open(t.Context(), replica.Intercept(docs, func(ctx context.Context, call *replica.Call,
		do func(context.Context) error) error {
		if err := do(ctx); err != nil || call.Name != "store.audit" || m == nil {
			return err
		}
		known, looked = len(m.Recent(time.Time{})), true
		return nil
	}), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	put := func(on replica.Documents, by, id string) {
		t.Helper()
		body, err := replica.Encode(servicetest.Music(id))
		if err == nil {
			_, err = on.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindSegment, ID: id, Body: body}},
				Origin: store.Origin{At: at, By: by, Action: "segment.edit"}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(docs, "Ruth", "one")
	if err := m.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		put(docs, store.System, fmt.Sprint("more-", n))
	}
	put(docs, "Ruth", "two")
	if err := m.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !looked || known != 1 || len(m.Recent(time.Time{})) != 2 {
		t.Errorf("listed anew: %v; meanwhile %d acts were known, and then %d", looked, known, len(m.Recent(time.Time{})))
	}
}
