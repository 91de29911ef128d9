package scheduling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// StandingOrders plans and publishes the days of stations that have a standing order, in the name of who set it. What
// it has planned stands in the station's account, in the same commit as the plan: after a crash it, or another replica,
// goes on from there, and never takes a person's draft for its own.
type StandingOrders struct {
	*core
	rundowns  *Rundowns
	drafts    *Drafts
	publisher *Publisher

	mu    sync.Mutex
	tried map[string]attempt // by day: the last attempt that something kept from success
}

// attempt is an attempt to plan or publish a day.
type attempt struct {
	inputs int64 // inputsChanged before it
	at     time.Time
}

// The bounds of attempts. A day that cannot be planned is tried again when something that it depends on has changed,
// but not with every one of many changes, and otherwise some times a day, since the days around it change too.
const (
	attemptPause = 10 * time.Minute
	attemptAgain = 6 * time.Hour
	planPatience = time.Minute
)

// order is the standing order of a station at present.
type order struct {
	schedules.StandingOrder
	station schedules.Station
	zone    *time.Location
	actor   access.Actor
	stopped string
	today   schedules.Date
}

// step is the next act of a standing order on a day.
type step struct {
	do    string // empty: nothing is to be done
	draft schedules.Rundown
	why   string // of stepKeep and stepStandIn

	settled replica.StandingDay // what the account says after stepSettle
}

// The steps.
const (
	stepPlan    = replica.StepPlan
	stepPublish = replica.StepPublish
	stepKeep    = "keep"     // something keeps the day from being published, and the account is to say what
	stepStandIn = "stand in" // the day is late
	stepSettle  = "settle"   // the account says of a day what is over
)

// Carry carries out the standing orders of all stations as far as it can at present. A day that cannot be planned or
// published keeps no other from it, and stands in the account of its station.
func (s *StandingOrders) Carry(ctx context.Context, lock *replica.WorkLock) error {
	some := false // without work nobody waits for the lock
	err := s.each(func(o order) (err error) {
		if !some {
			some, err = s.any(ctx, o)
		}
		return err
	})
	if !some {
		return err
	}
	return lock.Do(ctx, "standing-orders", 0, func(ctx context.Context) error {
		return s.each(func(o order) error { return s.carryOut(ctx, o) })
	})
}

// each passes every order to do, and returns all failures.
func (s *StandingOrders) each(do func(order) error) (failed error) {
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if row.Value.StandingOrder == nil {
			continue
		}
		o, err := s.order(row.Value)
		if err == nil {
			err = do(o)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("standing order of %s: %w", id, err))
		}
	}
	return failed
}

func (s *StandingOrders) order(st schedules.Station) (o order, err error) {
	o.StandingOrder, o.station = *st.StandingOrder, st
	if o.zone, err = schedules.Zone(st.Timezone); err != nil {
		return o, err
	}
	if o.today, err = st.DateAt(s.now()); err != nil {
		return o, err
	}
	setter, set := replica.OrderSettersIn(s.replica).Get(st.ID)
	if o.stopped, _ = access.Lapsed(s.replica, st.ID, setter.Value, s.now()); !set {
		o.stopped = "nobody is known to have set it"
	}
	o.actor = access.Actor{Name: "standing order of " + setter.Value.By, Person: setter.Value.ByID,
		Role: access.SchedulerJob}
	return o, nil
}

// any reports whether an order has something to do.
func (s *StandingOrders) any(ctx context.Context, o order) (bool, error) {
	if s.account(o.station.ID).Stopped != o.stopped {
		return true, nil
	}
	if o.stopped != "" {
		return false, nil
	}
	for n := 0; n <= o.PlanDays; n++ {
		if next, err := s.next(ctx, o, o.today.AddDays(n)); err != nil || next.do != "" {
			return err == nil, err
		}
	}
	return false, nil
}

// stepsADay bounds the steps of one day in one run: to plan, to publish, to plan again, to publish, to note, to stand
// in.
const stepsADay = 8

// carryOut takes all steps that an order has at present, day by day, since a day depends on those before it.
func (s *StandingOrders) carryOut(ctx context.Context, o order) error {
	if s.account(o.station.ID).Stopped != o.stopped {
		action := "standing-order.resume"
		if o.stopped != "" {
			action = replica.ActionOrderKept
		}
		if err := s.change(ctx, o, action, func(a replica.StandingAccount) replica.StandingAccount {
			a.Stopped = o.stopped
			return a
		}); err != nil {
			return err
		}
	}
	if o.stopped != "" {
		return nil
	}
	var failed error
	for n := 0; n <= o.PlanDays; n++ {
		d := o.today.AddDays(n)
		for range stepsADay {
			next, err := s.next(ctx, o, d)
			if err == nil && next.do != "" {
				err = s.take(ctx, o, d, next)
			}
			if ctx.Err() != nil {
				return errors.Join(failed, ctx.Err())
			}
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", d, err))
			}
			if err != nil || next.do == "" {
				break
			}
		}
	}
	return failed
}

// next returns the next step of an order on a day.
func (s *StandingOrders) next(ctx context.Context, o order, d schedules.Date) (step, error) {
	day, id := s.account(o.station.ID).Day(d), replica.DayID(o.station.ID, d)
	if row, there := replica.QueuesIn(s.replica).Get(id); there {
		return s.nextOfPublished(ctx, o, d, day, row.Value.Value.Revision)
	}
	windows, err := o.station.OccurrencesOn(d)
	if err != nil {
		return step{}, err
	}
	if !slices.ContainsFunc(windows, func(w schedules.Occurrence) bool { return w.EndAt.After(s.now()) }) {
		if day.Kept != "" { // its windows are over, or cancelled
			return step{do: stepSettle, settled: replica.StandingDay{Date: d, Draft: day.Draft}}, nil
		}
		return step{}, nil
	}
	latest, err := s.rundowns.latest(ctx, o.station.ID, d)
	if err != nil {
		return step{}, err
	}
	draft := latest.rundown
	due := !o.today.AddDays(o.PublishDays).Before(d)
	tries, changed := s.mayTry(id, day)
	switch {
	case latest.document == 0 && tries:
		return step{do: stepPlan}, nil
	case latest.document > 0 && day.Draft != draft.Revision: // a person's
		switch {
		case due && (day.Kept != stepPublish || !strings.HasPrefix(day.Why, byPerson)):
			return step{do: stepKeep, draft: draft, why: byPerson}, nil
		case !due && day.Kept != "":
			return step{do: stepSettle, settled: replica.StandingDay{Date: d}}, nil
		}
	case latest.document > 0 && o.Unwarned() && len(warnings(draft)) > 0:
		if changed && day.Kept != "" {
			return step{do: stepPlan, draft: draft}, nil
		}
		if why := warned(draft); due && !strings.HasPrefix(day.Why, why) {
			return step{do: stepKeep, draft: draft, why: why}, nil
		}
	case latest.document > 0 && due && tries:
		return step{do: stepPublish, draft: draft}, nil
	}
	if day.StandsIn == "" && day.Kept != "" && !s.now().Before(o.Deadline(d, o.zone)) {
		return step{do: stepStandIn, draft: draft, why: day.Why}, nil
	}
	return step{}, nil
}

// byPerson is the reason why an order does not publish a draft that is not its own.
const byPerson = "a person planned or edited it and has not published it, and the order changes nothing of that"

// nextOfPublished returns the step on a day that is published or withdrawn: what the account says of it is over, unless
// the day still repeats another one.
func (s *StandingOrders) nextOfPublished(ctx context.Context, o order, d schedules.Date, day replica.StandingDay,
	revision int64) (step, error) {
	if day == (replica.StandingDay{Date: d}) {
		return step{}, nil
	}
	if day.StandsIn == schedules.StandInRepeat {
		r, err := s.rundowns.Rundown(ctx, o.station.ID, d, revision)
		if err != nil || slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool {
			return w.Code == schedules.WarnStandsIn
		}) {
			return step{}, err
		}
	}
	return step{do: stepSettle, settled: replica.StandingDay{Date: d}}, nil
}

// warnings returns what a draft warns of, apart from exceptions: those are as somebody ordered.
func warnings(draft schedules.Rundown) []schedules.Warning {
	return slices.DeleteFunc(slices.Clone(draft.Warnings), func(w schedules.Warning) bool {
		return w.Code == schedules.WarnException
	})
}

// warned says what a draft warns of, as the reason why it is not published.
func warned(draft schedules.Rundown) string {
	const told = 3
	var out []string
	all := warnings(draft)
	for _, w := range all[:min(told, len(all))] {
		message := strings.TrimSuffix(w.Message, ".")
		if w.Window != "" {
			message = w.Window + ": " + message
		}
		out = append(out, message)
	}
	more := ""
	if n := len(all) - told; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return fmt.Sprintf("its draft has warnings, and the order publishes only days without any: %s%s", strings.Join(out,
		"; "), more)
}

// take takes a step.
func (s *StandingOrders) take(ctx context.Context, o order, d schedules.Date, next step) error {
	switch next.do {
	case stepPlan:
		return s.plan(ctx, o, d, next.draft)
	case stepPublish:
		return s.publish(ctx, o, d, next.draft)
	case stepKeep:
		return s.keep(ctx, o, d, stepPublish, next.why)
	case stepStandIn:
		return s.standIn(ctx, o, d, next.draft, next.why)
	}
	return s.noteDay(ctx, o, "standing-order.settle", next.settled)
}

// plan plans a day, unless the draft of the order that is to be replaced has the same items already.
func (s *StandingOrders) plan(ctx context.Context, o order, d schedules.Date, draft schedules.Rundown) error {
	s.trying(replica.DayID(o.station.ID, d))
	searching, cancel := context.WithTimeout(ctx, planPatience)
	defer cancel()
	options := PlanOptions{Revision: &draft.Revision, account: s.acting(o, d, "planned",
		func(r schedules.Rundown) replica.StandingDay { return replica.StandingDay{Draft: r.Revision} })}
	var err error
	if draft.Revision > 0 {
		trial := options
		trial.DryRun = true
		var same schedules.Rundown
		if same, err = s.drafts.Plan(searching, o.actor, o.station.ID, d, trial); err == nil &&
			sameItems(same.Items, draft.Items) {
			return nil
		}
	}
	if err == nil {
		_, err = s.drafts.Plan(searching, o.actor, o.station.ID, d, options)
	}
	if err != nil && searching.Err() != nil && ctx.Err() == nil {
		err = fault.New(fault.Unsatisfiable, "no plan was found within %s", planPatience)
	}
	return s.keptBy(ctx, o, d, stepPlan, err)
}

// publish publishes the order's own draft. A draft that may no longer be published, because what it was planned from
// has changed, is planned anew first.
func (s *StandingOrders) publish(ctx context.Context, o order, d schedules.Date, draft schedules.Rundown) error {
	s.trying(replica.DayID(o.station.ID, d))
	_, err := s.publisher.Publish(ctx, o.actor, o.station.ID, d, PublishOptions{Revision: &draft.Revision,
		account: s.acting(o, d, "published", func(schedules.Rundown) replica.StandingDay { return replica.StandingDay{} })})
	if fault.Is(err, fault.Invalid) {
		if failed := s.plan(ctx, o, d, draft); failed != nil {
			return failed
		}
		latest, failed := s.rundowns.latest(ctx, o.station.ID, d)
		if failed != nil || latest.rundown.Revision != draft.Revision ||
			s.account(o.station.ID).Day(d).Kept == stepPlan {
			return failed // the new draft is the next step's, or the account says why there is none
		}
	}
	return s.keptBy(ctx, o, d, stepPublish, err)
}

// keptBy notes in the account what keeps a day from a step, if err says so. A day that somebody else changed meanwhile
// is looked at again. It returns any other error.
func (s *StandingOrders) keptBy(ctx context.Context, o order, d schedules.Date, from string, err error) error {
	var undefined *schedules.DefinitionError
	switch {
	case err == nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.tried, replica.DayID(o.station.ID, d))
		return nil
	case fault.Is(err, fault.Stale):
		return nil
	case errors.As(err, &undefined), fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict),
		fault.Is(err, fault.Unsatisfiable), fault.Is(err, fault.Forbidden), fault.Is(err, fault.NotFound):
		return s.keep(ctx, o, d, from, strings.TrimSuffix(err.Error(), "."))
	}
	return err
}

// keep notes in the account what keeps a day from a step.
func (s *StandingOrders) keep(ctx context.Context, o order, d schedules.Date, from, why string) error {
	day := s.account(o.station.ID).Day(d)
	if day.Kept == from && strings.HasPrefix(day.Why, why) { // the reason may go on with why nothing is repeated
		return nil
	}
	day.Kept, day.Why = from, why
	return s.noteDay(ctx, o, replica.ActionOrderKept, day)
}

// standIn lets something else air on a day that is late: the newest published day of the same weekday, or the fallback
// list.
func (s *StandingOrders) standIn(ctx context.Context, o order, d schedules.Date, draft schedules.Rundown,
	why string) error {
	day := s.account(o.station.ID).Day(d)
	day.Why, day.StandsIn = why, schedules.StandInFallback
	if o.Repeats() {
		repeated := day
		repeated.StandsIn = schedules.StandInRepeat
		_, err := s.publisher.publishRepeat(ctx, o.actor, o.station, d, draft, why, func(of schedules.Date) func(
			schedules.Rundown) (store.Write, error) {
			return s.acting(o, d, fmt.Sprintf("published as a repeat of %s", of), func(schedules.Rundown) replica.StandingDay {
				repeated.Repeats = &of
				return repeated
			})
		})
		switch {
		case err == nil, fault.Is(err, fault.Stale): // or somebody changed the day: it is looked at again
			return nil
		case !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict):
			return err
		}
		day.Why = why + "; and it repeats no other day: " + strings.TrimSuffix(err.Error(), ".")
	}
	return s.noteDay(ctx, o, replica.ActionOrderKept, day)
}

// account returns the account of a station.
func (s *StandingOrders) account(station string) replica.StandingAccount {
	row, _ := replica.StandingAccountsIn(s.replica).Get(station)
	return row.Value
}

// acting returns what writes the account with an act: did says what was done to a day, and entry what the account says
// of it from then on.
func (s *StandingOrders) acting(o order, d schedules.Date, did string,
	entry func(schedules.Rundown) replica.StandingDay) func(schedules.Rundown) (store.Write, error) {
	return func(r schedules.Rundown) (store.Write, error) {
		day := entry(r)
		day.Date = d
		a := s.account(o.station.ID).With(day, o.today.AddDays(-1))
		a.LastAt, a.Last = schedules.At(s.now()), d.String()+" "+did
		return s.accountWrite(o.station.ID, a)
	}
}

func (s *StandingOrders) accountWrite(station string, a replica.StandingAccount) (store.Write, error) {
	if a.Days == nil {
		a.Days = []replica.StandingDay{}
	}
	body, err := replica.Encode(a)
	return store.Write{Kind: replica.KindStandingAccount, ID: station,
		Expect: replica.StandingAccountsIn(s.replica).Revision(station), Body: body}, err
}

// noteDay stores what the account says of a day.
func (s *StandingOrders) noteDay(ctx context.Context, o order, action string, day replica.StandingDay) error {
	return s.change(ctx, o, action, func(a replica.StandingAccount) replica.StandingAccount {
		return a.With(day, o.today.AddDays(-1))
	})
}

// change stores a changed account.
func (s *StandingOrders) change(ctx context.Context, o order, action string,
	to func(replica.StandingAccount) replica.StandingAccount) error {
	return s.replica.Retry(ctx, func() error {
		w, err := s.accountWrite(o.station.ID, to(s.account(o.station.ID)))
		if err != nil {
			return err
		}
		return s.replica.Commit(ctx, store.Commit{Writes: []store.Write{w},
			Origin: access.System.Origin(s.now(), action, "")})
	})
}

// inputsChanged counts the changes of what plans depend on.
func (s *StandingOrders) inputsChanged() int64 {
	m := s.replica
	return replica.SegmentsIn(m).Changes() + replica.ScriptsIn(m).Changes() + replica.StationsIn(m).Changes() +
		replica.ClocksIn(m).Changes() + replica.CampaignsIn(m).Changes()
}

// mayTry reports whether a day that something kept from success is tried again now, and whether that is because
// something that it depends on has changed.
func (s *StandingOrders) mayTry(id string, day replica.StandingDay) (may, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.tried[id]
	if day.Kept == "" {
		return true, true
	}
	if !known { // this process has just started, or another replica tried it
		s.tried[id] = attempt{s.inputsChanged(), s.now()}
		return false, false
	}
	passed := s.now().Sub(last.at)
	changed = last.inputs != s.inputsChanged() && passed >= attemptPause
	return changed || passed >= attemptAgain, changed
}

// trying notes that a day is tried now.
func (s *StandingOrders) trying(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried[id] = attempt{s.inputsChanged(), s.now()}
}
