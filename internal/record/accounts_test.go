package record_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// onAir is a station with three published days, each of a window of its own and of one that runs past midnight, which
// reports what it airs.
type onAir struct {
	t         *testing.T
	now       time.Time
	replica   *replica.Replica
	scheduler *scheduling.Scheduler
	log       *record.Logbook
	first     schedules.Date
	items     []wire.QueueItem
	entries   []schedules.AsRun
}

func newOnAir(t *testing.T) *onAir {
	o := &onAir{t: t, now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), first: schedules.Date{Year: 2026, Month: 11,
		Day: 26}}
	var err error
	if o.replica, err = replica.Open(t.Context(), memory.New(100), kinds.All); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return o.now }
	o.scheduler = scheduling.New(o.replica, record.NewRecords(o.replica, o.replica.Store, nil, now, 0),
		servicetest.Signer{}, now, "http://x", time.Minute)
	o.log = o.scheduler.Record.Logbook
	servicetest.Put(o.t, o.replica, replica.KindStation, "s", schedules.Station{ID: "s", Timezone: "UTC",
		Languages: []string{"ko-KP"}})
	for n := range 4 {
		servicetest.Put(o.t, o.replica, replica.KindSegment, fmt.Sprintf("m%d", n),
			schedules.Segment{ID: fmt.Sprintf("m%d", n), Kind: "testimony", Language: "ko-KP", State: schedules.Approved})
	}
	for n := range 3 {
		date := o.first.AddDays(n)
		r := schedules.Rundown{Station: "s", Date: date, Revision: int64(n + 1), Status: schedules.Published}
		q := wire.Queue{Station: "s", Date: date, Revision: int64(n + 1),
			ExpiresAt: schedules.At(o.now.Add(9 * 24 * time.Hour))}
		for w, hour := range []int{10, 23} {
			at := time.Date(date.Year, date.Month, date.Day, hour, 50, 0, 0, time.UTC)
			slot := schedules.Slot{Occurrence: schedules.Occurrence{Window: fmt.Sprintf("w%d", w), Date: date,
				StartAt: schedules.At(at), EndAt: schedules.At(at.Add(20 * time.Minute))}}
			for i := range 4 {
				start := schedules.At(at.Add(time.Duration(i) * 5 * time.Minute))
				r.Items = append(r.Items, schedules.Item{ID: fmt.Sprintf("%s-%d-%d", date, w, i), Window: slot.Window,
					SegmentID: fmt.Sprintf("m%d", i), StartAt: start, Duration: schedules.Ms(300_000)})
				q.Items = append(q.Items, wire.QueueItem{ID: fmt.Sprintf("%s-%d-%d", date, w, i), Window: slot.Window,
					SegmentID: fmt.Sprintf("m%d", i), Language: "ko-KP",
					StartAt: &start, Duration: schedules.Ms(300_000)})
			}
			q.Windows = append(q.Windows, slot)
		}
		r.Windows = q.Windows
		servicetest.Put(o.t, o.replica, replica.KindRevision, replica.RevisionID("s", date, r.Revision), r)
		servicetest.PutSigned(o.t, o.replica, replica.KindQueue, "s/"+date.String(), q)
		o.items = append(o.items, q.Items...)
	}
	return o
}

func (o *onAir) report(itemID, segment string, from, to time.Time, outcome schedules.Outcome) {
	e := schedules.AsRun{Sequence: int64(len(o.entries) + 1), ItemID: itemID, SegmentID: segment, Outcome: outcome}
	if outcome != schedules.Skipped && outcome != schedules.Failed {
		e.StartedAt, e.EndedAt = schedules.At(from), schedules.At(to)
	}
	o.entries = append(o.entries, e)
}

// draw has the station air what it likes until it falls silent. A search for misses that begins looks no further back
// than eight days.
func (o *onAir) draw(t *rapid.T) {
	o.now = o.items[0].StartAt.Add(time.Duration(rapid.IntRange(0, 8*24*60).Draw(t, "minutes")) * time.Minute)
	silentFrom := rapid.IntRange(0, len(o.items)).Draw(t, "silent from")
	for n, i := range o.items {
		begin, end := i.StartAt.Time, i.StartAt.Add(i.Duration.Duration)
		if begin.After(o.now) || n >= silentFrom {
			break
		}
		switch rapid.IntRange(0, 8).Draw(t, i.ID) {
		case 0: // nothing comes
		case 1:
			o.report(i.ID, i.SegmentID, begin, begin.Add(time.Minute), schedules.Cut)
		case 2:
			o.report(i.ID, "m9", begin, end, schedules.FellBack)
		case 3:
			o.report(i.ID, i.SegmentID, begin, end, schedules.Skipped)
		case 4:
			o.report(i.ID, i.SegmentID, begin, end, schedules.Failed)
		case 5:
			o.report(i.ID, i.SegmentID, begin.Add(time.Minute), end.Add(time.Minute), schedules.Aired)
		case 6: // under no item's name
			o.report("", "m9", begin.Add(time.Minute), begin.Add(2*time.Minute), schedules.FellBack)
		default:
			o.report(i.ID, i.SegmentID, begin, end, schedules.Aired)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "extras") {
		at := o.items[0].StartAt.Add(time.Duration(rapid.IntRange(-600, 4000).Draw(t, "minute")) * time.Minute)
		o.report("", "m9", at, at.Add(time.Minute), schedules.FellBack)
	}
	if len(o.entries) > 0 {
		if _, err := o.log.Report(o.t.Context(), "s", o.entries); err != nil {
			t.Fatal(err)
		}
	}
}

// A day's reconciliation, its report and what is owed for it count the same, whatever the station reports, when it
// falls silent and when they are asked for; so do the windows of the day and the day; and no report counts for two
// days.
func TestReconciliationAndReportAndMakeGoodsCountTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := newOnAir(t)
		o.draw(r)
		owed := map[string]bool{}
		list, _, err := o.log.MakeGoods(t.Context(), record.MakeGoodQuery{Station: "s", Limit: 1000})
		if err != nil {
			r.Fatal(err)
		}
		for _, m := range list {
			owed[m.ItemID] = true
		}
		says := map[string]bool{}
		counted := map[int64]schedules.Date{}
		for n := range 3 {
			date := o.first.AddDays(n)
			day, err := o.log.Reconcile(t.Context(), "s", date, "")
			if err != nil {
				r.Fatal(err)
			}
			report, err := o.log.AiringReport(t.Context(), record.ReportQuery{From: date, To: date.AddDays(1), Station: "s",
				Group: []string{"day"}})
			if err != nil {
				r.Fatal(err)
			}
			v, c := day.Totals, report.Totals
			if v[schedules.AsPlanned]+v[schedules.Late] != c.Aired || v[schedules.Short] != c.Short || v[schedules.Missed]+
				v[schedules.Substituted] != c.Missed ||
				v[schedules.Unreported] != c.Unreported || v[schedules.Extra]+v[schedules.Substituted] != c.Extra ||
				v[schedules.Upcoming] != 0 {
				r.Errorf("%s at %s is reconciled as %v and reported as %+v", date, o.now, v, c)
			}
			for _, d := range day.Items {
				for _, sequence := range d.Sequences {
					if other, twice := counted[sequence]; twice {
						r.Errorf("report %d counts on %s and on %s", sequence, other, date)
					}
					counted[sequence] = date
				}
			}
			for _, m := range day.MakeGoods {
				says[m.ItemID] = true
			}
			windows := map[schedules.Verdict]int{}
			for _, w := range []string{"w0", "w1"} {
				part, err := o.log.Reconcile(t.Context(), "s", date, w)
				if err != nil {
					r.Fatal(err)
				}
				for verdict, n := range part.Totals {
					windows[verdict] += n
				}
			}
			delete(windows, schedules.Extra) // one may be outside of every window
			delete(v, schedules.Extra)
			if !maps.Equal(v, windows) {
				r.Errorf("%s is %v, and its windows are %v", date, v, windows)
			}
		}
		if !maps.Equal(owed, says) {
			r.Errorf("at %s owed are %v, and the reconciliations say %v", o.now, slices.Sorted(maps.Keys(owed)),
				slices.Sorted(maps.Keys(says)))
		}
	})
}

func TestWhatAStationIsYetToReportIsNotMissed(t *testing.T) {
	o := newOnAir(t)
	end := o.items[len(o.items)-1]
	o.now = end.StartAt.Add(end.Duration.Duration + time.Hour)
	last := o.first.AddDays(2)
	got, err := o.log.Reconcile(t.Context(), "s", last, "")
	if err != nil || got.Totals[schedules.Unreported] != 8 || len(got.MakeGoods) != 0 {
		t.Errorf("%+v (%v)", got, err)
	}
	o.now = o.now.Add(7 * 24 * time.Hour)
	if got, err = o.log.Reconcile(t.Context(), "s", last, ""); err != nil || got.Totals[schedules.Missed] != 8 ||
		len(got.MakeGoods) != 8 {
		t.Errorf("a week later: %+v (%v)", got, err)
	}
}

// An item that failed in its middle is reported before its planned end.
func TestWhatIsReportedBeforeItsTimeIsOverIsNoExtra(t *testing.T) {
	o := newOnAir(t)
	i := o.items[0]
	o.now = i.StartAt.Add(2 * time.Minute)
	o.report(i.ID, i.SegmentID, i.StartAt.Time, i.StartAt.Add(time.Minute), schedules.Cut)
	if _, err := o.log.Report(t.Context(), "s", o.entries); err != nil {
		t.Fatal(err)
	}
	got, err := o.log.Reconcile(t.Context(), "s", o.first, "")
	if err != nil || len(got.Items) != 1 || got.Items[0].Verdict != schedules.Short {
		t.Errorf("%+v (%v)", got, err)
	}
	if _, err := o.log.Reconcile(t.Context(), "s", o.first.AddDays(9), ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("a day without a queue: %v", err)
	}
}
