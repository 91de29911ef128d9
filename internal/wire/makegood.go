package wire

import "lifeline/schedules"

// The states of a make-good.
const (
	MakeGoodOwed    = "owed"    // no coming day has it
	MakeGoodPlanned = "planned" // a coming day has it
	MakeGoodAired   = "aired"   // it is made good
	MakeGoodWaived  = "waived"  // nobody wants it any more
)

// OwedAiring is a make-good: an airing owed, and what has become of it.
type OwedAiring struct {
	schedules.MakeGood
	Revision int64             `json:"revision"`
	Date     schedules.Date    `json:"date"` // the broadcast day of the miss
	Verdict  schedules.Verdict `json:"verdict"`
	Detail   string            `json:"detail,omitempty"` // what the station said of the miss
	State    string            `json:"state"`
	By       *MadeGoodBy       `json:"by,omitempty"`    // the airing that is to make it good, or has
	Tried    []string          `json:"tried,omitempty"` // items that were to make it good and did not air
	WaivedBy string            `json:"waived_by,omitempty"`
	Reason   string            `json:"reason,omitempty"` // why it was waived
	Settled  schedules.Instant `json:"settled_at"`       // null: it is open
}

// MadeGoodBy names the airing of a make-good. StartAt is planned, or, once it has aired, actual.
type MadeGoodBy struct {
	Date    schedules.Date    `json:"date"`
	ItemID  string            `json:"item_id"`
	StartAt schedules.Instant `json:"start_at"`
}
