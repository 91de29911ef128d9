package library

import (
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

func TestTheLastFallbackSegmentThatIsNotSensitiveStaysSo(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	for _, id := range []string{"a", "b"} {
		d.upload(t, id)
	}
	servicetest.Put(t, d.replica, replica.KindStation, "s", schedules.Station{ID: "s", Fallback: []string{"a", "b"}})
	sensitive := func(s *schedules.Segment) { s.Sensitive = true }
	if s, err := d.library.Segments.Edit(t.Context(), hana, "a", nil, sensitive); err != nil || s.GuardedSince.IsZero() {
		t.Errorf("while another is not: %v", err)
	}
	if _, err := d.library.Segments.Edit(t.Context(), hana, "b", nil, sensitive); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), `"s"`) {
		t.Errorf("the last one: %v", err)
	}
	if s, err := d.library.Segments.Edit(t.Context(), hana, "a", nil,
		func(s *schedules.Segment) { s.Sensitive = false }); err != nil || !s.GuardedSince.IsZero() {
		t.Errorf("not sensitive any more: %+v, %v", s, err)
	}
}

func TestStaleChangeChangesNothing(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	s := d.upload(t, "a")
	stale := s.Revision - 1
	if _, err := d.library.Segments.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", &stale,
		func(s *schedules.Segment) { s.Title = "x" }); !fault.Is(err, fault.Stale) {
		t.Errorf("stale edit: %v", err)
	}
	if got, err := d.library.Segments.Get("a"); err != nil || got.Title != "t" || got.Revision != s.Revision {
		t.Errorf("now %+v, %v", got, err)
	}
}

// Such an edit also notifies nobody and appears in no record.
func TestEditThatChangesNothingMakesNoRevision(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	before, changes := d.upload(t, "a"), d.replica.Sequence()
	same := func(s *schedules.Segment) { s.Title = "t" }
	if s, err := d.library.Segments.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", &before.Revision,
		same); err != nil || s.Revision != before.Revision || d.replica.Sequence() != changes {
		t.Errorf("%+v, %v, %d changes", s, err, d.replica.Sequence()-changes)
	}
	if s, err := d.library.Segments.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", nil,
		func(s *schedules.Segment) { s.Title = "other" }); err != nil || s.Revision != before.Revision+1 {
		t.Errorf("what changes: %+v, %v", s, err)
	}
	stale := before.Revision
	if _, err := d.library.Segments.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", &stale, same); !fault.Is(err,
		fault.Stale) {
		t.Errorf("of a revision that is not the latest: %v", err)
	}
}

func TestEditThatSaysSomethingElseNeedsApprovalAnew(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil {
		t.Fatal(err)
	}
	s, err := d.library.Segments.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", nil,
		func(s *schedules.Segment) { s.Title = "new" })
	if err != nil || s.State != schedules.Approved {
		t.Errorf("a new title: %s, %v", s.State, err)
	}
	s, err = d.library.Segments.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", nil,
		func(s *schedules.Segment) { s.Language = "en" })
	if err != nil || s.State != schedules.Pending {
		t.Errorf("a new language: %s, %v", s.State, err)
	}
}
