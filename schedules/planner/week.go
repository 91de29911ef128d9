package planner

import (
	"slices"
	"time"

	"lifeline/schedules"
)

// later returns the window occurrences after the day, in its week, that follow a clock and are not planned yet. They
// can still meet weekly demands.
func (p demandPass) later(clock string) (out []schedules.AirTime) {
	until := p.day.week()[1]
	if until <= p.day.end {
		return nil
	}
	all, err := p.in.Station.AirTimes(time.UnixMilli(p.day.end), time.UnixMilli(until))
	if err != nil {
		return nil
	}
	for _, o := range all {
		planned := slices.ContainsFunc(p.airings.sequence, func(s span) bool {
			return s.win < 0 && s.start >= o.StartAt.UnixMilli() && s.start < o.EndAt.UnixMilli()
		})
		if o.Terms.Clock == clock && o.Terms.Repeats == nil && !planned {
			out = append(out, o)
		}
	}
	return out
}

// mostLater returns an upper bound on the airings of the members in the later occurrences. It ignores other rules.
func (p demandPass) mostLater(later []schedules.AirTime, members bitset) (most int64) {
	for _, o := range later {
		def := *o.Terms
		length := o.EndAt.Sub(o.StartAt.Time).Milliseconds() + def.Tolerance.Milliseconds()
		clock := p.in.Clocks[def.Clock]
		for i := range clock.Positions {
			pos := &clock.Positions[i]
			shortest := p.shortest(pos, p.in.Station.Allowed(def), members)
			switch {
			case shortest == maxTime:
			case pos.Fill != nil:
				most += (length+pos.FadeMax.Milliseconds())/shortest + 1
			case pos.Chain:
				most += 3
			default:
				most++
			}
		}
	}
	return most
}

// shortest returns the air time of the shortest member that a position may air, with its companions or alone, or
// maxTime if there is none.
func (p demandPass) shortest(pos *schedules.Position, languages []string, members bitset) int64 {
	var segments []int32
	switch {
	case pos.Segment != "":
		if seg, ok := p.lib.index(pos.Segment); ok {
			segments = []int32{seg}
		}
	case pos.Pick != nil:
		segments = p.lib.class(pos.Pick, languages)
	default:
		segments = slices.Clone(p.lib.class(pos.Fill, languages))
		for _, id := range p.in.Station.Fallback {
			if seg, ok := p.lib.index(id); ok {
				segments = append(segments, seg)
			}
		}
	}
	out := int64(maxTime)
	for _, seg := range segments {
		u, broken := p.unit(seg, pos.Chain)
		if broken != "" {
			continue
		}
		for _, m := range u.members[:u.n] {
			if e := p.lib.entries[m]; e.Fit && members.has(m) && e.ms > 0 {
				out = min(out, e.ms)
			}
		}
	}
	return out
}
