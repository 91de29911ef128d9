package control

import (
	"slices"

	"lifeline/schedules"
)

// texts holds each text once, however many segments say it.
type texts map[string]string

// textsKept bounds the table; when it is full it begins anew.
const textsKept = 1 << 16

// share gives a segment that nobody else has yet the held form of what others say too, and frees the room that its lists
// have left over.
func (t texts) share(s *schedules.Segment) {
	s.Kind, s.State = schedules.Kind(t.of(string(s.Kind))), schedules.State(t.of(string(s.State)))
	said := []*string{&s.Language, &s.Voice, &s.Series, &s.Intro, &s.BackAnnounce, &s.UploadedBy, &s.ReinstatedBy}
	s.Tags, s.Persons = slices.Clone(s.Tags), slices.Clone(s.Persons)
	for i := range s.Tags {
		said = append(said, &s.Tags[i])
	}
	for i := range s.Persons {
		said = append(said, &s.Persons[i])
	}
	if s.Script != nil {
		said = append(said, &s.Script.ID)
		s.Script.Passages = slices.Clone(s.Script.Passages)
	}
	if s.Rejection != nil {
		said = append(said, &s.Rejection.Code, &s.Rejection.Message)
	}
	if r := s.Recording; r != nil {
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

func (t texts) of(v string) string {
	held, ok := t[v]
	if ok {
		return held
	}
	if len(t) >= textsKept {
		clear(t)
	}
	t[v] = v
	return v
}
