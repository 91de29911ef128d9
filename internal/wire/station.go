package wire

import "lifeline/schedules"

// AsRunReport is what a station sends of what it aired.
type AsRunReport struct {
	Entries []schedules.AsRun `json:"entries"`
}

// AsRunResults answers a report, entry by entry and in its order.
type AsRunResults struct {
	Results []AsRunResult `json:"results"`
}

// AsRunResult says what became of one entry. Only "rejected" is not kept; a station stops resending every other. An
// accepted one has a message when it came under a sequence that another entry has: both are kept.
type AsRunResult struct {
	Sequence int64  `json:"sequence"`
	Status   string `json:"status"` // accepted, repeated, rejected
	Message  string `json:"message,omitempty"`
}

// Status is how a station stands. All but Station, ReceivedAt, PublishedRevision, AlarmsSince, Players and Standing are
// the station's own words.
type Status struct {
	Station    string            `json:"station,omitempty"`
	ReceivedAt schedules.Instant `json:"received_at"`
	// the latest of QueueDate, which the station ought to hold
	PublishedRevision int64  `json:"published_revision,omitempty"`
	QueueDate         string `json:"queue_date,omitempty"`
	QueueRevision     int64  `json:"queue_revision"`
	RecallsSeen       int64  `json:"recalls_revision"`
	// of the latest lease that it took; null: it has none
	LeaseUntil    schedules.Instant `json:"lease_until"`
	AudioVerified int               `json:"audio_verified"` // recordings in the cache whose hash was checked
	AudioMissing  int               `json:"audio_missing"`  // recordings of the queues held that are not there yet
	// how long it can air as planned without the link, but for what is sensitive
	CoverHours  float64          `json:"cover_hours"`
	ClockOffset schedules.Millis `json:"clock_offset_ms"` // station minus server
	// by which the service has set the station's time in all, from the machine's own
	ClockSet      schedules.Millis `json:"clock_set_ms,omitzero"`
	PlayerVersion string           `json:"player_version"`
	Playing       string           `json:"playing,omitempty"` // item id on air now
	PeakDBFS      *float64         `json:"peak_dbfs"`         // of the last second that went out; null: silence
	// what is wrong now and needs a person, such as that no sound leaves the machine
	Alarms []string `json:"alarms,omitempty"`
	// in answers, since when the service has heard each of Alarms without a break
	AlarmsSince []schedules.Instant `json:"alarms_since,omitempty"`

	Problems []string `json:"problems,omitempty"` // what it refused or could not do, newest first

	Instance string   `json:"instance,omitempty"` // of the player: another at each start
	Players  []Player `json:"players,omitempty"`  // that reported for the station lately, in answers
	Seen     *Seen    `json:"seen,omitempty"`     // the highest revisions that it has ever seen

	// Standing is what stands against the station in its definitions and published days, in answers.
	Standing []schedules.StationProblem `json:"standing,omitempty"`
}

// Player is one that reports for a station.
type Player struct {
	Instance string            `json:"instance"`
	First    schedules.Instant `json:"first"` // report
	Last     schedules.Instant `json:"last"`
}

// Seen are the highest revisions that a station has seen: it refuses what is older.
type Seen struct {
	Recalls  SeenMark `json:"recalls"`
	Fallback SeenMark `json:"fallback"`
	Queues   int64    `json:"queues"` // of any day
}

// SeenMark names a document that was seen.
type SeenMark struct {
	Revision int64             `json:"revision"`
	IssuedAt schedules.Instant `json:"issued_at"`
}
