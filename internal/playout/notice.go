package playout

import "lifeline/schedules"

// Notice reports an event of the player to its observers.
type Notice struct {
	Kind      string            `json:"kind"` // window-start, item-start, position, item-end, window-end
	At        schedules.Instant `json:"at"`   // on the output's timeline
	Window    string            `json:"window"`
	Date      schedules.Date    `json:"date"`
	Revision  int64             `json:"revision"`          // of the queue; 0: the fallback airs
	StartAt   schedules.Instant `json:"start_at,omitzero"` // of a window
	EndAt     schedules.Instant `json:"end_at,omitzero"`   // of a window
	ItemID    string            `json:"item_id,omitempty"`
	SegmentID string            `json:"segment_id,omitempty"`
	SHA256    string            `json:"sha256,omitempty"`
	Title     string            `json:"title,omitempty"`
	ItemKind  schedules.Kind    `json:"item_kind,omitempty"`
	PlannedAt schedules.Instant `json:"planned_at,omitzero"`
	StartedAt schedules.Instant `json:"started_at,omitzero"` // actual
	EndedAt   schedules.Instant `json:"ended_at,omitzero"`   // actual
	LengthMs  schedules.Millis  `json:"length_ms,omitzero"`  // air time of the item
	PlayedMs  schedules.Millis  `json:"played_ms,omitzero"`  // position within the item, for Position
	Outcome   schedules.Outcome `json:"outcome,omitempty"`
	Detail    string            `json:"detail,omitempty"`
}

// The kinds of notice.
const (
	WindowStart = "window-start"
	ItemStart   = "item-start"
	Position    = "position"
	ItemEnd     = "item-end"
	WindowEnd   = "window-end"
)
