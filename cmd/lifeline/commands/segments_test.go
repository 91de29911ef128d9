package commands

import (
	"testing"
	"time"

	"lifeline/schedules"
)

func TestWhoLooksIsToldHowMuchOfARecordingAnApprovalHeard(t *testing.T) {
	at := schedules.At(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	of := func(percent int) *int { return &percent }
	for want, a := range map[string]*schedules.LastApproval{
		"": nil,
		"Ruth at 2026-11-29T12:00:00.000Z; how much was heard is not measured":  {SHA256: "a"},
		"Ruth at 2026-11-29T12:00:00.000Z; ONLY 89% of the recording was heard": {SHA256: "a", HeardPercent: of(89)},
		"Ruth at 2026-11-29T12:00:00.000Z; 90% of the recording was heard":      {SHA256: "a", HeardPercent: of(90)},
		"Ruth at 2026-11-29T12:00:00.000Z; 100% of the recording was heard; it had another recording, b": {SHA256: "b",
			HeardPercent: of(100)},
	} {
		if a != nil {
			a.By, a.At = "Ruth", at
		}
		if got := approved(schedules.Segment{Recording: &schedules.Recording{SHA256: "a"}, Approval: a}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
