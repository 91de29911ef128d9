package wire

import "lifeline/schedules"

// MostAsRun is the most entries of one report.
const MostAsRun = 1000

// AsRunReport is a station's report of its airings.
type AsRunReport struct {
	Entries []schedules.AsRun `json:"entries"`
}

// AsRunResults answers a report, entry by entry and in its order.
type AsRunResults struct {
	Results []AsRunResult `json:"results"`
}

// AsRunResult is the result for one entry. A station stops resending an entry unless it is "rejected": that one is not
// on record as the station's word. It is not stored, or it is stored beside the record, because the station has a key
// of its own that did not sign it. An accepted entry has a message if another entry has its sequence: both are stored.
type AsRunResult struct {
	Sequence int64  `json:"sequence"`
	Status   string `json:"status"` // accepted, repeated, rejected
	Message  string `json:"message,omitempty"`
}

// Status is the state of a station. All fields except Station, ReceivedAt, PublishedRevision, AlarmsSince, Players,
// CurrentProblems, StandingOrder, Enrolment, KeyID and SignedAt are reported by the station itself.
type Status struct {
	Station string `json:"station,omitempty"`
	// when the service received the latest status. Where several replicas run, or the service started since, the station
	// may have sent unchanged ones for up to ten minutes longer
	ReceivedAt schedules.Instant `json:"received_at"`
	// the latest published revision of QueueDate, which the station should hold
	PublishedRevision int64  `json:"published_revision,omitempty"`
	QueueDate         string `json:"queue_date,omitempty"`
	QueueRevision     int64  `json:"queue_revision"`
	RecallsSeen       int64  `json:"recalls_revision"`
	// proof that it has that list: see RecallsProof. A station with a key of its own acknowledges no recall without it
	RecallsProof string `json:"recalls_proof,omitempty"`
	// end of the latest lease that it received; null if it has none
	LeaseUntil    schedules.Instant `json:"lease_until"`
	AudioVerified int               `json:"audio_verified"` // recordings in the cache whose hash was checked
	AudioMissing  int               `json:"audio_missing"`  // recordings of its queues that are not in the cache yet
	// how long it can air as planned without the link, sensitive items excepted
	CoverHours  float64          `json:"cover_hours"`
	ClockOffset schedules.Millis `json:"clock_offset_ms"` // station minus server
	// total correction of the station's time by the service, relative to the machine's clock
	ClockSet      schedules.Millis `json:"clock_set_ms,omitzero"`
	PlayerVersion string           `json:"player_version"`
	Playing       string           `json:"playing,omitempty"` // item id on air now
	PeakDBFS      *float64         `json:"peak_dbfs"`         // of the last second of output; null means silence
	// present problems that need a person, such as that no sound leaves the machine
	Alarms []string `json:"alarms,omitempty"`
	// for each of Alarms, since when the service has heard it without interruption; in responses only
	AlarmsSince []schedules.Instant `json:"alarms_since,omitempty"`

	Problems []string `json:"problems,omitempty"` // refusals and failures, newest first

	Instance string   `json:"instance,omitempty"` // identifies the player; new at each start
	Players  []Player `json:"players,omitempty"`  // players that recently reported for the station; in responses only
	Seen     *Seen    `json:"seen,omitempty"`     // the highest revisions that it has ever seen

	// CurrentProblems lists the problems of the station in its definitions and published days; in responses only.
	CurrentProblems []schedules.StationProblem `json:"standing,omitempty"`

	// how the standing order of the station stands; none if it has none, and in the list of all statuses only
	StandingOrder *StandingOrderStatus `json:"standing_order,omitempty"`

	// whether the station has a key of its own, which signs its reports: none, enrolled or seized; in responses only
	Enrolment string `json:"enrolment,omitempty"`
	KeyID     string `json:"key_id,omitempty"` // of that key; in responses only
	// when the key signed the latest status, by the station's clock; in responses only
	SignedAt schedules.Instant `json:"signed_at,omitzero"`
}

// StandingOrderStatus is how a standing order stands, by which the service plans and publishes the days of a station.
// Its problems are among those of the station.
type StandingOrderStatus struct {
	SetBy   string            `json:"set_by"` // in whose name it acts
	SetAt   schedules.Instant `json:"set_at"`
	Stopped string            `json:"stopped,omitempty"` // why it does nothing; none: it works
	// the last day up to which every day with a window to come is planned, and published; null if the next one is not
	PlannedUntil   *schedules.Date   `json:"planned_until"`
	PublishedUntil *schedules.Date   `json:"published_until"`
	LastAt         schedules.Instant `json:"last_at"`        // when it last planned or published a day
	Last           string            `json:"last,omitempty"` // what it did then
}

// The states of Status.Enrolment.
const (
	NotEnrolled   = "none"
	EnrolledState = "enrolled"
	SeizedState   = "seized"
)

// Player is one player that reports for a station.
type Player struct {
	Instance string            `json:"instance"`
	First    schedules.Instant `json:"first"` // its first report
	Last     schedules.Instant `json:"last"`
}

// Seen holds the highest revisions that a station has seen: it rejects older ones.
type Seen struct {
	Recalls  SeenMark `json:"recalls"`
	Fallback SeenMark `json:"fallback"`
	Queues   int64    `json:"queues"` // of any day
}

// SeenMark identifies a document that was seen.
type SeenMark struct {
	Revision int64             `json:"revision"`
	IssuedAt schedules.Instant `json:"issued_at"`
}
