package library

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Approve lets a pending segment go to air. Whoever uploaded or reinstated it cannot approve it. It fails with Conflict
// for a recording of which nothing, or next to nothing, would be heard.
func (l *Library) Approve(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	return l.approve(ctx, a, id, revision, reason, false)
}

// ApproveDespiteWarnings is Approve for somebody who knows of the recording's warnings, which go on record.
func (l *Library) ApproveDespiteWarnings(ctx context.Context, a access.Actor, id string, revision *int64,
	reason string) (schedules.Segment, error) {
	return l.approve(ctx, a, id, revision, strings.TrimPrefix(reason+"; its warnings were accepted", "; "), true)
}

// inaudible is the warning of a recording of which nothing, or next to nothing, would be heard.
func inaudible(r *schedules.Recording) (warning schedules.RecordingWarning, found bool) {
	if r == nil {
		return warning, false
	}
	for _, w := range r.RecordingWarnings {
		if w.Code == audio.WarnSilent || w.Code == audio.WarnVeryQuiet {
			return w, true
		}
	}
	return warning, false
}

func (l *Library) approve(ctx context.Context, a access.Actor, id string, revision *int64, reason string,
	accepted bool) (schedules.Segment, error) {
	return l.change(ctx, a, id, revision, "segment.approve", reason, func(s *schedules.Segment) error {
		switch {
		case s.State != schedules.Pending:
			return fault.New(fault.Conflict, "segment %q is %s; only a pending one can be approved", id, s.State)
		case a.Name == s.UploadedBy:
			return fault.New(fault.Forbidden, "%s uploaded segment %q: another person must approve it", a.Name, id)
		case a.Name == s.ReinstatedBy:
			return fault.New(fault.Forbidden, "%s reinstated segment %q: another person must approve it", a.Name, id)
		}
		if w, found := inaudible(s.Recording); found && !accepted {
			return fault.New(fault.Conflict, "segment %q was not approved. %s If it shall air all the same, approve it with "+
				"accept_warnings (lifeline approve --accept-warnings)", id, w.Message)
		}
		s.State, s.Rejection = schedules.Approved, nil
		return nil
	}, l.recallsWithout)
}

// Reject keeps a pending or approved segment off the air, with a reason for its producer.
func (l *Library) Reject(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	if err := replica.NeedReason(reason); err != nil {
		return schedules.Segment{}, err
	}
	return l.change(ctx, a, id, revision, "segment.reject", reason, func(s *schedules.Segment) error {
		if s.State != schedules.Pending && s.State != schedules.Approved {
			return fault.New(fault.Conflict, "segment %q is %s; only a pending or approved one can be rejected", id, s.State)
		}
		s.State = schedules.Rejected
		s.Rejection = &schedules.Rejection{Code: "editorial", Message: reason}
		return nil
	})
}

// Recall takes a segment off the air everywhere, now: the segment and the signed list change in one commit.
func (l *Library) Recall(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	if err := replica.NeedReason(reason); err != nil {
		return schedules.Segment{}, err
	}
	return l.change(ctx, a, id, revision, "segment.recall", reason, func(s *schedules.Segment) error {
		if s.State == schedules.Recalled {
			return fault.New(fault.Conflict, "segment %q is recalled already", id)
		}
		s.State = schedules.Recalled
		return nil
	}, l.recallsWith)
}

// Reinstate begins the end of a recall: the segment is pending, and stations go on refusing it, until a second person
// approves it.
func (l *Library) Reinstate(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	if err := replica.NeedReason(reason); err != nil {
		return schedules.Segment{}, err
	}
	return l.change(ctx, a, id, revision, "segment.reinstate", reason, func(s *schedules.Segment) error {
		if s.State != schedules.Recalled {
			return fault.New(fault.Conflict, "segment %q is %s, not recalled", id, s.State)
		}
		s.State, s.ReinstatedBy = schedules.Pending, a.Name
		if s.Rejection != nil || s.Recording == nil {
			s.State = schedules.Rejected
		}
		return nil
	})
}

// Recalls is the sealed list of recalled segments.
func (l *Library) Recalls() replica.Sealed[wire.Recalls] {
	row, _ := replica.RecallsIn(l.replica).Get(replica.RecallsID)
	return row.Value
}

// EnsureRecalls seals an empty list where there is none yet, so that stations always find one.
func (l *Library) EnsureRecalls(ctx context.Context) error {
	if replica.RecallsIn(l.replica).Revision(replica.RecallsID) != 0 {
		return nil
	}
	writes, err := l.recallsWith(schedules.Segment{})
	if err != nil {
		return err
	}
	err = l.replica.Commit(ctx, store.Commit{Writes: writes, Origin: access.System.Origin(l.now(), "recalls.begin", "")})
	if errors.Is(err, replica.ErrRace) {
		return nil
	}
	return err
}

// recallsWithout is the next recall list, without s, where the latest has it.
func (l *Library) recallsWithout(s schedules.Segment) ([]store.Write, error) {
	list, _ := replica.RecallsIn(l.replica).Get(replica.RecallsID)
	if !slices.ContainsFunc(list.Value.Value.Segments, func(r wire.Recalled) bool { return r.SegmentID == s.ID }) {
		return nil, nil
	}
	return l.recallsWith(s)
}

// recallsWith is the next recall list, in which s stands as its state says.
func (l *Library) recallsWith(s schedules.Segment) ([]store.Write, error) { return l.recallsWithAll(s) }

// recallsWithAll is the same for many.
func (l *Library) recallsWithAll(segments ...schedules.Segment) ([]store.Write, error) {
	list, err := SealRecalls(l.replica, l.sealer, l.replica.Floor(), l.now(), segments...)
	return []store.Write{list}, err
}

// SealRecalls is the recall list that follows the latest, numbered above f, in which the segments stand as their states
// say.
func SealRecalls(m *replica.Replica, sealer replica.Sealer, f replica.Floor, now time.Time,
	segments ...schedules.Segment) (store.Write, error) {
	before, _ := replica.RecallsIn(m).Get(replica.RecallsID)
	last := before.Value.Value
	next := wire.Recalls{Schema: wire.RecallsSchema, Revision: f.Above + before.Revision + 1, IssuedAt: schedules.At(now),
		Segments: []wire.Recalled{}, Above: f.Above}
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
	body, err := replica.SealJSON(sealer, wire.RecallsType, next)
	return store.Write{Kind: replica.KindRecalls, ID: replica.RecallsID, Expect: before.Revision, Body: body}, err
}

// AwaitRecalls is Recalls, likewise.
func (l *Library) AwaitRecalls(ctx context.Context, known int64) replica.Sealed[wire.Recalls] {
	r, _ := replica.Await(ctx, l.replica, replica.Topic(replica.KindRecalls, replica.RecallsID), known,
		func() (replica.Sealed[wire.Recalls], int64, error) {
			r := l.Recalls()
			return r, r.Value.Revision, nil
		})
	return r
}

// RecallPerson takes every segment that names a person off the air everywhere, now: all of them and the signed list
// change in one commit, and whatever airs in one chain with them leaves the queues too. It fails with NotFound, and
// with Conflict when all are recalled already. Each is reinstated by itself, and takes two people then.
func (l *Library) RecallPerson(ctx context.Context, a access.Actor, person, reason string) error {
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
			s.State, s.Revision = schedules.Recalled, row.Revision+1
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
		list, err := l.recallsWithAll(recalled...)
		if err != nil {
			return err
		}
		return l.replica.Commit(ctx, store.Commit{Writes: append(writes, list...), Origin: a.Origin(l.now(), "person.recall",
			person+": "+reason)})
	})
}
