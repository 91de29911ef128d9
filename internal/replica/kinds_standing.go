package replica

import (
	"reflect"
	"slices"

	"lifeline/internal/store"
	"lifeline/schedules"
)

const (
	KindStandingOrder   = "standing-order"   // who set the standing order of a station: STATION
	KindStandingAccount = "standing-account" // what a standing order did, and what keeps it: STATION
)

// The actions of changes of an account of which webhooks are told: something keeps an order from its work, and a day
// repeats another one in place of a plan.
const (
	ActionOrderKept = "standing-order.kept"
	ActionRepeat    = "queue.repeat"
)

var standingKinds = Kinds{
	{Name: KindStandingOrder, OfStation: true, Form: reflect.TypeFor[OrderSetter](), Hides: Hiding(),
		Copy: Copied(Parse[OrderSetter]), Inspect: Readable[OrderSetter],
		Upgrades: []Upgrade{Adds(func(o *OrderSetter) { o.Session = "" })}},
	{Name: KindStandingAccount, Changes: "alarm", OfStation: true, Urgent: true,
		Tells: func(c store.Change) bool { return c.Action == ActionOrderKept || c.Action == ActionRepeat },
		Form:  reflect.TypeFor[StandingAccount](), Copy: Copied(Parse[StandingAccount]), Inspect: Readable[StandingAccount]},
}

// OrderSetter is who set the standing order of a station. The order acts in this name.
type OrderSetter struct {
	By    string            `json:"by"`
	ByID  string            `json:"by_id,omitempty"` // of the person; none for a machine
	Token string            `json:"token,omitempty"` // by which it was set
	At    schedules.Instant `json:"at"`
	// in place of a token: the sign-in of the person by which it was set. It ends by itself, and the order goes on
	Session string `json:"session,omitempty"`
}

// StandingAccount is what a standing order did, and what keeps it from its work.
type StandingAccount struct {
	Stopped string            `json:"why,omitempty"` // why the order does nothing; empty: it works
	Days    []StandingDay     `json:"days"`          // from yesterday on, in order
	LastAt  schedules.Instant `json:"last_at"`       // of the last act
	Last    string            `json:"last,omitempty"`
}

// StandingDay is a day that a standing order has begun and not finished, or could not begin.
type StandingDay struct {
	Date schedules.Date `json:"date"`
	// the revision that the order planned or repeated; a later one is a person's
	Draft int64  `json:"draft,omitempty"`
	Kept  string `json:"kept,omitempty"` // from which step something keeps it: plan or publish
	Why   string `json:"why,omitempty"`
	// what airs in place of a plan, since the day is late
	StandsIn schedules.StandIn `json:"stands_in,omitempty"`
	Repeats  *schedules.Date   `json:"repeats,omitempty"` // the day that it repeats
}

// The steps of a standing order.
const (
	StepPlan    = "plan"
	StepPublish = "publish"
)

// Day returns the entry of a day, or an empty one.
func (a StandingAccount) Day(d schedules.Date) StandingDay {
	for _, day := range a.Days {
		if day.Date == d {
			return day
		}
	}
	return StandingDay{Date: d}
}

// With returns the account with another entry of a day, and without the days before first. An entry that says nothing
// is left out.
func (a StandingAccount) With(day StandingDay, first schedules.Date) StandingAccount {
	a.Days = slices.DeleteFunc(slices.Clone(a.Days), func(d StandingDay) bool {
		return d.Date == day.Date || d.Date.Before(first)
	})
	if day != (StandingDay{Date: day.Date}) {
		a.Days = append(a.Days, day)
	}
	slices.SortFunc(a.Days, func(x, y StandingDay) int { return x.Date.Compare(y.Date) })
	return a
}

func OrderSettersIn(m *Replica) *Cache[OrderSetter] {
	return CacheOf[*Cache[OrderSetter]](m, KindStandingOrder)
}

func StandingAccountsIn(m *Replica) *Cache[StandingAccount] {
	return CacheOf[*Cache[StandingAccount]](m, KindStandingAccount)
}
