package auditor

import (
	"time"

	"lifeline/schedules"
)

// holds reports whether a rule of a clock holds an airing: an item of its windows, which can still change.
func (a *audit) holds(r schedules.Rule, clock string, x *airing) bool {
	return x.item != nil && !a.final(*x.item) && x.clock == clock && r.Only.Matches(x.segment)
}

// age checks that nothing starts too long after its valid_from.
func (a *audit) age(r schedules.Rule, clock string) {
	for i := range a.all {
		x := &a.all[i]
		if !a.holds(r, clock, x) {
			continue
		}
		from := x.segment.ValidFrom
		if from.IsZero() {
			a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s has no valid_from, from which its age counts: give it one",
				x.segment.ID)
		} else if old := x.start.Sub(from.Time); old > r.FreshFor.Duration {
			a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s is %s old; it may air until it is %s old", x.segment.ID,
				plainTime(old), plainTime(r.FreshFor.Duration))
		}
	}
}

// newest checks that nothing airs after something newer in its language was on.
func (a *audit) newest(r schedules.Rule, clock string) {
	for i := range a.all {
		x := &a.all[i]
		if !a.holds(r, clock, x) {
			continue
		}
		for j := range a.all[:i] {
			y := &a.all[j]
			if y.start.Before(x.start) && (y.station == a.in.Station.ID || r.Across) && r.Only.Matches(y.segment) &&
				y.segment.Ordered() && y.segment.Language == x.segment.Language &&
				y.segment.ValidFrom.After(x.segment.ValidFrom.Time) {
				a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s is older than %s, which was on at %s on station %s",
					x.segment.ID, y.segment.ID, schedules.At(y.start), y.station)
				break
			}
		}
	}
}

// episodes checks that every series airs by number, without gaps.
func (a *audit) episodes(r schedules.Rule, clock string) {
	var numbered []schedules.Segment
	for _, s := range a.in.Library.Segments() {
		if s.Series != "" && s.Episode > 0 && r.Only.Matches(&s) {
			numbered = append(numbered, s)
		}
	}
	for i := range a.all {
		x := &a.all[i]
		if !a.holds(r, clock, x) || x.segment.Series == "" || x.segment.Episode == 0 {
			continue
		}
		same := func(s *schedules.Segment) bool {
			return s.Series == x.segment.Series && s.Language == x.segment.Language && s.Episode > 0 && r.Only.Matches(s) &&
				s.Ordered()
		}
		aired := map[int]bool{}
		least := 0
		for j := range a.all {
			y := &a.all[j]
			if y.station == a.in.Station.ID && y.start.Before(x.start) && same(y.segment) {
				aired[y.segment.Episode] = true
				if least == 0 || y.segment.Episode < least {
					least = y.segment.Episode
				}
			}
		}
		if aired[x.segment.Episode] {
			continue // a repeat
		}
		next := 0
		for _, s := range numbered {
			if same(&s) && s.Episode > least && !aired[s.Episode] && (next == 0 || s.Episode < next) && a.open(s, x.start) {
				next = s.Episode
			}
		}
		if next > 0 && next != x.segment.Episode {
			a.add(r.Hard, r.Name(), x.item.Window, x.item.ID, "%s is episode %d of %s, and episode %d is next", x.segment.ID,
				x.segment.Episode, x.segment.Series, next)
		}
	}
}

// open reports whether a segment may air after an instant, then or later.
func (a *audit) open(s schedules.Segment, at time.Time) bool {
	life, _ := a.in.Library.Life(s.ID)
	return s.State == schedules.Approved && s.Recording.AirTime().Duration > 0 && life.BlockedBecause == "" &&
		(life.Until.IsZero() || life.Until.After(at))
}
