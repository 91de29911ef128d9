package library

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

func TestAPersonIsRecalledInEverySegmentAtOnce(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	for _, id := range []string{"a", "b", "c"} {
		d.upload(t, id)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := d.library.Segments.Edit(t.Context(), hana, id, nil,
			func(s *schedules.Segment) { s.Persons = []string{"minjun"} }); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "minjun", ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "nobody", "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("whom nothing names: %v", err)
	}
	if _, err := d.library.Recalls.Recall(t.Context(), ruth, "a", nil, "before"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Recalls.Recall(t.Context(), ruth, "a", nil, "again"); !fault.Is(err, fault.Conflict) {
		t.Errorf("recalled already: %v", err)
	}
	if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "minjun", "unsafe"); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Recalls.List().Value.Segments; len(got) != 2 {
		t.Errorf("recalled are %+v", got)
	}
	if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "minjun", "again"); !fault.Is(err, fault.Conflict) {
		t.Errorf("recalled already: %v", err)
	}
}

func TestReinstatingTakesTwoPeople(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Recalls.Recall(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "unsafe"); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Recalls.List().Value; len(got.Segments) != 1 || got.Segments[0].SegmentID != "a" {
		t.Errorf("recalled: %+v", got)
	}
	if s, err := d.library.Recalls.Reinstate(t.Context(), access.Actor{Name: "Ruth"}, "a", nil,
		"safe again"); err != nil || s.State != schedules.Pending {
		t.Fatalf("reinstated: %s, %v", s.State, err)
	}
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); !fault.Is(err,
		fault.Forbidden) {
		t.Errorf("the same person approves: %v", err)
	}
	if got := d.library.Recalls.List().Value; len(got.Segments) != 1 {
		t.Errorf("one person took it off the list: %+v", got)
	}
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Amos"}, "a", nil, ""); err != nil {
		t.Errorf("another approves: %v", err)
	}
	if got := d.library.Recalls.List().Value; len(got.Segments) != 0 {
		t.Errorf("still recalled: %+v", got)
	}
}

// The change wakes a waiter before the wait ends; a caller without a wait gets the same answer.
func TestWaitersWakeAtTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := replica.Open(t.Context(), memory.New(100), testKinds)
		if err != nil {
			t.Fatal(err)
		}
		l := New(m, nil, servicetest.Signer{}, nil, time.Now, Limits{Concurrency: 1})
		if err := l.Recalls.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if r := l.Recalls.Await(ctx, 1); r.Value.Revision != 1 || time.Since(begun) != time.Minute {
			t.Errorf("nothing changed, and after %v it answers revision %d", time.Since(begun), r.Value.Revision)
		}
		got := make(chan int64, 1)
		go func() { got <- l.Recalls.Await(context.Background(), 1).Value.Revision }()
		synctest.Wait()
		writes, err := l.Recalls.with(schedules.Segment{ID: "x", State: schedules.Recalled})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
			t.Fatal(err)
		}
		if revision := <-got; revision != 2 {
			t.Errorf("woken with revision %d", revision)
		}
	})
}

func TestWhatIsReinstatedAfterTheStoreWasSetBackIsNamedAsReleased(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	write, err := replica.FloorWrite(replica.Floor{}.Raised(d.now, 0), 0)
	if err == nil {
		err = d.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{write}})
	}
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ schedules.Segment, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.library.Recalls.Recall(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "unsafe"))
	must(d.library.Recalls.Reinstate(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "safe again"))
	must(d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Amos"}, "a", nil, ""))
	if r := d.library.Recalls.List().Value; len(r.Segments) != 0 || len(r.Released) != 1 ||
		r.Released[0].SegmentID != "a" {
		t.Errorf("%+v", r)
	}
	must(d.library.Recalls.Recall(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "unsafe"))
	if r := d.library.Recalls.List().Value; len(r.Segments) != 1 || len(r.Released) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestARecallOfAPersonFindsTheSegmentsThatNamedThemBefore(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	for _, id := range []string{"cleared", "changed", "other"} {
		d.upload(t, id)
	}
	name := func(id string, persons ...string) schedules.Segment {
		t.Helper()
		s, err := d.library.Segments.Edit(t.Context(), hana, id, nil, func(s *schedules.Segment) { s.Persons = persons })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	name("cleared", "p7", "p8")
	name("cleared")
	name("changed", "p7")
	name("changed", "p9")
	name("changed", "p9", "p8")
	if s := name("changed", "p8", "p10"); !slices.Equal(s.FormerPersons, []string{"p7", "p9"}) {
		t.Errorf("its former persons are %q", s.FormerPersons)
	}
	if s := name("other", "p9"); len(s.FormerPersons) != 0 {
		t.Errorf("the first persons have former ones: %q", s.FormerPersons)
	}
	if err := d.library.Recalls.RecallPerson(t.Context(), ruth, "p7", "in danger"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"cleared": true, "changed": true, "other": false} {
		if s, err := d.library.Segments.Get(id); err != nil || (s.State == schedules.Recalled) != want {
			t.Errorf("%s is %s, %v", id, s.State, err)
		}
	}
}
