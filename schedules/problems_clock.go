package schedules

import (
	"fmt"
	"slices"
	"time"
)

// Problems lists the faults of a clock by itself. Network checks the segments that it names and the windows that follow
// it.
func (c Clock) Problems() []Problem {
	p := &problems{}
	p.id("id", c.ID)
	if c.Length.Duration <= 0 || c.Length.Duration > MaxWindow {
		p.add("length_ms", "must be more than 0 and at most %.0f hours", MaxWindow.Hours())
	}
	if len(c.Positions) == 0 {
		p.add("positions", "must not be empty")
	}
	if !p.fits("positions", len(c.Positions)) || !p.fits("rules", len(c.Rules)) {
		return p.list
	}
	seen := map[string]bool{}
	for i := range c.Positions {
		pos := &c.Positions[i]
		at := fmt.Sprintf("positions[%d]", i)
		p.id(at+".id", pos.ID)
		if seen[pos.ID] {
			p.add(at+".id", "%q is there twice", pos.ID)
		}
		seen[pos.ID] = true
		p.position(at, pos)
	}
	p.timing(&c)
	for i := range c.Rules {
		p.rule(fmt.Sprintf("rules[%d]", i), &c.Rules[i])
	}
	return p.list
}

func (p *problems) position(at string, pos *Position) {
	n := 0
	if pos.Segment != "" {
		n++
		p.id(at+".segment", pos.Segment)
	}
	if pos.Pick != nil {
		n++
		p.selector(at+".pick", pos.Pick)
	}
	if pos.Fill != nil {
		n++
		p.selector(at+".fill", pos.Fill)
	}
	if n != 1 {
		p.add(at, "must have exactly one of segment, pick and fill")
	}
	switch pos.Start {
	case "", Follow, Hard, Soft:
	default:
		p.add(at+".start", "%q must be follow, hard or soft, or left out", pos.Start)
	}
	if pos.Start == Follow && pos.At != nil {
		p.add(at+".start", "must be hard or soft where at_ms is given")
	}
	if (pos.Start == Hard || pos.Start == Soft) && pos.At == nil {
		p.add(at+".start", "%q needs at_ms", pos.Start)
	}
	if pos.Grace.Duration < 0 || pos.Grace.Duration > 0 && pos.Start != Soft {
		p.add(at+".grace_ms", "must not be negative, and only a soft start has it")
	}
	if pos.FadeMax.Duration < 0 || pos.FadeMax.Duration > MaxFade {
		p.add(at+".fade_max_ms", "must be from 0 to %d", MaxFade.Milliseconds())
	}
	if pos.Near.Duration < 0 || pos.Near.Duration > MaxNear || pos.Near.Duration > 0 && pos.Fill == nil {
		p.add(at+".near_ms", "must be from 0 to %d, and only a fill has it", MaxNear.Milliseconds())
	}
	if pos.Prefer != "" && !slices.Contains(Preferences, pos.Prefer) {
		p.add(at+".prefer", "%q must be %s, or left out", pos.Prefer, orOf(Preferences))
	}
	if pos.Prefer == ByEpisode && pos.Fill != nil {
		p.add(at+".prefer", "must not be %s for a fill, which takes segments by their lengths: make it a pick", ByEpisode)
	}
	if pos.Optional && pos.Pick == nil {
		p.add(at+".optional", "must be false, unless the position is a pick")
	}
	if pos.At != nil && pos.AtEnd {
		p.add(at+".at_end", "must be false where at_ms is given")
	}
}

func (p *problems) selector(field string, s *Selector) {
	if !p.fits(field+".kinds", len(s.Kinds)) || !p.fits(field+".tags", len(s.Tags)) {
		return
	}
	for i, k := range s.Kinds {
		p.kind(fmt.Sprintf("%s.kinds[%d]", field, i), k)
	}
	if s.Language != "" {
		p.language(field+".language", s.Language)
	}
	if s.Min.Duration < 0 {
		p.add(field+".min_ms", "must not be negative")
	}
	if s.Max.Duration < 0 || s.Max.Duration > 0 && s.Max.Duration < s.Min.Duration {
		p.add(field+".max_ms", "must not be less than min_ms")
	}
}

// timing checks the posts and the positions between them.
func (p *problems) timing(c *Clock) {
	reach, elastic, content, ended := time.Duration(0), false, false, false
	since := 0
	for i := range c.Positions {
		pos := &c.Positions[i]
		at := fmt.Sprintf("positions[%d]", i)
		if ended && !pos.AtEnd {
			p.add(at, "cannot follow a position with at_end")
		}
		if pos.At != nil {
			switch post := pos.At.Duration; {
			case post < 0 || post >= c.Length.Duration:
				p.add(at+".at_ms", "must lie within the clock, from 0 to less than its length")
			case post < reach || post == reach && i > since:
				p.add(at+".at_ms", "must be later than what is before it")
			case post > reach && !elastic && !content:
				p.add(at+".at_ms", "leaves %s before it, and nothing is there to fill them", FormatLength(post-reach))
			}
			reach, elastic, content, since = max(reach, pos.At.Duration), false, false, i
		}
		elastic = elastic || pos.Fill != nil
		content = true
		if pos.AtEnd {
			if pos.Fill != nil {
				p.add(at+".at_end", "must be false for a fill")
			}
			ended = true
		}
	}
	if ended && !elastic && len(c.Positions) > 0 {
		p.add("positions", "must have a fill before those with at_end")
	}
}

func (p *problems) rule(at string, r *Rule) {
	n := 0
	for _, set := range []bool{r.Separate != "", r.AtMost != nil, r.AtLeast != nil, r.Share != nil, !r.After.IsZero(),
		r.KeepTo != nil, r.FreshFor.Duration != 0, r.InOrder != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		p.add(at, "must have exactly one of separate, at_most, at_least, share, after, keep_to, fresh_for_ms "+
			"and in_order")
	}
	if r.Only != nil {
		p.selector(at+".only", r.Only)
	}
	if r.Weight < 0 || r.Weight > MaxWeight {
		p.add(at+".weight", "must be from 0 to %d", MaxWeight)
	}
	if r.Hard && r.Weight != 0 {
		p.add(at+".weight", "must be left out for a hard rule, which never bends")
	}
	if r.Separate != "" {
		if !slices.Contains(Separable, r.Separate) {
			p.add(at+".separate", "%q must be %s", r.Separate, orOf(Separable))
		}
		if r.For.Duration <= 0 && r.Items <= 0 {
			p.add(at+".for_ms", "must be more than 0, unless items is")
		}
		if r.For.Duration > 31*24*time.Hour {
			p.add(at+".for_ms", "must be at most 31 days")
		}
		if r.Items < 0 || r.Items > 1000 {
			p.add(at+".items", "must be from 0 to 1000")
		}
	}
	if r.AtMost != nil && *r.AtMost < 0 {
		p.add(at+".at_most", "must not be negative")
	}
	if r.AtLeast != nil && *r.AtLeast < 1 {
		p.add(at+".at_least", "must be 1 or more")
	}
	if r.AtMost != nil || r.AtLeast != nil || r.Share != nil {
		p.count(at, r)
	}
	if s := r.Share; s != nil {
		if s.Least < 0 || s.Most < 0 || s.Least > 1 || s.Most > 1 || s.Least == 0 && s.Most == 0 || s.Most > 0 &&
			s.Least > s.Most {
			p.add(at+".share", "must have least and most from 0 to 1, least not above most, and one of them above 0")
		}
	}
	if !r.After.IsZero() {
		if r.Only == nil {
			p.add(at+".only", "is missing: give the segments that must follow")
		}
		p.match(at+".after", r.After)
		if r.Within.Duration < 0 {
			p.add(at+".within_ms", "must not be negative")
		}
	}
	if r.KeepTo != nil {
		if r.Only == nil {
			p.add(at+".only", "is missing: give the segments that keep to the daypart")
		}
		p.daypart(at+".keep_to", *r.KeepTo)
	}
	if r.FreshFor.Duration != 0 || r.InOrder != "" {
		p.order(at, r)
	}
}

// order checks a rule about age or order.
func (p *problems) order(at string, r *Rule) {
	if r.Only == nil {
		p.add(at+".only", "is missing: give the segments that the rule is about")
	}
	if r.FreshFor.Duration < 0 || r.FreshFor.Duration > 366*24*time.Hour {
		p.add(at+".fresh_for_ms", "must be more than 0 and at most 366 days")
	}
	if r.InOrder != "" && !slices.Contains(Orders, r.InOrder) {
		p.add(at+".in_order", "%q must be %s", r.InOrder, orOf(Orders))
	}
	if r.InOrder == ByEpisode && r.Across {
		p.add(at+".across_stations", "must be false: each station airs a series in its own order")
	}
}

// count checks the period of a rule and the subject of its count.
func (p *problems) count(at string, r *Rule) {
	periods := []string{"window", "day", "week", "daypart"}
	if r.Share != nil {
		periods = periods[:2]
	}
	if !slices.Contains(periods, r.Per) {
		p.add(at+".per", "%q must be one of %v", r.Per, periods)
	}
	if (r.Per == "daypart") != (r.Daypart != nil) {
		p.add(at+".daypart", "must be given if per is daypart, and only then")
	}
	if r.Daypart != nil {
		p.daypart(at+".daypart", *r.Daypart)
	}
	switch {
	case r.Of.IsZero():
		p.add(at+".of", "is missing: give what is counted")
	case r.Of.Each != "":
		if _, ok := AttributeNamed(r.Of.Each); !ok {
			p.add(at+".of", "%q must be one of %v", r.Of.Each, attributeNames)
		}
		if r.Share != nil {
			p.add(at+".of", "must be a match for a share, such as {\"language\":\"ko-KP\"}")
		}
	default:
		p.match(at+".of", r.Of)
	}
}

func (p *problems) match(field string, o Of) {
	if o.Each != "" || len(o.Match) == 0 {
		p.add(field, "must be a match such as {\"tag\":\"appeal\"}")
	}
	if !p.fits(field, len(o.Match)) {
		return
	}
	for _, k := range sortedKeys(o.Match) {
		if _, ok := AttributeNamed(k); !ok {
			p.add(field, "%q must be one of %v", k, attributeNames)
		}
		if o.Match[k] == "" {
			p.add(field, "has no value for %s", k)
		}
	}
}
