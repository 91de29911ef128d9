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
		d := newDesk(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
			f, err := servicetest.Heard(ctx, r, p)
			f.Warnings = []audio.Warning{{Code: audio.WarnHeadSilence, Message: "It starts late."},
				{Code: code, Message: "It is silent."}}
			return f, err
		})
		d.upload(t, "a")
		_, err := d.library.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "")
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "It is silent.") || !strings.Contains(err.Error(),
			"accept_warnings") {
			t.Errorf("%s, without a word: %v", code, err)
		}
		if s, err := d.library.ApproveDespiteWarnings(t.Context(), access.Actor{Name: "Ruth"}, "a", nil,
			"a pause"); err != nil || s.State != schedules.Approved {
			t.Errorf("%s, accepted: %s, %v", code, s.State, err)
		}
	}
	d := newDesk(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
		f, err := servicetest.Heard(ctx, r, p)
		f.Warnings = []audio.Warning{{Code: audio.WarnClipping, Message: "It is clipped."}}
		return f, err
	})
	d.upload(t, "a")
	if _, err := d.library.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil {
		t.Errorf("a lesser warning: %v", err)
	}
}
