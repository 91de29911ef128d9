package scheduling

import (
	"slices"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Aired items are history. After a recall, an expiry or a new recording of one, the rest of the day can be planned,
// edited and published like any other, and the past stays as published.
func TestPublicationAuditsOnlyWhatIsNotOver(t *testing.T) {
	for name, change := range map[string]func(*schedules.Segment){
		"recalled": func(s *schedules.Segment) { s.State = schedules.Recalled },
		"rejected": func(s *schedules.Segment) { s.State, s.Recording = schedules.Rejected, nil },
		"expired":  func(s *schedules.Segment) { s.ValidUntil = schedules.At(onDay(11, 0, 0)) },
		"re-recorded": func(s *schedules.Segment) {
			r := *s.Recording
			r.SHA256 = strings.Repeat("e", 64)
			s.Recording = &r
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, before := twoWindows(t)
			n.station.Freeze = schedules.Ms(60_000)
			n.define()
			n.now = onDay(11, 5, 0)
			n.change(only(t, before, "a"), change)
			n.repair(repairDate)
			r, err := n.Drafts.Plan(t.Context(), access.System, "fz", repairDate, PlanOptions{Seed: 9})
			if err != nil {
				t.Fatal(err)
			}
			last := r.Items[len(r.Items)-1]
			if r, err = n.Drafts.Edit(t.Context(), access.System, "fz", repairDate, nil,
				[]schedules.Edit{{Op: "lock", Item: last.ID}}); err != nil {
				t.Fatal(err)
			}
			after, err := n.Publisher.Publish(t.Context(), access.System, "fz", repairDate, PublishOptions{})
			if err != nil {
				t.Fatal(err)
			}
			n.sameWindows(before, after)
			n.unchanged(before, after, func(i schedules.Item) bool { return i.Window == "a" })
			if item, ok := after.Item(last.ID); !ok || !item.Locked {
				t.Error("the edit is not published")
			}
		})
	}
}

func TestWhatIsOverCannotBePublished(t *testing.T) {
	n, _ := twoWindows(t)
	n.now = onDay(12, 0, 0).AddDate(0, 0, 3)
	for _, c := range []struct {
		date schedules.Date
		says string
	}{{repairDate.AddDays(1), "it is over"}, {repairDate.AddDays(3), "every window of it is over"}} {
		if _, err := n.Drafts.Plan(t.Context(), access.System, "fz", c.date, PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		_, err := n.Publisher.Publish(t.Context(), access.System, "fz", c.date, PublishOptions{})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(),
			"2026-12-02 12:00") {
			t.Errorf("%s: %v", c.date, err)
		}
	}
}

// A window that was over when its day was first published was never promised: it is not in the queue, and is neither
// missed nor owed.
func TestWindowThatWasOverWhenItsDayWasPublishedIsNotMissed(t *testing.T) {
	n, _ := twoWindows(t)
	tomorrow := repairDate.AddDays(1)
	n.now = onDay(11, 0, 0).AddDate(0, 0, 1)
	r := n.publish(tomorrow)
	if len(r.Windows) != 1 || r.Windows[0].Window != "b" || slices.ContainsFunc(r.Items,
		func(i schedules.Item) bool { return i.Window == "a" }) {
		t.Errorf("published are %+v", r.Windows)
	}
	if !slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool { return w.Code == "over" && w.Window == "a" }) {
		t.Errorf("nothing says so: %v", r.Warnings)
	}
	n.now = onDay(11, 20, 0).AddDate(0, 0, 1)
	log := n.Record.Logbook
	got, err := log.Reconcile(t.Context(), "fz", tomorrow, "")
	if err != nil || len(got.Items) != 0 || len(got.MakeGoods) != 0 {
		t.Errorf("reconciled: %+v, %v", got, err)
	}
	n.now = onDay(11, 26, 0).AddDate(0, 0, 1) // publishing the day again does not change it
	if _, err := n.Drafts.Plan(t.Context(), access.System, "fz", tomorrow, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	again, err := n.Publisher.Publish(t.Context(), access.System, "fz", tomorrow, PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n.unchanged(r, again, func(schedules.Item) bool { return true })
	n.sameWindows(r, again)
}

func TestWindowsThatWereOverAreWarnedOfOnce(t *testing.T) {
	o := newOneStation(t)
	o.redefine(t, func(s *schedules.Station) {
		s.Windows[0].Starts.RRule = "DTSTART:20261101T020000\nRRULE:FREQ=DAILY;BYHOUR=2,4,6,23"
	})
	day := secondOfNovember // 19:00 at the station
	o.publish(day)
	r, err := o.Rundowns.Rundown(t.Context(), "s", day, 0)
	if err != nil {
		t.Fatal(err)
	}
	var over []string
	for _, w := range r.Warnings {
		if w.Code == "over" {
			over = append(over, w.Message)
		}
	}
	if len(over) != 1 || !strings.HasPrefix(over[0], "3 windows, from that of ") || len(r.Windows) != 1 {
		t.Errorf("%d windows, %q", len(r.Windows), over)
	}
}

// An edit that changes nothing makes no revision, notifies nobody and is not recorded.
func TestAnEditThatChangesNothingMakesNoRevision(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	o.publish(day)
	before, err := o.Rundowns.Rundown(t.Context(), "s", day, 0)
	if err != nil {
		t.Fatal(err)
	}
	item, changes := before.Items[0].ID, o.replica.Sequence()
	got, err := o.Drafts.Edit(t.Context(), access.Actor{}, "s", day, &before.Revision,
		[]schedules.Edit{{Op: "unlock", Item: item}})
	if err != nil || got.Revision != before.Revision || got.Status != schedules.Published ||
		o.replica.Sequence() != changes {
		t.Errorf("a rundown: revision %d, %s, %v, %d changes", got.Revision, got.Status, err, o.replica.Sequence()-changes)
	}
	if got, err = o.Drafts.Edit(t.Context(), access.Actor{}, "s", day, nil,
		[]schedules.Edit{{Op: "lock", Item: item}}); err != nil || got.Revision == before.Revision {
		t.Errorf("an edit that does change it: revision %d, %v", got.Revision, err)
	}
}

// An edit in one window moves neither the open times of another window nor the items around them.
func TestEditLeavesOtherWindowsAsTheyAre(t *testing.T) {
	n, before := twoWindows(t)
	n.station.Freeze = schedules.Ms(60_000)
	n.define()
	gone := only(t, before, "a")
	n.recall(gone)
	n.now = onDay(10, 54, 30) // frozen
	if err := n.Repairer.Repair(t.Context(), n.lock); err != nil {
		t.Fatal(err)
	}
	other := before.Items[slices.IndexFunc(before.Items, func(i schedules.Item) bool { return i.Window == "b" })]
	if _, err := n.Drafts.Edit(t.Context(), access.System, "fz", repairDate, nil,
		[]schedules.Edit{{Op: "lock", Item: other.ID}}); err != nil {
		t.Fatal(err)
	}
	after, err := n.Publisher.Publish(t.Context(), access.System, "fz", repairDate, PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n.unchanged(before, after, func(i schedules.Item) bool { return i.SegmentID != gone })
}

// Players refuse a day that loses over half of its time, unless the queue declares it intended. Publish says so, so
// that a publisher does not learn it from a station's alarm.
func TestADayThatLosesOverHalfOfItsTimeIsPublishedOnlyAsACorrection(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember.AddDays(1)
	every := func(hours string) {
		o.redefine(t, func(s *schedules.Station) {
			s.Windows[0].Starts.RRule = "DTSTART:20261101T020000\nRRULE:FREQ=DAILY;BYHOUR=" + hours
		})
	}
	publish := func(correction string) (*wire.Queue, error) {
		t.Helper()
		if _, err := o.Drafts.Plan(t.Context(), access.Actor{}, "s", day, PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Publisher.Publish(t.Context(), access.Actor{}, "s", day,
			PublishOptions{Correction: correction}); err != nil {
			return nil, err
		}
		q, err := o.Record.Queues.Queue(t.Context(), "s", day)
		if err != nil {
			t.Fatal(err)
		}
		return &q.Value, nil
	}
	every("2,4,6,8,10")
	whole, err := publish("")
	if err != nil || whole.Shortened {
		t.Fatalf("%+v, %v", whole, err)
	}
	every("2,4,6")
	if most, err := publish(""); err != nil || most.Shortened || most.Emptied(whole) != nil {
		t.Errorf("three of five windows: %+v, %v", most, err)
	}
	every("2")
	if _, err := publish(""); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "1.0 of the 3.0 minutes") ||
		!strings.Contains(err.Error(), "correction") {
		t.Errorf("one of three windows: %v", err)
	}
	one, err := publish("the hours were sold")
	if err != nil || !one.Shortened || one.Emptied(whole) != nil {
		t.Errorf("as a correction: %+v, %v", one, err)
	}
	if again, err := publish(""); err != nil || again.Emptied(whole) != nil {
		t.Errorf("for a station that missed the correction: %+v, %v", again, err)
	}

	every("2,4,6")
	if _, err := publish(""); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Publisher.Withdraw(t.Context(), access.Actor{}, "s", day, nil, "moved"); err != nil {
		t.Fatal(err)
	}
	every("8")
	if after, err := publish(""); err != nil || after.Emptied(whole) != nil {
		t.Errorf("after a withdrawal that a station missed: %+v, %v", after, err)
	}
}
