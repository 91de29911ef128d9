package planner

import (
	"slices"

	"lifeline/schedules"
)

// searchSteps bounds the candidates that the sequential searches of one attempt at a stretch try.
const searchSteps = 40_000

// search fills [at, end) item by item, each at its exact time, with backtracking. It finds fills that closings cannot:
// with repeats within the stretch, or in orders that rules dictate.
func (f closingPass) search(at, end int64) (int64, bool) {
	f.bend = true
	s := searcher{filler: f.filler, end: end}
	if !s.from(at, 0) {
		return at, false
	}
	return s.reached, true
}

type searcher struct {
	*filler
	end     int64
	reached int64
}

func (s *searcher) from(at int64, depth int) bool {
	fade := s.fade()
	if r := at - s.end; r >= s.st.least && r <= max(s.st.most, fade) && depth > 0 {
		if r > 0 && r <= fade {
			at -= fillPass{s.p}.trimLast(r, fade)
		}
		s.reached = at
		return true
	}
	if depth == 600 {
		return false
	}
	type choice struct {
		c    cand
		rank int
	}
	var open []choice
	var record []schedules.Candidate
	left := s.end - at
	rank := 0
	s.each(func(seg int32, last int64) bool {
		u, _ := s.p.unit(seg, s.pl.pos.Chain)
		c := s.consider(seg, last, at, at+u.ms, left+max(s.st.most, fade))
		s.list = append(s.list[:0], c)
		record = append(record, s.candidate(0))
		if c.why == "" && c.refused.rule == nil && c.unit.ms > 0 {
			open = append(open, choice{c: c, rank: rank})
		}
		rank++
		s.p.searches--
		return len(open) < 64 && s.p.searches > 0
	})
	// Candidates that end the fill at once come first, then those that bend no soft rule, then the others.
	closes := func(c choice) bool { r := c.c.unit.ms - left; return r >= s.st.least && r <= max(s.st.most, fade) }
	for pass := range 3 {
		for _, c := range open {
			kind := 2
			if closes(c) {
				kind = 0
			} else if c.c.bends == 0 {
				kind = 1
			}
			if kind != pass {
				continue
			}
			mark := s.p.checkpoint()
			considered := slices.Clone(record[:c.rank+1])
			for k := range considered[:c.rank] {
				if considered[k].Refused.IsZero() {
					considered[k].Refused = schedules.Refusal{Rule: "leads to no end on time, or would bend soft rules"}
				}
			}
			ch := &schedules.Choice{Method: schedules.MethodSearch, StartAt: instant(at), Target: schedules.Ms(left),
				Candidates: considered, Aired: []string{s.p.name(c.c.unit.main)}}
			s.settle(c.c, at, ch, 0, c.rank)
			if s.from(at+c.c.unit.ms, depth+1) {
				return true
			}
			s.p.reset(mark)
			if s.p.searches <= 0 {
				return false
			}
		}
	}
	return false
}
