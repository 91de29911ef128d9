package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/library"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// approvalHandlers change the state of segments.
type approvalHandlers struct{ *Parts }

func (a approvalHandlers) routes() []route {
	approve := act("approve", "Approve a pending segment",
		"The person who uploaded or reinstated the segment, or changed it since its last approval (edits), cannot "+
			"approve it; a sensitive one only a person who may hear it approves (403). The request names what was heard: If-Match has the revision, or sha256 the recording. "+
			"If the recording has one of the warnings silent, very_quiet, phase_inverted, damage, truncated and frame_count, the "+
			"request is refused (409) unless accept_warnings is true. The segment has these warnings in to_accept.",
		apidoc.TakesJSON(wire.Approval{Reason: "heard from end to end"}))
	approve.Faults[http.StatusPreconditionRequired] = "Neither If-Match nor sha256 names what was heard, or " +
		"the segment was changed, and only If-Match says that this was seen."
	return []route{
		{a.approve, approve},
		{a.act(func() segmentAct { return a.Library.Approvals.Reject }),
			act("reject", "Reject a pending segment", "The request needs a reason, which the producer sees. To undo it, "+
				"reinstate the segment or send another recording.", because)},
		{a.act(func() segmentAct { return a.Library.Recalls.Recall }),
			act("recall", "Recall a segment", "The request needs a reason. The segment is taken "+
				"off the air at once: it leaves every queue, frozen or not, and every station is notified.", because)},
		{a.act(func() segmentAct { return a.Library.Recalls.Reinstate }),
			act("reinstate", "Reinstate a recalled or rejected segment",
				"The request needs a reason. Stations refuse the segment until another person "+
					"has approved it. Then time of published days that is open since it was taken out is filled "+
					"again; what took its place stays until the day is planned anew. A segment whose recording "+
					"cannot air is refused (409): it needs another recording.", because)},
		{a.ofPerson(func() personAct { return a.Library.Recalls.Confirm }, false),
			recallsOf("confirm", "Confirm the recalls of a person", "Whoever recalls five times within ten minutes recalls "+
				"again only after another person has confirmed these recalls. A recall of a person counts once.")},
		{a.ofPerson(func() personAct { return a.Library.Recalls.Undo }, true),
			recallsOf("reinstate", "Undo the recalls of a person", "Recalls that another person has confirmed stay "+
				"(confirmed). Of five or more within ten minutes, in the last day, segments that were approved are approved "+
				"again, unless they were changed since, are "+
				"sensitive, name persons or have a consent. All others become pending: another person must approve "+
				"them, as after the reinstatement of single segments. message says what stays off the air.")},
	}
}

// approve approves a segment for air.
func (a approvalHandlers) approve(c *call) error {
	revision, err := c.ifMatch()
	if err != nil {
		return err
	}
	var in wire.Approval
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	h := library.Hearing{Reason: in.Reason, AcceptWarnings: in.AcceptWarnings, Percent: in.HeardPercent}
	if err := h.Check(); err != nil { // before anything is asked of the segment
		return err
	}
	if revision, err = a.heard(c.param("segment"), revision, in.SHA256); err != nil {
		return err
	}
	s, err := a.Library.Approvals.ApproveAsHeard(c.r.Context(), c.actor, c.param("segment"), revision, h)
	return a.changed(c, s, err)
}

// heard returns the revision that an approval is of, from If-Match (nil: none) or the hash of the recording that was
// heard (empty: none). It fails with Unconditional if both are missing, or if there is only a hash of a segment that
// was changed, and with Stale if the segment has other audio
// now.
func (a approvalHandlers) heard(id string, revision *int64, sha256 string) (*int64, error) {
	s, err := a.Library.Segments.Get(id)
	switch {
	case err != nil || sha256 == "" && revision != nil:
		return revision, err
	case sha256 == "":
		return nil, fault.New(fault.Unconditional, "an approval names what was heard: send If-Match with the revision of "+
			"the segment, or sha256 of its recording in the body")
	case s.Recording == nil || s.Recording.SHA256 != sha256:
		return nil, fault.New(fault.Stale, "segment %q has other audio than the recording %s now: hear it again", id, sha256)
	case revision == nil && !asSent(s):
		e := s.Edits[len(s.Edits)-1]
		return nil, fault.New(fault.Unconditional, "segment %q was changed since it was sent (%s, by %s at %s), and the "+
			"hash of its recording does not say that you saw that: look at it, and send If-Match with its revision", id,
			strings.Join(e.Fields, ", "), e.By, e.At)
	case revision == nil:
		revision = &s.Revision
	}
	return revision, nil
}

// asSent reports whether a segment is as it was sent first, or approved last: its recording stands for all of it.
func asSent(s schedules.Segment) bool {
	return len(s.Edits) == 0 || len(s.Edits) == 1 && slices.Contains(s.Edits[0].Fields, "audio")
}

// segmentAct changes the state of a segment.
type segmentAct func(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	schedules.Segment, error)

// act serves the other changes of state. do returns the act; it is called for each request.
func (a approvalHandlers) act(do func() segmentAct) handler {
	return func(c *call) error {
		revision, err := c.ifMatch()
		if err != nil {
			return err
		}
		var in wire.Reason
		if err := c.decodeOptional(&in); err != nil {
			return err
		}
		s, err := do()(c.r.Context(), c.actor, c.param("segment"), revision, in.Reason)
		return a.changed(c, s, err)
	}
}

// personAct decides on the recalls of a person.
type personAct func(ctx context.Context, a access.Actor, by string, since time.Time, reason string) (
	[]schedules.Segment, error)

// ofPerson serves these acts. do returns the act; it is called for each request. undoes: it undoes the recalls.
func (a approvalHandlers) ofPerson(do func() personAct, undoes bool) handler {
	return func(c *call) error {
		var in wire.RecallsOf
		if err := c.decode(&in); err != nil {
			return err
		}
		if in.By == "" {
			return fault.Fields(fault.Field{Field: "by", Message: "is missing: give the id or name of the person who recalled"})
		}
		changed, err := do()(c.r.Context(), c.actor, in.By, in.Since.Time, in.Reason)
		if err != nil {
			return err
		}
		out := wire.RecallsChanged{Segments: []wire.PersonSegment{}}
		for _, s := range changed {
			out.Segments = append(out.Segments, wire.PersonSegment{ID: s.ID, Kind: s.Kind, State: s.State})
		}
		if undoes {
			out.Confirmed = a.Library.Recalls.Confirmed(in.By, in.Since.Time)
			out.Message = stillOff(changed, out.Confirmed)
		}
		return c.json(http.StatusOK, out)
	}
}

// stillOff says which segments stay off the air after recalls were undone, and why; "": none.
func stillOff(undone []schedules.Segment, confirmed []string) string {
	var said []string
	pending := 0
	for _, s := range undone {
		if s.State == schedules.Pending {
			pending++
		}
	}
	switch {
	case pending == 0:
	case len(undone) < library.Handful:
		said = append(said, fmt.Sprintf("%d stay off the air until another person approves them (lifeline approve): of fewer "+
			"than %d recalls nobody alone puts anything back on the air", pending, library.Handful))
	default:
		said = append(said, fmt.Sprintf("%d stay off the air until another person approves them (lifeline approve): they are "+
			"sensitive, name persons, have a consent, were changed since or were not approved", pending))
	}
	if len(confirmed) > 0 {
		said = append(said, fmt.Sprintf("recalls that another person confirmed stay, and each segment is reinstated singly: %s",
			text.Names(confirmed, ", ", 600)))
	}
	return strings.Join(said, "; ")
}

// recallsOf returns the route of one of these acts.
func recallsOf(name, summary, detail string) apidoc.Route {
	return apidoc.Route{Method: http.MethodPost, Path: "/v1/recalls/" + name, Roles: makers,
		Confirmed: true, ID: name + "Recalls", Tag: apidoc.ForProducers, Summary: summary, Detail: detail,
		Takes: apidoc.TakesJSON(wire.RecallsOf{By: "hana", Since: exampleStart, Reason: "her token was stolen"}),
		Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The segments.", wire.RecallsChanged{
			Segments: []wire.PersonSegment{{ID: "letter-ko-sister", Kind: "letter", State: schedules.Approved}}})},
		Faults: map[int]string{http.StatusForbidden: "The role is not permitted, or the recalls are the caller's own.",
			http.StatusNotFound: "The person has no such recalls."}}
}

// because is the body of acts that require a reason.
var because = apidoc.TakesJSON(wire.Reason{Reason: "the family is in danger"})

// act returns the route of one of the acts.
func act(name, summary, detail string, takes []apidoc.Body) apidoc.Route {
	return apidoc.Route{Method: http.MethodPost, Path: "/v1/segments/:segment/" + name, Roles: makers,
		Confirmed: true, ID: name + "Segment", Tag: apidoc.ForProducers, Summary: summary, Detail: detail,
		Match: apidoc.MatchTaken, Takes: takes, Lenient: true,
		Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The changed segment.", exampleChanged, "ETag")},
		Faults: map[int]string{http.StatusConflict: "The state of the segment does not permit this.",
			http.StatusForbidden: "The role, or this person, is not permitted."}}
}
