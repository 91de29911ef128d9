package playout

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/text"
	"lifeline/internal/wire"
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

// The service refuses the whole status for one text that it does not accept.
func TestProblemsAreTextsThatTheServiceAccepts(t *testing.T) {
	p := NewProblems(time.Now, discardLog())
	for _, said := range []string{"as-run entry 7 was re\ufffdeated", "half a letter \xed\x95", "red \x1b[31m",
		"line\nline", "\u202e"} {
		p.Add("the service says %s", said)
	}
	for _, told := range p.List() {
		if line, err := text.Line(told); err != nil || line != told {
			t.Errorf("%q: %v", told, err)
		}
	}
}

// The cure stands at the end of an alarm, and is told however long what other programs say is.
func TestALongAlarmKeepsItsCureAndWholeWords(t *testing.T) {
	p := NewProblems(time.Now, discardLog())
	p.Raise("list", "the list %s cannot be written: %v. Look whether the disk is full", "evening",
		errors.New(strings.Repeat("segment-one, ", 100)))
	p.Raise("two", "%s and %s: see to both", strings.Repeat("first ", 200), strings.Repeat("second ", 200))
	p.Add("what aired could not be reported: %v. Look at the link", errors.New(strings.Repeat("x", 2000)))
	got := append(p.Alarms(), p.List()...)
	for i, end := range []string{"segment-one…. Look whether the disk is full", "second…: see to both",
		"x…. Look at the link"} {
		if !strings.HasSuffix(got[i], end) || len([]rune(got[i])) > mostTold {
			t.Errorf("%d characters: %s", len([]rune(got[i])), got[i])
		}
	}
	var kept []wire.Recalled
	for i := range 300 {
		kept = append(kept, wire.Recalled{SegmentID: fmt.Sprintf("a-letter-from-the-harbour-%03d", i)})
	}
	tellKept(p, kept)
	if got := p.Alarms()[2]; !strings.Contains(got, "harbour-005 and 294 more. ") ||
		!strings.HasSuffix(got, "approve it then") {
		t.Errorf("%q", got)
	}
}
