package httpapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// mayKnow is the cure in every refusal of what only named persons may know.
const mayKnow = "an administrator names who may, with lifeline people set PERSON --sensitive"

// namedPerson is the kind, on the audit, of a person whom segments name.
const namedPerson = "named-person"

// view returns segments as the caller may see them: who is not named for it sees no persons and no consent. What the
// others read of them is noted on the audit.
func (a *Parts) view(c *call, segments ...schedules.Segment) []schedules.Segment {
	out := slices.Clone(segments)
	var read []string
	for i := range out {
		s := &out[i]
		byPerson := s.Recall != nil && s.Recall.Person != ""
		if len(s.Persons)+len(s.FormerPersons) == 0 && s.Consent == nil && !byPerson {
			continue
		}
		if c.actor.Sensitive {
			read = append(read, s.ID)
			continue
		}
		s.Persons, s.FormerPersons, s.Consent = nil, nil, nil
		if byPerson {
			recall := *s.Recall
			recall.Person = ""
			s.Recall = &recall
		}
	}
	switch len(read) {
	case 0:
	case 1:
		a.noteReading(c, "segment.read", replica.KindSegment, read[0], "persons and consent")
	default:
		a.noteReading(c, "segment.read", replica.KindSegment, read[0]+".."+read[len(read)-1],
			"persons and consent of "+strings.Join(read, ", "))
	}
	return out
}

// viewOf is view for one segment.
func (a *Parts) viewOf(c *call, s schedules.Segment) schedules.Segment { return a.view(c, s)[0] }

// noteReading notes a reading on the audit. A full store keeps nobody from what is needed to protect a person, and no
// station off the air: the log then has the reading.
func (a *Parts) noteReading(c *call, action, kind, id, what string) {
	if err := a.Notes.Note(c.r.Context(), c.actor, action, kind, id, what); err != nil {
		a.Log.Error("a reading was not noted on the audit", "request_id", c.actor.RequestID, "by", c.actor.Name,
			"action", action, "id", id, "error", err)
	}
}

// viewHeld makes the segments that a station held what the caller may see of them.
func (a *Parts) viewHeld(c *call, held []wire.HeldSegment) {
	for i := range held {
		switch {
		case len(held[i].Persons) == 0:
		case c.actor.Sensitive:
			a.noteReading(c, "segment.read", replica.KindSegment, held[i].ID, "persons")
		default:
			held[i].Persons = nil
		}
	}
}

// hiddenReason takes the place of a reason that names a person.
const hiddenReason = "(only who is named for it reads this)"

// namesPerson reports whether the reason of an action names a person in segments.
func namesPerson(action string) bool { return action == library.ActionRecallPerson }

// viewAudit makes records of the audit what the caller may see of them: which person was recalled or looked up only
// the named know.
func (a *Parts) viewAudit(c *call, records []wire.AuditRecord) {
	named := false
	for i := range records {
		r := &records[i]
		person := r.Kind == namedPerson && r.ID != ""
		named = named || person || namesPerson(r.Action)
		switch {
		case c.actor.Sensitive:
		case person:
			r.ID = ""
		case namesPerson(r.Action):
			r.Reason = hiddenReason
		}
	}
	if named && c.actor.Sensitive {
		a.noteReading(c, "audit.read", "", "", "persons who were recalled or looked up")
	}
}

// viewWaiting makes a change that waits what the caller may see of it.
func viewWaiting(c *call, w *wire.Waiting) {
	if !c.actor.Sensitive && namesPerson(w.Action) {
		w.Reason = hiddenReason
	}
}

// viewErasures returns erasures as the caller may see them.
func (a *Parts) viewErasures(c *call, erasures ...wire.Erasure) []wire.Erasure {
	out := slices.Clone(erasures)
	for i := range out {
		switch {
		case out[i].Person == "" && len(out[i].Names) == 0:
		case c.actor.Sensitive:
			a.noteReading(c, "erasure.read", "erasure", out[i].ID, "the person and the names")
		default:
			out[i].Person, out[i].Names = "", nil
		}
	}
	return out
}

// hear fails with Forbidden if one of the segments is sensitive and the caller is not named for it. It notes on the
// audit that others hear it, and fails if it cannot. Stations air what their queues name; what another than the
// enrolled player may hear with a token of theirs is noted. The caller of a media address has the rights of who fetched
// its list.
func (a *Parts) hear(c *call, action string, segments ...schedules.Segment) error {
	by, err := a.Access.Hearer(c.actor)
	if err != nil || by.HasEnrolled(a.Replica) {
		return err
	}
	for _, s := range segments {
		if !s.Sensitive {
			continue
		}
		if by.Role == access.StationJob {
			a.noteReading(c, action, replica.KindSegment, s.ID, "as station "+by.Station+", without an enrolled key")
			continue
		}
		if !by.Sensitive {
			return fault.New(fault.Forbidden, "this recording is sensitive, and only persons who are named for it hear it: %s",
				mayKnow)
		}
		if err := a.Notes.Note(c.r.Context(), by, action, replica.KindSegment, s.ID, ""); err != nil {
			return err
		}
	}
	return nil
}

// hearWindow is hear for the segments of a rendered window, also for those that were sensitive when it was published.
func (a *Parts) hearWindow(c *call, w *scheduling.Rendered) error {
	var in []schedules.Segment
	for id, sensitive := range w.Segments {
		s := schedules.Segment{ID: id}
		if row, ok := replica.SegmentsIn(a.Replica).Get(id); ok {
			s = row.Value
		}
		s.Sensitive = s.Sensitive || sensitive
		in = append(in, s)
	}
	return a.hear(c, "segment.listen", in...)
}

// knowPerson fails with Forbidden if the caller may not know which segments name a person. It notes that others read
// it.
func (a *Parts) knowPerson(c *call, id string) error {
	if !c.actor.Sensitive {
		return fault.New(fault.Forbidden, "only persons who are named for it know which segments name a person: %s",
			mayKnow)
	}
	a.noteReading(c, "person.read", namedPerson, id, "")
	return nil
}

// hiddenKept returns the merge patch of a segment without the empty members that somebody sends who does not see
// persons and consent, so that both stay. It fails with Forbidden if the patch sets them, or makes a segment less
// sensitive.
func hiddenKept(c *call, before schedules.Segment, patch []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if c.actor.Sensitive || json.Unmarshal(patch, &members) != nil {
		return patch, nil // what is no object is refused where it is merged
	}
	var wrong error
	refuse := func(what string) {
		wrong = fault.New(fault.Forbidden, "only persons who are named for it change %s: %s", what, mayKnow)
	}
	left := false
	for name, value := range members {
		v := strings.Join(strings.Fields(string(bytes.TrimSpace(value))), "")
		switch strings.ToLower(name) {
		case "persons", "consent":
			if v != "null" && v != "[]" {
				refuse("persons and consent")
			}
			delete(members, name)
			left = true
		case "sensitive":
			if before.Sensitive && v != "true" {
				refuse("what is sensitive")
			}
		}
	}
	if wrong != nil || !left {
		return patch, wrong
	}
	return json.Marshal(members)
}
