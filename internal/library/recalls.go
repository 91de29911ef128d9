package library

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Recalls takes segments and persons off the air, and maintains the signed list of recalls.
type Recalls struct {
	*core
	segments *Segments
	signer   replica.Signer
}

// Recall takes a segment off the air everywhere, immediately: the segment and the signed list change in one commit. It
// fails with Forbidden if the person recalled too often in the last minutes.
func (l *Recalls) Recall(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	if err := replica.NeedReason(reason); err != nil {
		return schedules.Segment{}, err
	}
	return l.segments.change(ctx, a, id, revision, "segment.recall", reason, func(s *schedules.Segment) error {
		if s.State == schedules.Recalled {
			return fault.New(fault.Conflict, "segment %q is recalled already", id)
		}
		l.order(s, a, "")
		return nil
	}, func(s schedules.Segment) ([]store.Write, error) {
		writes, err := l.with(s)
		more, braked := l.brake(ctx, a, strconv.Quote(s.ID), 1)
		return append(writes, more...), cmp.Or(err, braked)
	})
}

// Reinstate starts the end of a recall, or of a rejection by a person: the segment becomes pending, and stations
// continue to refuse it until a second person approves it. What the analysis rejected needs another recording.
func (l *Recalls) Reinstate(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	if err := replica.NeedReason(reason); err != nil {
		return schedules.Segment{}, err
	}
	return l.segments.change(ctx, a, id, revision, "segment.reinstate", reason, func(s *schedules.Segment) error {
		switch {
		case s.RejectedByPerson():
			s.Rejection = nil
		case s.State == schedules.Rejected:
			return fault.New(fault.Conflict, "segment %q is rejected because its recording cannot air: send another "+
				"recording (lifeline upload --replace)", id)
		case s.State != schedules.Recalled:
			return fault.New(fault.Conflict, "segment %q is %s, not recalled or rejected", id, s.State)
		}
		reinstate(s, a, l.now())
		return nil
	})
}

// reinstate makes s pending, or rejected if it cannot air.
func reinstate(s *schedules.Segment, a access.Actor, now time.Time) {
	noteEdit(s, a, now, []string{"state"})
	s.State, s.ReinstatedBy, s.ReinstatedByID = schedules.Pending, a.Name, a.Person
	if s.Rejection != nil || s.Recording == nil {
		s.State = schedules.Rejected
	}
}

// List returns the signed list of recalled segments.
func (l *Recalls) List() replica.Signed[wire.Recalls] {
	row, _ := replica.RecallsIn(l.replica).Get(replica.RecallsID)
	return row.Value
}

// Ensure signs an empty list if there is none, so that stations always find one.
func (l *Recalls) Ensure(ctx context.Context) error {
	list, there := replica.RecallsIn(l.replica).Get(replica.RecallsID)
	if there && !slices.ContainsFunc(replica.ErasedRecordings(l.replica), func(sha256 string) bool {
		return !slices.Contains(list.Value.Value.Erased, sha256)
	}) {
		return nil
	}
	writes, err := l.with(schedules.Segment{})
	if err != nil {
		return err
	}
	err = l.replica.Commit(ctx, store.Commit{Writes: writes, Origin: access.System.Origin(l.now(), "recalls.begin", "")})
	if errors.Is(err, replica.ErrRace) {
		return nil
	}
	return err
}

// without returns the write of a recall list without s, if the latest list has it.
func (l *Recalls) without(s schedules.Segment) ([]store.Write, error) {
	list, _ := replica.RecallsIn(l.replica).Get(replica.RecallsID)
	if !slices.ContainsFunc(list.Value.Value.Segments, func(r wire.Recalled) bool { return r.SegmentID == s.ID }) {
		return nil, nil
	}
	return l.with(s)
}

// with returns the write of a recall list that contains s if its state requires it.
func (l *Recalls) with(s schedules.Segment) ([]store.Write, error) { return l.withAll(s) }

// withAll does the same for several segments.
func (l *Recalls) withAll(segments ...schedules.Segment) ([]store.Write, error) {
	list, err := SignRecalls(l.replica, l.signer, l.replica.Floor(), l.now(), segments...)
	return []store.Write{list}, err
}

// SignRecalls returns the recall list that follows the latest, numbered above f, updated with the states of the
// segments.
func SignRecalls(m *replica.Replica, signer replica.Signer, f replica.Floor, now time.Time,
	segments ...schedules.Segment) (store.Write, error) {
	return SignErased(m, signer, f, now, nil, segments...)
}

// SignErased is SignRecalls with the hashes of recordings whose erasure is confirmed now. A list names all such hashes.
func SignErased(m *replica.Replica, signer replica.Signer, f replica.Floor, now time.Time, erased []string,
	segments ...schedules.Segment) (store.Write, error) {
	before, _ := replica.RecallsIn(m).Get(replica.RecallsID)
	last := before.Value.Value
	next := wire.Recalls{Schema: wire.RecallsSchema, Revision: f.Above + before.Revision + 1, IssuedAt: schedules.At(now),
		Segments: []wire.Recalled{}, Above: f.Above}
	next.Erased = slices.Concat(last.Erased, erased, replica.ErasedRecordings(m))
	slices.Sort(next.Erased)
	next.Erased = slices.Compact(next.Erased)
	changed := map[string]bool{}
	for _, s := range segments {
		changed[s.ID] = true
	}
	for _, r := range last.Segments {
		if !changed[r.SegmentID] {
			next.Segments = append(next.Segments, r)
		}
	}
	if last.Above == f.Above {
		for _, r := range last.Released {
			if !changed[r.SegmentID] {
				next.Released = append(next.Released, r)
			}
		}
	}
	for _, s := range segments {
		r := wire.Recalled{SegmentID: s.ID, RecalledAt: next.IssuedAt}
		if s.Recording != nil {
			r.SHA256 = s.Recording.SHA256
		}
		switch {
		case s.State == schedules.Recalled:
			next.Segments = append(next.Segments, r)
		case f.Above > 0 && s.ID != "":
			next.Released = append(next.Released, r)
		}
	}
	body, err := replica.SignJSON(signer, wire.RecallsType, next)
	return store.Write{Kind: replica.KindRecalls, ID: replica.RecallsID, Expect: before.Revision, Body: body}, err
}

// Await returns List once the list is newer than the one that the caller knows, or when ctx ends.
func (l *Recalls) Await(ctx context.Context, known int64) replica.Signed[wire.Recalls] {
	r, _ := replica.Await(ctx, l.replica, replica.Topic(replica.KindRecalls, replica.RecallsID), known,
		func() (replica.Signed[wire.Recalls], int64, error) {
			r := l.List()
			return r, r.Value.Revision, nil
		})
	return r
}

// ActionRecallPerson is the action of the recall of a person. Its reason begins with the person's id, which only who is
// named for it may read.
const ActionRecallPerson = "person.recall"

// RecallPerson takes every segment that names a person off the air everywhere, immediately: all of them and the signed
// list change in one commit, and the queues lose the items of their chains too. It fails with NotFound, and with
// Conflict if all are recalled already. Each segment is reinstated separately, which takes two people.
func (l *Recalls) RecallPerson(ctx context.Context, a access.Actor, person, reason string) error {
	if err := replica.NeedReason(reason); err != nil {
		return err
	}
	return l.replica.Retry(ctx, func() error {
		rows, err := l.replica.Naming(person)
		if err != nil {
			return err
		}
		var writes []store.Write
		var recalled []schedules.Segment
		for _, row := range rows {
			s := row.Value
			if s.State == schedules.Recalled {
				continue
			}
			l.order(&s, a, person)
			s.Revision = row.Revision + 1
			body, err := replica.Encode(s)
			if err != nil {
				return err
			}
			writes = append(writes, store.Write{Kind: replica.KindSegment, ID: s.ID, Expect: row.Revision, Body: body})
			recalled = append(recalled, s)
		}
		if len(recalled) == 0 {
			return fault.New(fault.Conflict, "every segment that names the person %q is recalled already", person)
		}
		list, err := l.withAll(recalled...)
		more, braked := l.brake(ctx, a, "this person", len(recalled))
		if err := cmp.Or(err, braked); err != nil {
			return err
		}
		writes = append(writes, more...)
		return l.replica.Commit(ctx, store.Commit{Writes: append(writes, list...),
			Origin: a.Origin(l.now(), ActionRecallPerson, person+": "+reason)})
	})
}
