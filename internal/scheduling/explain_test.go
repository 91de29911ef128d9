package scheduling

import (
	"slices"
	"strings"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// explained returns the explanation of an item in the latest revision.
func (n *fixture) explained(item string) wire.PlacedItem {
	n.t.Helper()
	e, err := n.Rundowns.Explain(n.t.Context(), n.station.ID, repairDate, 0, item)
	if err != nil {
		n.t.Fatal(err)
	}
	if e.Item != item {
		n.t.Errorf("asked for %s, explained is %s", item, e.Item)
	}
	return e
}

func TestExplainNamesThePlannerForWhatItPlacedThroughPublicationAndPlanningAnew(t *testing.T) {
	n, published := halfHour(t)
	check := func(r schedules.Rundown) {
		t.Helper()
		for _, i := range r.Items {
			in := int64(1)
			if _, was := published.Item(i.ID); !was {
				in = r.Revision
			}
			if e := n.explained(i.ID); e.PlacedBy != wire.ByPlanner || e.Choice == nil ||
				e.Choice.Method == schedules.MethodKept || e.PlacedIn != in || e.Why == "" {
				t.Errorf("%s: by %q in %d: %s", i.SegmentID, e.PlacedBy, e.PlacedIn, e.Why)
			}
		}
	}
	check(published)
	n.edited("Ruth", schedules.Edit{Op: "lock", Item: published.Items[2].ID})
	again, err := n.Drafts.Plan(t.Context(), access.System, "half", repairDate,
		PlanOptions{Keep: []string{published.Items[1].ID}})
	if err != nil {
		t.Fatal(err)
	}
	check(again)
}

func TestExplainNamesThePersonWhoPutAnItemThereAndWhatElseTheEditMoved(t *testing.T) {
	n, published := halfHour(t)
	place := at(t, published, "one", 0)
	n.add("mine", "letter", place.Duration.Milliseconds()-2000)
	draft := n.edited("Ruth", schedules.Edit{Op: "replace", Item: place.ID, Segment: "mine"})
	mine := draft.Items[slices.IndexFunc(draft.Items, func(i schedules.Item) bool { return i.SegmentID == "mine" })]
	if e := n.explained(mine.ID); e.PlacedBy != wire.ByPerson || e.By != "Ruth" || e.PlacedIn != draft.Revision ||
		e.Why != "Ruth put it here by hand in revision 3" {
		t.Errorf("%+v", e)
	}
	moved := at(t, draft, "one", 1) // the next item begins two seconds earlier
	first := n.explained(at(t, published, "open", 0).ID)
	e := n.explained(moved.ID)
	if e.PlacedBy != wire.ByPerson || e.By != "Ruth" || e.SegmentID != moved.SegmentID || e.Choice == nil ||
		!strings.HasPrefix(e.Why, "Ruth moved it here from 13:") || !strings.Contains(e.Why, " overdue") {
		t.Errorf("moved along: %+v", e)
	}
	if first.PlacedBy != wire.ByPlanner {
		t.Errorf("before the edit: %+v", first)
	}
}

func TestExplainNamesTheRepairAndWhatItTookOut(t *testing.T) {
	n, published := halfHour(t)
	gone := at(t, published, "one", 1)
	n.recall(gone.SegmentID)
	after := n.repair(repairDate)
	placed := 0
	for _, i := range after.Items {
		e := n.explained(i.ID)
		if _, was := published.Item(i.ID); was {
			if e.PlacedBy != wire.ByPlanner {
				t.Errorf("%s stayed, and was placed by %s", i.SegmentID, e.PlacedBy)
			}
			continue
		}
		placed++
		if e.PlacedBy != wire.ByRepair || e.PlacedIn != after.Revision || e.Choice == nil ||
			!strings.HasPrefix(e.Why, "A repair put it here in place of ") {
			t.Errorf("%s: %+v", i.SegmentID, e)
		}
		overlaps := i.StartAt.Before(gone.EndAt().Time) && gone.StartAt.Before(i.EndAt().Time)
		if overlaps && (!strings.Contains(e.Why, gone.SegmentID+" of 13:") || !strings.Contains(e.Why, "is recalled") ||
			!slices.ContainsFunc(e.InPlaceOf, func(o wire.TakenOut) bool { return o.Item == gone.ID })) {
			t.Errorf("%s took the place of %s: %s, %+v", i.SegmentID, gone.SegmentID, e.Why, e.InPlaceOf)
		}
	}
	if placed == 0 {
		t.Fatal("the repair placed nothing")
	}
}

// Stores of earlier versions have no explanations of repairs.
func TestExplainNamesTheRepairOfAnOlderStore(t *testing.T) {
	n, published := halfHour(t)
	n.recall(at(t, published, "one", 1).SegmentID)
	after := n.repair(repairDate)
	for revision := published.Revision + 1; revision <= after.Revision; revision++ {
		id := replica.RevisionID("half", repairDate, revision)
		if d, err := n.Rundowns.store.Get(t.Context(), KindExplanations, id); err == nil {
			err = n.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: KindExplanations, ID: id,
				Expect: d.Revision, Delete: true}}, Origin: access.System.Origin(n.now, "test", "")})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, i := range after.Items {
		if _, was := published.Item(i.ID); !was {
			if e := n.explained(i.ID); e.PlacedBy != wire.ByRepair || e.SegmentID != i.SegmentID ||
				!strings.HasPrefix(e.Why, "A repair put it here") {
				t.Errorf("%+v", e)
			}
		}
	}
}

func TestWhatIsReinstatedFillsItsOwnTimeIfThatIsStillOpen(t *testing.T) {
	n, published := halfHour(t)
	n.now = onDay(12, 59, 30) // frozen: no neighbour may give way, and the pause is too short for anything else
	gone := at(t, published, "half", 0)
	n.recall(gone.SegmentID)
	open := n.repair(repairDate)
	if list := open.Open(); len(list) != 1 || !list[0].StartAt.Equal(gone.StartAt.Time) {
		t.Fatalf("open is %+v", list)
	}
	n.change(gone.SegmentID, func(s *schedules.Segment) { s.State = schedules.Pending })
	if r := n.repair(repairDate); r.Revision != open.Revision {
		t.Errorf("pending, and the day has revision %d after %d", r.Revision, open.Revision)
	}
	n.change(gone.SegmentID, func(s *schedules.Segment) { s.State = schedules.Approved })
	filled := n.repair(repairDate)
	if back, ok := filled.Item(gone.ID); !ok || back.SegmentID != gone.SegmentID || len(filled.Open()) != 0 {
		t.Errorf("approved again: %+v, open %+v", back, filled.Open())
	}
	n.unchanged(published, filled, func(schedules.Item) bool { return true })
	if r := n.repair(repairDate); r.Revision != filled.Revision {
		t.Errorf("published again without need: %d after %d", r.Revision, filled.Revision)
	}
}
