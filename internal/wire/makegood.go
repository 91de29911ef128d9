package wire

import "lifeline/schedules"

// The states of a make-good.
const (
	MakeGoodOwed    = "owed"    // no future day has it
	MakeGoodPlanned = "planned" // a future day has it
	MakeGoodAired   = "aired"   // it was made good
	MakeGoodWaived  = "waived"  // it is no longer wanted
)

// OwedAiring is a make-good: an airing owed, and its state.
type OwedAiring struct {
	schedules.MakeGood
	Revision int64             `json:"revision"`
	Date     schedules.Date    `json:"date"` // the broadcast day of the miss
	Verdict  schedules.Verdict `json:"verdict"`
	Detail   string            `json:"detail,omitempty"` // the station's words about the miss
	State    string            `json:"state"`
	By       *MadeGoodBy       `json:"by,omitempty"`    // the airing that will make it good, or has
	Tried    []string          `json:"tried,omitempty"` // items that should have made it good and did not air
	WaivedBy string            `json:"waived_by,omitempty"`
	Reason   string            `json:"reason,omitempty"` // why it was waived
	Settled  schedules.Instant `json:"settled_at"`       // null if it is open
}

// MadeGoodBy identifies the airing of a make-good. StartAt is planned, or actual once it has aired.
type MadeGoodBy struct {
	Date    schedules.Date    `json:"date"`
	ItemID  string            `json:"item_id"`
	StartAt schedules.Instant `json:"start_at"`
}
