package network

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ordersSet adds the writes that say who set the standing orders of stations: whoever gives a station an order or
// changes it, and whoever applies one again that has stopped because its setter may no longer schedule the station, or
// that is in doubt.
func ordersSet(m *replica.Replica, now time.Time, act *applying, a access.Actor, stations []schedules.Station) error {
	for _, st := range stations {
		before, _ := replica.StationsIn(m).Get(st.ID)
		setter, set := replica.OrderSettersIn(m).Get(st.ID)
		expect := int64(0) // also where another was deleted
		if set {
			expect = setter.Revision
		}
		if st.StandingOrder == nil {
			if set {
				act.writes = append(act.writes, store.Write{Kind: replica.KindStandingOrder, ID: st.ID, Expect: expect,
					Delete: true})
			}
			continue
		}
		lapsed, doubt := access.Lapsed(m, st.ID, setter.Value, now)
		mayNot := len(a.May) > 0 && !slices.Contains(a.May, mayPublish)
		if set && lapsed == "" && reflect.DeepEqual(before.Value.StandingOrder, st.StandingOrder) &&
			(doubt == "" || mayNot || a.Session == "" && setter.Value.Token != "" && setter.Value.Token == a.Token) {
			continue
		}
		if mayNot {
			return fault.New(fault.Forbidden, "a standing order publishes the days of station %q in the name of who sets it, "+
				"and this token is limited to operations without %s", st.ID, mayPublish)
		}
		change := wire.AppliedChange{Kind: replica.KindStandingOrder, ID: st.ID, Action: "create", Revision: expect + 1}
		var err error
		if set {
			change.Action = "update"
			if change.Before, err = replica.Encode(setter.Value); err != nil {
				return err
			}
		}
		if change.After, err = replica.Encode(a.Setter(now)); err != nil {
			return err
		}
		act.out.Changes = append(act.out.Changes, change)
		act.setters[st.ID] = a.Setter(now)
		act.writes = append(act.writes, store.Write{Kind: replica.KindStandingOrder, ID: st.ID, Expect: expect,
			Body: change.After})
	}
	return nil
}

// mayPublish is the operation that a limited token must have to set a standing order.
const mayPublish = "publish"

// orders reports what keeps the standing order of a station from its work, and the days that air something in place of
// a plan, if setters set standing orders in place of who did.
func (s *StationProblems) orders(st schedules.Station, setters map[string]replica.OrderSetter) (
	out []schedules.StationProblem) {
	if st.StandingOrder == nil {
		return nil
	}
	zone, err := schedules.Zone(st.Timezone)
	if err != nil {
		return nil // reported elsewhere
	}
	say := func(code, format string, args ...any) *schedules.StationProblem {
		out = append(out, schedules.StationProblem{Code: code, Field: "standing_order",
			Message: fmt.Sprintf(format, args...)})
		return &out[len(out)-1]
	}
	setter, set := replica.OrderSettersIn(s.replica).Get(st.ID)
	if now, sets := setters[st.ID]; sets {
		setter.Value, set = now, true
	}
	stopped, doubt := access.Lapsed(s.replica, st.ID, setter.Value, s.now())
	if !set {
		stopped = access.OrderOfNobody
	}
	if stopped == "" && doubt != "" {
		say("order_unconfirmed", "the token by which %s set the standing order %s. The order goes on. Look at it, above all "+
			"if the token was stolen: a scheduler of this station confirms it by applying the station's definition again, "+
			"best in person, or ends it by applying the definition without standing_order", setter.Value.By, doubt)
	}
	if stopped != "" {
		until := "no day is published from now on"
		if end := s.PublishedUntil(st); end.After(s.now()) {
			until = "the days are published until " + StationTime(st, end)
		}
		say("order_stopped", "the standing order plans and publishes nothing: %s; %s. A scheduler of this station applies "+
			"the station's definition again, and then it acts in that name", stopped, until)
	}
	account, _ := replica.StandingAccountsIn(s.replica).Get(st.ID)
	today, err := st.DateAt(s.now())
	if err != nil {
		return out
	}
	for n := range schedules.MaxStandingDays + 1 { // also what a shorter order no longer reaches
		d := today.AddDays(n)
		q, there := replica.QueuesIn(s.replica).Get(replica.DayID(st.ID, d))
		if there && q.Value.Value.Withdrawn && airsOn(st, d, s.now()) {
			say("day_withdrawn", "%s was withdrawn, and the standing order does not publish it again: the fallback list airs in "+
				"its windows. Plan and publish it by hand if it is to have a programme", d).Date = &d
		}
	}
	for _, day := range account.Value.Days {
		about := day.Date
		_, end := about.Bounds(zone)
		switch {
		case !end.After(s.now()): // over
		case day.StandsIn == "" && today.AddDays(st.StandingOrder.PlanDays).Before(about): // out of its reach
		case day.StandsIn != "":
			say("day_stands_in", "%s could not be published by its hour: %s. %s. Unless a person changes the day, the order "+
				"publishes a plan as soon as there is one, in the windows that are not frozen by then. Plan and publish it by "+
				"hand if it needs something else", about, day.Why, StandsInWords(day)).Date = &about
		case day.Kept == replica.StepPlan:
			say("day_unplanned", "the standing order cannot plan %s: %s. %s", about, day.Why,
				s.otherwise(st, about, zone)).Date = &about
		case day.Kept == replica.StepPublish:
			say("day_unpublished", "the standing order does not publish %s: %s. %s", about, day.Why,
				s.otherwise(st, about, zone)).Date = &about
		}
	}
	return out
}

// airsOn reports whether a window of a day is still to come.
func airsOn(st schedules.Station, d schedules.Date, now time.Time) bool {
	windows, err := st.OccurrencesOn(d)
	return err == nil && slices.ContainsFunc(windows, func(o schedules.Occurrence) bool { return o.EndAt.After(now) })
}

// otherwise says what happens to a day that stays unpublished, and when.
func (s *StationProblems) otherwise(st schedules.Station, d schedules.Date, zone *time.Location) string {
	airs := "the fallback list airs in its windows"
	if st.StandingOrder.Repeats() {
		airs = "the newest published day of the same weekday is repeated, as far as it may air"
	}
	late := st.StandingOrder.Deadline(d, zone)
	if !late.After(s.now()) {
		return "It is late: unless it is published, " + airs
	}
	return fmt.Sprintf("Unless it is published by %s, %s", StationTime(st, late), airs)
}

// StandsInWords says what airs on a day in place of a plan, as a sentence without its full stop.
func StandsInWords(day replica.StandingDay) string {
	if day.StandsIn == schedules.StandInRepeat && day.Repeats != nil {
		return fmt.Sprintf("It repeats %s as far as that may air", *day.Repeats)
	}
	return "The fallback list airs in its windows"
}

// PublishedUntil returns the end of the last window up to which every window that is still to come is published. It is
// not after now if the next one is not.
func (s *StationProblems) PublishedUntil(st schedules.Station) (end time.Time) {
	s.ahead(st, func(d schedules.Date) bool {
		row, ok := replica.QueuesIn(s.replica).Get(replica.DayID(st.ID, d))
		return ok && !row.Value.Value.Withdrawn
	}, func(d schedules.Date, last schedules.Occurrence) { end = last.EndAt.Time })
	return end
}

// ahead calls each for the days from the present one on that have a window to come, with their last one, for as long as
// done reports true for them.
func (s *StationProblems) ahead(st schedules.Station, done func(schedules.Date) bool,
	each func(schedules.Date, schedules.Occurrence)) {
	today, err := st.DateAt(s.now())
	if err != nil {
		return // reported elsewhere
	}
	for n := -1; n <= schedules.MaxStandingDays; n++ { // yesterday's last window may run past midnight
		d := today.AddDays(n)
		windows, err := st.OccurrencesOn(d)
		if err != nil {
			return
		}
		windows = slices.DeleteFunc(windows, func(o schedules.Occurrence) bool { return !o.EndAt.After(s.now()) })
		if len(windows) == 0 {
			continue
		}
		if !done(d) {
			return
		}
		each(d, windows[len(windows)-1])
	}
}

// Standing returns how the standing order of a station stands, or nil if it has none.
func (s *StationProblems) Standing(st schedules.Station) *wire.StandingOrderStatus {
	if st.StandingOrder == nil {
		return nil
	}
	setter, _ := replica.OrderSettersIn(s.replica).Get(st.ID)
	row, _ := replica.StandingAccountsIn(s.replica).Get(st.ID)
	account := row.Value
	out := &wire.StandingOrderStatus{SetBy: setter.Value.By, SetAt: setter.Value.At, LastAt: account.LastAt,
		Last: account.Last}
	out.Stopped, _ = access.Lapsed(s.replica, st.ID, setter.Value, s.now())
	published := func(d schedules.Date) bool {
		return replica.QueuesIn(s.replica).Revision(replica.DayID(st.ID, d)) > 0
	}
	s.ahead(st, published, func(d schedules.Date, _ schedules.Occurrence) { out.PublishedUntil = &d })
	s.ahead(st, func(d schedules.Date) bool { return published(d) || account.Day(d).Draft > 0 },
		func(d schedules.Date, _ schedules.Occurrence) { out.PlannedUntil = &d })
	return out
}
