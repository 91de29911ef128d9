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
	inputs int64 // inputsChanged before it; -1: not known
	at     time.Time
	took   time.Duration
}

// The bounds of attempts. A day that cannot be planned is tried again when something that it depends on has changed,
// after a pause of twenty times what the last attempt took, but not with every one of many changes, and otherwise some
// times a day, since the days around it change too; more often if something else airs in its place.
const (
	attemptQuick = time.Minute      // the shortest pause
	attemptPause = 10 * time.Minute // the longest
	attemptAgain = 6 * time.Hour
	attemptLate  = time.Hour
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
		o.stopped = access.OrderOfNobody
	}
	o.actor = access.Actor{Name: "standing order of " + setter.Value.By, Person: setter.Value.ByID,
		Role: access.SchedulerJob}
	return o, nil
}

// any reports whether an order has something to do.
func (s *StandingOrders) any(ctx context.Context, o order) (bool, error) {
	if s.standingAccount(o.station.ID).Stopped != o.stopped {
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
	if s.standingAccount(o.station.ID).Stopped != o.stopped {
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
	day := s.standingAccount(o.station.ID).Day(d)
	if row, there := replica.QueuesIn(s.replica).Get(replica.DayID(o.station.ID, d)); there {
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
	next := step{}
	switch due := o.due(d); {
	case latest.document == 0 || day.Draft == draft.Revision:
		next = s.nextOfOwn(o, d, day, draft)
	case due && (day.Kept != stepPublish || !strings.HasPrefix(day.Why, byPerson)):
		return step{do: stepKeep, draft: draft, why: byPerson}, nil
	case !due && day.Kept != "":
		return step{do: stepSettle, settled: replica.StandingDay{Date: d}}, nil
	}
	if next.do == "" && day.StandsIn == "" && day.Kept != "" && !s.now().Before(o.Deadline(d, o.zone)) {
		return step{do: stepStandIn, draft: draft, why: day.Why}, nil
	}
	return next, nil
}

// due reports whether a day is to be published by now.
func (o order) due(d schedules.Date) bool { return !o.today.AddDays(o.PublishDays).Before(d) }

// nextOfOwn returns the step on a day that no person has changed: its latest rundown is a draft of the order, a repeat
// that the order published, or the zero Rundown.
func (s *StandingOrders) nextOfOwn(o order, d schedules.Date, day replica.StandingDay, latest schedules.Rundown) step {
	tries := s.mayTry(replica.DayID(o.station.ID, d), day)
	switch {
	case latest.Status != schedules.Draft:
		if tries {
			return step{do: stepPlan, draft: latest}
		}
	case o.Unwarned() && len(warnings(latest)) > 0:
		if tries && day.Kept != "" {
			return step{do: stepPlan, draft: latest}
		}
		if why := warned(latest); o.due(d) && (day.Kept != stepPublish || !strings.HasPrefix(day.Why, why)) {
			return step{do: stepKeep, draft: latest, why: why}
		}
	case o.due(d) && tries:
		return step{do: stepPublish, draft: latest}
	}
	return step{}
}

// byPerson is the reason why an order does not publish a draft that is not its own.
const byPerson = "a person planned or edited it and has not published it, and the order changes nothing of that"

// nextOfPublished returns the step on a day that is published or withdrawn: what the account says of it is over, unless
// the day still repeats another one. Such a day is planned and published as soon as it can be, in its windows that are
// not frozen by then, unless a person has changed it.
func (s *StandingOrders) nextOfPublished(ctx context.Context, o order, d schedules.Date, day replica.StandingDay,
	revision int64) (step, error) {
	if day == (replica.StandingDay{Date: d}) {
		return step{}, nil
	}
	if day.StandsIn == schedules.StandInRepeat {
		r, err := s.rundowns.Rundown(ctx, o.station.ID, d, revision)
		if err != nil {
			return step{}, err
		}
		if slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool { return w.Code == schedules.WarnStandsIn }) {
			frozen := s.now().Add(o.station.Freeze.Duration)
			if !slices.ContainsFunc(r.Windows, func(w schedules.Slot) bool { return w.StartAt.After(frozen) }) {
				return step{}, nil
			}
			latest, err := s.rundowns.latest(ctx, o.station.ID, d)
			if err != nil || latest.rundown.Revision != day.Draft {
				return step{}, err
			}
			return s.nextOfOwn(o, d, day, latest.rundown), nil
		}
	}
	return step{do: stepSettle, settled: replica.StandingDay{Date: d}}, nil
}

// warnings returns what a draft warns of, without remarks and without what is about other days only.
func warnings(draft schedules.Rundown) []schedules.Warning {
	return slices.DeleteFunc(slices.Clone(draft.Warnings), func(w schedules.Warning) bool {
		return w.Remark() || w.Code == warnLaterDays
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
	return fmt.Sprintf("its draft has warnings, and the order leaves such days to people: %s%s", strings.Join(out, "; "),
		more)
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

// plan plans a day, unless the draft of the order that is to be replaced has the same items and warnings already.
func (s *StandingOrders) plan(ctx context.Context, o order, d schedules.Date, draft schedules.Rundown) error {
	defer s.trying(replica.DayID(o.station.ID, d))()
	searching, cancel := context.WithTimeout(ctx, planPatience)
	defer cancel()
	options := PlanOptions{Revision: &draft.Revision, account: s.acting(o, d, "planned",
		func(r schedules.Rundown) replica.StandingDay {
			day := s.standingAccount(o.station.ID).Day(d)
			if day.StandsIn != schedules.StandInRepeat { // which goes on until the plan is published
				day = replica.StandingDay{}
			}
			day.Draft, day.Kept = r.Revision, ""
			return day
		})}
	var err error
	if draft.Status == schedules.Draft {
		trial := options
		trial.DryRun = true
		var same schedules.Rundown
		if same, err = s.drafts.Plan(searching, o.actor, o.station.ID, d, trial); err == nil &&
			sameItems(same.Items, draft.Items) && warned(same) == warned(draft) {
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
// has changed or a window of the repeat in its place is frozen, is planned anew first.
func (s *StandingOrders) publish(ctx context.Context, o order, d schedules.Date, draft schedules.Rundown) error {
	defer s.trying(replica.DayID(o.station.ID, d))()
	_, err := s.publisher.Publish(ctx, o.actor, o.station.ID, d, PublishOptions{Revision: &draft.Revision,
		account: s.acting(o, d, "published", func(schedules.Rundown) replica.StandingDay { return replica.StandingDay{} })})
	repeats := s.standingAccount(o.station.ID).Day(d).StandsIn == schedules.StandInRepeat
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) && repeats {
		if failed := s.plan(ctx, o, d, draft); failed != nil {
			return failed
		}
		latest, failed := s.rundowns.latest(ctx, o.station.ID, d)
		if failed != nil || latest.rundown.Revision != draft.Revision ||
			s.standingAccount(o.station.ID).Day(d).Kept == stepPlan {
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
		if from == stepPublish { // a plan may have warnings, and is tried again when something has changed since it
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.tried, replica.DayID(o.station.ID, d))
		}
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
	day := s.standingAccount(o.station.ID).Day(d)
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
	day := s.standingAccount(o.station.ID).Day(d)
	day.Why, day.StandsIn = why, schedules.StandInFallback
	if o.Repeats() {
		repeated := day
		repeated.StandsIn = schedules.StandInRepeat
		_, err := s.publisher.publishRepeat(ctx, o.actor, o.station, d, draft, why, func(of schedules.Date) func(
			schedules.Rundown) (store.Write, error) {
			return s.acting(o, d, fmt.Sprintf("published as a repeat of %s", of),
				func(latest schedules.Rundown) replica.StandingDay {
					repeated.Repeats = &of
					if day.Draft == draft.Revision { // nobody else's
						repeated.Draft = latest.Revision
					}
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

// acting returns what writes the account with an act: did says what was done to a day, and entry what the account says
// of it from then on, given the latest rundown of the day.
func (s *StandingOrders) acting(o order, d schedules.Date, did string,
	entry func(schedules.Rundown) replica.StandingDay) func(schedules.Rundown) (store.Write, error) {
	return func(r schedules.Rundown) (store.Write, error) {
		day := entry(r)
		day.Date = d
		a := s.standingAccount(o.station.ID).With(day, o.today.AddDays(-1))
		a.LastAt, a.Last = schedules.At(s.now()), d.String()+" "+did
		return s.standingWrite(o.station.ID, a)
	}
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
		w, err := s.standingWrite(o.station.ID, to(s.standingAccount(o.station.ID)))
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

// mayTry reports whether a day that something may have kept from success is tried now.
func (s *StandingOrders) mayTry(id string, day replica.StandingDay) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.tried[id]
	if day.Kept == "" {
		return true
	}
	if !known { // this process has just started, or another replica tried it: something may have changed since
		s.tried[id] = attempt{inputs: -1, at: s.now()}
		return false
	}
	passed, again := s.now().Sub(last.at), attemptAgain
	if day.StandsIn != "" {
		again = attemptLate
	}
	pause := min(max(attemptQuick, 20*last.took), attemptPause)
	return passed >= again || passed >= pause && last.inputs != s.inputsChanged()
}

// trying notes that a day is tried now. The caller calls done when it has been.
func (s *StandingOrders) trying(id string) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.now()
	s.tried[id] = attempt{inputs: s.inputsChanged(), at: began}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if last, kept := s.tried[id]; kept {
			last.took = s.now().Sub(began)
			s.tried[id] = last
		}
	}
}
