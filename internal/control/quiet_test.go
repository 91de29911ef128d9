package control

import (
	"context"
	"io"
	"strings"
	"testing"

	"lifeline/audio"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

func TestGainOfAQuietRecordingIsBounded(t *testing.T) {
	target := -23.0
	st := schedules.Station{LoudnessTarget: &target}
	for loudness, want := range map[float64]float64{-68: 12, -35.04: 12, -35: 12, -30: 7, -23: 0, -14: -9} {
		if got := gain(&schedules.Recording{IntegratedLUFS: &loudness}, st); got != want {
			t.Errorf("%.1f LUFS is raised by %.1f dB, want %.1f", loudness, got, want)
		}
	}
}

func TestASilentOrVeryQuietRecordingNeedsConsent(t *testing.T) {
	for _, code := range []string{audio.WarnSilent, audio.WarnVeryQuiet} {
		d := newDesk(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
			f, err := heard(ctx, r, p)
			f.Warnings = []audio.Warning{{Code: audio.WarnHeadSilence, Message: "It starts late."}, {Code: code, Message: "It is silent."}}
			return f, err
		})
		d.upload(t, "a")
		_, err := d.library.Approve(t.Context(), Actor{Name: "Ruth"}, "a", nil, "")
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "It is silent.") || !strings.Contains(err.Error(), "accept_warnings") {
			t.Errorf("%s, without a word: %v", code, err)
		}
		if s, err := d.library.ApproveDespiteWarnings(t.Context(), Actor{Name: "Ruth"}, "a", nil, "a pause"); err != nil || s.State != schedules.Approved {
			t.Errorf("%s, accepted: %s, %v", code, s.State, err)
		}
	}
	d := newDesk(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
		f, err := heard(ctx, r, p)
		f.Warnings = []audio.Warning{{Code: audio.WarnClipping, Message: "It is clipped."}}
		return f, err
	})
	d.upload(t, "a")
	if _, err := d.library.Approve(t.Context(), Actor{Name: "Ruth"}, "a", nil, ""); err != nil {
		t.Errorf("a lesser warning: %v", err)
	}
}
