package commands

import (
	"strings"
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

func TestWhatNobodyHasApprovedIsNotShownAsApproved(t *testing.T) {
	at := schedules.At(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	s := schedules.Segment{ID: "letter", State: schedules.Approved, Approval: &schedules.LastApproval{By: "Ruth", At: at}}
	printed := func() string {
		var out strings.Builder
		printSegment(&out, s, nil)
		return out.String()
	}
	if said := printed(); !strings.Contains(said, "approved by    Ruth") {
		t.Error(said)
	}
	s.State, s.Edits = schedules.Pending, []schedules.Edited{{By: "Hana", At: at, Fields: []string{"tags", "title"}}}
	if said := printed(); strings.Contains(said, "approved by") || !strings.Contains(said, "last approved  Ruth") ||
		!strings.Contains(said, "not approved   tags, title, changed by Hana at 2026-11-29T12:00:00Z") {
		t.Error(said)
	}
}
