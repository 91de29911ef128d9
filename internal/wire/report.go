package wire

import "lifeline/schedules"

// AiringReport counts what became of airings on the broadcast days [From, To).
type AiringReport struct {
	From   schedules.Date        `json:"from"`
	To     schedules.Date        `json:"to"`
	Group  []string              `json:"group"` // what the rows are grouped by
	MadeAt schedules.Instant     `json:"made_at"`
	Rows   []schedules.TallyRow  `json:"rows"`
	Totals schedules.TallyCounts `json:"totals"` // each airing once, though it may be in several rows
}
