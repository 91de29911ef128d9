package planner

import (
	"cmp"
	"fmt"
	"slices"

	"lifeline/schedules"
)

// relaxation is the day with only some of its demands. Anything may air in the time of a dropped demand. Dropping a
// demand only allows more, so a day that is impossible with some of its demands is impossible with all.
type relaxation struct {
	p       *planner
	in      []bool // window occurrences that take part
	parts   []part
	active  []bool // of parts
	steps   int    // left of the present check
	work    int64  // left of the whole proof
	reached map[reach]bool
	options map[string][]choiceOf
}

// part is one demand that a scheduler could remove.
type part struct {
	kind     partKind
	clock    string // of positions and rules
	index    int    // of the position or rule in its clock, of the window in the station, of the kept item or campaign
	field    string
	message  string
	required bool // a position that is not elastic
}

type partKind int

const (
	partPosition partKind = iota
	partRule
	partLength
	partKept
	partCampaign
)

// answer is the result of a check: satisfiable, impossible, or unknown because the search would be too large.
type answer int

const (
	unknown answer = iota
	possible
	impossible
)

// proofSteps bounds the choices that one check tries.
const proofSteps = 30_000

// proofWork bounds the work of a whole proof, in computed words of subset sums or work of about the same duration. An
// assignment of a unit to a place counts as assignWork words.
const (
	proofWork  = 400_000_000
	assignWork = 2_000
)

func relax(p *planner) *relaxation {
	x := &relaxation{p: p, in: demandPass{p}.everyWindow(), options: map[string][]choiceOf{}, work: proofWork,
		reached: map[reach]bool{}}
	seen := map[string]bool{}
	for i := range p.day.windows {
		w := &p.day.windows[i]
		if x.in[i] = !w.published && !w.repeats; !x.in[i] {
			continue
		}
		if !seen["window "+w.Window] {
			seen["window "+w.Window] = true
			k, field := p.day.lengthOf(w.Window)
			x.parts = append(x.parts, part{kind: partLength, index: k, field: field,
				message: fmt.Sprintf("window %s must last %s (tolerance %s)", w.Window,
					schedules.FormatLength(w.def.Length.Duration), schedules.FormatLength(w.def.Tolerance.Duration))})
		}
		if seen["clock "+w.clock.ID] {
			continue
		}
		seen["clock "+w.clock.ID] = true
		for j := range w.clock.Positions {
			pos := &w.clock.Positions[j]
			if !pos.Optional {
				x.parts = append(x.parts, part{kind: partPosition, clock: w.clock.ID, index: j, required: pos.Fill == nil,
					field: fmt.Sprintf("clocks[%s].positions[%d]", w.clock.ID, j), message: x.say(w, pos)})
			}
		}
		for j := range w.clock.Rules {
			if r := &w.clock.Rules[j]; r.Hard {
				x.parts = append(x.parts, part{kind: partRule, clock: w.clock.ID, index: j,
					field: fmt.Sprintf("clocks[%s].rules[%d]", w.clock.ID, j), message: fmt.Sprintf("rule %q must hold", r.Name())})
			}
		}
	}
	for i, k := range p.in.Keep {
		x.parts = append(x.parts, part{kind: partKept, index: i, field: fmt.Sprintf("keep[%d]", i),
			message: fmt.Sprintf("item %s must stay at %s", k.SegmentID, schedules.WallTime(p.in.Station.Timezone, k.StartAt))})
	}
	for i, c := range p.in.Campaigns {
		if c.Hard && c.Concerns(p.in.Station.ID) {
			x.parts = append(x.parts, part{kind: partCampaign, index: i, field: fmt.Sprintf("campaigns[%s].at_least", c.ID),
				message: fmt.Sprintf("campaign %s must air %s", c.ID, times(c.AtLeast))})
		}
	}
	x.active = make([]bool, len(x.parts))
	for i := range x.active {
		x.active[i] = true
	}
	return x
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// say describes what a position asks for and, if no segment can take it, why.
func (x *relaxation) say(w *window, pos *schedules.Position) string {
	at := "position " + pos.ID
	if pos.At != nil {
		at += " (" + schedules.FormatLength(pos.At.Duration) + " into the window)"
	}
	switch {
	case pos.Segment != "":
		return at + " must air " + pos.Segment + x.refusals([]string{pos.Segment}, w, pos)
	case pos.Pick != nil:
		return at + " must air " + pos.Pick.String() + x.refusals(x.matching(pos.Pick), w, pos)
	}
	return at + " must be filled with " + pos.Fill.String()
}

func (x *relaxation) matching(s *schedules.Selector) []string {
	var out []string
	for i := range x.p.lib.entries {
		if s.Matches(&x.p.lib.entries[i].Segment) {
			out = append(out, x.p.name(int32(i)))
		}
		if len(out) > 3 {
			break
		}
	}
	return out
}

func (x *relaxation) refusals(ids []string, w *window, pos *schedules.Position) string {
	if len(ids) == 0 {
		return ", but no segment in the library matches"
	}
	start := w.StartAt.Time
	if pos.At != nil {
		start = start.Add(pos.At.Duration)
	}
	why := ""
	for _, id := range ids {
		s, _ := x.p.lib.library.Segment(id)
		u := x.p.lib.library.Airable(id, schedules.Place{Languages: w.languages, Zone: x.p.day.loc, StartAt: start,
			EndAt: start.Add(s.Recording.AirTime().Duration)})
		if u == nil && pos.Chain {
			seg, _ := x.p.lib.index(id)
			if _, broken := x.p.unit(seg, true); broken != "" {
				u = &schedules.Unairable{Segment: id, Message: broken}
			}
		}
		if u == nil || len(ids) > 3 {
			return ""
		}
		why += ", but " + u.Segment + " " + u.Message
	}
	return why
}

// on reports whether a part is in force.
func (x *relaxation) on(kind partKind, clock string, index int) bool {
	for i := range x.parts {
		if q := &x.parts[i]; q.kind == kind && q.clock == clock && q.index == index {
			return x.active[i]
		}
	}
	return false
}

// proof returns a conflict, reduced by deletion: it drops every part without which the rest stays impossible. ok is
// false if the day is not shown to be impossible. If a part can neither be dropped nor shown to be needed, or the
// budget ends first, the conflict is still valid, and its message says that it may name more parts than necessary.
func (x *relaxation) proof() (c Conflict, ok bool) {
	if x.check() != impossible {
		return Conflict{}, false
	}
	for size := (len(x.in) + 1) / 2; size > 0; size /= 2 { // occurrences, by halving
		for i := 0; i < len(x.in) && !x.spent(); i += size {
			drop := []int{}
			for k := i; k < min(i+size, len(x.in)); k++ {
				if x.in[k] {
					x.in[k] = false
					drop = append(drop, k)
				}
			}
			if len(drop) > 0 && x.check() != impossible {
				for _, k := range drop {
					x.in[k] = true
				}
			}
		}
	}
	for _, kind := range [...]partKind{partKept, partCampaign, partRule, partPosition, partLength} {
		for i := len(x.parts) - 1; i >= 0; i-- {
			if x.parts[i].kind == kind && x.active[i] {
				x.drop(i)
			}
		}
	}
	// A part that could not be decided while others were present may be decidable without them.
	smallest := true
	for i := range x.parts {
		if x.active[i] && x.drop(i) == unknown {
			smallest = false
		}
	}
	return x.conflict(smallest), true
}

// drop removes a part if the rest is impossible without it, and returns the result of checking the rest.
func (x *relaxation) drop(i int) answer {
	if x.spent() {
		return unknown
	}
	x.active[i] = false
	rest := x.check()
	x.active[i] = rest != impossible
	return rest
}

func (x *relaxation) conflict(smallest bool) Conflict {
	c := Conflict{Kind: "conflict"}
	for i := range x.parts {
		if x.active[i] {
			c.Parts = append(c.Parts, ConflictPart{x.parts[i].field, x.parts[i].message})
		}
	}
	if len(c.Parts) == 1 {
		c.Kind = "capacity"
	}
	slices.SortStableFunc(c.Parts, func(a, b ConflictPart) int { return cmp.Compare(a.Field, b.Field) })
	when := ""
	n := 0
	for i, in := range x.in {
		if in {
			if n++; n <= 3 {
				when += ", " + x.p.day.windows[i].Window + " at " + schedules.WallTime(x.p.in.Station.Timezone,
					x.p.day.windows[i].StartAt)
			}
		}
	}
	c.Message = "the day cannot have all of these"
	if len(c.Parts) == 1 {
		c.Message = "the day cannot have this"
	}
	if when != "" {
		c.Message += " in" + when[1:]
		if n > 3 {
			c.Message += fmt.Sprintf(" and %d more", n-3)
		}
	}
	sep := ":"
	for i, q := range c.Parts {
		if len(c.Parts) > 1 {
			sep += fmt.Sprintf(" (%d)", i+1)
		}
		c.Message += sep + " " + q.Message
		sep = ";"
	}
	if !smallest {
		c.Message += ". Some of these may not matter: the search stopped at its limit"
	}
	return c
}
