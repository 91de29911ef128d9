package schedules

import (
	"fmt"
	"slices"
)

// Reference is a place that names a document: a place in a station, clock or campaign, or a segment.
type Reference struct {
	Kind  string `json:"kind"` // station, clock, campaign, segment
	ID    string `json:"id"`
	Place string `json:"place,omitempty"` // such as windows[evening].clock
}

func (r Reference) String() string {
	if r.Place == "" {
		return r.Kind + " " + r.ID
	}
	return fmt.Sprintf("%s of %s %s", r.Place, r.Kind, r.ID)
}

// usedIn collects the places of one document.
type usedIn struct {
	kind, id string
	out      *[]Reference
}

func (u usedIn) at(used bool, place string, args ...any) {
	if used {
		*u.out = append(*u.out, Reference{u.kind, u.id, fmt.Sprintf(place, args...)})
	}
}

// ClockUses lists the windows and special days of stations that follow a clock.
func (n Network) ClockUses(clock string) (out []Reference) {
	for _, s := range n.Stations {
		u := usedIn{"station", s.ID, &out}
		for _, w := range s.Windows {
			u.at(w.Clock == clock, "windows[%s].clock", w.ID)
		}
		for _, e := range s.Exceptions {
			u.at(e.Clock == clock, "exceptions[%s].clock", e.Date)
		}
	}
	return out
}

// RenameClock gives a clock another id wherever the station names it, and reports whether it does.
func (s *Station) RenameClock(old, id string) (named bool) {
	s.Windows, s.Exceptions = slices.Clone(s.Windows), slices.Clone(s.Exceptions)
	for i := range s.Windows {
		if w := &s.Windows[i]; w.Clock == old {
			w.Clock, named = id, true
		}
	}
	for i := range s.Exceptions {
		if e := &s.Exceptions[i]; e.Clock == old {
			e.Clock, named = id, true
		}
	}
	return named
}

// ScriptUses lists where clocks and campaigns select readings of a script.
func (n Network) ScriptUses(script string) []Reference {
	return n.selecting(func(s *Selector) bool { return s != nil && s.Script == script }, "script", script)
}

// SegmentUses lists where clocks and fallback lists name a segment.
func (n Network) SegmentUses(segment string) (out []Reference) {
	for _, s := range n.Stations {
		for i, id := range s.Fallback {
			usedIn{"station", s.ID, &out}.at(id == segment, "fallback[%d]", i)
		}
	}
	for _, c := range n.Clocks {
		for _, p := range c.Positions {
			usedIn{"clock", c.ID, &out}.at(p.Segment == segment, "positions[%s].segment", p.ID)
		}
	}
	return append(out, n.selecting(func(*Selector) bool { return false }, "segment", segment)...)
}

// selecting lists the selectors that select, and the subjects of rules that match a value of an attribute.
func (n Network) selecting(selects func(*Selector) bool, attribute, value string) (out []Reference) {
	for _, c := range n.Clocks {
		u := usedIn{"clock", c.ID, &out}
		for _, p := range c.Positions {
			u.at(selects(p.Pick), "positions[%s].pick", p.ID)
			u.at(selects(p.Fill), "positions[%s].fill", p.ID)
		}
		for i, r := range c.Rules {
			u.at(selects(r.Only), "rules[%d].only", i)
			u.at(r.Of.Match[attribute] == value, "rules[%d].of", i)
			u.at(r.After.Match[attribute] == value, "rules[%d].after", i)
		}
	}
	for _, c := range n.Campaigns {
		usedIn{"campaign", c.ID, &out}.at(selects(&c.Of), "of")
	}
	return out
}
