package wire

import "lifeline/schedules"

// AiringReport counts the outcomes of airings on the broadcast days [From, To).
type AiringReport struct {
	From   schedules.Date        `json:"from"`
	To     schedules.Date        `json:"to"`
	Group  []string              `json:"group"` // the dimensions by which the rows are grouped
	MadeAt schedules.Instant     `json:"made_at"`
	Rows   []schedules.TallyRow  `json:"rows"`
	Totals schedules.TallyCounts `json:"totals"` // each airing counts once, even if it is in several rows
}
