package schedules

import "fmt"

// Explanation says why an item is where it is. Its Choice is the record from which the choice can be made again.
type Explanation struct {
	Item      string   `json:"item"`
	Window    string   `json:"window"`
	Position  string   `json:"position"`
	SegmentID string   `json:"segment_id"`
	Why       string   `json:"why"`
	DueRank   int      `json:"due_rank"`   // how many candidates were more overdue
	LastAired Instant  `json:"last_aired"` // before this; none: never
	Airings   int      `json:"airings"`    // in the history
	Deficit   float64  `json:"deficit"`    // airings fewer than the mean of its candidates
	Slacks    []Slack  `json:"slacks,omitempty"`
	Bent      []Slack  `json:"bent,omitempty"` // soft rules that this item bends, with the figures
	Choice    *Choice  `json:"choice"`         // shared by the items that one choice placed
	Place     int      `json:"place"`          // of the item's segment in what the choice airs
	Chain     []string `json:"chain,omitempty"`
}

// Slack is how far a rule was from refusing: durations in milliseconds, or counts, as Unit says.
type Slack struct {
	Rule string `json:"rule"`
	Unit string `json:"unit"` // ms, items, airings
	Need int64  `json:"need"`
	Has  int64  `json:"has"`
}

// Methods of choice.
const (
	MethodKept    = "kept"    // it was to stay
	MethodFixed   = "fixed"   // the clock names it
	MethodDue     = "due"     // the most overdue candidate that nothing refuses
	MethodClosing = "closing" // the set that fills what is left
	MethodSearch  = "search"  // the first sequence that fills what is left, when no set does
	MethodDemand  = "demand"  // a rule, a campaign or a make-good asks for it
)

// Choice is the record of one choice: its candidates in due order and what refused them. It is complete: Replay makes
// the choice again from it alone.
type Choice struct {
	Method   string  `json:"method"`
	For      string  `json:"for,omitempty"` // the demand
	StartAt  Instant `json:"start_at"`
	Target   Millis  `json:"target_ms,omitzero"`   // to be filled
	Residual Millis  `json:"residual_ms,omitzero"` // filled more (or less) than the target
	// within a millisecond, or no set of the candidates in play has less; where the search was cut: none of up to five
	Proved bool `json:"residual_proved,omitempty"`
	// there was more material, less overdue, than came into play
	Cut        bool        `json:"search_cut,omitempty"`
	Least      Millis      `json:"least_residual_ms,omitzero"` // range of residual allowed
	Most       Millis      `json:"most_residual_ms,omitzero"`
	Nearest    bool        `json:"nearest,omitempty"`   // the residual counted before all else
	DueFirst   bool        `json:"due_first,omitempty"` // of sets equally overdue alone did the residual decide
	BySums     bool        `json:"by_sums,omitempty"`   // the set is the subset sums', of any size
	Wide       int         `json:"wide,omitempty"`      // candidates in play
	Candidates []Candidate `json:"candidates"`
	Aired      []string    `json:"aired"`            // what was chosen, in order
	Tried      int         `json:"tried,omitempty"`  // which order of the set, counted from due order
	Banned     [][]int     `json:"banned,omitempty"` // better sets that no order allows
	Faded      Millis      `json:"faded_ms,omitzero"`
}

// Candidate is one segment that a choice considered.
type Candidate struct {
	Segment   string  `json:"segment"`
	Duration  Millis  `json:"duration_ms"`
	LastAired Instant `json:"last_aired"`
	Clashes   []int   `json:"clashes,omitempty"` // places of candidates that may not air near it
	Refused   Refusal `json:"refused,omitzero"`
}

// Refusal is the first rule that refused a candidate, with its figures.
type Refusal struct {
	Rule string `json:"rule"`
	Unit string `json:"unit,omitempty"`
	Need int64  `json:"need,omitempty"`
	Has  int64  `json:"has,omitempty"`
}

// IsZero reports that nothing refused.
func (r Refusal) IsZero() bool { return r == Refusal{} }

func (r Refusal) String() string {
	switch r.Unit {
	case "ms":
		return fmt.Sprintf("%s: needs %s, has %s", r.Rule, FormatLength(Ms(r.Need).Duration),
			FormatLength(Ms(r.Has).Duration))
	case "":
		return r.Rule
	}
	return fmt.Sprintf("%s: needs %d, has %d %s", r.Rule, r.Need, r.Has, r.Unit)
}
