package schedules

import "fmt"

// Explanation is the reason why an item is where it is. Choice is a record from which the choice can be repeated.
type Explanation struct {
	Item      string   `json:"item"`
	Window    string   `json:"window"`
	Position  string   `json:"position"`
	SegmentID string   `json:"segment_id"`
	Why       string   `json:"why"`
	DueRank   int      `json:"due_rank"`   // number of candidates that were more overdue
	LastAired Instant  `json:"last_aired"` // before this airing; none means never
	Airings   int      `json:"airings"`    // in the history
	Deficit   float64  `json:"deficit"`    // how many airings fewer than the mean of its candidates
	Slacks    []Slack  `json:"slacks,omitempty"`
	Bent      []Slack  `json:"bent,omitempty"` // soft rules that this item bends, with the figures
	Choice    *Choice  `json:"choice"`         // shared by the items that one choice placed
	Place     int      `json:"place"`          // index of the item's segment in the list of segments that the choice airs
	Chain     []string `json:"chain,omitempty"`
}

// Slack is the margin by which a rule allowed an item: durations in milliseconds, or counts, depending on Unit.
type Slack struct {
	Rule string `json:"rule"`
	Unit string `json:"unit"` // ms, items, airings
	Need int64  `json:"need"`
	Has  int64  `json:"has"`
}

// The methods of choice.
const (
	MethodKept    = "kept"    // the item had to stay
	MethodFixed   = "fixed"   // the clock names the segment
	MethodDue     = "due"     // the most overdue candidate that no rule refuses
	MethodClosing = "closing" // the set of segments that fills the remaining time
	MethodSearch  = "search"  // the first sequence that fills the remaining time, when no set does
	MethodRepeat  = "repeat"  // its window repeats another one, which airs it
	MethodDemand  = "demand"  // it meets a demand: of a rule, a campaign or a make-good
)

// Choice is the record of one choice: its candidates in due order, and the rule that refused each. Replay repeats the
// choice from this record alone.
type Choice struct {
	Method   string  `json:"method"`
	For      string  `json:"for,omitempty"` // the demand that it serves
	StartAt  Instant `json:"start_at"`
	Target   Millis  `json:"target_ms,omitzero"`   // time to fill
	Residual Millis  `json:"residual_ms,omitzero"` // time filled beyond the target; negative if less was filled
	// the residual is at most a millisecond, or no set of the candidates in play has a smaller one; if the search was cut,
	// no set of up to five has
	Proved bool `json:"residual_proved,omitempty"`
	// further, less overdue material was available but not considered
	Cut        bool        `json:"search_cut,omitempty"`
	Least      Millis      `json:"least_residual_ms,omitzero"` // the allowed range of the residual
	Most       Millis      `json:"most_residual_ms,omitzero"`
	Nearest    bool        `json:"nearest,omitempty"`   // the residual decided before everything else
	DueFirst   bool        `json:"due_first,omitempty"` // the residual decided only between equally overdue sets
	BySums     bool        `json:"by_sums,omitempty"`   // the set, of any size, comes from the subset-sum search
	Wide       int         `json:"wide,omitempty"`      // candidates in play
	Candidates []Candidate `json:"candidates"`
	Aired      []string    `json:"aired"`            // the chosen segments, in order
	Tried      int         `json:"tried,omitempty"`  // which order of the set was used, counted from due order
	Banned     [][]int     `json:"banned,omitempty"` // better sets that the rules allow in no order
	Faded      Millis      `json:"faded_ms,omitzero"`
}

// Candidate is one segment that a choice considered.
type Candidate struct {
	Segment   string  `json:"segment"`
	Duration  Millis  `json:"duration_ms"`
	LastAired Instant `json:"last_aired"`
	Clashes   []int   `json:"clashes,omitempty"` // indexes of the candidates that may not air near it
	Refused   Refusal `json:"refused,omitzero"`
}

// The refusals that are no rule's. String says them in words.
const (
	RefusedLength   = "length"   // Need is the segment's length, Has the free time
	RefusedValidity = "validity" // of the segment, of a passage that it reads, or of its campaign
)

// Refusal is the first rule that refused a candidate, with its figures: its limit (Need) and the value here (Has). A
// refusal without figures has none to give. Early records also have the unit weight.
type Refusal struct {
	Rule string `json:"rule"`
	Unit string `json:"unit,omitempty"`
	Need int64  `json:"need,omitempty"`
	Has  int64  `json:"has,omitempty"`
}

// IsZero reports whether no rule refused the candidate.
func (r Refusal) IsZero() bool { return r == Refusal{} }

// String says why the candidate is refused, such that it reads on after the segment or names the rule.
func (r Refusal) String() string {
	exact := r.Unit != "" && r.Unit != "weight" && (r.Need != 0 || r.Has > 0)
	length := func(n int64) string { return FormatLength(Ms(n).Duration) }
	switch {
	case r.Rule == RefusedLength && exact:
		return fmt.Sprintf("lasts %s, and %s is free", length(r.Need), length(max(r.Has, 0)))
	case r.Rule == RefusedLength:
		return "does not fit into the free time"
	case r.Rule == RefusedValidity:
		return "may not air at this time (validity, script or campaign)"
	case !exact:
		return r.Rule
	case r.Has < 0:
		return fmt.Sprintf("%s: limit %s, here none", r.Rule, length(r.Need))
	case r.Unit == "ms":
		return fmt.Sprintf("%s: limit %s, here %s", r.Rule, length(r.Need), length(r.Has))
	}
	return fmt.Sprintf("%s: limit %d, here %d %s", r.Rule, r.Need, r.Has, r.Unit)
}
