package schedules

import "time"

// Repetition is the part of a recurrence within an interval, for callers that write it in a format of their own.
type Repetition struct {
	Location *time.Location
	Rule     string // the parts of RRULE without COUNT and UNTIL, which Ruled includes; empty if there is no rule
	// the wall times that the rule gives, written as UTC, including those that EXDATE or the zone removes
	Ruled  []time.Time
	Starts []time.Time // the resulting starts, ascending, without repetition
}

// Repetition returns the part of the recurrence whose starts lie in [from, to). It fails as Occurrences does.
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
