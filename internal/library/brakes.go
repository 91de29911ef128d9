package library

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// The brake on recalls, and on edits of coming queues, is that on other acts.
const (
	Handful = access.Handful
	Braking = access.Braking
)

// massTold is how long many recalls of one person are an alarm.
const massTold = 24 * time.Hour

// order recalls s by a. person is the person in it that is recalled with all segments that name them, or empty.
func (l *Recalls) order(s *schedules.Segment, a access.Actor, person string) {
	s.Recall = &schedules.RecallOrder{By: a.Name, ByID: a.Person, At: schedules.At(l.now()), Person: person, Was: s.State}
	s.State = schedules.Recalled
}

// orders returns the segments that are on the recall list by an order from since on that nobody has confirmed.
func orders(m *replica.Replica, since time.Time) []schedules.Segment { return ordered(m, since, false) }

// ordered returns those by orders that somebody has confirmed, or that nobody has.
func ordered(m *replica.Replica, since time.Time, confirmed bool) (out []schedules.Segment) {
	list, _ := replica.RecallsIn(m).Get(replica.RecallsID)
	for _, r := range list.Value.Value.Segments {
		row, ok := replica.SegmentsIn(m).Get(r.SegmentID)
		if o := row.Value.Recall; ok && o != nil && (o.ConfirmedBy != "") == confirmed && !o.At.Before(since) {
			out = append(out, row.Value)
		}
	}
	return out
}

// brake fails with Forbidden if a made a handful of recalls within Braking that nobody has confirmed. The recall of a
// person counts once. With the recall that makes it a handful, and with one of as many segments, it returns the write
// of an alarm, beside the turn of the decision. what may not name a person in segments: refusals are on the audit.
func (l *Recalls) brake(ctx context.Context, a access.Actor, what string, segments int) ([]store.Write, error) {
	turn, err := replica.Turn(ctx, l.replica, replica.ActsTurn)
	if err != nil {
		return nil, err
	}
	persons, acts, first := map[schedules.RecallOrder]bool{}, 0, schedules.Instant{}
	for _, s := range orders(l.replica, l.now().Add(-Braking)) {
		if !a.IsOrMade(l.replica, s.Recall.ByID, s.Recall.By, s.Recall.At) {
			continue
		}
		act := schedules.RecallOrder{Person: s.Recall.Person, At: s.Recall.At}
		if act.Person == "" || !persons[act] {
			acts++
		}
		persons[act] = true
		if first.IsZero() || s.Recall.At.Before(first.Time) {
			first = s.Recall.At
		}
	}
	if acts+1 == Handful || acts < Handful && segments >= Handful {
		alarm, err := access.MassAct(a, l.now(), max(acts+1, segments))
		return []store.Write{turn, alarm}, err
	}
	if acts < Handful {
		return []store.Write{turn}, nil
	}
	return nil, fault.New(fault.Forbidden, "%s recalled %d times since %s, so %s was not recalled: another person confirms these "+
		"recalls first (lifeline recall --confirm %q), or recalls it. Any producer, scheduler or administrator may",
		a.Name, acts, first, what, a.Name)
}

// RecalledSince reports whether a made a recall from since on that nobody has confirmed.
func RecalledSince(m *replica.Replica, a access.Actor, since time.Time) bool {
	return slices.ContainsFunc(orders(m, since), func(s schedules.Segment) bool {
		return a.IsOrMade(m, s.Recall.ByID, s.Recall.By, s.Recall.At)
	})
}

// MassRecall is many recalls by one person that nobody has confirmed.
type MassRecall struct {
	By       string
	Since    schedules.Instant
	Segments int
}

// MassRecalls returns the mass recalls of the last day.
func MassRecalls(m *replica.Replica, now time.Time) (out []MassRecall) {
	var by []schedules.RecallOrder
	for _, s := range orders(m, now.Add(-massTold)) {
		if s.State != schedules.Recalled {
			continue
		}
		o := *s.Recall
		at := slices.IndexFunc(by, func(p schedules.RecallOrder) bool { return p.By == o.By && p.ByID == o.ByID })
		if at < 0 {
			at = len(by)
			by, out = append(by, o), append(out, MassRecall{By: o.By, Since: o.At})
		}
		out[at].Segments++
		if o.At.Before(out[at].Since.Time) {
			out[at].Since = o.At
		}
	}
	return slices.DeleteFunc(out, func(r MassRecall) bool { return r.Segments < Handful })
}

// Confirm confirms the recalls that a person, by id or name, made from since on, so that the person may go on: those in
// a's languages. It fails
// with NotFound if there are none, and with Forbidden for the recalls of a themself.
func (l *Recalls) Confirm(ctx context.Context, a access.Actor, by string, since time.Time, reason string) (
	changed []schedules.Segment, err error) {
	return l.ofPerson(ctx, a, by, since, "recalls.confirm", reason, func(list []schedules.Segment) []schedules.Segment {
		for i := range list {
			order := *list[i].Recall
			order.ConfirmedBy, order.ConfirmedByID = a.Name, a.Person
			list[i].Recall = &order
		}
		return list
	})
}

// Undo reinstates the segments that a person, by id or name, recalled from since on and nobody confirmed. Of at least a
// handful within Braking, in the last day, those that were approved are approved again, unless they were changed since,
// are sensitive or name persons: like the others, these become pending. It fails as Confirm does.
func (l *Recalls) Undo(ctx context.Context, a access.Actor, by string, since time.Time, reason string) (
	changed []schedules.Segment, err error) {
	return l.ofPerson(ctx, a, by, since, "recalls.reinstate", reason, func(list []schedules.Segment) []schedules.Segment {
		list = slices.DeleteFunc(list, func(s schedules.Segment) bool { return s.State != schedules.Recalled })
		mass := massRecalled(list, l.now())
		for i := range list {
			if s := &list[i]; mass(*s) && restorable(s) {
				s.State, s.Recall = schedules.Approved, nil
			} else {
				reinstate(s, a, l.now())
			}
		}
		return list
	})
}

// massRecalled returns a function that reports whether a segment was recalled in the last day, and at least a handful
// of a list with it, within Braking.
func massRecalled(list []schedules.Segment, now time.Time) func(schedules.Segment) bool {
	var times []time.Time
	for _, s := range list {
		if now.Sub(s.Recall.At.Time) <= massTold {
			times = append(times, s.Recall.At.Time)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	mass := map[time.Time]bool{}
	for n, first := range times {
		near := slices.IndexFunc(times[n:], func(at time.Time) bool { return at.Sub(first) > Braking })
		if near < 0 {
			near = len(times) - n
		}
		if near >= Handful {
			for _, at := range times[n : n+near] {
				mass[at] = true
			}
		}
	}
	return func(s schedules.Segment) bool { return mass[s.Recall.At.Time] }
}

// restorable reports whether one person may make a recalled segment approved again, as it was before.
func restorable(s *schedules.Segment) bool {
	return s.Recall.Was == schedules.Approved && !s.Sensitive && len(s.Persons) == 0 &&
		s.Consent == nil && !slices.ContainsFunc(s.Edits, func(e schedules.Edited) bool {
		return !e.At.Before(s.Recall.At.Time)
	})
}

// saidIDs is how many ids an error has at most.
const saidIDs = 20

// Confirmed returns the ids of segments that a person, by id or name, recalled from since on, and another person
// confirmed: they stay recalled.
func (l *Recalls) Confirmed(by string, since time.Time) (ids []string) {
	for _, s := range l.orderedBy(by, since, true) {
		if s.State == schedules.Recalled {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// orderedBy returns what ordered does, of a person by id or name.
func (l *Recalls) orderedBy(by string, since time.Time, confirmed bool) []schedules.Segment {
	person, name := "", by
	if row, ok := replica.PersonsIn(l.replica).Get(by); ok {
		person, name = by, row.Value.Name
	}
	return slices.DeleteFunc(ordered(l.replica, since, confirmed), func(s schedules.Segment) bool {
		return !l.replica.SamePerson(person, name, s.Recall.ByID, s.Recall.By)
	})
}

// ofPerson changes the segments that a person recalled and commits them with the recall list.
func (l *Recalls) ofPerson(ctx context.Context, a access.Actor, by string, since time.Time, action, reason string,
	change func([]schedules.Segment) []schedules.Segment) (changed []schedules.Segment, err error) {
	if err := replica.NeedReason(reason); err != nil {
		return nil, err
	}
	err = l.replica.Retry(ctx, func() error {
		changed = l.orderedBy(by, since, false)
		for _, s := range changed {
			if who, why := a.OneWith(l.replica, s.Recall.ByID, s.Recall.By, s.Recall.At); who != "" {
				return fault.New(fault.Forbidden, "%s made these recalls: another person must decide on them%s", who, why)
			}
		}
		if changed, err = l.within(a, changed); err != nil {
			return err
		}
		if changed = change(changed); len(changed) == 0 {
			stay := ""
			if confirmed := l.Confirmed(by, since); len(confirmed) > 0 {
				stay = fmt.Sprintf("; another person confirmed %d, which are reinstated singly (lifeline reinstate): %s",
					len(confirmed), strings.Join(confirmed[:min(len(confirmed), saidIDs)], ", "))
			}
			return fault.New(fault.NotFound, "%q made no recalls from then on that still stand and that nobody confirmed%s", by,
				stay)
		}
		writes, err := l.segmentWrites(changed)
		if err != nil {
			return err
		}
		return l.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(l.now(), action, by+": "+reason)})
	})
	return changed, err
}

// within returns the segments that a may change, by their languages. It fails with Forbidden if there are some, and a
// may change none of them.
func (l *Recalls) within(a access.Actor, segments []schedules.Segment) (mine []schedules.Segment, err error) {
	for _, s := range segments {
		if out := l.segments.inScope(a, s); out != nil {
			err = out
		} else {
			mine = append(mine, s)
		}
	}
	if len(mine) > 0 {
		err = nil
	}
	return mine, err
}

// segmentWrites returns the writes of changed segments, and of the recall list without those that are approved.
func (l *Recalls) segmentWrites(changed []schedules.Segment) (writes []store.Write, err error) {
	var approved []schedules.Segment
	for i := range changed {
		s := &changed[i]
		before := s.Revision
		s.Revision++
		body, err := replica.Encode(*s)
		if err != nil {
			return nil, err
		}
		writes = append(writes, store.Write{Kind: replica.KindSegment, ID: s.ID, Expect: before, Body: body})
		if s.State == schedules.Approved {
			approved = append(approved, *s)
		}
	}
	if len(approved) == 0 {
		return writes, nil
	}
	list, err := l.withAll(approved...)
	return append(writes, list...), err
}
