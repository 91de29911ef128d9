package schedules

import (
	"fmt"
	"time"
)

// Place is the place and time at which a segment would air.
type Place struct {
	Languages      []string // the languages that the window allows; none means every language
	StartAt, EndAt time.Time
	SHA256         string         // the audio that is to air; empty means the segment's current recording
	Zone           *time.Location // the zone of the times in explanations; nil means UTC
}

// time returns an instant as explanations write it.
func (p Place) time(at Instant) string {
	if p.Zone == nil {
		return at.String()
	}
	return at.Wall(p.Zone)
}

// Unairable is the condition that keeps a segment off the air, with an explanation in words.
type Unairable struct {
	Segment string `json:"segment"`
	Rule    string `json:"rule"` // unknown, state, recording, hash, language, script, validity, expiry
	Message string `json:"message"`
}

func (u *Unairable) Error() string { return u.Segment + ": " + u.Message }

// Airable is the single definition of "may air". A segment may air at p if it is approved and not recalled, every
// passage that it reads is live for the whole airing, its language is allowed in the window, the airing lies within its
// validity (it must end by its expiry), and the audio is its current recording. Airable returns nil for such a segment,
// and otherwise the first condition that fails.
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
		return &Unairable{segment, "validity", fmt.Sprintf("is valid from %s only, and would start at %s", p.time(life.From),
			p.time(At(p.StartAt)))}
	case !life.Until.IsZero() && p.EndAt.After(life.Until.Time):
		why := ""
		if life.Because != "" {
			why = ": " + life.Because + " then"
		}
		return &Unairable{segment, "expiry", fmt.Sprintf("must have ended by %s, and would end at %s%s", p.time(life.Until),
			p.time(At(p.EndAt)), why)}
	}
	return nil
}

// Unfit returns the condition that keeps the segment off the air everywhere and at all times, or nil.
func (e *Entry) Unfit() *Unairable {
	s := &e.Segment
	switch {
	case s.State == Recalled:
		return &Unairable{s.ID, "state", "is recalled"}
	case s.State != Approved:
		return &Unairable{s.ID, "state", fmt.Sprintf("is %s, not approved", s.State)}
	case s.Recording.AirTime().Duration <= 0:
		return &Unairable{s.ID, "recording", "has no recording that lasts"}
	case e.Life.BlockedBecause != "":
		return &Unairable{s.ID, "script", "may not air: " + e.Life.BlockedBecause}
	}
	return nil
}
