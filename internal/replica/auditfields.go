package replica

import (
	"encoding/json"

	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// auditFields is the form of store.Change.Fields: what a change changed, or what a note is about.
type auditFields struct {
	Kind   string             `json:"kind,omitempty"` // of the document that a note is about
	ID     string             `json:"id,omitempty"`
	Times  int64              `json:"times,omitempty"` // how often it happened; 0: once
	Fields []wire.FieldChange `json:"fields,omitempty"`
}

// NoteOn returns the fields of a commit without writes that is about a document, and that happened so many times.
func NoteOn(kind, id string, times int64) string {
	b, err := json.Marshal(auditFields{Kind: kind, ID: id, Times: times})
	if err != nil {
		return "" // cannot happen: it has strings and a number
	}
	return string(b)
}

// AuditRecord returns what the audit shows of a change.
func AuditRecord(c store.Change) (r wire.AuditRecord) {
	r = wire.AuditRecord{Sequence: c.Sequence, At: schedules.At(c.At), By: c.By, Action: c.Action, Reason: c.Reason,
		Kind: c.Kind, ID: c.ID, From: max(c.Revision-1, 0), To: c.Revision, RequestID: c.RequestID,
		Person: c.Person, Token: c.Token, Remote: c.Remote}
	var f auditFields
	if c.Fields == "" || json.Unmarshal([]byte(c.Fields), &f) != nil {
		return r
	}
	if c.Kind == "" {
		r.Kind, r.ID = f.Kind, f.ID
	}
	r.Times, r.Fields = f.Times, f.Fields
	return r
}
