package access

import (
	"fmt"
	"slices"
	"time"

	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// Setter returns a as who sets a standing order.
func (a Actor) Setter(now time.Time) replica.OrderSetter {
	o := replica.OrderSetter{By: a.Name, ByID: a.Person, At: schedules.At(now)}
	if a.Person == "" {
		o.Token = a.Token
	}
	return o
}

// Lapsed returns why who set a standing order may no longer schedule its station, or "" if they may; and when a
// machine's token for it expires, if it does. An order that was set on the service's own machine does not lapse.
func Lapsed(m *replica.Replica, station string, o replica.OrderSetter, now time.Time) (why string,
	expires schedules.Instant) {
	id := o.ByID
	if id == "" && o.By != System.Name {
		id = m.PersonNamed(names.Of(o.By))
	}
	if id != "" {
		row, known := replica.PersonsIn(m).Get(id)
		p := row.Value
		switch {
		case !known:
			why = "the person who set it is not known any more"
		case !p.EndedAt.IsZero():
			why = fmt.Sprintf("the person who set it was ended on %s", schedules.DateOf(p.EndedAt.Time))
		case !slices.Contains(p.Roles, string(SchedulerJob)) && !slices.Contains(p.Roles, string(Admin)):
			why = "the person who set it is no longer a scheduler"
		case len(p.Stations) > 0 && !slices.Contains(p.Stations, station):
			why = "the person who set it no longer works for this station"
		}
		return why, expires
	}
	if o.Token == "" {
		return "", expires
	}
	row, known := tokensIn(m).Get(o.Token)
	switch t := row.Value; {
	case !known:
		why = "the token by which it was set was revoked"
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt.Time):
		why = fmt.Sprintf("the token by which it was set expired on %s", schedules.DateOf(t.ExpiresAt.Time))
	default:
		expires = t.ExpiresAt
	}
	return why, expires
}
