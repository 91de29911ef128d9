package network_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Each of two acts leaves what the other takes. The second is decided on and stored after the first was decided on.
func TestTwoActsAtOnceOnTwoReplicasDoNotTakeTheLastFallback(t *testing.T) {
	rejected := func(id string) func(*guarded) error {
		return func(g *guarded) error {
			_, err := g.library.Approvals.Reject(g.t.Context(), hana, id, nil, "x")
			return err
		}
	}
	recalled := func(g *guarded) error {
		_, err := g.library.Recalls.Recall(g.t.Context(), hana, "m2", nil, "x")
		return err
	}
	edited := func(g *guarded) error {
		_, err := g.library.Segments.Edit(g.t.Context(), hana, "m2", nil,
			func(s *schedules.Segment) { s.Language = "cmn" })
		return err
	}
	listed := func(g *guarded) error {
		st := g.theStation()
		st.Fallback = []string{"m3"}
		_, err := g.Network.Apply(g.t.Context(), ruth, wire.Apply{Stations: []schedules.Station{st}}, nil, false)
		return err
	}
	for name, acts := range map[string]struct{ first, second func(*guarded) error }{
		"two rejections":           {rejected("m3"), rejected("m2")},
		"a rejection and an edit":  {rejected("m3"), edited},
		"an edit and a rejection":  {edited, rejected("m3")},
		"a rejection and a recall": {rejected("m3"), recalled},
		"a recall and a rejection": {recalled, rejected("m3")},
		"a rejection and a list":   {rejected("m3"), listed},
		"a list and a rejection":   {listed, rejected("m3")},
	} {
		t.Run(name, func(t *testing.T) {
			one := newGuarded(t)
			if err := rejected("m1")(one); err != nil {
				t.Fatal(err)
			}
			// a reserve would fill in for a recalled fallback
			for i := range 30 {
				if id := fmt.Sprint("m", i); i == 0 || i > 3 {
					one.segment(t, id, func(s *schedules.Segment) { s.State = schedules.Pending })
				}
			}
			other := guardedOn(t, one.store)
			var second error
			one.meanwhile = func() { second = acts.second(other) }
			first := acts.first(one)
			if one.meanwhile != nil || second != nil {
				t.Fatalf("the second act was not made meanwhile: %v", second)
			}
			one.waits("the first act", first)
			if left := one.Network.StationProblems.AirableFallback(one.theStation(), one.at); len(left) != 1 {
				t.Errorf("%d of the fallback are left", len(left))
			}
		})
	}
}

func TestTheActsOfOnePersonOnTwoReplicasCountTogether(t *testing.T) {
	queued := func(g *guarded) {
		var items []wire.QueueItem
		for i := 4; i < 20; i++ {
			items = append(items, wire.QueueItem{ID: fmt.Sprint("i", i), SegmentID: fmt.Sprint("m", i),
				StartAt: new(schedules.At(g.at.Add(time.Hour))), Duration: schedules.Ms(60_000)})
		}
		servicetest.PutSigned(g.t, g.replica, replica.KindQueue, "s/2026-11-03", wire.Queue{Schema: wire.QueueSchema,
			Station: "s", Date: schedules.DateOf(g.at).AddDays(1), Items: items})
	}
	for name, act := range map[string]func(g *guarded, id string) error{
		"rejections": func(g *guarded, id string) error {
			_, err := g.library.Approvals.Reject(g.t.Context(), hana, id, nil, "x")
			return err
		},
		"recalls": func(g *guarded, id string) error {
			_, err := g.library.Recalls.Recall(g.t.Context(), hana, id, nil, "x")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			one := newGuarded(t)
			queued(one)
			for i := range library.Handful - 1 {
				if err := act(one, fmt.Sprint("m", 4+i)); err != nil {
					t.Fatal(err)
				}
			}
			other := guardedOn(t, one.store)
			var second error
			one.meanwhile = func() { second = act(other, "m18") }
			first := act(one, "m19")
			if second != nil || !fault.Is(first, fault.Forbidden) {
				t.Errorf("at once, the fifth: %v, and the sixth: %v", second, first)
			}
		})
	}
}

func TestDefinitionsThatContradictAreNotAppliedAtOnceOnTwoReplicas(t *testing.T) {
	one := newGuarded(t)
	clock := servicetest.OneStation().Clocks[0]
	clock.ID, clock.Positions = "unused", []schedules.Position{{ID: "one", Segment: "m5"}}
	_, err := one.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{clock}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	other := guardedOn(t, one.store)
	clock.Length = schedules.Ms(120_000)
	clock.Positions = append(clock.Positions, schedules.Position{ID: "two", Segment: "m6"})
	st := one.theStation()
	added := st.Windows[0]
	added.ID, added.Clock, added.Starts.RRule = "another", "unused", "DTSTART:20260101T030000\nRRULE:FREQ=DAILY"
	st.Windows = append(slices.Clone(st.Windows), added)
	var second error
	one.meanwhile = func() {
		_, second = other.Network.Apply(t.Context(), ruth, wire.Apply{Stations: []schedules.Station{st}}, nil, false)
	}
	_, first := one.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{clock}}, nil, false)
	if second != nil || !fault.Is(first, fault.Invalid) {
		t.Errorf("a window by the clock: %v, and a longer clock than the window: %v", second, first)
	}
}
