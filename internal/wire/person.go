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

// PersonStation says where a station airs the segments that name a person, and its state with regard to the recalled
// ones.
type PersonStation struct {
	Station string `json:"station"`
	// a segment of the person is recalled, and the station has reported that it holds the latest list of recalls
	Acknowledged bool              `json:"acknowledged"`
	LastContact  schedules.Instant `json:"last_contact"` // null means never; as Status.ReceivedAt
	// for one that has not: the end of the last item that it was ever given
	OffBy schedules.Instant `json:"off_by"`

	// Airings counts the items of segments that are not recalled in the station's published days, past ones excepted.
	Airings  int               `json:"airings"`
	NextAt   schedules.Instant `json:"next_at"`     // the start of the first of them, past if it airs now; null if none
	Fallback bool              `json:"in_fallback"` // the station's fallback names a segment that is not recalled
}
