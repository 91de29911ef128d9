package scheduling

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// minjun sets the standing orders of these tests.
var minjun = access.Actor{Name: "Minjun", Person: "minjun", Role: access.SchedulerJob}

// orders is one of several replicas on a store, whose station relay has a standing order.
type orders struct {
	*Scheduler
	t       *testing.T
	replica *replica.Replica
	lock    *replica.WorkLock
	station schedules.Station
	clock   schedules.Clock
}

// twoWeeks plans 14 days ahead and publishes 7; a day is late at six in the evening before it.
var twoWeeks = schedules.StandingOrder{PlanDays: 14, PublishDays: 7, By: 18 * 60}

// newOrders returns a replica named name on docs.
func newOrders(t *testing.T, docs replica.Store, name string) *orders {
	t.Helper()
	m, err := replica.Open(t.Context(), docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	o := &orders{t: t, replica: m, lock: replica.NewWorkLock(m, name, time.Minute)}
	o.Scheduler = New(m, record.NewRecords(m, docs, nil, time.Now, 0), servicetest.Signer{}, time.Now, "http://x",
		time.Minute)
	return o
}

// furnished returns a replica with a station of two windows a day and letters enough for any day, and gives it an
// order. One of its windows lies in the hour that a change of clocks skips.
func furnished(t *testing.T, docs replica.Store, order schedules.StandingOrder) *orders {
	t.Helper()
	o := newOrders(t, docs, "one")
	servicetest.Put(t, o.replica, replica.KindPerson, "minjun", replica.Person{ID: "minjun", Name: "Minjun",
		Roles: []string{"scheduler"}})
	o.clock = schedules.Clock{ID: "ten", Length: schedules.Ms(600_000), Positions: []schedules.Position{
		{ID: "sign-on", Segment: "ident"}, {ID: "body", Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}}},
		Rules: []schedules.Rule{{Separate: "segment", For: schedules.Ms(3_600_000), Hard: true,
			Only: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}}}}
	o.letter("ident", "ident", 6_000)
	o.letter("evergreen", "evergreen", 900_000)
	for n := range 14 {
		o.letter(fmt.Sprintf("letter-%02d", n), "letter", 99_000)
	}
	window := func(id, start string) schedules.Window {
		return schedules.Window{ID: id, Clock: "ten", Length: o.clock.Length, Tolerance: schedules.Ms(1000),
			Starts: schedules.Recurrence{Timezone: "Europe/Berlin", RRule: "DTSTART:19990101T" + start + "\nRRULE:FREQ=DAILY"}}
	}
	o.station = schedules.Station{ID: "relay", Name: "Relay", Timezone: "Europe/Berlin", Languages: []string{"ko"},
		Fallback: []string{"evergreen"}, Windows: []schedules.Window{window("evening", "200000"), window("night", "023000")},
		StandingOrder: &order}
	o.apply(minjun)
	return o
}

// letter stores an approved segment.
func (o *orders) letter(id string, kind schedules.Kind, ms int64) {
	o.t.Helper()
	row, _ := replica.SegmentsIn(o.replica).Get(id)
	servicetest.Put(o.t, o.replica, replica.KindSegment, id, schedules.Segment{ID: id, Revision: row.Revision + 1,
		Kind: kind, Title: id, Language: "ko", State: schedules.Approved, Recording: &schedules.Recording{
			SHA256: fmt.Sprintf("%064x", len(id)*1000+int(id[len(id)-1])+10*int(id[len(id)-2])), Bytes: 1,
			ContentType: "audio/mpeg", Duration: schedules.Ms(ms), CueOut: schedules.Ms(ms)}})
}

// state makes letters unfit to air, or fit again.
func (o *orders) state(s schedules.State, letters ...int) {
	o.t.Helper()
	for _, n := range letters {
		id := fmt.Sprintf("letter-%02d", n)
		row, _ := replica.SegmentsIn(o.replica).Get(id)
		row.Value.State, row.Value.Revision = s, row.Revision+1
		servicetest.Put(o.t, o.replica, replica.KindSegment, id, row.Value)
	}
}

func (o *orders) apply(a access.Actor) wire.Applied {
	o.t.Helper()
	out, err := o.Network.Apply(o.t.Context(), a, wire.Apply{Clocks: []schedules.Clock{o.clock},
		Stations: []schedules.Station{o.station}}, nil, false)
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

// carry carries out the standing orders as the background job does.
func (o *orders) carry() {
	o.t.Helper()
	if err := o.StandingOrders.Carry(o.t.Context(), o.lock); err != nil {
		o.t.Fatal(err)
	}
}

// carryFor runs the background work for a time, every hour.
func (o *orders) carryFor(d time.Duration) {
	o.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Hour) {
		o.carry()
	}
}

func (o *orders) today() schedules.Date {
	o.t.Helper()
	d, err := o.station.DateAt(time.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	return d
}

// latest returns the latest rundown of a day, with revision 0 if there is none.
func (o *orders) latest(d schedules.Date) schedules.Rundown {
	o.t.Helper()
	r, err := o.Rundowns.latest(o.t.Context(), "relay", d)
	if err != nil {
		o.t.Fatal(err)
	}
	return r.rundown
}

// published returns the rundown of the queue of a day; its revision is 0 if nothing is published.
func (o *orders) published(d schedules.Date) schedules.Rundown {
	o.t.Helper()
	r, err := o.Rundowns.published(o.t.Context(), "relay", d)
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

// problems returns the problems of the station that are about its order.
func (o *orders) problems() string {
	var out []string
	for _, p := range o.Network.StationProblems.Of("relay") {
		if p.Field == "standing_order" {
			out = append(out, p.Code+": "+p.Message)
		}
	}
	return strings.Join(out, "\n")
}

// acts counts the acts on each day of one kind, as the audit has them.
func (o *orders) acts(action string) map[string]int {
	o.t.Helper()
	out := map[string]int{}
	for before := int64(0); ; {
		page, err := o.replica.Store.Audit(o.t.Context(), store.AuditQuery{Kind: replica.KindRundown, Before: before,
			Newest: true, Limit: 500})
		if err != nil {
			o.t.Fatal(err)
		}
		for _, c := range page {
			if c.Action == action {
				out[c.ID]++
			}
		}
		if len(page) < 500 {
			return out
		}
		before = page[len(page)-1].Sequence
	}
}

func simulated(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(33 * 24 * time.Hour) // 2000-02-03, a Thursday
		test(t)
	})
}

func TestAWeekendWithoutASchedulerIsOnTheAirAsPlanned(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(1000), twoWeeks)
		o.carryFor(5 * 24 * time.Hour)
		for n := -5; n <= 6; n++ {
			d := o.today().AddDays(n)
			r := o.published(d)
			if r.Status != schedules.Published || len(r.Open()) > 0 || len(r.Warnings) > 0 {
				t.Errorf("%s is %q, open %v, warns %v", d, r.Status, r.Open(), r.Warnings)
			}
		}
		page, err := o.replica.Store.Audit(t.Context(), store.AuditQuery{Kind: replica.KindQueue, Newest: true, Limit: 1})
		if err != nil || len(page) != 1 || page[0].By != "standing order of Minjun" || page[0].Person != "minjun" {
			t.Errorf("the audit has %+v, %v", page, err)
		}
		if told := o.problems(); told != "" {
			t.Error(told)
		}
		s := o.Network.StationProblems.Standing(o.station)
		if s.SetBy != "Minjun" || *s.PublishedUntil != o.today().AddDays(7) || *s.PlannedUntil != o.today().AddDays(14) ||
			s.Stopped != "" || !strings.Contains(s.Last, "published") && !strings.Contains(s.Last, "planned") {
			t.Errorf("it stands at %+v", s)
		}
	})
}

// dying is a store that a replica reaches until the replica dies: with the first commit of an action.
type dying struct {
	action string
	dead   bool
}

func (d *dying) through(ctx context.Context, call *replica.Call, do func(context.Context) error) error {
	if d.dead || call.Commit != nil && call.Commit.Action == d.action {
		d.dead = true
		return fault.New(fault.Unavailable, "dead")
	}
	return do(ctx)
}

func TestAReplicaThatDiesBetweenPlanAndPublicationIsSucceededWithoutPlanningTwice(t *testing.T) {
	simulated(t, func(t *testing.T) {
		docs := memory.New(1000)
		first := furnished(t, docs, twoWeeks)
		killed := &dying{action: "queue.publish"}
		one := newOrders(t, replica.Intercept(docs, killed.through), "killed")
		if err := one.StandingOrders.Carry(t.Context(), one.lock); err == nil || !killed.dead {
			t.Fatalf("it lives: %v", err)
		}
		if n := first.acts("rundown.plan"); len(n) == 0 {
			t.Fatal("it planned nothing before it died")
		}
		two := newOrders(t, docs, "two")
		if err := two.StandingOrders.Carry(t.Context(), two.lock); !errors.Is(err, replica.ErrElsewhere) {
			t.Errorf("the other replica does not wait for the lease: %v", err)
		}
		time.Sleep(2 * time.Minute)
		two.carry()
		two.carry()
		planned, published := two.acts("rundown.plan"), two.acts("queue.publish")
		if len(planned) != 15 || len(published) != 8 {
			t.Errorf("planned %v, published %v", planned, published)
		}
		for _, n := range slices.Concat(slices.Collect(maps.Values(planned)), slices.Collect(maps.Values(published))) {
			if n != 1 {
				t.Errorf("planned %v, published %v", planned, published)
			}
		}
	})
}

func TestADayWithWarningsIsLeftToPeopleAndRepeatsAnotherWhenItIsLate(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	simulated(t, func(t *testing.T) {
		order := twoWeeks
		order.Publish = schedules.PublishUnwarned
		o := furnished(t, memory.New(1000), order)
		o.carryFor(7 * 24 * time.Hour)
		// from now on every plan bends a rule
		o.clock.Rules = append(o.clock.Rules, schedules.Rule{AtMost: new(int), Per: "day", Of: schedules.Of{
			Match: map[string]string{"kind": "letter"}}})
		*o.clock.Rules[1].AtMost = 1
		o.apply(minjun)
		d := o.today().AddDays(14 + 1)
		for o.today() != d.AddDays(-7) {
			o.carryFor(time.Hour)
		}
		o.carry()
		if r := o.latest(d); r.Status != schedules.Draft || len(r.Warnings) == 0 {
			t.Fatalf("the day is %q with %v", r.Status, r.Warnings)
		}
		told := o.problems()
		if !strings.Contains(told, "day_unpublished: the standing order does not publish "+d.String()+": its draft has "+
			"warnings") || !strings.Contains(told, "18:00:00 CET, the newest published day of the same weekday is repeated") {
			t.Errorf("told %s", told)
		}
		late := order.Deadline(d, time.UTC)
		for time.Now().Before(late.Add(-2 * time.Hour)) {
			o.carryFor(time.Hour)
		}
		if r := o.published(d); r.Revision != 0 {
			t.Fatalf("it is published before it is late: %v", r.Warnings)
		}
		o.carryFor(3 * time.Hour)
		r, of := o.published(d), o.published(d.AddDays(-7))
		if len(r.Items) != len(of.Items) || r.Items[0].SegmentID != of.Items[0].SegmentID {
			t.Errorf("of %d items of the week before %d are repeated", len(of.Items), len(r.Items))
		}
		draft := o.latest(d)
		if draft.Status != schedules.Draft {
			t.Errorf("the draft is gone: the latest is %q", draft.Status)
		}
		if told := o.problems(); !strings.Contains(told, "day_stands_in: "+d.String()) ||
			!strings.Contains(told, "It repeats "+d.AddDays(-7).String()) {
			t.Errorf("told %s", told)
		}
		n := slices.IndexFunc(r.Items, func(i schedules.Item) bool { _, too := draft.Item(i.ID); return !too })
		why, err := o.Rundowns.Explain(t.Context(), "relay", d, r.Revision, r.Items[n].ID)
		if err != nil || why.PlacedBy != wire.ByRepeat || !strings.Contains(why.Why, "It repeats "+d.AddDays(-7).String()) {
			t.Errorf("explained %+v, %v", why, err)
		}
		// a person plans and publishes the day after all
		if _, err := o.Publisher.Publish(t.Context(), minjun, "relay", d, PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		o.carry()
		if told := o.problems(); strings.Contains(told, "day_stands_in: "+d.String()) {
			t.Errorf("still told %s", told)
		}
	})
}

// demand lets the clock demand a commentary in each window, of which there is none, or not any more.
func (o *orders) demand(commentary bool) {
	o.t.Helper()
	o.clock.Rules = o.clock.Rules[:1]
	if commentary {
		o.clock.Rules = append(slices.Clone(o.clock.Rules), schedules.Rule{AtLeast: new(1), Per: "window", Hard: true,
			Of: schedules.Of{Match: map[string]string{"kind": "commentary"}}})
	}
	o.apply(minjun)
}

// late returns a station whose coming day repeats the week before, since no plan met its demands; and that day, with or
// without a draft of the order.
func late(t *testing.T, drafted bool) (*orders, schedules.Date) {
	t.Helper()
	o := furnished(t, memory.New(10_000), schedules.StandingOrder{PlanDays: 2, PublishDays: 1, By: 18 * 60})
	o.station.Freeze = schedules.Ms(1_800_000)
	o.apply(minjun)
	const step = 3 * time.Hour
	for range 8 * 24 * time.Hour / step {
		o.carry()
		time.Sleep(step)
	}
	o.demand(true)
	for range 4 * 24 * time.Hour / step {
		o.carry()
		time.Sleep(step)
		d := o.today().AddDays(1)
		if hasWarning(o.published(d), schedules.WarnStandsIn) && (o.latest(d).Status == schedules.Draft) == drafted {
			return o, d
		}
	}
	t.Fatal("no day is late")
	return nil, schedules.Date{}
}

// at lets time pass until a wall time of a day at the station, with the background work.
func (o *orders) at(d schedules.Date, hour, minute int) {
	o.t.Helper()
	zone, err := schedules.Zone(o.station.Timezone)
	if err != nil {
		o.t.Fatal(err)
	}
	until := time.Date(d.Year, d.Month, d.Day, hour, minute, 0, 0, zone)
	for time.Now().Add(time.Hour).Before(until) {
		o.carryFor(time.Hour)
	}
	o.carry()
	time.Sleep(time.Until(until))
}

// replaced reports whether a day has a plan of its own, once what kept it is over; it fails if the account then says
// something else.
func (o *orders) replaced(d schedules.Date) bool {
	o.t.Helper()
	o.demand(false)
	time.Sleep(attemptQuick)
	o.carry()
	r := o.published(d)
	stands := hasWarning(r, schedules.WarnStandsIn)
	if told := strings.Contains(o.problems(), "day_stands_in: "+d.String()); told != stands {
		o.t.Errorf("%s repeats another day: %t, and told: %t", d, stands, told)
	}
	return !stands
}

func TestADayThatRepeatsAnotherGetsItsPlanAsSoonAsThereIsOne(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	for name, drafted := range map[string]bool{"of which there was a draft": true, "without a draft": false} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T) {
				o, d := late(t, drafted)
				if !o.replaced(d) {
					t.Fatalf("it still repeats another day: %s", o.problems())
				}
				if r := o.latest(d); r.Status != schedules.Published || len(r.Warnings) > 0 || len(r.Open()) > 0 {
					t.Errorf("it is %q, warns of %v and is open %v", r.Status, r.Warnings, r.Open())
				}
				if n := o.acts("queue.publish")[replica.DayID("relay", d)]; n != 1 {
					t.Errorf("it was published %d times", n)
				}
			})
		})
	}
}

func TestARepairOfARepeatIsNoChangeByAPerson(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	for name, drafted := range map[string]bool{"below a draft": true, "without a draft": false} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T) {
				o, d := late(t, drafted)
				before := o.published(d)
				row, _ := replica.SegmentsIn(o.replica).Get(before.Items[1].SegmentID)
				row.Value.State, row.Value.Revision = schedules.Recalled, row.Revision+1
				servicetest.Put(t, o.replica, replica.KindSegment, row.Value.ID, row.Value)
				err := errors.Join(o.Repairer.Repair(t.Context(), o.lock), o.Repairer.Refill(t.Context(), o.lock))
				if err != nil {
					t.Fatal(err)
				}
				if o.published(d).Revision == before.Revision {
					t.Fatal("the recall repaired nothing")
				}
				if !o.replaced(d) {
					t.Errorf("it still repeats another day: %s", o.problems())
				}
			})
		})
	}
}

func TestADayThatRepeatsAnotherStaysSoOnceAPersonHasChangedIt(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	ruth := access.Actor{Name: "Ruth"}
	for name, change := range map[string]func(*orders, schedules.Date, schedules.Rundown) error{
		"edited": func(o *orders, d schedules.Date, r schedules.Rundown) error {
			_, err := o.Drafts.Edit(o.t.Context(), ruth, "relay", d, nil,
				[]schedules.Edit{{Op: "lock", Item: r.Items[1].ID}})
			return err
		},
		"planned": func(o *orders, d schedules.Date, _ schedules.Rundown) error {
			o.demand(false)
			_, err := o.Drafts.Plan(o.t.Context(), ruth, "relay", d, PlanOptions{Seed: 3})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T) {
				o, d := late(t, name == "planned")
				before := o.published(d)
				if err := change(o, d, o.latest(d)); err != nil {
					t.Fatal(err)
				}
				touched := o.latest(d)
				if o.replaced(d) || o.published(d).Revision != before.Revision {
					t.Error("the order published over it")
				}
				if o.latest(d).Revision != touched.Revision {
					t.Error("the order planned over it")
				}
			})
		})
	}
}

func TestOnlyWindowsThatAreNotFrozenGetAPlanInPlaceOfARepeat(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	for name, drafted := range map[string]bool{"below a draft": true, "without a draft": false} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T) {
				o, d := late(t, drafted)
				of := func(window string) []schedules.Item {
					return slices.DeleteFunc(o.published(d).Items, func(i schedules.Item) bool { return i.Window != window })
				}
				night, evening := of("night"), of("evening")
				o.at(d, 2, 5)
				if !o.replaced(d) {
					t.Fatalf("its evening still repeats another day: %s", o.problems())
				}
				if !sameItems(night, of("night")) {
					t.Error("the window that was frozen has changed")
				}
				if sameItems(evening, of("evening")) {
					t.Error("the evening is as it was")
				}
			})
		})
	}
	simulated(t, func(t *testing.T) {
		o, d := late(t, true)
		o.at(d, 19, 30)
		before, draft := o.published(d), o.latest(d)
		if o.replaced(d) || o.published(d).Revision != before.Revision || o.latest(d).Revision != draft.Revision {
			t.Error("it was changed after its last window was frozen")
		}
	})
}

func TestAReplicaThatStartsWhileADayRepeatsAnotherLooksForAPlanSoon(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o, d := late(t, false)
		o.demand(false)
		next := newOrders(t, o.replica.Store, "next")
		for range 2 {
			if err := next.StandingOrders.Carry(t.Context(), next.lock); err != nil {
				t.Fatal(err)
			}
			time.Sleep(attemptQuick)
		}
		if r := next.published(d); hasWarning(r, schedules.WarnStandsIn) {
			t.Error("it still repeats another day")
		}
	})
}

func TestWhatTakesLongIsTriedAgainLater(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(1000), twoWeeks)
		const id = "relay/2000-01-05"
		kept := replica.StandingDay{Kept: stepPlan}
		for took, pause := range map[time.Duration]time.Duration{time.Millisecond: attemptQuick,
			12 * time.Second: 4 * time.Minute, planPatience: attemptPause} {
			done := o.StandingOrders.trying(id)
			began := time.Now()
			time.Sleep(took)
			done()
			o.state(schedules.Rejected, 0)
			time.Sleep(pause - took - time.Second)
			if o.StandingOrders.mayTry(id, kept) {
				t.Errorf("what took %v is tried again after %v", took, time.Since(began))
			}
			time.Sleep(time.Second)
			if !o.StandingOrders.mayTry(id, kept) {
				t.Errorf("what took %v is not tried again after %v", took, time.Since(began))
			}
		}
	})
}

// The days have a change of clocks, in whose night a window lies in the hour that does not exist, a cancelled window
// and a position that stays empty; and some are planned anew after the days that follow them.
func TestRemarksLeaveNoDayToPeople(t *testing.T) {
	simulated(t, func(t *testing.T) {
		order := twoWeeks
		order.Publish = schedules.PublishUnwarned
		time.Sleep(time.Until(time.Date(2000, 3, 17, 9, 0, 0, 0, time.UTC)))
		o := furnished(t, memory.New(10_000), order)
		o.clock.Positions = append(o.clock.Positions, schedules.Position{ID: "comment", Optional: true,
			Pick: &schedules.Selector{Kinds: []schedules.Kind{"commentary"}}})
		most := 1
		o.clock.Rules = append(o.clock.Rules, schedules.Rule{AtMost: &most, Per: "day", Of: schedules.Of{
			Match: map[string]string{"kind": "letter"}}})
		o.station.Exceptions = []schedules.Exception{{Date: schedules.Date{Year: 2000, Month: 3, Day: 23},
			Window: "evening", Cancelled: true}}
		o.apply(minjun)
		o.carry()
		if r := o.published(o.today().AddDays(1)); r.Revision != 0 {
			t.Fatalf("a day that bends a rule is published: %v", r.Warnings)
		}
		o.clock.Rules = o.clock.Rules[:1]
		o.apply(minjun)
		o.carryFor(4 * 24 * time.Hour)
		told := map[string]bool{}
		for n := -2; n <= 7; n++ {
			r := o.published(o.today().AddDays(n))
			if r.Status != schedules.Published {
				t.Errorf("%s is left to people: %v", o.today().AddDays(n), o.latest(o.today().AddDays(n)).Warnings)
			}
			for _, w := range r.Warnings {
				told[w.Code] = true
			}
		}
		for _, code := range []string{schedules.WarnClockChange, schedules.WarnException, schedules.WarnPositionEmpty} {
			if !told[code] {
				t.Errorf("no day has the remark %s", code)
			}
		}
		if told := o.problems(); told != "" {
			t.Error(told)
		}
	})
}

func TestADayThatCannotBePlannedIsToldAtOnceAndPlannedAsSoonAsItCanBe(t *testing.T) {
	simulated(t, func(t *testing.T) {
		order := twoWeeks
		order.Otherwise = schedules.StandInFallback
		o := furnished(t, memory.New(1000), order)
		o.carry()
		gone := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
		o.state(schedules.Rejected, gone...)
		first := o.today().AddDays(15)
		o.carryFor(24 * time.Hour)
		told := o.problems()
		if !strings.Contains(told, "day_unplanned: the standing order cannot plan "+first.String()) ||
			!strings.Contains(told, "the fallback list airs in its windows") {
			t.Fatalf("told %s", told)
		}
		if _, err := o.Rundowns.Rundown(t.Context(), "relay", first, 0); !fault.Is(err, fault.NotFound) ||
			!strings.Contains(err.Error(), "The standing order could not: ") {
			t.Errorf("the day without a rundown says %v", err)
		}
		o.state(schedules.Approved, gone...)
		time.Sleep(attemptQuick)
		o.carry()
		if r := o.latest(first); r.Revision == 0 {
			t.Error("it is not planned when it can be")
		}
		if told := o.problems(); told != "" {
			t.Errorf("still told %s", told)
		}
	})
}

func TestAProblemOfADayEndsWithItsWindowsAndWithTheReachOfTheOrder(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(1000), schedules.StandingOrder{PlanDays: 3, PublishDays: 1})
		o.state(schedules.Rejected, 0, 1, 2, 3, 4, 5, 6, 7, 8)
		o.carry()
		last := o.today().AddDays(3)
		if told := o.problems(); !strings.Contains(told, "cannot plan "+last.String()) {
			t.Fatalf("told %s", told)
		}
		o.station.StandingOrder = &schedules.StandingOrder{PlanDays: 2, PublishDays: 1}
		o.apply(minjun)
		if told := o.problems(); strings.Contains(told, last.String()) || !strings.Contains(told, "day_unplanned") {
			t.Errorf("an order of two days tells %s", told)
		}
		o.station.Windows = nil
		o.apply(minjun)
		o.carry()
		if told := o.problems(); told != "" {
			t.Errorf("without a window it tells %s", told)
		}
	})
}

func TestADayThatStaysUnplannableAirsTheFallbackWhichIsTold(t *testing.T) {
	longform.Only(t) // what it simulates runs ten times as long under the race detector
	simulated(t, func(t *testing.T) {
		order := schedules.StandingOrder{PlanDays: 2, PublishDays: 1, By: 18 * 60}
		o := furnished(t, memory.New(1000), order) // it would repeat a day, and there is none
		o.state(schedules.Rejected, 0, 1, 2, 3, 4, 5, 6, 7, 8)
		o.carryFor(24 * time.Hour)
		tomorrow := o.today().AddDays(1)
		for time.Now().Before(order.Deadline(tomorrow, time.UTC)) {
			o.carryFor(time.Hour)
		}
		told := o.problems()
		if !strings.Contains(told, "day_stands_in: "+tomorrow.String()) ||
			!strings.Contains(told, "it repeats no other day") ||
			!strings.Contains(told, "The fallback list airs in its windows") {
			t.Errorf("told %s", told)
		}
		if r := o.published(tomorrow); r.Revision != 0 {
			t.Errorf("published %v", r.Warnings)
		}
		o.state(schedules.Approved, 0, 1, 2, 3, 4, 5, 6, 7, 8)
		time.Sleep(attemptQuick)
		o.carry()
		if r := o.published(tomorrow); r.Status != schedules.Published || len(r.Open()) > 0 {
			t.Errorf("it can be planned late, and is %q", r.Status)
		}
	})
}

func TestAnOrderStopsWhenWhoSetItMayNoLongerSchedule(t *testing.T) {
	for name, change := range map[string]func(*replica.Person){
		"was ended":                        func(p *replica.Person) { p.EndedAt = schedules.At(time.Now()) },
		"is no longer a scheduler":         func(p *replica.Person) { p.Roles = []string{"producer"} },
		"no longer works for this station": func(p *replica.Person) { p.Stations = []string{"another"} },
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T) {
				o := furnished(t, memory.New(1000), twoWeeks)
				o.carry()
				row, _ := replica.PersonsIn(o.replica).Get("minjun")
				p := row.Value.Person
				change(&p)
				servicetest.Put(t, o.replica, replica.KindPerson, "minjun", p)
				until := o.today().AddDays(7)
				o.carryFor(2 * 24 * time.Hour)
				if r := o.latest(o.today().AddDays(14)); r.Revision != 0 {
					t.Error("it plans on")
				}
				told := o.problems()
				if !strings.Contains(told, "order_stopped: ") || !strings.Contains(told, name) ||
					!strings.Contains(told, "published until "+until.String()) {
					t.Errorf("told %s", told)
				}
				page, err := o.replica.Store.Audit(t.Context(), store.AuditQuery{Kind: replica.KindStandingAccount, Newest: true,
					Limit: 1})
				if told, _, is := testKinds.Told(page[0]); err != nil || !is || told != "alarm" {
					t.Errorf("webhooks are told %v %q of %+v, %v", is, told, page, err)
				}
				ruth := access.Actor{Name: "Ruth", Role: access.SchedulerJob}
				if out := o.apply(ruth); !slices.ContainsFunc(out.Changes, func(c wire.AppliedChange) bool {
					return c.Kind == replica.KindStandingOrder && c.Action == "update"
				}) {
					t.Errorf("another scheduler does not take it over: %+v", out.Changes)
				}
				o.carry()
				if r := o.latest(o.today().AddDays(14)); r.Revision == 0 || o.problems() != "" {
					t.Errorf("it does not go on: %s", o.problems())
				}
			})
		})
	}
}

// set gives the station its order by a new token, of a person or of a machine, and returns the holder.
func (o *orders) set(tokens *access.Access, n access.NewToken) access.Actor {
	o.t.Helper()
	n.Role = access.SchedulerJob
	made, err := tokens.Create(o.t.Context(), access.System, n)
	if err != nil {
		o.t.Fatal(err)
	}
	a, err := tokens.Authenticate(made.Secret)
	if err != nil {
		o.t.Fatal(err)
	}
	order := twoWeeks
	order.PublishDays++
	o.station.StandingOrder = &order
	o.apply(a)
	return a
}

// works reports whether the order plans the days that have come within its reach.
func (o *orders) works() bool {
	o.t.Helper()
	o.carryFor(24 * time.Hour)
	return o.latest(o.today().AddDays(14)).Revision > 0
}

func TestAnOrderOutlivesItsTokenOnlyInDoubtAndStopsIfTheTokenWasStolen(t *testing.T) {
	for name, n := range map[string]access.NewToken{"a person": {Person: "minjun"}, "a machine": {Name: "planner"}} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T) {
				o := furnished(t, memory.New(10_000), twoWeeks)
				tokens := access.New(o.replica, time.Now)
				a := o.set(tokens, n)
				if told := o.problems(); told != "" {
					t.Fatalf("told %s", told)
				}
				if err := tokens.Revoke(t.Context(), access.System, a.Token); err != nil {
					t.Fatal(err)
				}
				if !o.works() {
					t.Error("a revoked token stopped it")
				}
				if told := o.problems(); !strings.Contains(told, "order_unconfirmed: ") || !strings.Contains(told, "was revoked. "+
					"The order goes on") {
					t.Errorf("told %s", told)
				}
				limited := access.Actor{Name: "uploader", Role: access.SchedulerJob, May: []string{"apply"}}
				if o.apply(limited); !strings.Contains(o.problems(), "order_unconfirmed") {
					t.Error("a token that may not publish confirmed it")
				}
				if o.apply(minjun); o.problems() != "" {
					t.Errorf("confirmed, it tells %s", o.problems())
				}

				o.station.StandingOrder = &twoWeeks
				o.apply(minjun)
				a = o.set(tokens, n)
				if err := tokens.RevokeStolen(t.Context(), access.System, a.Token); err != nil {
					t.Fatal(err)
				}
				if o.works() {
					t.Error("it goes on, though its token was stolen")
				}
				if told := o.problems(); !strings.Contains(told, "order_stopped: ") ||
					!strings.Contains(told, "revoked as stolen") {
					t.Errorf("told %s", told)
				}
				if o.apply(minjun); !o.works() || o.problems() != "" {
					t.Errorf("taken over, it tells %s", o.problems())
				}
				o.station.StandingOrder = &twoWeeks
				o.apply(minjun)
				other := o.set(tokens, n)
				o.station.StandingOrder = &twoWeeks
				o.apply(minjun)
				if err := tokens.RevokeStolen(t.Context(), access.System, other.Token); err != nil {
					t.Fatal(err)
				}
				if !o.works() || o.problems() != "" {
					t.Errorf("what another set since does not go on: %s", o.problems())
				}
			})
		})
	}
}

// A sign-in ends by itself after hours; the order is its person's.
func TestAnOrderThatWasSetInASessionIsItsPersons(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(10_000), twoWeeks)
		order := twoWeeks
		order.PublishDays++
		o.station.StandingOrder = &order
		session := minjun
		session.Token, session.Session = "sign-in", "sign-in"
		o.apply(session)
		if !o.works() || o.problems() != "" {
			t.Errorf("told %s", o.problems())
		}
		// an older version kept the session as a token
		row, _ := replica.OrderSettersIn(o.replica).Get("relay")
		older := row.Value
		older.Token, older.Session = older.Session, ""
		servicetest.Put(t, o.replica, replica.KindStandingOrder, "relay", older)
		if told := o.problems(); !strings.Contains(told, "order_unconfirmed: ") {
			t.Errorf("told %s", told)
		}
		if o.apply(session); o.problems() != "" {
			t.Errorf("confirmed, it tells %s", o.problems())
		}
	})
}

func TestAnOrderStopsIfItsTokenIsKnownToBeStolenOnlyAfterItWasRevoked(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(10_000), twoWeeks)
		tokens := access.New(o.replica, time.Now)
		a := o.set(tokens, access.NewToken{Name: "planner"})
		if err := tokens.Revoke(t.Context(), access.System, a.Token); err != nil {
			t.Fatal(err)
		}
		if err := tokens.RevokeStolen(t.Context(), minjun, a.Token); !fault.Is(err, fault.NotFound) || !o.works() {
			t.Errorf("a scheduler: %v", err)
		}
		admin := access.Actor{Name: "Ada", Role: access.Admin}
		if err := tokens.RevokeStolen(t.Context(), admin, a.Token); err != nil || o.works() {
			t.Errorf("it goes on, though its token was stolen: %v", err)
		}
		if err := tokens.RevokeStolen(t.Context(), admin, a.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("a second time: %v", err)
		}
	})
}

func TestAnOrderOfATokenThatRanOutGoesOnAndIsToldLongBefore(t *testing.T) {
	longform.Only(t) // one goroutine computes
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(100_000), twoWeeks)
		o.set(access.New(o.replica, time.Now), access.NewToken{Name: "planner"})
		days := access.TokenLife / (24 * time.Hour)
		o.carryFor((days - 31) * 24 * time.Hour)
		if told := o.problems(); told != "" {
			t.Fatalf("told %s", told)
		}
		o.carryFor(2 * 24 * time.Hour)
		if told := o.problems(); !strings.Contains(told, "order_unconfirmed: ") || !strings.Contains(told, "expires on") ||
			!strings.Contains(told, "applying the station's definition again") {
			t.Errorf("told %s", told)
		}
		o.carryFor(30 * 24 * time.Hour)
		if told := o.problems(); !strings.Contains(told, "expired on") {
			t.Errorf("told %s", told)
		}
		if !o.works() {
			t.Error("it stopped")
		}
		if o.apply(minjun); o.problems() != "" {
			t.Errorf("confirmed, it tells %s", o.problems())
		}
	})
}

func TestADraftOfAPersonIsNeverReplacedAndADayThatIsLateAirsWithoutIt(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(1000), twoWeeks)
		o.carryFor(24 * time.Hour)
		d := o.today().AddDays(10)
		r := o.latest(d)
		edited, err := o.Drafts.Edit(t.Context(), access.Actor{Name: "Ruth"}, "relay", d, &r.Revision,
			[]schedules.Edit{{Op: "lock", Item: r.Items[1].ID}})
		if err != nil {
			t.Fatal(err)
		}
		withdrawn := o.today().AddDays(4)
		if _, err := o.Publisher.Withdraw(t.Context(), access.Actor{Name: "Ruth"}, "relay", withdrawn, nil,
			"no"); err != nil {
			t.Fatal(err)
		}
		for time.Now().Before(twoWeeks.Deadline(d, time.UTC).Add(-2 * time.Hour)) {
			o.carryFor(time.Hour)
		}
		if told := o.problems(); !strings.Contains(told, "day_unpublished: the standing order does not publish "+d.String()+
			": a person planned or edited it") {
			t.Errorf("told %s", told)
		}
		if r := o.published(withdrawn); r.Status != schedules.Withdrawn {
			t.Errorf("the day that a person withdrew is %q", r.Status)
		}
		if told := o.problems(); strings.Contains(told, "day_withdrawn") {
			t.Errorf("a day that is over is told: %s", told)
		}
		withdrawn = o.today().AddDays(2)
		if _, err := o.Publisher.Withdraw(t.Context(), access.Actor{Name: "Ruth"}, "relay", withdrawn, nil,
			"no"); err != nil {
			t.Fatal(err)
		}
		o.carry()
		if told := o.problems(); !strings.Contains(told, "day_withdrawn: "+withdrawn.String()+" was withdrawn, and the "+
			"standing order does not publish it again") {
			t.Errorf("told %s", told)
		}
		if r := o.published(withdrawn); r.Status != schedules.Withdrawn {
			t.Errorf("the day that a person withdrew is %q", r.Status)
		}
		o.carryFor(3 * time.Hour)
		if r := o.published(d); r.Revision == 0 || len(r.Open()) > 0 {
			t.Errorf("the day that is late has %d items", len(r.Items))
		}
		draft := o.latest(d)
		if draft.Status != schedules.Draft || !sameItems(draft.Items, edited.Items) || !draft.Items[1].Locked {
			t.Errorf("the draft of the person is %q with %d items", draft.Status, len(draft.Items))
		}
	})
}

func TestATokenWithoutTheRightToPublishSetsNoOrder(t *testing.T) {
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(1000), twoWeeks)
		order := twoWeeks
		order.PlanDays = 21
		o.station.StandingOrder = &order
		limited := access.Actor{Name: "uploader", Role: access.SchedulerJob, May: []string{"apply"}}
		_, err := o.Network.Apply(t.Context(), limited, wire.Apply{Stations: []schedules.Station{o.station}}, nil, false)
		if !fault.Is(err, fault.Forbidden) {
			t.Errorf("it is answered %v", err)
		}
		o.station.StandingOrder = nil
		o.apply(minjun)
		if _, set := replica.OrderSettersIn(o.replica).Get("relay"); set {
			t.Error("an order that is gone still has a setter")
		}
	})
}
