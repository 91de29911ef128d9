package auditor

import (
	"time"

	"lifeline/schedules"
)

// ruledOut returns how long the editors' rulings and its own validity let a segment air: not at all, until an instant,
// or, with the zero time, forever.
func (a *audit) ruledOut(s schedules.Segment) (until time.Time, dead bool) {
	until = s.ValidUntil.Time
	if c := s.Consent; c != nil && !c.ExpiresAt.IsZero() && (until.IsZero() || c.ExpiresAt.Before(until)) {
		until = c.ExpiresAt.Time
	}
	if s.Script == nil {
		return until, false
	}
	script, ok := a.in.Library.Script(s.Script.ID)
	if !ok {
		return until, true
	}
	found := 0
	for _, v := range script.Versions {
		if v.Version != s.Script.Version {
			continue
		}
		for _, p := range v.Passages {
			for _, n := range s.Script.Passages {
				if p.Number != n {
					continue
				}
				found++
				if p.Dead {
					return until, true
				}
				if !p.AirUntil.IsZero() && (until.IsZero() || p.AirUntil.Before(until)) {
					until = p.AirUntil.Time
				}
			}
		}
	}
	return until, found < len(s.Script.Passages)
}

// companion checks an intro or a back-announce against the rulings on its readings: it may air as long as one of them
// may.
func (a *audit) companion(w *window, i schedules.Item, s schedules.Segment, end time.Time) {
	if s.Kind != "intro" && s.Kind != "back-announce" {
		return
	}
	if a.readers == nil {
		a.readers = map[string][]schedules.Segment{}
		for _, r := range a.in.Library.Segments() {
			for _, id := range []string{r.Intro, r.BackAnnounce} {
				if id != "" {
					a.readers[id] = append(a.readers[id], r)
				}
			}
		}
	}
	var last time.Time
	living := 0
	for _, r := range a.readers[s.ID] {
		until, dead := a.ruledOut(r)
		if dead {
			continue
		}
		if until.IsZero() {
			return
		}
		living++
		if until.After(last) {
			last = until
		}
	}
	switch {
	case len(a.readers[s.ID]) == 0:
	case living == 0:
		a.add(true, "script", w.Window, i.ID, "every reading that %s belongs to was ruled dead", s.ID)
	case end.After(last):
		a.add(true, "script", w.Window, i.ID, "the readings that %s belongs to may air until %s", s.ID, schedules.At(last))
	case i.NotAfter.IsZero() || i.NotAfter.After(last):
		a.add(true, "expiry", w.Window, i.ID, "does not tell the player that the readings of %s may air until %s", s.ID,
			schedules.At(last))
	}
}
