package network

import (
	"slices"
	"strings"
	"time"

	"lifeline/schedules"
)

// reserveMost bounds the segments of a reserve in each language.
const reserveMost = 3

// reserveKinds are the kinds of segments that may stand alone, at any time, the best first.
var reserveKinds = []schedules.Kind{"evergreen", "reading", "music", "ident"}

// Fillers returns the station's fallback segments that may air at an instant and, for each language of its fallback in
// which none may, a reserve: approved segments of the library that name nobody and need no lease. A recall is one
// person's and instant, and the reserve keeps it from bringing silence.
func (s *StationProblems) Fillers(st schedules.Station, now time.Time) []fallbackSegment {
	return fillers(s.planning.Library(), st, now)
}

func fillers(lib *schedules.Library, st schedules.Station, now time.Time) []fallbackSegment {
	out := airableOf(lib, st, st.Fallback, now)
	left, lost := languagesOf(out), map[string]bool{}
	for _, id := range st.Fallback {
		if seg, ok := lib.Segment(id); ok && !left[strings.ToLower(seg.Language)] {
			lost[strings.ToLower(seg.Language)] = true
		}
	}
	if len(lost) == 0 {
		return out
	}
	of := map[string]int{}
	segments := lib.Segments()
	for _, kind := range reserveKinds {
		for _, seg := range segments {
			l := strings.ToLower(seg.Language)
			if seg.Kind != kind || !lost[l] || of[l] >= reserveMost || seg.Sensitive || len(seg.Persons) > 0 ||
				seg.Intro != "" || seg.BackAnnounce != "" || slices.Contains(st.Fallback, seg.ID) {
				continue
			}
			may := airableOf(lib, st, []string{seg.ID}, now)
			of[l] += len(may)
			out = append(out, may...)
		}
	}
	return out
}
