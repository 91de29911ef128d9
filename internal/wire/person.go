package wire

import "lifeline/schedules"

// Person is a person as the index knows them: what names them, and how far it is off the air.
type Person struct {
	ID       string          `json:"id"`
	Segments []PersonSegment `json:"segments"` // that name the person, by id
	Recalls  int64           `json:"recalls_revision"`
	Stations []PersonStation `json:"stations"`
	// when at the latest nothing of the recalled can be on the air; null: it is off everywhere
	OffBy schedules.Instant `json:"off_by"`

	// WithoutFallback are stations that name one of the segments in a fallback of which nothing may air any more.
	WithoutFallback map[string][]schedules.StationProblem `json:"stations_without_fallback,omitempty"`
}

// PersonSegment is one segment that names a person.
type PersonSegment struct {
	ID    string          `json:"id"`
	Kind  schedules.Kind  `json:"kind"`
	State schedules.State `json:"state"`
}

// PersonStation is how a station stands to what was recalled.
type PersonStation struct {
	Station      string            `json:"station"`
	Acknowledged bool              `json:"acknowledged"` // it has said that it holds the latest list of recalls
	LastContact  schedules.Instant `json:"last_contact"` // null: never
	// of one that has not: the end of the last place that it was ever given
	OffBy schedules.Instant `json:"off_by"`
}
