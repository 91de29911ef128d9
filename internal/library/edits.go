package library

import (
	"cmp"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/schedules"
)

// approved lists the editorial fields of a segment, with what of a change another person must approve: what it says,
// whom it protects, how long it may air, and by what clocks pick, order and join it. Nothing else of a segment is
// edited. What keeps it off the air sooner or protects its persons more, such as a first consent, needs no approval.
var approved = []struct {
	name  string
	needs func(before, after *schedules.Segment) bool
}{
	{"kind", func(b, a *schedules.Segment) bool { return b.Kind != a.Kind }},
	{"title", func(b, a *schedules.Segment) bool { return b.Title != a.Title }},
	{"language", func(b, a *schedules.Segment) bool { return b.Language != a.Language }},
	{"voice", func(b, a *schedules.Segment) bool { return b.Voice != a.Voice }},
	{"series", func(b, a *schedules.Segment) bool { return b.Series != a.Series }},
	{"episode", func(b, a *schedules.Segment) bool { return b.Episode != a.Episode }},
	{"tags", func(b, a *schedules.Segment) bool { return !slices.Equal(b.Tags, a.Tags) }},
	{"script", func(b, a *schedules.Segment) bool { return !sameScript(b.Script, a.Script) }},
	{"persons", func(b, a *schedules.Segment) bool { return !slices.Equal(b.Persons, a.Persons) }},
	{"intro", func(b, a *schedules.Segment) bool { return b.Intro != a.Intro }},
	{"back_announce", func(b, a *schedules.Segment) bool { return b.BackAnnounce != a.BackAnnounce }},
	// age and order count from it, so that the later one goes before others as the earlier one airs longer
	{"valid_from", func(b, a *schedules.Segment) bool { return !b.ValidFrom.Equal(a.ValidFrom.Time) }},
	{"valid_until", func(b, a *schedules.Segment) bool { return a.ValidUntil.Outlasts(b.ValidUntil) }},
	{"consent", func(b, a *schedules.Segment) bool {
		was, is := b.Consent, cmp.Or(a.Consent, &schedules.Consent{})
		return was != nil && (was.Reference != is.Reference || !was.GivenAt.Equal(is.GivenAt.Time) ||
			is.ExpiresAt.Outlasts(was.ExpiresAt))
	}},
	{"sensitive", func(b, a *schedules.Segment) bool { return b.Sensitive && !a.Sensitive }},
}

// needingApproval returns the names of the fields of a segment with a change that another person must approve.
func needingApproval(before, after schedules.Segment) (changed []string) {
	for _, f := range approved {
		if f.needs(&before, &after) {
			changed = append(changed, f.name)
		}
	}
	return changed
}

// NeedsApproval reports whether a change of an approved segment needs approval again.
func NeedsApproval(before, after schedules.Segment) bool {
	return len(needingApproval(before, after)) > 0
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
