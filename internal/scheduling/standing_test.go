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
	"lifeline/schedules/auditor"
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
		time.Sleep(attemptPause)
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
		time.Sleep(attemptPause)
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

// The period has a change of clocks, in whose night a window lies in the hour that does not exist.
func TestSixtyDaysAreOnTheAirWithoutAHardViolationOrALateDay(t *testing.T) {
	longform.Only(t)
	simulated(t, func(t *testing.T) {
		o := furnished(t, memory.New(100_000), twoWeeks)
		for range 60 {
			o.carryFor(24 * time.Hour)
			today := o.today()
			if r := o.published(today.AddDays(7)); r.Status != schedules.Published {
				t.Fatalf("on %s, %s is %q", time.Now(), today.AddDays(7), r.Status)
			}
			r := o.published(today)
			in, err := o.Publisher.inputs.gather(t.Context(), "relay", today, otherDays{published: true})
			if err != nil {
				t.Fatal(err)
			}
			found, err := auditor.Audit(t.Context(), in, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range found {
				if v.Hard {
					t.Errorf("%s: %+v", today, v)
				}
			}
			if len(r.Items) == 0 || len(r.Open()) > 0 {
				t.Errorf("%s has %d items and is open %v", today, len(r.Items), r.Open())
			}
		}
		for _, action := range []string{"rundown.plan", "queue.publish"} {
			for d, n := range o.acts(action) {
				if n != 1 {
					t.Errorf("%s: %s %d times", d, action, n)
				}
			}
		}
	})
}
