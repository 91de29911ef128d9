package schedules

import (
	"fmt"
	"time"
)

// Place is where and when a segment would air.
type Place struct {
	Languages      []string // that the window allows; none: every one
	StartAt, EndAt time.Time
	SHA256         string // of the audio that is to air; empty: the segment's current recording
}

// Unairable says which condition keeps a segment off the air, and why, in words.
type Unairable struct {
	Segment string `json:"segment"`
	Rule    string `json:"rule"` // unknown, state, recording, hash, language, script, validity, expiry
	Message string `json:"message"`
}

func (u *Unairable) Error() string { return u.Segment + ": " + u.Message }

// Airable is the one place that says what airable means: the segment is approved, and every passage it covers is live
// while it airs, and its language is allowed in the window, and it airs within its validity (ending by its expiry),
// and it is not recalled, and the audio is its current recording. It is nil for a segment that may air there.
func (l *Library) Airable(segment string, p Place) *Unairable {
	e, ok := l.entry(segment)
	if !ok {
		return &Unairable{segment, "unknown", "is not in the library"}
	}
	if u := e.Unfit(); u != nil {
		return u
	}
	s := &e.Segment
	switch life := e.Life; {
	case p.SHA256 != "" && p.SHA256 != s.Recording.SHA256:
		return &Unairable{segment, "hash", "has a newer recording than the audio that is to air"}
	case !Speaks(s.Language, p.Languages):
		return &Unairable{segment, "language", fmt.Sprintf("is in %s, which the window does not allow", s.Language)}
	case !life.From.IsZero() && p.StartAt.Before(life.From.Time):
		return &Unairable{segment, "validity", fmt.Sprintf("is valid from %s only, and would start at %s", life.From,
			At(p.StartAt))}
	case !life.Until.IsZero() && p.EndAt.After(life.Until.Time):
		why := ""
		if life.Because != "" {
			why = ": " + life.Because + " then"
		}
		return &Unairable{segment, "expiry", fmt.Sprintf("must have ended by %s, and would end at %s%s", life.Until,
			At(p.EndAt), why)}
	}
	return nil
}

// Unfit says why the segment may air nowhere and at no time.
func (e *Entry) Unfit() *Unairable {
	s := &e.Segment
	switch {
	case s.State == Recalled:
		return &Unairable{s.ID, "state", "is recalled"}
	case s.State != Approved:
		return &Unairable{s.ID, "state", fmt.Sprintf("is %s, not approved", s.State)}
	case s.Recording.AirTime().Duration <= 0:
		return &Unairable{s.ID, "recording", "has no recording that lasts"}
	case e.Life.Dead != "":
		return &Unairable{s.ID, "script", "may not air: " + e.Life.Dead}
	}
	return nil
}
