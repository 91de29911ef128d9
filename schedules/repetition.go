package schedules

import "time"

// Repetition is what of a recurrence lies in a stretch of time, for who writes it down in a form of its own.
type Repetition struct {
	Location *time.Location
	Rule     string      // the parts of RRULE but for COUNT and UNTIL, which Ruled says; empty: there is none
	Ruled    []time.Time // the wall times that the rule gives, written as UTC, even where EXDATE or the zone has none
	Starts   []time.Time // when it starts at last: ascending, each once
}

// Repetition is the recurrence within [from, to), by the instant of its starts. It fails as Occurrences does.
func (r Recurrence) Repetition(from, to time.Time) (Repetition, error) {
	p, err := r.parse()
	if err != nil {
		return Repetition{}, err
	}
	out := Repetition{Location: p.loc}
	if out.Starts, err = p.between(from, to); err != nil || p.option == nil {
		return out, err
	}
	rule := *p.option
	rule.Count, rule.Until = 0, time.Time{}
	out.Rule = rule.RRuleString()
	walls, err := p.ruled(from, to)
	if err != nil {
		return Repetition{}, err
	}
	for _, w := range walls {
		if t := Resolve(w, p.loc); p.inSeason(w) && !t.Before(from) && t.Before(to) {
			out.Ruled = append(out.Ruled, w)
		}
	}
	return out, nil
}
