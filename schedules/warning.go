package schedules

// Warning is a fact about a plan that a scheduler should know but that does not prevent the plan.
type Warning struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Window  string   `json:"window,omitempty"`
	Item    string   `json:"item,omitempty"`
	Items   []string `json:"items,omitempty"` // if it is about several items; Item is the first
}

// The warnings about the items of a day. Plans, repairs and edits give them.
const (
	WarnHard          = "hard"           // an edited draft breaks a hard rule
	WarnRuleBent      = "rule_bent"      // items break a soft rule
	WarnDemandUnmet   = "demand_unmet"   // a soft demand is not met
	WarnGap           = "gap"            // no item fills a time
	WarnOverrun       = "overrun"        // items run past a post or the end of their window
	WarnNotAirable    = "not_airable"    // an item may not air
	WarnOver          = "over"           // windows were over before they were published
	WarnStopped       = "stopped"        // a repair reached its time limit
	WarnClockChange   = "clock_change"   // a change of clocks affects a window
	WarnException     = "exception"      // an exception of the station holds on the day; nothing is wrong
	WarnKeptOutside   = "kept_outside"   // an item that the plan had to keep lies in no window
	WarnNoRoom        = "no_room"        // kept items leave no time for a position
	WarnPositionEmpty = "position_empty" // no segment may air in an optional position
	WarnFallbackUsed  = "fallback_used"  // a segment of the station's fallback fills a position
	WarnFillResidual  = "fill_residual"  // a fill does not end on time
	WarnPostOff       = "post_off"       // a hard post starts early or late, within the tolerance
	WarnCutAtPost     = "cut_at_post"    // a fixed start cuts off the end of an item
	WarnStandsIn      = "stands_in"      // the day repeats another one, since it could not be published in time
	WarnRepeatMissing = "repeat_missing" // what a window repeats is not planned: its own clock fills it
	WarnRepeatDropped = "repeat_dropped" // a window repeats another without items that may not air in it
	WarnRepeatShorter = "repeat_shorter" // a window is too short for all that it repeats
	WarnRepeatEdited  = "repeat_edited"  // a window that was edited by hand repeats no other any more
)

// Remark reports whether the warning tells of something that nobody would put right: it is as the definitions have it,
// or it is over.
func (w Warning) Remark() bool {
	switch w.Code {
	case WarnException, WarnClockChange, WarnPostOff, WarnPositionEmpty, WarnOver, WarnRepeatShorter,
		WarnRepeatEdited:
		return true
	}
	return false
}

// The warnings about unpublished edits.
const (
	WarnRebased     = "rebased"      // the published day changed beneath the draft, which keeps its edits
	WarnTakenOut    = "taken_out"    // an item that may no longer air was removed from the draft
	WarnPlannedOver = "planned_over" // a plan or a withdrawal replaced an edited draft
)

// OfEdits reports whether the warning is about unpublished edits.
func (w Warning) OfEdits() bool {
	return w.Code == WarnRebased || w.Code == WarnTakenOut || w.Code == WarnPlannedOver
}
