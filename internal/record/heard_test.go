package record_test

import (
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Operators see to the second when a station was heard last, and what it said then, though the store is spared most
// statuses. After a restart they see the stored one.
func TestTheLastContactIsTheLastStatusThoughTheStoreIsSparedIt(t *testing.T) {
	e := newEnrolled(t)
	start := e.now
	say := func(after time.Duration, s wire.Status) {
		t.Helper()
		e.now = start.Add(after)
		if err := e.stands(e.keys, e.now, s); err != nil {
			t.Fatal(err)
		}
	}
	seen := func() wire.Status {
		t.Helper()
		s, err := e.Record.Logbook.Status("s")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	at := func(after time.Duration) schedules.Instant { return schedules.At(start.Add(after)) }
	stored := func() wire.Status { row, _ := replica.StatusesIn(e.store).Stored("s"); return row.Value }

	alarm := []string{"no sound"}
	say(0, wire.Status{Playing: "one", CoverHours: 3, Alarms: alarm, Instance: "a"})
	writes := e.store.Sequence()
	for minute := 1; minute <= 9; minute++ {
		after := time.Duration(minute) * time.Minute
		say(after, wire.Status{Playing: "two", CoverHours: 2, Alarms: alarm, Instance: "a"})
		if s := seen(); s.ReceivedAt != at(after) || s.Playing != "two" || s.CoverHours != 2 || s.SignedAt != at(after) ||
			len(s.AlarmsSince) != 1 || s.AlarmsSince[0] != at(0) || len(s.Players) != 1 || s.Players[0].Last != at(after) {
			t.Fatalf("after %v operators see %+v", after, s)
		}
	}
	if e.store.Sequence() != writes || stored().ReceivedAt != at(0) {
		t.Errorf("nine unchanged statuses made %d changes", e.store.Sequence()-writes)
	}
	say(10*time.Minute, wire.Status{Playing: "two", Alarms: alarm, Instance: "a"})
	if stored().ReceivedAt != at(10*time.Minute) || stored().AlarmsSince[0] != at(0) {
		t.Errorf("after ten minutes %+v is stored", stored())
	}
	say(11*time.Minute, wire.Status{Playing: "two", Instance: "a"})
	if s := seen(); s.ReceivedAt != at(11*time.Minute) || len(s.Alarms) != 0 || stored().ReceivedAt != s.ReceivedAt {
		t.Errorf("a change is seen as %+v", s)
	}
}
