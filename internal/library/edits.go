package library

import (
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/schedules"
)

// needingApproval returns the names of the fields in which two states of a segment differ and that another person must
// approve: what it says, whom it protects, how long it may air, and by what clocks pick it. A shorter validity needs no
// approval.
func needingApproval(before, after schedules.Segment) (changed []string) {
	var was, is schedules.Consent
	if before.Consent != nil {
		was = *before.Consent
	}
	if after.Consent != nil {
		is = *after.Consent
	}
	for _, f := range []struct {
		name    string
		changed bool
	}{
		{"kind", before.Kind != after.Kind},
		{"language", before.Language != after.Language},
		{"script", !sameScript(before.Script, after.Script)},
		{"persons", !slices.Equal(before.Persons, after.Persons)},
		{"consent", was.Reference != is.Reference || !was.GivenAt.Equal(is.GivenAt.Time) ||
			!was.ExpiresAt.Equal(is.ExpiresAt.Time)},
		{"sensitive", before.Sensitive != after.Sensitive},
		{"valid_from", after.ValidFrom.Before(before.ValidFrom.Time)},
		{"valid_until", !before.ValidUntil.IsZero() && (after.ValidUntil.IsZero() ||
			after.ValidUntil.After(before.ValidUntil.Time))},
		{"title", before.Title != after.Title},
		{"voice", before.Voice != after.Voice},
		{"tags", !slices.Equal(before.Tags, after.Tags)},
		{"series", before.Series != after.Series},
		{"intro", before.Intro != after.Intro},
		{"back_announce", before.BackAnnounce != after.BackAnnounce},
	} {
		if f.changed {
			changed = append(changed, f.name)
		}
	}
	return changed
}

func sameScript(a, b *schedules.ScriptRef) bool {
	return a == b || a != nil && b != nil && a.ID == b.ID && a.Version == b.Version && slices.Equal(a.Passages, b.Passages)
}

// edited records that a changed the fields of s now.
func (l *Segments) edited(s *schedules.Segment, a access.Actor, fields []string) {
	noteEdit(s, a, l.now(), fields)
}

// noteEdit records that a changed the fields of s. A person has one entry of the first change and one of the later
// ones: who could act as the person at the first counts as its author, though their access has ended before the latest.
func noteEdit(s *schedules.Segment, a access.Actor, now time.Time, fields []string) {
	if len(fields) == 0 {
		return
	}
	e := schedules.Edited{By: a.Name, ByID: a.Person, At: schedules.At(now), Fields: slices.Clone(fields)}
	var own []int
	for i, other := range s.Edits {
		if other.By == e.By && other.ByID == e.ByID {
			own = append(own, i)
		}
	}
	s.Edits = slices.Clone(s.Edits)
	if len(own) > 1 {
		later := own[len(own)-1]
		e.Fields = append(e.Fields, s.Edits[later].Fields...)
		s.Edits = slices.Delete(s.Edits, later, later+1)
	}
	slices.Sort(e.Fields)
	e.Fields = slices.Compact(e.Fields)
	s.Edits = append(s.Edits, e)
}
