package library

import (
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// EditedReadings returns the writes by which a counts as an editor of the readings whose text a script changes: who
// changed what is read cannot approve who reads it.
func EditedReadings(m *replica.Replica, a access.Actor, now time.Time, before, after schedules.Script) (
	writes []store.Write, err error) {
	query := SegmentFilter{Script: after.ID}.query(search.Wanted{})
	rows := replica.SegmentsIn(m).Find(query, 0, func(s schedules.Segment) bool {
		return s.Script != nil && !slices.Equal(textOf(before, s), textOf(after, s))
	})
	for _, row := range rows {
		s := row.Value
		noteEdit(&s, a, now, []string{"script"})
		s.Revision = row.Revision + 1
		body, err := replica.Encode(s)
		if err != nil {
			return nil, err
		}
		writes = append(writes, store.Write{Kind: replica.KindSegment, ID: s.ID, Expect: row.Revision, Body: body})
	}
	return writes, nil
}

// textOf returns what a segment reads of its script, in its language.
func textOf(script schedules.Script, s schedules.Segment) (out []string) {
	for _, v := range script.Versions {
		if v.Version != s.Script.Version {
			continue
		}
		for _, p := range v.Passages {
			if !slices.Contains(s.Script.Passages, p.Number) {
				continue
			}
			for _, l := range script.Languages {
				if schedules.Speaks(s.Language, []string{l}) {
					out = append(out, l+": "+p.Text[l])
				}
			}
		}
	}
	return out
}
