package record_test

import (
	"context"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

var ruth = access.Actor{Name: "Ruth"}

// missedDay is a station whose published day of one item is over, and of which a campaign commits the item.
type missedDay struct {
	*scheduling.Scheduler
	t     *testing.T
	store *replica.Replica
	now   time.Time
	day   schedules.Date
	item  wire.QueueItem
}

func newMissedDay(t *testing.T) *missedDay {
	r, err := replica.Open(t.Context(), memory.New(1000), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	d := &missedDay{t: t, store: r, now: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), day: schedules.Date{Year: 2026,
		Month: 11, Day: 2}}
	now := func() time.Time { return d.now }
	d.Scheduler = scheduling.New(r, record.NewRecords(r, r.Store, nil, now, 0), servicetest.Signer{}, now, "http://x",
		time.Hour)
	for _, id := range []string{"m1", "m2", "m3"} {
		s := servicetest.Music(id)
		s.Kind = "testimony" // whose airings are commitments
		servicetest.Put(t, r, replica.KindSegment, id, s)
	}
	n := servicetest.OneStation()
	n.Clocks[0].Positions[0].Fill.Kinds = []schedules.Kind{"testimony"}
	if _, err := d.Network.Apply(t.Context(), ruth, n, nil, false); err != nil {
		t.Fatal(err)
	}
	d.publish(d.day)
	q, err := d.Record.Queues.Queue(t.Context(), "s", d.day)
	if err != nil {
		t.Fatal(err)
	}
	d.item = q.Value.Items[0]
	d.now = d.item.StartAt.Add(time.Hour)
	return d
}

func (d *missedDay) publish(day schedules.Date) {
	d.t.Helper()
	if _, err := d.Drafts.Plan(d.t.Context(), ruth, "s", day, scheduling.PlanOptions{}); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Publisher.Publish(d.t.Context(), ruth, "s", day, scheduling.PublishOptions{}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *missedDay) report(sequence int64, i wire.QueueItem, outcome schedules.Outcome) {
	d.t.Helper()
	e := schedules.AsRun{Sequence: sequence, ItemID: i.ID, SegmentID: i.SegmentID, Outcome: outcome}
	if outcome == schedules.Aired {
		e.StartedAt, e.EndedAt = *i.StartAt, schedules.At(i.StartAt.Add(i.Duration.Duration))
	}
	results, err := d.Record.Logbook.Report(d.t.Context(), "s", []schedules.AsRun{e})
	if err != nil || results[0].Status != "accepted" {
		d.t.Fatal(results, err)
	}
}

func (d *missedDay) owed(state string) []wire.OwedAiring {
	d.t.Helper()
	found, _, err := d.Record.Logbook.MakeGoods(d.t.Context(), record.MakeGoodQuery{State: state, Limit: 10})
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}

func TestAMissIsOwedUntilAnotherAiringMakesItGood(t *testing.T) {
	d := newMissedDay(t)
	d.report(1, d.item, schedules.Failed)
	if got := d.owed(wire.MakeGoodOwed); len(got) != 1 || got[0].SegmentID != d.item.SegmentID {
		t.Fatalf("owed: %+v", got)
	}
	if err := d.Record.MakeGoods.SettleAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := d.day.AddDays(1)
	d.publish(next)
	if got := d.owed(wire.MakeGoodPlanned); len(got) != 1 || got[0].By == nil || got[0].By.Date != next {
		t.Fatalf("planned: %+v", got)
	}
	q, err := d.Record.Queues.Queue(t.Context(), "s", next)
	if err != nil {
		t.Fatal(err)
	}
	d.now = q.Value.Items[0].StartAt.Add(time.Hour)
	d.report(2, q.Value.Items[0], schedules.Aired)
	if err := d.Record.MakeGoods.SettleAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.owed(wire.MakeGoodAired); len(got) != 1 || len(d.owed(wire.MakeGoodOwed)) != 0 {
		t.Errorf("made good: %+v", got)
	}
	report, err := d.Record.Logbook.AiringReport(t.Context(), record.ReportQuery{From: d.day, To: next.AddDays(1),
		Group: []string{"day"}})
	if err != nil || report.Totals.Missed != 1 || report.Totals.MadeGood != 1 || report.Totals.Aired != 1 ||
		len(report.Rows) != 2 {
		t.Errorf("the report: %+v, %v", report, err)
	}
}

func TestWhatIsOwedIsWaivedOnceWithAReason(t *testing.T) {
	d := newMissedDay(t)
	d.report(1, d.item, schedules.Failed)
	id := schedules.MakeGoodID(d.item.ID)
	waive := func(id, reason string) error {
		_, err := d.Record.Logbook.Waive(t.Context(), ruth, "s", id, reason)
		return err
	}
	if err := waive(id, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	if err := waive("mg-x", "x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("what is not owed: %v", err)
	}
	if err := waive(id, "out of date"); err != nil {
		t.Fatal(err)
	}
	if err := waive(id, "again"); !fault.Is(err, fault.Conflict) {
		t.Errorf("again: %v", err)
	}
	if got := d.owed(wire.MakeGoodWaived); len(got) != 1 || got[0].WaivedBy != "Ruth" || got[0].Reason != "out of date" {
		t.Errorf("%+v", got)
	}
	if _, _, err := d.Record.Logbook.MakeGoods(t.Context(), record.MakeGoodQuery{State: "lost"}); !fault.Is(err,
		fault.Invalid) {
		t.Errorf("in no such state: %v", err)
	}
}

func TestTheAiringsOfASegmentAreReadPageByPage(t *testing.T) {
	d := newMissedDay(t)
	d.report(1, d.item, schedules.Aired)
	extra := d.item
	at := schedules.At(d.item.StartAt.Add(20 * time.Minute))
	extra.ID, extra.StartAt = "", &at
	d.report(2, extra, schedules.Aired)
	q := record.AiringQuery{Segment: d.item.SegmentID, From: d.day, To: d.day.AddDays(1), Limit: 1}
	first, next, err := d.Record.Logbook.Airings(t.Context(), q)
	if err != nil || len(first) != 1 || next == "" {
		t.Fatalf("%+v, next %q, %v", first, next, err)
	}
	q.After = next
	second, end, err := d.Record.Logbook.Airings(t.Context(), q)
	if err != nil || len(second) != 1 || end != "" || second[0].Outcome != schedules.Extra {
		t.Errorf("%+v, next %q, %v", second, end, err)
	}
	for field, bad := range map[string]record.AiringQuery{"cursor": {From: q.From, To: q.To, After: "x"},
		"to": {From: q.To, To: q.From}, "from": {From: q.From.AddDays(-500), To: q.To}} {
		if _, _, err := d.Record.Logbook.Airings(t.Context(), bad); len(fault.FieldsOf(err)) != 1 ||
			fault.FieldsOf(err)[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := d.Record.Logbook.AiringReport(t.Context(), record.ReportQuery{From: q.From, To: q.To,
		Group: []string{"mood"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("by mood: %v", err)
	}
}

func TestStationsAreListedWithTheirLastStatusAndTheirProblems(t *testing.T) {
	d := newMissedDay(t)
	log := d.Record.Logbook
	if _, err := log.Status("s"); !fault.Is(err, fault.NotFound) {
		t.Errorf("before it said anything: %v", err)
	}
	say := wire.Status{QueueDate: d.day.String(), QueueRevision: 1}
	for range 2 {
		if err := log.SetStatus(t.Context(), ruth, "s", say); err != nil {
			t.Fatal(err)
		}
	}
	s, err := log.Status("s")
	if err != nil || s.PublishedRevision != 2 || s.QueueRevision != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if page, next := log.Statuses("", 10); len(page) != 1 || next != "" || page[0].Station != "s" {
		t.Errorf("%+v", page)
	}
	if page, next := log.Statuses("s", 10); len(page) != 0 || next != "" {
		t.Errorf("after the last: %+v", page)
	}
	c := log.Census()
	if c.Queues != 1 || c.Segments[schedules.Approved] != 3 || len(c.Stations) != 1 ||
		c.Problems["s"]["no_fallback"] != 0 {
		t.Errorf("%+v", c)
	}
	page, _, err := log.Audit(t.Context(), store.AuditQuery{Limit: 100})
	if err != nil || page[0].Kind != replica.KindStatus || page[0].Action != "station.status" {
		t.Errorf("the newest change is %+v, %v", page[0], err)
	}
	if seen := page[len(page)-1]; seen.Sequence != 1 {
		t.Errorf("the oldest is %+v", seen)
	}
}

// A station that has seen more than the store has raises the floor, above which everything is signed from then on.
func TestAStationThatSawMoreRaisesTheFloor(t *testing.T) {
	d := newMissedDay(t)
	servicetest.PutSigned(t, d.store, replica.KindRecalls, replica.RecallsID, wire.Recalls{Schema: wire.RecallsSchema,
		Revision: 1})
	if err := d.Record.Logbook.SetStatus(t.Context(), ruth, "s", wire.Status{RecallsSeen: 1}); err != nil ||
		d.store.Floor().Above != 0 {
		t.Errorf("what the store has: %+v, %v", d.store.Floor(), err)
	}
	if err := d.Record.Logbook.SetStatus(t.Context(), ruth, "s", wire.Status{RecallsSeen: 9,
		QueueRevision: 7}); err != nil {
		t.Fatal(err)
	}
	list, _ := replica.RecallsIn(d.store).Get(replica.RecallsID)
	if f := d.store.Floor(); f.Station != "s" || f.Above < 9 || list.Value.Value.Revision <= f.Above {
		t.Errorf("floor %+v, list %d", f, list.Value.Value.Revision)
	}
	before := d.store.Floor().Above
	if err := record.RaiseFloor(t.Context(), d.store.Store, "Ruth", "recalls.raise", true, d.now); err != nil {
		t.Fatal(err)
	}
	if err := d.store.CatchUp(t.Context()); err != nil || d.store.Floor().Above <= before ||
		d.store.Floor().Days != d.store.Floor().Above {
		t.Errorf("raised by hand: %+v, %v", d.store.Floor(), err)
	}
}

func TestAQueueIsWaitedForUntilItIsWithdrawn(t *testing.T) {
	d := newMissedDay(t)
	next := d.day.AddDays(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Record.Queues.Await(ctx, "s", func() schedules.Date { return next }, 0); !fault.Is(err,
		fault.NotFound) {
		t.Errorf("nothing is published: %v", err)
	}
	d.publish(next)
	if q, err := d.Record.Queues.Await(t.Context(), "s", func() schedules.Date { return next }, 0); err != nil ||
		q.Value.Date != next {
		t.Errorf("%v", err)
	}
	if _, err := d.Publisher.Withdraw(t.Context(), ruth, "s", next, nil, "moved"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Record.Queues.PublishedQueue(t.Context(), "s", next); !fault.Is(err, fault.NotFound) {
		t.Errorf("withdrawn: %v", err)
	}
	if _, err := d.Record.Logbook.Reconcile(t.Context(), "s", next, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a withdrawn day: %v", err)
	}
	replica.ForgetQueues(d.store, next)
	if q, err := d.Record.Queues.Queue(t.Context(), "s", d.day); err != nil || q.Value.Date != d.day { // from the store
		t.Errorf("a day that is in memory no more: %v", err)
	}
}

// A missed ident is a miss, and no make-good: a reconciliation and the list of make-goods name the same.
func TestAReconciliationListsAsMakeGoodsOnlyWhatIsOwed(t *testing.T) {
	d := newMissedDay(t)
	d.report(1, d.item, schedules.Failed)
	reconciled := func() schedules.Reconciliation {
		t.Helper()
		r, err := d.Record.Logbook.Reconcile(t.Context(), "s", d.day, "")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := reconciled(); r.Totals[schedules.Missed] != 1 || len(r.MakeGoods) != 1 {
		t.Errorf("a testimony: %+v", r)
	}
	s := servicetest.Music(d.item.SegmentID)
	s.Kind = "ident"
	servicetest.Put(t, d.store, replica.KindSegment, s.ID, s)
	if r := reconciled(); r.Totals[schedules.Missed] != 1 || len(r.MakeGoods) != 0 || r.MakeGoods == nil {
		t.Errorf("an ident: %+v", r)
	}
}
