package control

import (
	"fmt"

	"lifeline/schedules"
)

// lastResorts are the stations whose fallback would have sensitive segments only, were s as it says: without the link
// such a station would soon be silent. Of a segment that is sensitive already there are none: any other change of it is let in.
func (m *Mirror) lastResorts(s schedules.Segment) (out []schedules.Problem) {
	if before, ok := segmentsIn(m).get(s.ID); !s.Sensitive || ok && before.value.Sensitive {
		return nil
	}
	find := func(id string) (schedules.Segment, bool) {
		if id == s.ID {
			return s, true
		}
		row, ok := segmentsIn(m).get(id)
		return row.value, ok
	}
	for _, row := range stationsIn(m).after("", "") {
		names := false
		for _, id := range row.value.Fallback {
			names = names || id == s.ID
		}
		if names && row.value.OnlySensitive(find) {
			out = append(out, schedules.Problem{Field: "sensitive", Message: fmt.Sprintf(
				"is not possible: the fallback of station %q would then have sensitive segments only, and the station would be silent once its lease ends. "+
					"Give it another segment first", row.value.ID)})
		}
	}
	return out
}
