package replica

import (
	"slices"
	"strings"
	"sync"

	"lifeline/schedules"
)

// texts interns the strings that segments have in common.
type texts struct {
	mu   sync.Mutex
	held map[string]string
}

// textsKept bounds the interned strings. A full table is emptied.
const textsKept = 1 << 16

// share replaces the strings of a segment that is not yet shared: common ones by interned copies, others by copies of
// their own, so that the decoded buffer can be freed. It also trims the spare capacity of lists.
func (t *texts) share(s *schedules.Segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.ID, s.Title = strings.Clone(s.ID), strings.Clone(s.Title)
	s.Previous = slices.Clone(s.Previous)
	for i, sha256 := range s.Previous {
		s.Previous[i] = strings.Clone(sha256)
	}
	s.Kind, s.State = schedules.Kind(t.of(string(s.Kind))), schedules.State(t.of(string(s.State)))
	var room [32]*string
	said := append(room[:0], &s.Language, &s.Voice, &s.Series, &s.Intro, &s.BackAnnounce, &s.UploadedBy, &s.ReinstatedBy,
		&s.UploadedByID, &s.ReinstatedByID)
	s.Tags, s.Persons = slices.Clone(s.Tags), slices.Clone(s.Persons)
	s.FormerPersons = slices.Clone(s.FormerPersons)
	for i := range s.FormerPersons {
		said = append(said, &s.FormerPersons[i])
	}
	for i := range s.Tags {
		said = append(said, &s.Tags[i])
	}
	for i := range s.Persons {
		said = append(said, &s.Persons[i])
	}
	s.Edits = slices.Clone(s.Edits)
	for i := range s.Edits {
		e := &s.Edits[i]
		said, e.Fields = append(said, &e.By, &e.ByID), slices.Clone(e.Fields)
		for j := range e.Fields {
			said = append(said, &e.Fields[j])
		}
	}
	if s.Recall != nil {
		s.Recall.Was = schedules.State(t.of(string(s.Recall.Was)))
		said = append(said, &s.Recall.By, &s.Recall.ByID, &s.Recall.Person, &s.Recall.ConfirmedBy, &s.Recall.ConfirmedByID)
	}
	if s.Approval != nil {
		said = append(said, &s.Approval.By, &s.Approval.ByID, &s.Approval.SHA256)
	}
	if s.Script != nil {
		said = append(said, &s.Script.ID)
		s.Script.Passages = slices.Clone(s.Script.Passages)
	}
	if s.Consent != nil {
		s.Consent.Reference = strings.Clone(s.Consent.Reference)
	}
	if s.Rejection != nil {
		said = append(said, &s.Rejection.Code, &s.Rejection.Message)
	}
	if r := s.Recording; r != nil {
		r.SHA256 = strings.Clone(r.SHA256)
		said = append(said, &r.ContentType, &r.BitrateMode)
		r.Silences, r.RecordingWarnings = slices.Clone(r.Silences), slices.Clone(r.RecordingWarnings)
		for i := range r.RecordingWarnings {
			said = append(said, &r.RecordingWarnings[i].Code, &r.RecordingWarnings[i].Message)
		}
	}
	for _, text := range said {
		*text = t.of(*text)
	}
}

func (t *texts) of(v string) string {
	if held, ok := t.held[v]; ok {
		return held
	}
	if t.held == nil || len(t.held) >= textsKept {
		t.held = map[string]string{}
	}
	v = strings.Clone(v)
	t.held[v] = v
	return v
}
