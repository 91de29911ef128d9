package scheduling

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// edited applies edits to the latest rundown of the day and returns the draft.
func (n *fixture) edited(by string, edits ...schedules.Edit) schedules.Rundown {
	n.t.Helper()
	r, err := n.Drafts.Edit(n.t.Context(), access.Actor{Name: by}, n.station.ID, repairDate, nil, edits)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func (n *fixture) latest() schedules.Rundown {
	n.t.Helper()
	r, err := n.Rundowns.Rundown(n.t.Context(), n.station.ID, repairDate, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func says(r schedules.Rundown, code string, words ...string) bool {
	return slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool {
		return w.Code == code && !slices.ContainsFunc(words, func(s string) bool { return !strings.Contains(w.Message, s) })
	})
}

// putByHand edits the draft so that a letter replaces an item, and returns the letter's item.
func (n *fixture) putByHand(by string, place schedules.Item) schedules.Item {
	n.t.Helper()
	n.add("mine", "letter", place.Duration.Milliseconds())
	draft := n.edited(by, schedules.Edit{Op: "replace", Item: place.ID, Segment: "mine"})
	return draft.Items[slices.IndexFunc(draft.Items, func(i schedules.Item) bool { return i.SegmentID == "mine" })]
}

// at returns the nth item of a position, counted from 0.
func at(t *testing.T, r schedules.Rundown, position string, nth int) schedules.Item {
	t.Helper()
	for _, i := range r.Items {
		if i.Position == position {
			if nth == 0 {
				return i
			}
			nth--
		}
	}
	t.Fatalf("no item of %s", position)
	return schedules.Item{}
}

func TestARepairKeepsWhatIsEditedAndNotPublished(t *testing.T) {
	for name, act := range map[string]func(*fixture, string){
		"recalled": (*fixture).recall,
		"expired": func(n *fixture, id string) {
			n.change(id, func(s *schedules.Segment) { s.ValidUntil = schedules.At(onDay(13, 0, 1)) })
		},
		"re-recorded": func(n *fixture, id string) {
			n.change(id, func(s *schedules.Segment) {
				r := *s.Recording
				r.SHA256 = "f" + r.SHA256[1:]
				s.Recording = &r
			})
		},
	} {
		for _, gone := range []string{"on", "off", "bell", "read"} {
			t.Run(gone+" "+name, func(t *testing.T) {
				n, before := halfHour(t)
				put := n.putByHand("Ruth", at(t, before, "two", 1))
				act(n, gone)
				after := n.repair(repairDate)
				if slices.ContainsFunc(after.Items, func(i schedules.Item) bool {
					return i.SegmentID == "mine"
				}) {
					t.Error("the queue has what nobody has published")
				}
				latest := n.latest()
				if i, ok := latest.Item(put.ID); latest.Status != schedules.Draft || !ok || i != put || !i.Locked {
					t.Fatalf("%s: the edit has gone: %+v", latest.Status, i)
				}
				if bad := n.Rundowns.planning.Library().Removals(n.station.Complete(latest), n.now); len(bad) > 0 {
					t.Errorf("the draft still has %v", bad)
				}
				if !says(latest, "rebased", "Ruth") || !says(latest, "taken_out", `"`+gone+`"`) {
					t.Errorf("nobody is told: %+v", latest.Warnings)
				}
				if latest.Revision <= after.Revision || after.Status != schedules.Published {
					t.Errorf("draft %d over %s %d", latest.Revision, after.Status, after.Revision)
				}
				diff, err := n.Rundowns.Diff(t.Context(), n.station.ID, repairDate, after.Revision, 0)
				if err != nil || !slices.ContainsFunc(diff, func(c schedules.ItemChange) bool {
					return c.After != nil && c.After.SegmentID == "mine"
				}) {
					t.Errorf("diff does not tell of the edit: %+v %v", diff, err)
				}
			})
		}
	}
}

func TestAnEditWhoseItemIsRecalledIsNamedInTheDraft(t *testing.T) {
	n, before := halfHour(t)
	n.putByHand("Ruth", at(t, before, "two", 1))
	n.recall("mine")
	n.recall("bell") // published, so that the published rundown is repaired too
	n.repair(repairDate)
	latest := n.latest()
	if latest.Status != schedules.Draft || slices.ContainsFunc(latest.Items, func(i schedules.Item) bool {
		return i.SegmentID == "mine"
	}) {
		t.Errorf("%s draft: %+v", latest.Status, latest.Items)
	}
	if !says(latest, "taken_out", `"mine"`, "recalled", "by hand") || !says(latest, "gap", "No item fills") {
		t.Errorf("nobody is told: %+v", latest.Warnings)
	}
	if !says(latest, "hard", "too short; its tolerance") {
		t.Errorf("nothing says that it cannot be published so: %+v", latest.Warnings)
	}
	edited := n.edited("Joon", schedules.Edit{Op: "lock", Item: latest.Items[0].ID})
	if !says(edited, "taken_out", `"mine"`) {
		t.Errorf("the next edit hides it: %+v", edited.Warnings)
	}
}

func TestADraftIsShownWithWhatMayNotAirAnyMore(t *testing.T) {
	n, before := halfHour(t)
	put := n.putByHand("Ruth", at(t, before, "two", 1))
	n.recall("mine") // not published
	n.repair(repairDate)
	shown, err := n.Rundowns.Shown(t.Context(), n.station.ID, repairDate, 0)
	if err != nil || !says(shown, "not_airable", `"mine"`, "recalled", "publication refuses") {
		t.Errorf("%v %+v", err, shown.Warnings)
	}
	if _, there := shown.Item(put.ID); !there {
		t.Error("the draft was changed, though nothing was repaired")
	}
}

func TestADraftWithoutEditsOfItsOwnGoesWithTheRepair(t *testing.T) {
	n, _ := halfHour(t)
	if _, err := n.Drafts.Plan(t.Context(), access.System, n.station.ID, repairDate, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	same := n.latest()
	q, err := n.Rundowns.published(t.Context(), n.station.ID, repairDate)
	if err != nil {
		t.Fatal(err)
	}
	n.recall("bell")
	after := n.repair(repairDate)
	if latest := n.latest(); sameDay(same, q) != (latest.Revision == after.Revision) {
		t.Errorf("latest is %s %d over %d", latest.Status, latest.Revision, after.Revision)
	}
}

func TestRepairsInARowKeepTheDraftAndWhoEditedIt(t *testing.T) {
	n, before := halfHour(t)
	put := n.putByHand("Ruth", at(t, before, "two", 1))
	n.edited("Joon", schedules.Edit{Op: "lock", Item: at(t, before, "one", 0).ID})
	for _, gone := range []string{"bell", "pick1", "pick2", "on"} {
		n.recall(gone)
		n.repair(repairDate)
	}
	latest := n.latest()
	if i, ok := latest.Item(put.ID); !ok || i != put {
		t.Errorf("the edit has gone: %+v", i)
	}
	if !says(latest, "rebased", "Joon and Ruth") {
		t.Errorf("%+v", latest.Warnings)
	}
	for _, gone := range []string{"bell", "on"} {
		if !says(latest, "taken_out", `"`+gone+`"`) {
			t.Errorf("%s is not named: %+v", gone, latest.Warnings)
		}
	}
	said := slices.DeleteFunc(latest.Warnings, func(w schedules.Warning) bool { return w.Code != "rebased" })
	if len(said) != 1 {
		t.Errorf("it is said %d times", len(said))
	}
}

func TestAPlanKeepsLockedItemsAndSaysWhatBecomesOfOtherEdits(t *testing.T) {
	n, before := halfHour(t)
	put := n.putByHand("Ruth", at(t, before, "two", 1))
	n.edited("Ruth", schedules.Edit{Op: "remove", Item: at(t, n.latest(), "news", 0).ID})
	draft := n.latest()
	plan := func() schedules.Rundown {
		t.Helper()
		r, err := n.Drafts.Plan(t.Context(), access.Actor{Name: "Joon"}, n.station.ID, repairDate, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := plan()
	if i, ok := r.Item(put.ID); !ok || i != put {
		t.Errorf("the locked item has gone: %+v", r.Items)
	}
	if !says(r, "planned_over", "Ruth", "revision "+strconv.FormatInt(draft.Revision, 10)) {
		t.Errorf("nobody is told: %+v", r.Warnings)
	}
	if r = plan(); says(r, "planned_over") {
		t.Errorf("a plan over a plan: %+v", r.Warnings)
	}
	n.recall("mine")
	if r = plan(); !says(r, "taken_out", `"mine"`, "recalled", "locked") {
		t.Errorf("nobody is told: %+v", r.Warnings)
	}
}

// editAtRandom makes up to three random edits and returns the day's latest rundown.
func (n *fixture) editAtRandom(rng *rand.Rand) schedules.Rundown {
	n.t.Helper()
	for range rng.IntN(4) {
		r := n.latest()
		if len(r.Items) < 2 {
			break
		}
		ids := slices.Sorted(maps.Keys(n.segments))
		item, other := r.Items[rng.IntN(len(r.Items))].ID, r.Items[rng.IntN(len(r.Items))].ID
		edit := []schedules.Edit{{Op: "lock", Item: item}, {Op: "remove", Item: item}, {Op: "move", Item: item, After: other},
			{Op: "replace", Item: item, Segment: ids[rng.IntN(len(ids))]},
			{Op: "insert", Before: item, Segment: ids[rng.IntN(len(ids))]}}[rng.IntN(5)]
		_, err := n.Drafts.Edit(n.t.Context(), access.Actor{Name: "Ruth"}, n.station.ID, repairDate, nil,
			[]schedules.Edit{edit})
		if err != nil && !fault.Is(err, fault.Invalid) {
			n.t.Fatal(err)
		}
	}
	return n.latest()
}

// keptByHand fails the test if a repair published a draft, removed from it an edit that may air, left in it an item
// that may not air, or removed an item without a warning.
func (n *fixture) keptByHand(draft, before, after schedules.Rundown) {
	n.t.Helper()
	if draft.Status != schedules.Draft {
		return
	}
	latest := n.latest()
	gone := n.Rundowns.planning.Library().Removals(n.station.Complete(draft), n.now)
	for _, i := range draft.Items {
		if _, published := before.Item(i.ID); published {
			continue // only items that the draft adds are checked
		}
		now, kept := latest.Item(i.ID)
		switch {
		case gone[i.ID] != "" && after.Revision == before.Revision:
			continue // nothing was repaired
		case gone[i.ID] != "":
			if kept || !says(latest, "taken_out", itemPrefix(draft, i.ID)) {
				n.t.Errorf("%s may not air: it is there (%v), or nobody is told: %+v", i.SegmentID, kept, latest.Warnings)
			}
		case !kept || now.SegmentID != i.SegmentID || !now.StartAt.Equal(i.StartAt.Time) || now.Locked != i.Locked:
			n.t.Errorf("%s at %s was put by hand, and is %+v", i.SegmentID, i.StartAt, now)
		}
	}
	if after.Revision != before.Revision && latest.Status == schedules.Draft && latest.Revision < after.Revision {
		n.t.Errorf("draft %d under %d", latest.Revision, after.Revision)
	}
}

func TestSigningAnewKeepsTheDraft(t *testing.T) {
	n, before := halfHour(t)
	put := n.putByHand("Ruth", at(t, before, "two", 1))
	n.Rundowns.signer = namedSigner("new")
	if err := n.Resigner.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	q, err := n.Record.Queues.Queue(t.Context(), n.station.ID, repairDate)
	latest := n.latest()
	if i, _ := latest.Item(put.ID); err != nil || q.Signer != "new" || latest.Status != schedules.Draft || i != put {
		t.Errorf("signed by %q, %s %+v, %v", q.Signer, latest.Status, i, err)
	}
}

func TestAWithdrawalNamesTheDraftThatItSetsAside(t *testing.T) {
	n, before := halfHour(t)
	n.putByHand("Ruth", at(t, before, "two", 1))
	draft := n.latest()
	joon := access.Actor{Name: "Joon"}
	r, err := n.Publisher.Withdraw(t.Context(), joon, n.station.ID, repairDate, nil, "moved")
	if err != nil || !says(r, "planned_over", "Ruth", "revision "+strconv.FormatInt(draft.Revision, 10)) {
		t.Errorf("%v %+v", err, r.Warnings)
	}
}

// Each edit names the revision that its editor saw, and is retried if a repair came first. The edits survive every
// repair and publication in between.
func TestEditsAndPublicationsDuringRepairsLoseNothing(t *testing.T) {
	n, before := halfHour(t)
	var places []schedules.Item
	for _, i := range before.Items {
		if i.Kind == "testimony" {
			places = append(places, i)
			n.add("mine-"+i.ID, "letter", i.Duration.Milliseconds())
		}
	}
	ctx, s := t.Context(), n.Scheduler
	var all sync.WaitGroup
	all.Go(func() { // the editor
		for _, i := range places {
			for {
				latest, err := s.Rundowns.Rundown(ctx, n.station.ID, repairDate, 0)
				if err != nil {
					t.Error(err)
					return
				}
				at := slices.IndexFunc(latest.Items, func(x schedules.Item) bool {
					return x.Kind == "testimony" && x.Duration == i.Duration
				})
				if at < 0 {
					break // a repair removed it meanwhile
				}
				_, err = s.Drafts.Edit(ctx, access.Actor{Name: "Ruth"}, n.station.ID, repairDate, &latest.Revision,
					[]schedules.Edit{{Op: "replace", Item: latest.Items[at].ID, Segment: "mine-" + i.ID}})
				if err == nil {
					break
				}
				if !fault.Is(err, fault.Stale) && !fault.Is(err, fault.Conflict) {
					t.Error(err)
					return
				}
			}
		}
	})
	all.Go(func() { // the publisher
		for range 10 {
			_, err := s.Publisher.Publish(ctx, access.Actor{Name: "Joon"}, n.station.ID, repairDate,
				PublishOptions{Correction: "now"})
			if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Stale) {
				t.Error(err)
			}
		}
	})
	all.Go(func() { // recalls and reinstatements, each followed by the background work
		for round := range 6 {
			id := []string{"bell", "pick1", "on"}[round%3]
			n.change(id, func(x *schedules.Segment) {
				x.State = []schedules.State{schedules.Recalled, schedules.Approved}[round/3]
			})
			for _, work := range []error{s.Repairer.Repair(ctx, n.lock), s.Repairer.Refill(ctx, n.lock)} {
				if work != nil {
					t.Error(work)
				}
			}
		}
	})
	all.Wait()
	latest := n.latest()
	audit, err := s.Rundowns.store.Audit(ctx, store.AuditQuery{Kind: replica.KindRundown, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	edits := 0
	for _, c := range audit {
		if c.Action == "rundown.edit" {
			edits++
		}
	}
	kept := 0
	for _, i := range latest.Items {
		if i.Kind == "letter" {
			kept++
		}
	}
	if kept != edits || edits == 0 {
		t.Errorf("of %d edits %d are there", edits, kept)
	}
}

// A draft still warns of a removed item if no other edit is left in it.
func TestADraftWhoseOnlyEditIsTakenOutStaysToSaySo(t *testing.T) {
	n, before := halfHour(t)
	n.putByHand("Ruth", at(t, before, "close", 0)) // replaces the sign-off, with its length
	n.recall("off")
	n.recall("mine")
	n.repair(repairDate)
	n.recall("bell")
	n.repair(repairDate)
	if latest := n.latest(); !says(latest, "taken_out", `"mine"`, "by hand") {
		t.Errorf("nobody is told: %s %+v", latest.Status, latest.Warnings)
	}
}
