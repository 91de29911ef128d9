package playout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
)

// A service refuses a whole status if one text has two lines, and then no alarm would be reported.
func TestAlarmIsOneLineWhateverOtherProgramsSay(t *testing.T) {
	p := NewProblems(time.Now, discardLog())
	p.Raise("sound", "no sound leaves this machine: %v", errors.Join(errors.New("refused"), errors.New("killed\x1b[31m")))
	if got := p.Alarms(); len(got) != 1 || strings.ContainsAny(got[0], "\n\x1b") || !strings.Contains(got[0], "killed") {
		t.Errorf("%q", got)
	}
}

// A service that does not know the station, or rejects its token, answers as for unpublished days: the player raises an
// alarm at once, as long as that lasts.
func TestPlayerThatTheServiceDoesNotKnowRaisesAnAlarm(t *testing.T) {
	for _, kind := range []fault.Kind{fault.NotFound, fault.Forbidden, fault.Unauthenticated} {
		r := &Reporter{problems: NewProblems(time.Now, discardLog())}
		r.answered(fault.New(kind, "there is no station %q for this token, which is that of station %q", "lantern",
			"harbour"))
		if got := r.problems.Alarms(); len(got) != 1 || !strings.Contains(got[0], `which is that of station "harbour"`) {
			t.Errorf("%v: %q", kind, got)
		}
		r.answered(fault.New(fault.Unavailable, "the link is down"))
		if got := r.problems.Alarms(); len(got) != 1 {
			t.Errorf("%v: without a link the alarm is %q", kind, got)
		}
		r.answered(nil)
		if got := r.problems.Alarms(); len(got) != 0 {
			t.Errorf("%v: it stands still: %q", kind, got)
		}
	}
}

func TestACertificateThatEndsWithinTwoWeeksIsAnAlarm(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	r := &Reporter{problems: NewProblems(time.Now, discardLog()), now: func() time.Time { return now }}
	for _, c := range []struct {
		ends time.Time
		want bool
	}{{now.Add(certificateSoon - time.Second), true}, {now.Add(-time.Hour), true}, {now.Add(certificateSoon), false},
		{now.Add(time.Hour), true}, {time.Time{}, false}} {
		r.certificate(c.ends)
		if got := r.problems.Alarms(); (len(got) == 1) != c.want || c.want && !strings.Contains(got[0], "renew it") {
			t.Errorf("it ends at %v: %q", c.ends, got)
		}
	}
}
