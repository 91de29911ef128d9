package library

import (
	"context"
	"io"
	"strings"
	"testing"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

func TestASilentOrVeryQuietRecordingNeedsConsent(t *testing.T) {
	for _, code := range []string{audio.WarnSilent, audio.WarnVeryQuiet} {
		d := newFixture(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
			f, err := servicetest.Heard(ctx, r, p)
			f.Warnings = []audio.Warning{{Code: audio.WarnHeadSilence, Message: "It starts late."},
				{Code: code, Message: "It is silent."}}
			return f, err
		})
		d.upload(t, "a")
		_, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "")
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "It is silent.") || !strings.Contains(err.Error(),
			"accept_warnings") {
			t.Errorf("%s, without a word: %v", code, err)
		}
		if s, err := d.library.Approvals.ApproveDespiteWarnings(t.Context(), access.Actor{Name: "Ruth"}, "a", nil,
			"a pause"); err != nil || s.State != schedules.Approved {
			t.Errorf("%s, accepted: %s, %v", code, s.State, err)
		}
	}
	d := newFixture(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
		f, err := servicetest.Heard(ctx, r, p)
		f.Warnings = []audio.Warning{{Code: audio.WarnClipping, Message: "It is clipped."}}
		return f, err
	})
	d.upload(t, "a")
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil {
		t.Errorf("a lesser warning: %v", err)
	}
}

func TestARejectedSegmentIsKeptOffTheAirWithAReason(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approvals.Reject(t.Context(), ruth, "a", nil, " "); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if s, err := d.library.Approvals.Reject(t.Context(), ruth, "a", nil, "too long"); err != nil ||
		s.State != schedules.Rejected || s.Rejection.Message != "too long" {
		t.Errorf("%+v, %v", s, err)
	}
	for what, act := range map[string]func() (schedules.Segment, error){
		"rejected again": func() (schedules.Segment, error) {
			return d.library.Approvals.Reject(t.Context(), ruth, "a", nil, "again")
		},
		"approved": func() (schedules.Segment, error) { return d.library.Approvals.Approve(t.Context(), ruth, "a", nil, "") },
		"reinstated": func() (schedules.Segment, error) {
			return d.library.Recalls.Reinstate(t.Context(), ruth, "a", nil, "x")
		},
	} {
		if _, err := act(); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := d.library.Approvals.Reject(t.Context(), ruth, "b", nil, "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("one that there is not: %v", err)
	}
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Hana"}, "a", nil, ""); !fault.Is(err,
		fault.Forbidden) {
		t.Errorf("the uploader approves: %v", err)
	}
	if s, err := d.library.Approvals.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil ||
		s.State != schedules.Approved {
		t.Errorf("another approves: %s, %v", s.State, err)
	}
}
