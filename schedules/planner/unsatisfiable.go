package planner

import (
	"fmt"
	"strings"
	"time"

	"lifeline/schedules"
)

// Unsatisfiable is a proof that no rundown keeps all hard rules. Each conflict alone is sufficient.
type Unsatisfiable struct {
	Station   string         `json:"station"`
	Date      schedules.Date `json:"date"`
	Conflicts []Conflict     `json:"conflicts"`
}

// Conflict is a set of demands that cannot all hold. It is minimal, that is, the rest is satisfiable without any one
// part, unless the message says that the budget ended before that was shown.
type Conflict struct {
	// capacity: one position or window cannot be met by itself; conflict: the parts cannot be met together
	Kind    string         `json:"kind"`
	Message string         `json:"message"`
	Parts   []ConflictPart `json:"parts"`
}

// ConflictPart is one demand of a conflict: a rule, a position, a window's length, a campaign, or an item to keep.
type ConflictPart struct {
	Field   string `json:"field"` // the contract's path, such as clocks[hour-ko].rules[0]
	Message string `json:"message"`
}

func (u *Unsatisfiable) Error() string {
	var parts []string
	for _, c := range u.Conflicts {
		parts = append(parts, c.Message)
	}
	return fmt.Sprintf("no rundown of %s for %s is possible: %s", u.Station, u.Date, strings.Join(parts, ". "))
}

// NotFound reports that planning found no rundown and could not prove that there is none.
type NotFound struct {
	Station  string         `json:"station"`
	Date     schedules.Date `json:"date"`
	Window   string         `json:"window,omitempty"`
	Position string         `json:"position,omitempty"`
	Message  string         `json:"message"`
}

func (n *NotFound) Error() string {
	return fmt.Sprintf("the planner found no rundown of %s for %s: %s", n.Station, n.Date, n.Message)
}

// diagnose returns *Unsatisfiable if it finds a proof that the day cannot be planned, and otherwise *NotFound with the
// place where planning got stuck.
func (j job) diagnose(p *planner, s *stuck) error {
	if len(p.demands) == 0 {
		demandPass{p}.openDemands()
	}
	if c, ok := relax(p).proof(); ok {
		return &Unsatisfiable{Station: j.Station.ID, Date: j.Date, Conflicts: []Conflict{c}}
	}
	return j.notFound(p, s)
}

// narrow describes the properties of a window that leave a plan little choice, for a scheduler who can change them.
func (j job) narrow(w *window) (out string) {
	if w.def.Tolerance.Duration < 100*time.Millisecond {
		out = fmt.Sprintf(". The window's tolerance is %s: allow more, for example tolerance_ms 1000",
			schedules.FormatLength(w.def.Tolerance.Duration))
	}
	stay := 0
	for _, i := range j.Keep {
		if i.Window == w.Window && w.Contains(i.StartAt.Time) {
			stay++
		}
	}
	if stay > 0 {
		out += fmt.Sprintf(". %s locked or kept: unlock those that may change", itemsAre(stay))
	}
	return out
}

func itemsAre(n int) string {
	if n == 1 {
		return "1 of its items is"
	}
	return fmt.Sprintf("%d of its items are", n)
}

// notFound returns a NotFound that describes where planning got stuck.
func (j job) notFound(p *planner, s *stuck) *NotFound {
	n := &NotFound{Station: j.Station.ID, Date: j.Date}
	if s.demand != nil {
		n.Message = fmt.Sprintf("it could place only %s of %s for the demand %q", s.demand.amount(p.airings.met(s.demand)),
			s.demand.asks(s.demand.need), s.demand.name)
		return n
	}
	w := &p.day.windows[s.stretch.win]
	n.Window = w.Window
	if len(s.stretch.places) == 0 {
		n.Message = fmt.Sprintf("no position of window %s covers the time from %s to %s", w.Window,
			schedules.WallTime(j.Station.Timezone, instant(s.stretch.start)),
			schedules.WallTime(j.Station.Timezone, instant(s.stretch.end)))
		return n
	}
	pos := s.stretch.places[max(s.place, 0)].pos
	n.Position = pos.ID
	n.Message = fmt.Sprintf("it could not fill position %s of the window %s at %s%s", pos.ID, w.Window,
		schedules.WallTime(j.Station.Timezone, w.StartAt), j.narrow(w))
	return n
}
