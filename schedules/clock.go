package schedules

import "slices"

// Clock is the template that a window follows.
type Clock struct {
	ID        string     `json:"id"`
	Revision  int64      `json:"revision"`
	Length    Millis     `json:"length_ms"`
	Positions []Position `json:"positions"`
	Rules     []Rule     `json:"rules,omitempty"`
}

// Position is one place in a clock. Exactly one of Segment, Pick and Fill is set. A position with At is a post at that
// offset from the window's start; a position with AtEnd is timed back from the window's end.
type Position struct {
	ID      string    `json:"id"`
	Segment string    `json:"segment,omitempty"`
	Pick    *Selector `json:"pick,omitempty"`
	Fill    *Selector `json:"fill,omitempty"`
	At      *Millis   `json:"at_ms,omitempty"`
	Start   StartMode `json:"start,omitempty"`
	Grace   Millis    `json:"grace_ms,omitzero"` // of a soft start
	AtEnd   bool      `json:"at_end,omitempty"`
	Chain   bool      `json:"chain,omitempty"`      // air the segment's intro and back-announce with it
	FadeMax Millis    `json:"fade_max_ms,omitzero"` // how much of the item's end may be faded out to meet a time
	// how far from its end a fill may stop to keep the rotation; none means the window's tolerance
	Near Millis `json:"near_ms,omitzero"`

	// Optional allows a pick to stay empty, with a warning, when no segment may take it.
	Optional bool `json:"optional,omitempty"`
	// Prefer is the order of the candidates of a pick or fill; the first that no rule refuses airs. "" prefers the segment
	// that has not aired for longest, "unexposed" the segment whose passages this station's listeners have heard least,
	// "newest" and "oldest" the one with the latest and the earliest valid_from, however often it airs. "episode", for
	// picks only, prefers of each series the episode that is next (see Rule.InOrder); where none is, a series that was
	// begun again goes on, and any other repeats the episode that it aired last.
	Prefer string `json:"prefer,omitempty"`
}

// Orders reports whether the clock asks for an age or an order of segments.
func (c Clock) Orders() bool {
	return slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.FreshFor.Duration > 0 || r.InOrder != "" }) ||
		slices.ContainsFunc(c.Positions, func(p Position) bool { return p.Prefer != "" && p.Prefer != PreferUnexposed })
}

// StartMode is the event that starts an item. The zero value follows the previous item.
type StartMode string

// The start modes.
const (
	Follow StartMode = "follow"
	Hard   StartMode = "hard" // cuts the playing item
	Soft   StartMode = "soft" // waits for the playing item, up to the grace
)

// Selector describes the segments that may take a position. Every non-zero field must match.
type Selector struct {
	Kinds    []Kind   `json:"kinds,omitempty"`
	Language string   `json:"language,omitempty"`
	Tags     []string `json:"tags,omitempty"` // all of them
	Script   string   `json:"script,omitempty"`
	Voice    string   `json:"voice,omitempty"`
	Series   string   `json:"series,omitempty"`
	Min      Millis   `json:"min_ms,omitzero"` // air time, inclusive
	Max      Millis   `json:"max_ms,omitzero"` // air time, inclusive
}
