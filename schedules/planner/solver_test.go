package planner_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"lifeline/schedules"
)

// verdict is what the solver says about a day.
type verdict string

const (
	solved    verdict = "has a plan"
	noPlan    verdict = "has none"
	undecided verdict = "undecided"
)

// solverStates bounds the states that the solver visits in one window.
const solverStates = 60_000

// solve says whether a day has a plan. It shares no code with the planner. A random search, whose days the auditor
// judges, finds plans. A complete search of each window alone, which only lengths, validity, separations and counts per
// window limit, shows that there is none: a day whose window has no plan alone has none.
func solve(in schedules.Input, seed uint64) verdict {
	if _, ok := naivePlan(in, rand.New(rand.NewPCG(seed, 1)), 50); ok {
		return solved
	}
	if hasNone(in) {
		return noPlan
	}
	return undecided
}

// hasNone reports whether the complete search shows that some window of the day has no plan.
func hasNone(in schedules.Input) bool {
	windows, err := in.Station.OccurrencesOn(in.Date)
	if err != nil {
		return false
	}
	for _, o := range windows {
		s := solver{in: in, states: solverStates, seen: map[string]bool{}, start: o.StartAt.UnixMilli(),
			end: o.EndAt.UnixMilli(), alone: len(windows) == 1}
		s.def, _ = in.Station.Window(o.Window)
		s.clock, s.tolerance = in.Clocks[s.def.Clock], s.def.Tolerance.Milliseconds()
		for _, p := range s.clock.Positions {
			s.units = append(s.units, s.candidates(p))
		}
		if !s.from(0, s.start, s.start, nil) && s.states > 0 {
			return true
		}
	}
	return false
}

type solver struct {
	in                    schedules.Input
	def                   schedules.Window
	clock                 schedules.Clock
	start, end, tolerance int64
	alone                 bool // the day's only window
	units                 [][][]schedules.Segment
	states                int
	seen                  map[string]bool
}

// item is a segment in its place. It ends between the two instants.
type item struct {
	seg        *schedules.Segment
	from, till int64
}

// candidates returns what a position may air: segments, with their companions if it is a chain.
func (s *solver) candidates(p schedules.Position) (out [][]schedules.Segment) {
	for _, x := range s.in.Library.Segments() {
		switch {
		case p.Segment != "" && p.Segment != x.ID, p.Pick != nil && !p.Pick.Matches(&x),
			p.Fill != nil && !p.Fill.Matches(&x) && !slices.Contains(s.in.Station.Fallback, x.ID):
			continue
		}
		u := []schedules.Segment{x}
		if intro, ok := s.in.Library.Segment(x.Intro); ok && p.Chain {
			u = slices.Insert(u, 0, intro)
		}
		if back, ok := s.in.Library.Segment(x.BackAnnounce); ok && p.Chain {
			u = append(u, back)
		}
		out = append(out, u)
	}
	return out
}

// from reports whether the window can be finished from a position on, at some time from low to high.
func (s *solver) from(j int, low, high int64, items []item) bool {
	if j == len(s.clock.Positions) {
		return high >= s.end-s.tolerance && low <= s.end+s.tolerance && s.enough(items)
	}
	p := s.clock.Positions[j]
	if j > 0 && p.At != nil && p.Fill == nil {
		at := s.start + p.At.Milliseconds()
		least, most := at-s.tolerance, at+s.tolerance
		if p.Start == schedules.Soft {
			most = max(most, at+p.Grace.Milliseconds())
		}
		if low, high = max(low, least), min(high, most); low > high {
			return false
		}
	}
	if low > s.end+s.tolerance {
		return false
	}
	key := s.key(j, low, high, items)
	if s.seen[key] {
		return false
	}
	if s.states--; s.states <= 0 {
		return true // unknown
	}
	s.seen[key] = true
	next := j + 1
	if p.Fill != nil {
		next = j
	}
	for _, u := range s.units[j] {
		if more, l, h, ok := s.add(p, u, low, high, items); ok && s.from(next, l, h, more) {
			return true
		}
	}
	return (p.Fill != nil || p.Optional) && s.from(j+1, low, high, items)
}

// add returns the items with a unit added, if it may start between low and high.
func (s *solver) add(p schedules.Position, u []schedules.Segment, low, high int64, items []item) ([]item, int64, int64,
	bool) {
	out := slices.Clone(items)
	for k := range u {
		ms := u[k].Recording.AirTime().Milliseconds()
		if !s.mayAir(&u[k], low, high, out) || low >= s.end {
			return nil, 0, 0, false
		}
		low, high = low+ms, high+ms
		if k == len(u)-1 { // a fade or a post may cut its end
			low -= min(max(p.FadeMax.Milliseconds(), s.tolerance), ms)
		}
		out = append(out, item{&u[k], low, high})
	}
	return out, low, high, true
}

// mayAir reports whether the segment may start at some time between low and high. Rules that it does not know allow it.
func (s *solver) mayAir(x *schedules.Segment, low, high int64, items []item) bool {
	ms := x.Recording.AirTime().Milliseconds()
	languages := s.in.Station.Allowed(s.def)
	for _, at := range []int64{low, high} {
		if s.in.Library.Airable(x.ID, schedules.Place{Languages: languages, StartAt: instantOf(at).Time,
			EndAt: instantOf(at + ms).Time}) == nil {
			break
		} else if at == high {
			return false
		}
	}
	for _, r := range s.clock.Rules {
		if !r.Hard || !r.Only.Matches(x) {
			continue
		}
		n := 0
		for _, y := range items {
			switch {
			case !r.Only.Matches(y.seg):
			case r.Separate != "" && shareValue(r.Separate, x, y.seg) && high-y.from < r.For.Milliseconds():
				return false
			case r.AtMost != nil && r.Per == "window" && s.counts(r, x) && s.counts(r, y.seg) &&
				(r.Of.Each != "segment" || x.ID == y.seg.ID):
				n++
			}
		}
		if r.AtMost != nil && r.Per == "window" && s.counts(r, x) && n >= *r.AtMost {
			return false
		}
	}
	return true
}

// counts reports whether a rule counts the segment.
func (s *solver) counts(r schedules.Rule, x *schedules.Segment) bool {
	if r.Of.Each != "" {
		return r.Of.Each == "segment"
	}
	return len(r.Of.Match) == 1 && r.Of.Match["kind"] == string(x.Kind)
}

// enough reports whether the items meet the hard minima of the window.
func (s *solver) enough(items []item) bool {
	has := func(of func(x *schedules.Segment) bool) (n int) {
		for _, y := range items {
			if of(y.seg) {
				n++
			}
		}
		return n
	}
	for _, r := range s.clock.Rules {
		if r.Hard && r.AtLeast != nil && r.Per == "window" && len(r.Of.Match) == 1 && r.Of.Match["kind"] != "" &&
			has(func(x *schedules.Segment) bool { return r.Only.Matches(x) && s.counts(r, x) }) < *r.AtLeast {
			return false
		}
	}
	for _, c := range s.in.Campaigns {
		if c.Hard && s.alone && c.From.IsZero() && c.Until.IsZero() && len(c.Dayparts) == 0 && has(c.Of.Matches) < c.AtLeast {
			return false
		}
	}
	return true
}

// key identifies all of the past on which the future depends: how often each segment aired, and when last if some
// separation is shorter than the window.
func (s *solver) key(j int, low, high int64, items []item) string {
	short := slices.ContainsFunc(s.clock.Rules, func(r schedules.Rule) bool {
		return r.Hard && r.Separate != "" && r.For.Milliseconds() < s.end-s.start+2*s.tolerance
	})
	var parts []string
	for _, y := range items {
		part := y.seg.ID
		if short {
			part += fmt.Sprint("@", y.from)
		}
		parts = append(parts, part)
	}
	slices.Sort(parts)
	return fmt.Sprint(j, " ", low, " ", high, " ", strings.Join(parts, " "))
}
