package scheduling

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/network"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// numbers returns the recall list and the revisions of the fallback list and the queue of the station fz. Every station
// compares these with the ones that it has seen.
func (n *fixture) numbers() (recalls wire.Recalls, fallback, queue int64) {
	n.t.Helper()
	list, _ := replica.RecallsIn(n.replica).Get(replica.RecallsID)
	f, err := n.Fallbacks.Fallback("fz")
	if err != nil {
		n.t.Fatal(err)
	}
	q, err := n.Record.Queues.Queue(n.t.Context(), "fz", repairDate)
	if err != nil {
		n.t.Fatal(err)
	}
	return list.Value.Value, f.Value.Revision, q.Value.Revision
}

// setBack returns a network with a recall list of one segment, and the logbook to which stations report.
func setBack(t *testing.T) (*fixture, *record.Logbook) {
	n, _ := twoWindows(t)
	n.sign("", replica.KindRecalls, replica.RecallsID, wire.Recalls{Schema: wire.RecallsSchema, Revision: 1,
		Segments: []wire.Recalled{{SegmentID: "m00"}}})
	if err := n.Fallbacks.IssueAll(t.Context(), n.lock); err != nil {
		t.Fatal(err)
	}
	return n, n.Record.Logbook
}

// codes returns the codes of the problems of the station fz.
func (n *fixture) codes() (out []string) {
	for _, p := range n.Network.StationProblems.Of("fz") {
		out = append(out, p.Code)
	}
	return out
}

func TestAStoreThatWasSetBackNumbersAboveAllThatStationsHaveSeen(t *testing.T) {
	n, _ := setBack(t)
	_, _, before := n.numbers()
	for range 2 { // set back twice within a second
		if err := record.RaiseFloor(t.Context(), n.replica.Store, "Ruth", "recalls.raise", true, n.now); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.replica.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second run finds nothing to do
		if err := n.Resigner.Resign(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	above := n.replica.Floor().Above
	if above <= n.now.Unix() {
		t.Errorf("raised twice it is %d, at %d", above, n.now.Unix())
	}
	recalls, fallback, queue := n.numbers()
	if recalls.Revision != above+2 || recalls.Above != above || len(recalls.Segments) != 1 || fallback != above+3 ||
		queue != above+1 {
		t.Errorf("numbered above %d: recalls %+v, fallback %d, queue %d after %d", above, recalls, fallback, queue, before)
	}
	if r := n.publish(repairDate.AddDays(1)); r.Revision <= queue {
		t.Errorf("the next day is revision %d after %d", r.Revision, queue)
	}
	if f, differs, err := n.Fallbacks.next(n.station); differs || err != nil {
		t.Errorf("the fallback differs without an end: revision %d, %v", f.Revision, err)
	}
}

func TestARestoredStoreLeavesItsPublishedDaysAndNumbersTheNextAboveAll(t *testing.T) {
	n, _ := setBack(t)
	_, _, before := n.numbers()
	if err := record.RaiseFloor(t.Context(), n.replica.Store, "Ruth", "recalls.raise", false, n.now); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.replica.CatchUp(t.Context()), n.Resigner.Resign(t.Context())); err != nil {
		t.Fatal(err)
	}
	above := n.replica.Floor().Above
	if recalls, fallback, queue := n.numbers(); recalls.Revision <= above || fallback <= above || queue != before {
		t.Errorf("numbered above %d: recalls %d, fallback %d; queue %d after %d", above, recalls.Revision, fallback, queue,
			before)
	}
	if r := n.publish(repairDate.AddDays(1)); r.Revision <= above {
		t.Errorf("the next day is revision %d", r.Revision)
	}
}

func TestNumbersAreRaisedAtOnceAboveWhatAStationSawAndTheAlarmSaysSo(t *testing.T) {
	n, log := setBack(t)
	_, _, queue := n.numbers()
	for name, status := range map[string]wire.Status{
		"a recall list":              {RecallsSeen: 11},
		"a recall list that it lost": {Seen: &wire.Seen{Recalls: wire.SeenMark{Revision: 12}}},
		"another list of one revision": {Seen: &wire.Seen{Recalls: wire.SeenMark{Revision: 1,
			IssuedAt: schedules.At(n.now)}}},
		"a fallback list": {Seen: &wire.Seen{Fallback: wire.SeenMark{Revision: 40}}},
		"a day":           {QueueDate: repairDate.String(), QueueRevision: queue + 1},
		"another day":     {Seen: &wire.Seen{Queues: queue + 1}},
	} {
		t.Run(name, func(t *testing.T) {
			n, log := setBack(t)
			if slices.Contains(n.codes(), "store_set_back") {
				t.Fatal("the alarm stands without a reason")
			}
			if err := log.SetStatus(t.Context(), access.System, "fz", status); err != nil {
				t.Fatal(err)
			}
			recalls, _, _ := n.numbers()
			if recalls.Revision <= 12 || recalls.Above == 0 || len(recalls.Segments) != 1 {
				t.Errorf("the recall list is not signed anew: %+v", recalls)
			}
			if err := n.Resigner.Resign(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, fallback, now := n.numbers()
			if fallback <= 40 || now <= queue+1 {
				t.Errorf("fallback %d, queue %d", fallback, now)
			}
			if !slices.Contains(n.codes(), "store_set_back") {
				t.Errorf("no alarm: %q", n.codes())
			}
			n.now = n.now.Add(network.SetBackTold)
			if slices.Contains(n.codes(), "store_set_back") {
				t.Error("the alarm has no end")
			}
		})
	}
	before, _, _ := n.numbers()
	if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{RecallsSeen: 1, QueueRevision: queue,
		Seen: &wire.Seen{Recalls: wire.SeenMark{Revision: 1}}}); err != nil {
		t.Fatal(err)
	}
	if after, _, _ := n.numbers(); after.Revision != before.Revision {
		t.Errorf("a station that has seen no more has the list signed anew: %+v", after)
	}
}

func TestNumbersThatNoServiceCanHaveGivenAreRefusedAndTold(t *testing.T) {
	n, log := setBack(t)
	for _, revision := range []int64{math.MaxInt64, 1 << 53, n.now.Add(network.PlausibleAhead).Unix() + 1} {
		for _, status := range []wire.Status{{RecallsSeen: revision}, {QueueRevision: revision},
			{Seen: &wire.Seen{Fallback: wire.SeenMark{Revision: revision}}}} {
			if err := log.SetStatus(t.Context(), access.System, "fz", status); err != nil {
				t.Fatal(err)
			}
			if recalls, _, _ := n.numbers(); recalls.Revision != 1 {
				t.Fatalf("a report of %d raised the list to %d", revision, recalls.Revision)
			}
			if !slices.Contains(n.codes(), "implausible") {
				t.Errorf("a report of %d is not told: %q", revision, n.codes())
			}
		}
	}
	if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{RecallsSeen: 1}); err != nil ||
		slices.Contains(n.codes(), "implausible") {
		t.Errorf("it stands after a plausible report: %q, %v", n.codes(), err)
	}
}

func TestWhoReportsNumbersAheadOfTheTimeHasFewOfThem(t *testing.T) {
	n, log := setBack(t)
	raised := 0
	for seen := n.now.Unix(); network.Plausible(seen, n.now) && raised < 1000; raised++ {
		if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{RecallsSeen: seen}); err != nil {
			t.Fatal(err)
		}
		recalls, _, _ := n.numbers()
		if recalls.Revision <= seen {
			t.Fatalf("%d for %d", recalls.Revision, seen)
		}
		seen = recalls.Revision + 1
	}
	most := n.now.Add(network.PlausibleAhead).Unix()
	if above := n.replica.Floor().Above; above > most {
		t.Errorf("the floor is raised to %d, which is %d beyond what a service may give", above, above-most)
	}
	recalls, _, _ := n.numbers()
	if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{RecallsSeen: recalls.Revision}); err != nil ||
		slices.Contains(n.codes(), "implausible") {
		t.Errorf("a station that has seen what was signed for it is implausible: %q, %v", n.codes(), err)
	}
	if raised > 50 {
		t.Errorf("the list was signed anew %d times for a station that lies", raised)
	}
}

func TestWhoRepeatsANumberBelowTheFloorRaisesItOnce(t *testing.T) {
	n, log := setBack(t)
	for _, queue := range []int64{500, 500, 500, 400, 500} { // from a station without published days
		if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{QueueRevision: queue}); err != nil {
			t.Fatal(err)
		}
	}
	if above := n.replica.Floor().Above; above != n.now.Unix() {
		t.Errorf("the floor is %d, %d beyond the time", above, above-n.now.Unix())
	}
	if !slices.Contains(n.codes(), "store_set_back") {
		t.Errorf("what it saw is not told: %q", n.codes())
	}
}

func TestTwoPlayersOfOneStationAreAnAlarmWithinAnIntervalUntilOneStops(t *testing.T) {
	n, log := setBack(t)
	report := func(instance string) {
		t.Helper()
		if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{Instance: instance}); err != nil {
			t.Fatal(err)
		}
	}
	crowded := func() bool { return slices.Contains(n.codes(), "two_players") }
	for range 30 {
		report("first")
		n.now = n.now.Add(time.Minute)
	}
	report("second") // a restart looks like this
	n.now = n.now.Add(20 * time.Second)
	report("second")
	if crowded() {
		t.Error("a restarted player is taken for two")
	}
	report("first")
	if !crowded() {
		t.Error("two players are not told")
	}
	if s := n.Network.StationProblems.Of("fz"); !strings.Contains(s[len(s)-1].Message, "2 players") {
		t.Errorf("%+v", s)
	}
	for range 10 {
		n.now = n.now.Add(time.Minute)
		report("second")
		report("first")
		if !crowded() {
			t.Fatal("the alarm ended while both report")
		}
	}
	for range 3 {
		n.now = n.now.Add(time.Minute)
		report("second")
	}
	if crowded() {
		t.Error("the alarm stands though one has stopped")
	}
	for _, instance := range []string{"third", "second", "third", "second"} {
		n.now = n.now.Add(time.Minute)
		report(instance)
	}
	if !crowded() {
		t.Error("a second pair is not told")
	}
	if err := log.SetStatus(t.Context(), access.System, "fz", wire.Status{Instance: strings.Repeat("x", record.MaxInstance+
		1)}); err == nil {
		t.Error("an instance without an end was taken")
	}
	for k := range 100 {
		report(strings.Repeat("x", k%record.MaxInstance+1))
	}
	if s, err := log.Status("fz"); err != nil || len(s.Players) > record.PlayersMost {
		t.Errorf("%d players are known, %v", len(s.Players), err)
	}
}
