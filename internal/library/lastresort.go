package library

import (
	"fmt"

	"lifeline/internal/replica"
	"lifeline/schedules"
)

// sensitiveOnlyFallbacks returns a problem for each station whose fallback would have only sensitive segments if s were
// stored, because such a station would fall silent when its lease ends without the link. It returns none for a segment
// that is already sensitive: other changes of it are allowed.
func (l *Segments) sensitiveOnlyFallbacks(s schedules.Segment) (out []schedules.Problem) {
	if before, ok := replica.SegmentsIn(l.replica).Get(s.ID); !s.Sensitive || ok && before.Value.Sensitive {
		return nil
	}
	find := func(id string) (schedules.Segment, bool) {
		if id == s.ID {
			return s, true
		}
		row, ok := replica.SegmentsIn(l.replica).Get(id)
		return row.Value, ok
	}
	for _, row := range replica.StationsIn(l.replica).After("", "") {
		names := false
		for _, id := range row.Value.Fallback {
			names = names || id == s.ID
		}
		if names && row.Value.OnlySensitive(find) {
			out = append(out, schedules.Problem{Field: "sensitive", Message: fmt.Sprintf(
				"is not possible: the fallback of station %q would then have sensitive segments only, and the station would be "+
					"silent once its lease ends. "+
					"Give it another segment first", row.Value.ID)})
		}
	}
	return out
}
