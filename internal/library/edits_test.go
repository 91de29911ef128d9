package library

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
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

// Every field that a producer writes is here, so that a new one cannot be forgotten.
func TestEditOfWhatWasApprovedNeedsApprovalAnew(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	days := func(n int) schedules.Instant { return schedules.At(at.AddDate(0, 0, n)) }
	consent := func(reference string, given, expires schedules.Instant) *schedules.Consent {
		return &schedules.Consent{Reference: reference, GivenAt: given, ExpiresAt: expires}
	}
	base := wire.SegmentMeta{ID: "a", Kind: "news", Title: "t", Language: "ko", Voice: "Sora", Series: "notes", Episode: 4,
		Tags: []string{"x"}, Script: &schedules.ScriptRef{ID: "s", Version: 1, Passages: []int{1}},
		Persons: []string{"minjun"}, Intro: "i", BackAnnounce: "b", ValidFrom: days(0), ValidUntil: days(9),
		Consent: consent("file 4", days(-9), days(8))}
	sensitive := base
	sensitive.Sensitive = true
	type edits map[string]func(*wire.SegmentMeta)
	type meta = *wire.SegmentMeta
	anew := map[string]edits{
		"kind":     {"another": func(m meta) { m.Kind = "commentary" }},
		"title":    {"another": func(m meta) { m.Title = "u" }},
		"language": {"another": func(m meta) { m.Language = "en" }},
		"voice":    {"none": func(m meta) { m.Voice = "" }},
		"series": {"another": func(m meta) { m.Series = "letters" },
			"none": func(m meta) { m.Series, m.Episode = "", 0 }},
		"episode": {"later": func(m meta) { m.Episode = 5 }, "earlier": func(m meta) { m.Episode = 3 }},
		"tags":    {"more": func(m meta) { m.Tags = []string{"x", "y"} }, "none": func(m meta) { m.Tags = nil }},
		"script": {"another": func(m meta) { m.Script.ID = "r" }, "none": func(m meta) { m.Script = nil },
			"version": func(m meta) { m.Script.Version = 2 }, "passages": func(m meta) { m.Script.Passages = []int{2} }},
		"persons":       {"more": func(m meta) { m.Persons = []string{"minjun", "sora"} }},
		"intro":         {"another": func(m meta) { m.Intro = "j" }},
		"back_announce": {"none": func(m meta) { m.BackAnnounce = "" }},
		"valid_from": {"later": func(m meta) { m.ValidFrom = days(1) }, "earlier": func(m meta) { m.ValidFrom = days(-1) },
			"none": func(m meta) { m.ValidFrom = schedules.Instant{} }},
		"valid_until": {"later": func(m meta) { m.ValidUntil = days(10) },
			"none": func(m meta) { m.ValidUntil = schedules.Instant{} }},
		"consent": {"longer": func(m meta) { m.Consent.ExpiresAt = days(10) },
			"for ever": func(m meta) { m.Consent.ExpiresAt = schedules.Instant{} },
			"another":  func(m meta) { m.Consent.Reference = "file 5" }, "none": func(m meta) { m.Consent = nil },
			"given later": func(m meta) { m.Consent.GivenAt = days(-8) }},
		"sensitive": {"not": func(m meta) { m.Sensitive = false }},
	}
	stays := map[string]edits{
		"valid_until": {"earlier": func(m meta) { m.ValidUntil = days(7) }},
		"consent": {"shorter": func(m meta) { m.Consent.ExpiresAt = days(7) },
			"first": func(m meta) { m.Consent = consent("file 4", days(-9), days(8)) }},
		"sensitive": {"now": func(m meta) { m.Sensitive = true }},
	}
	try := func(field, how string, from wire.SegmentMeta, patch func(*wire.SegmentMeta), want schedules.State) {
		d := newFixture(t, servicetest.Heard)
		d.upload(t, "a")
		edit := func(m wire.SegmentMeta) schedules.Segment {
			t.Helper()
			s, err := d.library.Segments.Edit(t.Context(), hana, "a", nil, m.Onto)
			if err != nil {
				t.Fatal(field, how, err)
			}
			return s
		}
		named := ruth
		named.Sensitive = true
		m := wire.SegmentMetaOf(edit(from))
		if _, err := d.library.Approvals.Approve(t.Context(), named, "a", nil, ""); err != nil {
			t.Fatal(field, how, err)
		}
		patch(&m)
		s := edit(m)
		if s.State != want || (want == schedules.Approved) != (len(s.Edits) == 0) {
			t.Errorf("%s, %s: %s, with the changes %+v", field, how, s.State, s.Edits)
		}
	}
	for f := range reflect.TypeFor[wire.SegmentMeta]().Fields() {
		field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if len(anew[field]) == 0 && field != "id" {
			t.Errorf("what an edit of %s does to an approval is not tested", field)
		}
	}
	for want, all := range map[schedules.State]map[string]edits{schedules.Pending: anew, schedules.Approved: stays} {
		for field, hows := range all {
			for how, patch := range hows {
				from := base
				if field == "sensitive" && want == schedules.Pending {
					from = sensitive
				}
				if how == "first" {
					from.Consent = nil
				}
				try(field, how, from, patch, want)
			}
		}
	}
}

// Each editor but Amos, who changed nothing that counts, is kept from approving, by an error that names the change.
func TestWhoChangedWhatCountsSinceTheLastApprovalCannotApproveIt(t *testing.T) {
	until := schedules.At(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	for field, patch := range map[string]SegmentPatch{
		"kind":     func(s *schedules.Segment) { s.Kind = "letter" },
		"language": func(s *schedules.Segment) { s.Language = "en" },
		"script": func(s *schedules.Segment) {
			s.Script = &schedules.ScriptRef{ID: "x", Version: 1, Passages: []int{1}}
		},
		"persons":     func(s *schedules.Segment) { s.Persons = []string{"minjun", "sora"} },
		"consent":     func(s *schedules.Segment) { s.Consent = nil },
		"sensitive":   func(s *schedules.Segment) { s.Sensitive = false },
		"valid_until": func(s *schedules.Segment) { s.ValidUntil = schedules.At(until.AddDate(0, 1, 0)) },
		"valid_from":  func(s *schedules.Segment) { s.ValidFrom = schedules.Instant{} },
		"title":       func(s *schedules.Segment) { s.Title = "other" },
		"tags":        func(s *schedules.Segment) { s.Tags = []string{"appeal"} },
		"series":      func(s *schedules.Segment) { s.Series = "appeal" },
		"voice":       func(s *schedules.Segment) { s.Voice = "Sora" },
	} {
		d := newFixture(t, servicetest.Heard)
		d.upload(t, "a")
		edit := func(who access.Actor, p SegmentPatch) {
			t.Helper()
			if _, err := d.library.Segments.Edit(t.Context(), who, "a", nil, p); err != nil {
				t.Fatal(field, err)
			}
		}
		approve := func(who access.Actor) error {
			who.Sensitive = true
			_, err := d.library.Approvals.Approve(t.Context(), who, "a", nil, "")
			return err
		}
		edit(hana, func(s *schedules.Segment) {
			s.Persons, s.Sensitive, s.ValidUntil = []string{"minjun"}, true, until
			s.ValidFrom, s.Consent = schedules.At(until.AddDate(0, -1, 0)), &schedules.Consent{Reference: "file 4"}
		})
		if err := approve(ruth); err != nil {
			t.Fatal(field, err)
		}
		d.now = d.now.Add(time.Hour)
		edit(ruth, patch)
		edit(amos, func(s *schedules.Segment) { s.ValidUntil = schedules.At(until.AddDate(0, 0, -1)) })
		edit(hana, func(s *schedules.Segment) { s.Kind = "commentary" })
		if err := approve(ruth); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "Ruth changed "+field) ||
			!strings.Contains(err.Error(), "2026-01-02T04:04:05.000Z") {
			t.Errorf("%s: %v", field, err)
		}
		if err := approve(amos); err != nil {
			t.Errorf("%s, by another: %v", field, err)
		}
		if s, err := d.library.Segments.Get("a"); err != nil || s.Edits != nil {
			t.Errorf("%s: approved, with the changes %+v, %v", field, s.Edits, err)
		}
	}
}

// The metadata that came with the first recording stay its uploader's when another sends new audio.
func TestTheFirstUploaderDoesNotApproveWhatCameWithTheirsAfterNewAudio(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	r, err := d.library.Recordings.Receive(t.Context(), strings.NewReader("new sound"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.library.Segments.Replace(t.Context(), ruth, "a", nil, r); err != nil {
		t.Fatal(err)
	}
	for _, who := range []access.Actor{hana, ruth, {Name: "RUTH"}} {
		if _, err := d.library.Approvals.Approve(t.Context(), who, "a", nil, ""); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s approves: %v", who.Name, err)
		}
	}
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Amos"}, "a", nil, ""); err != nil {
		t.Error(err)
	}
}
