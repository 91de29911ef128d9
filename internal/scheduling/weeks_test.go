package scheduling

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
	"lifeline/schedules/auditor"
)

// weeks is the example network, which two replicas on one store plan and publish unattended. On its way a season ends,
// clocks change, special days come, and in each cycle of days segments are recalled and approved.
type weeks struct {
	t       *testing.T
	one     *orders // it dies on the way
	two     *orders
	killed  *dying
	network wire.Apply
	first   schedules.Date // the first day
	order   schedules.StandingOrder
	heard   time.Time        // until when the stations have reported what aired
	reports map[string]int64 // by station

	replanned map[string]int  // by day: how often it was a draft when something changed that plans depend on
	seen      map[string]bool // the segments, windows and warnings of what was audited
	audited   int
	items     int
	open      time.Duration
}

// A cycle of a network's life, in days, and when in it something happens.
const (
	cycle         = 12
	recallDay     = 2
	exceptionDay  = 3
	bulletinDay   = 4
	killDay       = 5 // of the first cycle
	correctionDay = 8

	workEvery = 6 * time.Hour // stands for the minutes between two runs of the background jobs
)

// spring is the first day of a season: lantern-coast has another night window from then on. The clocks of atlantic-desk
// change four nights later, at the hour of its first window.
var spring = schedules.Date{Year: 2027, Month: 3, Day: 10}

// newWeeks returns the network, or some stations of it, as it begins.
func newWeeks(t *testing.T, first schedules.Date, order schedules.StandingOrder, stations ...string) *weeks {
	t.Helper()
	docs := memory.New(100_000)
	w := &weeks{t: t, two: newOrders(t, docs, "two"), killed: &dying{action: "none"}, first: first, order: order,
		heard: time.Now(), reports: map[string]int64{}, replanned: map[string]int{}, seen: map[string]bool{}}
	servicetest.Put(t, w.two.replica, replica.KindPerson, "minjun", replica.Person{ID: "minjun", Name: "Minjun",
		Roles: []string{"scheduler"}})
	var segments []schedules.Segment
	segments, w.network = exampleNetwork(t)
	for _, s := range segments {
		if s.Kind != "news" { // it comes by bulletins
			servicetest.Put(t, w.two.replica, replica.KindSegment, s.ID, s)
		}
	}
	for n := range 8 {
		w.segment(fmt.Sprintf("letter-ko-%02d", n), "letter", "ko-KP", 61_000+int64(n)*7_300, nil)
		w.segment(fmt.Sprintf("song-%02d", n), "music", "zxx", 83_000+int64(n)*11_100, nil)
	}
	for n := 1; n <= 30; n++ {
		w.episode(n)
	}
	w.bulletins(time.Now().Add(-24*time.Hour), "0")
	w.rules()
	w.windows()
	if len(stations) > 0 {
		w.network.Stations = slices.DeleteFunc(w.network.Stations, func(s schedules.Station) bool {
			return !slices.Contains(stations, s.ID)
		})
	}
	w.apply()
	w.one = newOrders(t, replica.Intercept(docs, w.killed.through), "one")
	return w
}

// segment approves a segment.
func (w *weeks) segment(id string, kind schedules.Kind, language string, ms int64, with func(*schedules.Segment)) {
	w.t.Helper()
	sum := 0
	for _, c := range id {
		sum = sum*131%1_000_003 + int(c)
	}
	s := schedules.Segment{ID: id, Revision: 1, Kind: kind, Title: id, Language: language, State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: fmt.Sprintf("%064x", sum), Bytes: 1, ContentType: "audio/mpeg",
			Duration: schedules.Ms(ms), CueOut: schedules.Ms(ms)}}
	if with != nil {
		with(&s)
	}
	servicetest.Put(w.t, w.two.replica, replica.KindSegment, id, s)
}

func (w *weeks) recall(id string) {
	w.t.Helper()
	servicetest.ChangeSegment(w.t, w.two.replica, id, func(s *schedules.Segment) { s.State = schedules.Recalled })
}

// episode approves an episode of the serial.
func (w *weeks) episode(n int) {
	w.t.Helper()
	w.segment(fmt.Sprintf("notes-%03d", n), "commentary", "en", 60_000+int64(n%7)*3_100, func(s *schedules.Segment) {
		s.Series, s.Episode = "notes", n
	})
}

// bulletins approves the news of both languages.
func (w *weeks) bulletins(from time.Time, name string) {
	w.t.Helper()
	for _, language := range []string{"ko-KP", "en"} {
		w.segment("news-"+language+"-"+name, "news", language, 45_000, func(s *schedules.Segment) {
			s.ValidFrom = schedules.At(from)
		})
	}
}

// rules gives the clocks the rules of news and of the serial, and the English half hour a place for the serial.
func (w *weeks) rules() {
	news := &schedules.Selector{Kinds: []schedules.Kind{"news"}}
	serial := &schedules.Selector{Series: "notes"}
	for n := range w.network.Clocks {
		c := &w.network.Clocks[n]
		for k := range c.Positions {
			if p := &c.Positions[k]; p.Pick != nil && slices.Equal(p.Pick.Kinds, news.Kinds) {
				p.Prefer = schedules.ByNewest
			}
		}
		if c.ID == "half-en" {
			c.Positions = slices.Insert(c.Positions, 2, schedules.Position{ID: "notes", Pick: serial,
				Prefer: schedules.ByEpisode})
		}
		c.Rules = append(c.Rules, schedules.Rule{Only: serial, InOrder: schedules.ByEpisode, Hard: true},
			schedules.Rule{Only: news, InOrder: schedules.ByNewest, Across: true, Hard: true},
			schedules.Rule{Only: news, FreshFor: schedules.Millis{Duration: 24 * 24 * time.Hour}, Hard: true})
	}
}

// station returns a station of the network's definition, or one that does not count if the network is without it.
func (w *weeks) station(id string) *schedules.Station {
	n := slices.IndexFunc(w.network.Stations, func(s schedules.Station) bool { return s.ID == id })
	if n < 0 {
		return &schedules.Station{}
	}
	return &w.network.Stations[n]
}

// windows gives every station an order, and the stations a season and special days.
func (w *weeks) windows() {
	for n := range w.network.Stations {
		w.network.Stations[n].StandingOrder = new(w.order)
	}
	nights := w.station("lantern-coast").Windows
	nights[1].Starts = schedules.Recurrence{Timezone: "UTC", At: "18:30", Until: &spring}
	nights[2].Starts = schedules.Recurrence{Timezone: "UTC", At: "19:00", From: &spring}
	if st := w.station("lantern-coast"); st.ID != "" {
		late, again := nights[0], nights[0]
		late.ID, late.Length = "late", schedules.Ms(2_700_000)
		late.Starts = schedules.Recurrence{Timezone: "UTC", At: "15:00"}
		late.Repeats = &schedules.WindowRepeat{Window: nights[0].ID}
		again.ID, again.Starts = "again", schedules.Recurrence{Timezone: "UTC", At: "02:00"}
		again.Repeats = &schedules.WindowRepeat{Window: nights[0].ID, DaysBack: 1}
		st.Windows = append(slices.Clone(st.Windows), late, again)
	}
	w.except("steppe-relay", schedules.Exception{Date: w.first.AddDays(9), Window: "evening-cmn", Cancelled: true})
	w.except("harbour-dawn", schedules.Exception{Date: w.first.AddDays(8), Window: "dawn", At: "05:10", Name: "Feast"})
	w.except("lantern-coast", schedules.Exception{Date: w.first.AddDays(10), Window: "evening", Clock: "half-ko",
		Length: new(schedules.Ms(1_710_000))})
	w.except("atlantic-desk", schedules.Exception{Date: w.first.AddDays(6), Window: "evening", Extra: true, At: "18:00"})
}

func (w *weeks) except(station string, e schedules.Exception) {
	st := w.station(station)
	st.Exceptions = append(slices.Clone(st.Exceptions), e)
}

func (w *weeks) apply() {
	w.t.Helper()
	if _, err := w.two.Network.Apply(w.t.Context(), minjun, wire.Apply{Clocks: w.network.Clocks,
		Scripts: w.network.Scripts, Stations: w.network.Stations}, nil, false); err != nil {
		w.t.Fatal(err)
	}
}

// happen lets happen what belongs to a day of the network's life.
func (w *weeks) happen(day int) {
	w.t.Helper()
	number := day / cycle
	switch day % cycle {
	case recallDay:
		w.recall(fmt.Sprintf("letter-ko-%02d", number))
		w.recall(fmt.Sprintf("song-%02d", number))
	case exceptionDay: // on days of which there are drafts
		drafted := w.first.AddDays(day + w.order.PublishDays + 2)
		w.except("ridge-relay", schedules.Exception{Date: drafted, Window: "three-tongues", At: "18:20"})
		w.except("lantern-coast", schedules.Exception{Date: drafted, Window: "evening", Cancelled: true})
		w.apply()
	case bulletinDay:
		w.bulletins(time.Now(), fmt.Sprint(day))
		w.segment(fmt.Sprintf("letter-ko-new-%d", day), "letter", "ko-KP", 71_700, nil)
		for n := range cycle / 2 {
			w.episode(31 + number*cycle/2 + n)
		}
	case correctionDay: // of the latest bulletin, and an episode that may not air
		w.recall(fmt.Sprintf("news-ko-KP-%d", day-correctionDay+bulletinDay))
		w.bulletins(time.Now(), fmt.Sprint(day))
		w.recall(fmt.Sprintf("notes-%03d", 12+number*5))
	default:
		return
	}
	for id := range replica.StandingAccountsIn(w.two.replica).After("", "") {
		for _, d := range w.two.StandingOrders.standingAccount(id).Days {
			if d.Draft > 0 {
				w.replanned[replica.DayID(id, d.Date)]++
			}
		}
	}
}

// work runs the background jobs of a replica.
func (w *weeks) work(o *orders) error {
	ctx := w.t.Context()
	if err := o.replica.CatchUp(ctx); err != nil {
		return err
	}
	var failed error
	jobs := []func(context.Context, *replica.WorkLock) error{o.Repairer.Repair, o.Repairer.Refill, o.StandingOrders.Carry}
	for _, job := range slices.Concat(jobs, jobs) { // a publication may outdate others
		if err := job(ctx, o.lock); err != nil && !errors.Is(err, replica.ErrElsewhere) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// pass lets time pass until the next work, which the living replicas do at once.
func (w *weeks) pass() {
	w.t.Helper()
	var working sync.WaitGroup
	var failed [2]error
	if !w.killed.dead {
		working.Go(func() { failed[0] = w.work(w.one) })
	}
	if w.killed.action == "none" || w.killed.dead { // the last work of the other is done alone
		working.Go(func() { failed[1] = w.work(w.two) })
	}
	working.Wait()
	if w.killed.dead {
		failed[0] = nil
	}
	if err := errors.Join(failed[0], failed[1]); err != nil {
		w.t.Errorf("at %s: %v", time.Now(), err)
	}
	time.Sleep(workEvery)
	if err := w.two.replica.CatchUp(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, st := range w.network.Stations {
		w.report(st)
	}
	w.heard = time.Now()
}

// report reports what a station has aired since its last report: all that was published.
func (w *weeks) report(st schedules.Station) {
	w.t.Helper()
	var aired []schedules.AsRun
	for n := -1; n <= 0; n++ {
		r, err := w.two.Rundowns.published(w.t.Context(), st.ID, w.today(st).AddDays(n))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, i := range r.Items {
			if end := i.EndAt(); end.After(w.heard) && !end.After(time.Now()) {
				w.reports[st.ID]++
				aired = append(aired, schedules.AsRun{Sequence: w.reports[st.ID], ItemID: i.ID, SegmentID: i.SegmentID,
					SHA256: i.SHA256, StartedAt: i.StartAt, EndedAt: end, Outcome: schedules.Aired})
			}
		}
	}
	results, err := w.two.Record.Logbook.Report(w.t.Context(), st.ID, aired)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range results {
		if r.Status != "accepted" {
			w.t.Fatalf("a report is refused: %+v", r)
		}
	}
}

// published returns what a station has for a day, which must be published and repeat no other.
func (w *weeks) published(st schedules.Station, d schedules.Date) schedules.Rundown {
	w.t.Helper()
	r, err := w.two.Rundowns.published(w.t.Context(), st.ID, d)
	if err != nil || r.Status != schedules.Published || hasWarning(r, schedules.WarnStandsIn) {
		w.t.Errorf("on %s %s has %q for %s: %v", time.Now(), st.ID, r.Status, d, err)
	}
	return r
}

// audit audits a published day of a station.
func (w *weeks) audit(st schedules.Station, d schedules.Date) {
	w.t.Helper()
	r := w.published(st, d)
	in, err := w.two.Publisher.inputs.gather(w.t.Context(), st.ID, d, otherDays{published: true})
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := auditor.Audit(w.t.Context(), in, r)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, v := range found {
		if v.Hard {
			w.t.Errorf("%s %s: %+v", st.ID, d, v)
		}
	}
	for _, i := range r.Items {
		w.seen[i.SegmentID], w.seen[i.Window] = true, true
	}
	for _, warning := range r.Warnings {
		w.seen[warning.Code] = true
	}
	w.audited++
	w.items += len(r.Items)
	for _, gap := range r.Open() {
		w.open += gap.EndAt.Sub(gap.StartAt.Time)
	}
}

// check checks the present day of a station, and that its coming days are published.
func (w *weeks) check(st schedules.Station) {
	w.t.Helper()
	today := w.today(st)
	w.audit(st, today)
	for n := 1; n < w.order.PublishDays; n++ {
		w.published(st, today.AddDays(n))
	}
	for _, p := range w.two.Network.StationProblems.Of(st.ID) {
		if p.Field == "standing_order" {
			w.t.Errorf("on %s %s has %s: %s", time.Now(), st.ID, p.Code, p.Message)
		}
	}
}

func (w *weeks) today(st schedules.Station) schedules.Date {
	w.t.Helper()
	d, err := st.DateAt(time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// Whole weeks of the example network are planned and published unattended, by two replicas of which one is killed: with
// a season and its end, a change of clocks, special days, a serial, bulletins that replace each other at all stations,
// recalls and new segments. LIFELINE_PROVE=weeks lets sixty days pass.
func TestWeeksAreOnTheAirWithoutAHardViolationOrALateDay(t *testing.T) {
	longform.Only(t)
	days, order, stations := correctionDay+1, schedules.StandingOrder{PlanDays: 6, PublishDays: 3, By: 18 * 60},
		[]string{"atlantic-desk", "harbour-dawn", "lantern-coast"}
	if os.Getenv("LIFELINE_PROVE") == "weeks" {
		days, order, stations = 60, twoWeeks, nil
	}
	synctest.Test(t, func(t *testing.T) {
		first := spring.AddDays(4 - days)
		time.Sleep(time.Until(time.Date(first.Year, first.Month, first.Day, 3, 0, 0, 0, time.UTC)))
		w := newWeeks(t, first, order, stations...)
		w.pass()
		began := processor()
		for day := range days {
			w.happen(day)
			if day == killDay {
				w.killed.action = "queue.publish"
			}
			for range 24 * time.Hour / workEvery {
				w.pass()
			}
			for _, st := range w.network.Stations {
				w.check(st)
			}
		}
		for _, st := range w.network.Stations {
			for n := 1; n < w.order.PublishDays; n++ {
				w.audit(st, w.today(st).AddDays(n))
			}
		}
		for _, must := range []string{"late", "again", "night-summer", "night-winter", schedules.WarnClockChange,
			schedules.WarnException, "news-ko-KP-0", fmt.Sprintf("news-ko-KP-%d", correctionDay), "notes-005", "letter-ko-00"} {
			if !w.seen[must] {
				t.Errorf("no day has %s", must)
			}
		}
		if !w.killed.dead {
			t.Error("no replica was killed")
		}
		w.tell(days, processor()-began)
	})
}

// tell tells the figures, and checks that no day was planned in vain or published twice.
func (w *weeks) tell(days int, cpu time.Duration) {
	w.t.Helper()
	planned, published := w.two.acts("rundown.plan"), w.two.acts("queue.publish")
	plans := 0
	for d, n := range planned {
		plans += n
		if n > 1+w.replanned[d] {
			w.t.Errorf("%s was planned %d times, and %d times something changed", d, n, w.replanned[d])
		}
	}
	for d, n := range published {
		if n != 1 {
			w.t.Errorf("%s was published %d times", d, n)
		}
	}
	w.t.Logf("%d days of %d stations: %d days planned, by %d plans; %d published, of which %d were repaired; %d audited, "+
		"with %d items, and %s open; %s of processor", days,
		len(w.network.Stations), len(planned), plans, len(published), len(w.two.acts("queue.repair")), w.audited, w.items,
		w.open.Round(time.Second), cpu.Round(time.Millisecond))
}
