package wire

import "lifeline/schedules"

// Person is a person in the index: the segments that name the person, and the progress of taking them off the air.
type Person struct {
	ID       string          `json:"id"`
	Segments []PersonSegment `json:"segments"` // the segments that name the person, by id
	Recalls  int64           `json:"recalls_revision"`
	Stations []PersonStation `json:"stations"`
	// the latest instant at which a recalled segment can be on the air; null if it is off the air everywhere
	OffBy schedules.Instant `json:"off_by"`

	// WithoutFallback lists the stations whose fallback names one of the segments and has no airable segment any more.
	WithoutFallback map[string][]schedules.StationProblem `json:"stations_without_fallback,omitempty"`
}

// PersonSegment is one segment that names a person.
type PersonSegment struct {
	ID    string          `json:"id"`
	Kind  schedules.Kind  `json:"kind"`
	State schedules.State `json:"state"`
}

// PersonStation is the state of a station with regard to the recalled segments.
type PersonStation struct {
	Station      string            `json:"station"`
	Acknowledged bool              `json:"acknowledged"` // it has reported that it holds the latest list of recalls
	LastContact  schedules.Instant `json:"last_contact"` // null means never
	// for one that has not: the end of the last item that it was ever given
	OffBy schedules.Instant `json:"off_by"`
}
