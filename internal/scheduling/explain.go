package scheduling

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// placement is what gave an item its place: a revision of its day.
type placement struct {
	by       string // wire.ByPlanner, wire.ByRepair, wire.ByRepeat or wire.ByPerson
	revision int64

	// of an item that an edit moved along: what had placed it before, under which id, and its start before the edit
	first *placement
	id    string
	was   schedules.Instant

	inPlaceOf []wire.TakenOut // of an item that a repair placed
}

// placements holds the items of one revision, in their order, and by their ids what placed each of them.
type placements struct {
	items []schedules.Item
	by    map[string]*placement
}

// placementHistory follows the revisions of one day, in order.
type placementHistory struct {
	docs     replica.Documents
	previous placements      // the latest revision
	draft    placements      // the latest draft
	standing placements      // the latest published revision
	taken    []wire.TakenOut // what the repairs took out since a person last published the day
}

// Explain returns the reason for the place of an item in a rundown, and what put it there: a plan, a repair or a
// person. Revision 0 is the latest. It fails with NotFound if there is no such item.
func (s *Rundowns) Explain(ctx context.Context, station string, date schedules.Date, revision int64, item string) (
	wire.PlacedItem, error) {
	r, err := s.Rundown(ctx, station, date, revision)
	if err != nil {
		return wire.PlacedItem{}, err
	}
	i, ok := r.Item(item)
	if !ok {
		return wire.PlacedItem{}, fault.New(fault.NotFound, "there is no item %q in revision %d", item, r.Revision)
	}
	p, err := s.placed(ctx, r, item)
	if err != nil {
		return wire.PlacedItem{}, err
	}
	return s.explained(ctx, r, i, p)
}

// placed returns what put an item of a rundown in its place.
func (s *Rundowns) placed(ctx context.Context, r schedules.Rundown, item string) (*placement, error) {
	t := placementHistory{docs: s.store}
	day := replica.DayID(r.Station, r.Date) + "/"
	for after := day; ; {
		const page = 8 // a rundown may be large
		docs, err := s.store.List(ctx, replica.KindRevision, after, page)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if !strings.HasPrefix(d.ID, day) {
				break
			}
			next, err := replica.Decode[schedules.Rundown](d)
			if err != nil {
				return nil, err
			}
			if err := t.follow(ctx, next); err != nil {
				return nil, err
			}
			if next.Revision == r.Revision {
				return t.previous.by[item], nil
			}
		}
		if len(docs) < page {
			return nil, fmt.Errorf("scheduling: explain %s: revision %d is missing", day, r.Revision)
		}
		after = docs[len(docs)-1].ID
	}
}

// follow adds the next revision.
func (t *placementHistory) follow(ctx context.Context, r schedules.Rundown) error {
	next := placements{items: r.Items, by: map[string]*placement{}}
	var fresh []schedules.Item
	for _, i := range r.Items {
		for _, before := range []placements{t.previous, t.draft, t.standing} {
			if p := before.by[i.ID]; p != nil {
				next.by[i.ID] = p
				break
			}
		}
		if next.by[i.ID] == nil {
			fresh = append(fresh, i)
		}
	}
	if r.Status == schedules.Draft {
		if err := t.drafted(ctx, r, next, fresh); err != nil {
			return err
		}
		t.draft = next
	} else {
		if err := t.published(ctx, r, next, fresh); err != nil {
			return err
		}
		t.standing = next
	}
	t.previous = next
	return nil
}

// drafted notes what placed the fresh items of a draft: a plan, which has explanations, or an edit.
func (t *placementHistory) drafted(ctx context.Context, r schedules.Rundown, next placements,
	fresh []schedules.Item) error {
	if len(fresh) == 0 {
		return nil
	}
	_, planned, err := explanations(ctx, t.docs, r.Station, r.Date, r.Revision)
	if err != nil {
		return err
	}
	for _, i := range fresh {
		p := &placement{by: wire.ByPlanner, revision: r.Revision}
		if !planned {
			p = t.edited(r.Revision, i, next)
		}
		next.by[i.ID] = p
	}
	return nil
}

// edited returns what placed an item that is new in an edited draft: a person, or, for an item that starts at another
// time because of the edit, what had placed it before.
func (t *placementHistory) edited(revision int64, i schedules.Item, next placements) *placement {
	p := &placement{by: wire.ByPerson, revision: revision}
	if i.Locked {
		return p
	}
	nearest := time.Duration(-1)
	for _, was := range t.previous.items {
		if next.by[was.ID] != nil || was.Window != i.Window || was.Position != i.Position || was.SegmentID != i.SegmentID {
			continue
		}
		if off := was.StartAt.Sub(i.StartAt.Time).Abs(); nearest < 0 || off < nearest {
			nearest = off
			p.first, p.id, p.was = t.previous.by[was.ID], was.ID, was.StartAt
		}
	}
	if p.first != nil && p.first.first != nil {
		p.first, p.id = p.first.first, p.first.id
	}
	return p
}

// published notes what placed the fresh items of a published revision, and what left the queue with it. Only repairs,
// and repeats of another day by a standing order, place items without a draft.
func (t *placementHistory) published(ctx context.Context, r schedules.Rundown, next placements,
	fresh []schedules.Item) error {
	why, repaired, err := explanations(ctx, t.docs, r.Station, r.Date, r.Revision)
	if err != nil {
		return err
	}
	first, left := t.standing.by == nil, false
	for _, i := range t.standing.items {
		if next.by[i.ID] != nil {
			continue
		}
		left = true
		if repaired {
			t.taken = append(t.taken, wire.TakenOut{Item: i.ID, Window: i.Window, SegmentID: i.SegmentID, Title: i.Title,
				StartAt: i.StartAt, EndAt: i.EndAt(), Why: why[i.ID].Why})
		}
	}
	if left && !repaired {
		t.taken = nil
	}
	for _, i := range fresh {
		p := &placement{by: wire.ByRepair, revision: r.Revision}
		if first && repaired { // nothing was there to repair
			p.by = wire.ByRepeat
		}
		for _, gone := range t.taken {
			if gone.Window == i.Window && gone.StartAt.Before(i.EndAt().Time) && i.StartAt.Before(gone.EndAt.Time) {
				p.inPlaceOf = append(p.inPlaceOf, gone)
			}
		}
		next.by[i.ID] = p
	}
	return nil
}

// explanations returns the stored explanations of a revision, by item, and whether there are any.
func explanations(ctx context.Context, docs replica.Documents, station string, date schedules.Date, revision int64) (
	map[string]schedules.Explanation, bool, error) {
	d, err := docs.Get(ctx, KindExplanations, replica.RevisionID(station, date, revision))
	if fault.Is(err, fault.NotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	list, err := replica.Decode[[]schedules.Explanation](d)
	out := make(map[string]schedules.Explanation, len(list))
	for _, e := range list {
		out[e.Item] = e
	}
	return out, true, err
}

// explanationsWrite returns the write that stores the explanations of a revision.
func explanationsWrite(r schedules.Rundown, why []schedules.Explanation) (store.Write, error) {
	body, err := replica.Encode(why)
	return store.Write{Kind: KindExplanations, ID: replica.RevisionID(r.Station, r.Date, r.Revision), Body: body}, err
}

// explained returns the explanation of an item that p placed.
func (s *Rundowns) explained(ctx context.Context, r schedules.Rundown, i schedules.Item, p *placement) (wire.PlacedItem,
	error) {
	chosen, id := p, i.ID
	if p.first != nil {
		chosen, id = p.first, p.id
	}
	list, _, err := explanations(ctx, s.store, r.Station, r.Date, chosen.revision)
	if err != nil {
		return wire.PlacedItem{}, err
	}
	e, known := list[id]
	if !known {
		e = schedules.Explanation{Window: i.Window, Position: i.Position, SegmentID: i.SegmentID}
	}
	e.Item = i.ID
	out := wire.PlacedItem{Explanation: e, PlacedBy: p.by, PlacedIn: p.revision, InPlaceOf: chosen.inPlaceOf}
	switch chosen.by {
	case wire.ByRepair:
		out.Why = joined("A repair put it here"+insteadOf(r.Timezone, chosen.inPlaceOf), e.Why)
	case wire.ByPerson:
		out.Why, err = s.byHand(ctx, r, chosen.revision, "put it here by hand")
	}
	if err == nil && p.first != nil {
		var moved string
		moved, err = s.byHand(ctx, r, p.revision, "moved it here from "+schedules.WallTime(r.Timezone, p.was)+
			" by an edit")
		out.Why = joined(moved, out.Why)
	}
	if err == nil && p.by == wire.ByPerson {
		out.By, err = s.author(ctx, r, p.revision)
	}
	return out, err
}

// joined joins two parts of a reason, of which the second may be empty.
func joined(a, b string) string { return strings.TrimSuffix(a+". "+b, ". ") }

// insteadOf names what was taken out.
func insteadOf(zone string, gone []wire.TakenOut) string {
	if len(gone) == 0 {
		return ""
	}
	var names []string
	for _, g := range gone {
		name := fmt.Sprintf("%s of %s", g.SegmentID, schedules.WallTime(zone, g.StartAt))
		if g.Why != "" {
			name += " (" + g.Why + ")"
		}
		names = append(names, name)
	}
	return " in place of " + named(names)
}

// byHand says what a person did in a revision.
func (s *Rundowns) byHand(ctx context.Context, r schedules.Rundown, revision int64, did string) (string, error) {
	who, err := s.author(ctx, r, revision)
	if who == "" {
		who = "Somebody"
	}
	return fmt.Sprintf("%s %s in revision %d", who, did, revision), err
}

// author returns who made a revision, or "" if the audit no longer says so.
func (s *Rundowns) author(ctx context.Context, r schedules.Rundown, revision int64) (string, error) {
	changes, err := s.store.Audit(ctx, store.AuditQuery{Kind: replica.KindRevision,
		ID: replica.RevisionID(r.Station, r.Date, revision), Limit: 1})
	if err != nil || len(changes) == 0 {
		return "", err
	}
	return changes[0].By, nil
}
