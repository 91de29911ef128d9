package library

import (
	"context"
	"fmt"
	"strings"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// Approvals approves and rejects segments.
type Approvals struct {
	segments *Segments
	recalls  *Recalls
}

// Hearing is what a person says of a recording when they approve it.
type Hearing struct {
	Reason         string
	AcceptWarnings bool // that must be accepted (MustAccept)
	Percent        *int // of the recording that was really played; nil: not measured
}

// Check fails with Invalid if the share that was heard is not from 0 to 100 percent.
func (h Hearing) Check() error {
	if p := h.Percent; p != nil && (*p < 0 || *p > 100) {
		return fault.Fields(fault.Field{Field: "heard_percent", Message: "must be from 0 to 100"})
	}
	return nil
}

// Approve approves a pending segment of which nobody measured how much was heard.
func (l *Approvals) Approve(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	return l.ApproveAsHeard(ctx, a, id, revision, Hearing{Reason: reason})
}

// MustAccept returns the warnings of a recording that an approval must accept: a part of what was recorded is missing,
// or little or nothing of it is audible.
func MustAccept(r *schedules.Recording) (grave []schedules.RecordingWarning) {
	if r == nil {
		return nil
	}
	for _, w := range r.RecordingWarnings {
		if audio.Grave(w.Code) {
			grave = append(grave, w)
		}
	}
	return grave
}

// ApproveAsHeard approves a pending segment. The person who uploaded or reinstated it, or changed what counts since
// its last approval, cannot approve it, and only persons who are named for it approve what is sensitive. It fails with
// Conflict if the recording has warnings that must be accepted, and as Hearing.Check does.
func (l *Approvals) ApproveAsHeard(ctx context.Context, a access.Actor, id string, revision *int64, h Hearing) (
	schedules.Segment, error) {
	if err := h.Check(); err != nil {
		return schedules.Segment{}, err
	}
	if h.AcceptWarnings {
		h.Reason = strings.TrimPrefix(h.Reason+"; its warnings were accepted", "; ")
	}
	return l.segments.change(ctx, a, id, revision, "segment.approve", h.Reason, func(s *schedules.Segment) error {
		if s.State != schedules.Pending {
			return notPending(s)
		}
		if err := l.another(a, s); err != nil {
			return err
		}
		if s.Sensitive && !a.Sensitive {
			return fault.New(fault.Forbidden, "segment %q is sensitive, and only persons who are named for that hear and approve "+
				"it; %s is not: an administrator names who may, with lifeline people set PERSON --sensitive", id, a.Name)
		}
		if grave := MustAccept(s.Recording); len(grave) > 0 && !h.AcceptWarnings {
			var said []string
			for _, w := range grave {
				said = append(said, w.Message)
			}
			return fault.New(fault.Conflict, "segment %q was not approved. %s If it shall air all the same, approve it with "+
				"accept_warnings (lifeline approve --accept-warnings)", id, strings.Join(said, " "))
		}
		s.State, s.Rejection, s.Edits, s.Recall = schedules.Approved, nil, nil, nil
		s.Approval = &schedules.LastApproval{By: a.Name, ByID: a.Person, At: schedules.At(l.segments.now()),
			HeardPercent: h.Percent}
		if s.Recording != nil {
			s.Approval.SHA256 = s.Recording.SHA256
		}
		return nil
	}, l.recalls.without)
}

// another fails with Forbidden unless a is another person than those who made s what it is.
func (l *Approvals) another(a access.Actor, s *schedules.Segment) error {
	m := l.segments.replica
	switch {
	case a.Is(m, s.UploadedByID, s.UploadedBy):
		return fault.New(fault.Forbidden, "%s uploaded segment %q: another person must approve it", a.Name, s.ID)
	case a.Is(m, s.ReinstatedByID, s.ReinstatedBy):
		return fault.New(fault.Forbidden, "%s reinstated segment %q: another person must approve it", a.Name, s.ID)
	}
	if len(s.Edits) == 0 { // an older version did not note when
		if who, why := a.OneWith(m, s.UploadedByID, s.UploadedBy, schedules.Instant{}); who != "" {
			return fault.New(fault.Forbidden, "%s uploaded segment %q: another person must approve it%s", who, s.ID, why)
		}
	}
	for _, e := range s.Edits {
		if who, why := a.OneWith(m, e.ByID, e.By, e.At); who != "" {
			return fault.New(fault.Forbidden, "%s changed %s of segment %q at %s, and nobody has approved it since: another "+
				"person must approve it%s", e.By, strings.Join(e.Fields, ", "), s.ID, e.At, why)
		}
	}
	return nil
}

// notPending returns the error of an approval of a segment that is not pending, with what makes it so.
func notPending(s *schedules.Segment) error {
	cure := ""
	switch {
	case s.State == schedules.Recalled:
		cure = ": reinstate it first (lifeline reinstate)"
	case s.RejectedByPerson():
		cure = fmt.Sprintf(" (%s): reinstate it first (lifeline reinstate), or send another recording", s.Rejection.Message)
	case s.State == schedules.Rejected:
		cure = ": send another recording (lifeline upload --replace)"
	}
	return fault.New(fault.Conflict, "segment %q is %s; only a pending one can be approved%s", s.ID, s.State, cure)
}

// Reject keeps a pending or approved segment off the air, with a reason for its producer. Recalls.Reinstate, or another
// recording, ends that.
func (l *Approvals) Reject(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error) {
	if err := replica.NeedReason(reason); err != nil {
		return schedules.Segment{}, err
	}
	return l.segments.change(ctx, a, id, revision, "segment.reject", reason, func(s *schedules.Segment) error {
		if s.State != schedules.Pending && s.State != schedules.Approved {
			return fault.New(fault.Conflict, "segment %q is %s; only a pending or approved one can be rejected", id, s.State)
		}
		s.State = schedules.Rejected
		s.Rejection = &schedules.Rejection{Code: schedules.RejectedEditorially, Message: reason}
		return nil
	})
}
