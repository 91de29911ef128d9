package scheduling

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

var secondOfNovember = schedules.Date{Year: 2026, Month: time.November, Day: 2}

// redefine changes the station of newOneStation.
func (o *fixture) redefine(t *testing.T, change func(*schedules.Station)) {
	t.Helper()
	n := servicetest.OneStation()
	change(&n.Stations[0])
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, n, nil, false); err != nil {
		t.Fatalf("%v %+v", err, fault.FieldsOf(err))
	}
}

func TestAWithdrawnDayIsNotPublishedAnyMore(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	if _, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", day, nil, "moved"); !fault.Is(err,
		fault.NotFound) {
		t.Errorf("a day that nobody published: %v", err)
	}
	o.publish(day)
	before, err := o.Record.Queues.Queue(t.Context(), "s", day)
	if err != nil {
		t.Fatal(err)
	}
	o.redefine(t, func(s *schedules.Station) { s.Windows[0].Starts.RRule = "DTSTART:20261101T230000\nRRULE:FREQ=DAILY" })
	if codes(o.Network.StationProblems.Of("s")) != "left_behind" {
		t.Fatalf("%+v", o.Network.StationProblems.Of("s"))
	}
	if _, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", day, nil, " "); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	r, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", day, nil, "the window moved")
	if err != nil {
		t.Fatal(err)
	}
	q, err := o.Record.Queues.Queue(t.Context(), "s", day)
	if err != nil {
		t.Fatal(err)
	}
	if v := q.Value; !v.Withdrawn || len(v.Items)+len(v.Windows) > 0 || v.Revision <= before.Value.Revision ||
		v.Revision != r.Revision || r.Status != schedules.Withdrawn {
		t.Errorf("%+v, %+v", v, r)
	}
	if list := o.Network.StationProblems.Of("s"); len(list) > 0 {
		t.Errorf("it says still %+v", list)
	}
	if again, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", day, nil, "again"); err != nil ||
		again.Revision != r.Revision {
		t.Errorf("withdrawn again: %v %+v", err, again)
	}

	if _, err := o.Record.Queues.PublishedQueue(t.Context(), "s", day); !fault.Is(err, fault.NotFound) {
		t.Errorf("calendars: %v", err)
	}
	row, _ := replica.StationsIn(o.replica).Get("s")
	f, _, err := o.Fallbacks.next(row.Value)
	if err != nil {
		t.Fatal(err)
	}
	moved := time.Date(2026, 11, 2, 14, 0, 0, 0, time.UTC)
	var hours []string
	for _, w := range f.Windows {
		if w.Date == day {
			hours = append(hours, w.StartAt.UTC().Format(time.TimeOnly))
		}
	}
	if len(hours) != 1 || hours[0] != "14:00:00" {
		t.Errorf("the fallback airs at %v, want %v", hours, moved)
	}
	if err := o.Fallbacks.IssueAll(t.Context(), replica.NewWorkLock(o.replica, "here", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if items := o.Lists.Listed(q.Value); len(items) != 1 || items[0].SegmentID != "m1" || !items[0].StartAt.Equal(moved) {
		t.Errorf("lists have %+v", items)
	}
	if _, err := o.Publisher.Publish(t.Context(), access.Actor{}, "s", day, PublishOptions{}); !fault.Is(err,
		fault.Conflict) || !strings.Contains(err.Error(), "plan it anew") {
		t.Errorf("published without a plan: %v", err)
	}

	o.now = o.now.Add(24 * time.Hour)
	log := o.Scheduler.Record.Logbook
	if _, err := log.Reconcile(t.Context(), "s", day, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("reconciliation: %v", err)
	}
	records, err := o.Record.Accounts.Account(t.Context(), row.Value, day, day.AddDays(1), "")
	if err != nil || len(records) != 1 || len(records[0]) > 0 {
		t.Errorf("of the day is owed %+v (%v)", records, err)
	}
	o.now = o.now.Add(-24 * time.Hour)
	o.publish(day)
	if q, err := o.Record.Queues.PublishedQueue(t.Context(), "s", day); err != nil || q.Value.Revision <= r.Revision ||
		len(q.Value.Items) == 0 {
		t.Errorf("published anew: %v", err)
	}
}

func TestADayThatHasBegunOrIsFrozenIsNotWithdrawn(t *testing.T) {
	for says, at := range map[string]time.Time{
		"began at 2026-11-02 22:00:00 KST": time.Date(2026, 11, 2, 13, 0, 0, 0, time.UTC),
		"is frozen since 2026-11-02 21:00": time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC),
		"is over":                          time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC),
		"":                                 time.Date(2026, 11, 2, 11, 59, 59, 0, time.UTC),
	} {
		o := newOneStation(t)
		o.redefine(t, func(s *schedules.Station) { s.Freeze = schedules.Ms(3_600_000) })
		o.publish(secondOfNovember)
		o.now = at
		_, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", secondOfNovember, nil, "moved")
		if says == "" && err != nil || says != "" && (!fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(),
			says)) {
			t.Errorf("at %s: %v, want %q", at, err, says)
		}
	}
}

// 01:00 in Seoul on the third is 16:00 UTC on the second.
func TestADayThatHoldsAnInstantOfAnotherPublishedDayIsRefused(t *testing.T) {
	o := newOneStation(t)
	early := func(s *schedules.Station) { s.Windows[0].Starts.RRule = "DTSTART:20261101T010000\nRRULE:FREQ=DAILY" }
	o.redefine(t, early)
	third := secondOfNovember.AddDays(1)
	o.publish(third)
	o.redefine(t, func(s *schedules.Station) { early(s); s.Timezone = "UTC" })
	_, err := o.tryPublish(secondOfNovember)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "window w of 2026-11-03") ||
		!strings.Contains(err.Error(), "Withdraw 2026-11-03") {
		t.Fatalf("%v", err)
	}
	if _, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", third, nil, "another zone"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Publisher.Publish(t.Context(), access.Actor{}, "s", secondOfNovember, PublishOptions{}); err != nil {
		t.Errorf("after the cure: %v", err)
	}
}
