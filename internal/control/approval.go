package control

import (
	"context"
	"errors"
	"slices"
	"strings"

	"lifeline/audio"
	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Approve lets a pending segment go to air. Whoever uploaded or reinstated it cannot approve it. It fails with Conflict
// for a recording of which nothing, or next to nothing, would be heard.
func (l *Library) Approve(ctx context.Context, a Actor, id string, revision *int64, reason string) (schedules.Segment, error) {
	return l.approve(ctx, a, id, revision, reason, false)
}

// ApproveDespiteWarnings is Approve for somebody who knows of the recording's warnings, which go on record.
func (l *Library) ApproveDespiteWarnings(ctx context.Context, a Actor, id string, revision *int64, reason string) (schedules.Segment, error) {
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

func (l *Library) approve(ctx context.Context, a Actor, id string, revision *int64, reason string, accepted bool) (schedules.Segment, error) {
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
			return fault.New(fault.Conflict, "segment %q was not approved. %s If it shall air all the same, approve it with accept_warnings (lifeline approve --accept-warnings)", id, w.Message)
		}
		s.State, s.Rejection = schedules.Approved, nil
		return nil
	}, l.recallsWithout)
}

// Reject keeps a pending or approved segment off the air, with a reason for its producer.
func (l *Library) Reject(ctx context.Context, a Actor, id string, revision *int64, reason string) (schedules.Segment, error) {
	if err := needReason(reason); err != nil {
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
func (l *Library) Recall(ctx context.Context, a Actor, id string, revision *int64, reason string) (schedules.Segment, error) {
	if err := needReason(reason); err != nil {
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
func (l *Library) Reinstate(ctx context.Context, a Actor, id string, revision *int64, reason string) (schedules.Segment, error) {
	if err := needReason(reason); err != nil {
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

func needReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.Fields(fault.Field{Field: "reason", Message: "must say why, for the record"})
	}
	return nil
}

// Recalls is the sealed list of recalled segments.
func (l *Library) Recalls() Sealed[wire.Recalls] {
	row, _ := recallsIn(l.mirror).get(recallsID)
	return row.value
}

// EnsureRecalls seals an empty list where there is none yet, so that stations always find one.
func (l *Library) EnsureRecalls(ctx context.Context) error {
	if recallsIn(l.mirror).revision(recallsID) != 0 {
		return nil
	}
	writes, err := l.recallsWith(schedules.Segment{})
	if err != nil {
		return err
	}
	err = l.mirror.Commit(ctx, store.Commit{Writes: writes, Origin: System.origin(l.now(), "recalls.begin", "")})
	if errors.Is(err, errRace) {
		return nil
	}
	return err
}

// recallsWithout is the next recall list, without s, where the latest has it.
func (l *Library) recallsWithout(s schedules.Segment) ([]store.Write, error) {
	list, _ := recallsIn(l.mirror).get(recallsID)
	if !slices.ContainsFunc(list.value.Value.Segments, func(r wire.Recalled) bool { return r.SegmentID == s.ID }) {
		return nil, nil
	}
	return l.recallsWith(s)
}

// recallsWith is the next recall list, in which s stands as its state says.
func (l *Library) recallsWith(s schedules.Segment) ([]store.Write, error) { return l.recallsWithAll(s) }

// recallsWithAll is the same for many.
func (l *Library) recallsWithAll(segments ...schedules.Segment) ([]store.Write, error) {
	list, err := sealRecalls(l.mirror, l.sealer, l.mirror.floor(), l.now(), segments...)
	return []store.Write{list}, err
}
