package schedules

// Airing is one airing that counts for rules and rotation. For days that have not aired yet, it is a drafted or
// published item.
type Airing struct {
	Station   string  `json:"station"`
	SegmentID string  `json:"segment_id"`
	StartAt   Instant `json:"start_at"`
	EndAt     Instant `json:"end_at"`
	Window    string  `json:"window,omitempty"`
}

// Airings returns the rundown's items as airings, as a published rundown adds them to the history of later days.
func (r Rundown) Airings() []Airing {
	out := make([]Airing, len(r.Items))
	for i, item := range r.Items {
		out[i] = Airing{r.Station, item.SegmentID, item.StartAt, item.EndAt(), item.Window}
	}
	return out
}

// Airing returns the airing that the report adds to the history. ok is false if nothing was heard.
func (a AsRun) Airing(station string) (airing Airing, ok bool) {
	if a.StartedAt.IsZero() || !a.EndedAt.After(a.StartedAt.Time) || a.Outcome == Skipped || a.Outcome == Failed {
		return Airing{}, false
	}
	return Airing{Station: station, SegmentID: a.SegmentID, StartAt: a.StartedAt, EndAt: a.EndedAt}, true
}
