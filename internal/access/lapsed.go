package access

import (
	"fmt"
	"slices"
	"time"

	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Setter returns a as who sets a standing order.
func (a Actor) Setter(now time.Time) replica.OrderSetter {
	o := replica.OrderSetter{By: a.Name, ByID: a.Person, Token: a.Token, At: schedules.At(now)}
	if a.Session != "" {
		o.Token, o.Session = "", a.Session
	}
	return o
}

// OrderOfNobody is why a standing order stops of which nobody is known to have set it.
const OrderOfNobody = "nobody is known to have set it, or the token by which it was set was revoked as stolen"

// Lapsed returns why who set a standing order may no longer schedule its station, or "" if they may. A station must
// not fall silent because a token ran out, or was exchanged for another: then the order goes on, and doubt says why
// somebody should confirm it. An order that was set on the service's own machine does not lapse.
func Lapsed(m *replica.Replica, station string, o replica.OrderSetter, now time.Time) (why, doubt string) {
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
	}
	if o.Token == "" { // in a session, or on the service's machine
		return why, ""
	}
	row, known := tokensIn(m).Get(o.Token)
	switch t := row.Value; {
	case !known:
		doubt = "was revoked"
	case id != "" || t.ExpiresAt.IsZero(): // the person is still there
	case !now.Before(t.ExpiresAt.Time):
		doubt = fmt.Sprintf("expired on %s", schedules.DateOf(t.ExpiresAt.Time))
	case t.ExpiresAt.Sub(now) < orderEndsWarned:
		doubt = fmt.Sprintf("expires on %s", schedules.DateOf(t.ExpiresAt.Time))
	}
	return why, doubt
}

// orderEndsWarned is how long before a machine's token expires somebody is asked to confirm its standing order.
const orderEndsWarned = 30 * 24 * time.Hour

// ordersOf returns the writes by which nobody is known any more to have set the standing orders that were set by a
// token: they stop. An order of a station for which the actor does not work goes on, in doubt.
func ordersOf(m *replica.Replica, by Actor, token string) (writes []store.Write) {
	for station, row := range replica.OrderSettersIn(m).After("", "") {
		w := store.Write{Kind: replica.KindStandingOrder, ID: station, Expect: row.Revision, Delete: true}
		if row.Value.Token == token && m.Scope(by.Person, w) == nil {
			writes = append(writes, w)
		}
	}
	return writes
}
