package replica

import (
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// storedStatus is the stored form of a wire.Status. It leaves out the fields that only answers have.
type storedStatus struct {
	Station       string            `json:"station,omitempty"`
	ReceivedAt    schedules.Instant `json:"received_at"`
	QueueDate     string            `json:"queue_date,omitempty"`
	QueueRevision int64             `json:"queue_revision"`
	RecallsSeen   int64             `json:"recalls_revision"`
	LeaseUntil    schedules.Instant `json:"lease_until"`
	AudioVerified int               `json:"audio_verified"`
	AudioMissing  int               `json:"audio_missing"`
	CoverHours    float64           `json:"cover_hours"`
	ClockOffset   schedules.Millis  `json:"clock_offset_ms"`
	ClockSet      schedules.Millis  `json:"clock_set_ms,omitzero"`
	PlayerVersion string            `json:"player_version"`
	Playing       string            `json:"playing,omitempty"`
	PeakDBFS      *float64          `json:"peak_dbfs"`
	Alarms        []string          `json:"alarms,omitempty"`

	AlarmsSince []schedules.Instant `json:"alarms_since,omitempty"` // since version 2

	Problems []string       `json:"problems,omitempty"`
	Instance string         `json:"instance,omitempty"`
	Players  []storedPlayer `json:"players,omitempty"`
	Seen     *storedSeen    `json:"seen,omitempty"`
}

type storedPlayer struct {
	Instance string            `json:"instance"`
	First    schedules.Instant `json:"first"`
	Last     schedules.Instant `json:"last"`
}

type storedSeen struct {
	Recalls  storedSeenMark `json:"recalls"`
	Fallback storedSeenMark `json:"fallback"`
	Queues   int64          `json:"queues"`
}

type storedSeenMark struct {
	Revision int64             `json:"revision"`
	IssuedAt schedules.Instant `json:"issued_at"`
}

// EncodeStatus returns the stored form of a status.
func EncodeStatus(s wire.Status) ([]byte, error) {
	out := storedStatus{Station: s.Station, ReceivedAt: s.ReceivedAt, QueueDate: s.QueueDate,
		QueueRevision: s.QueueRevision, RecallsSeen: s.RecallsSeen, LeaseUntil: s.LeaseUntil,
		AudioVerified: s.AudioVerified, AudioMissing: s.AudioMissing, CoverHours: s.CoverHours,
		ClockOffset: s.ClockOffset, ClockSet: s.ClockSet, PlayerVersion: s.PlayerVersion, Playing: s.Playing,
		PeakDBFS: s.PeakDBFS, Alarms: s.Alarms, AlarmsSince: s.AlarmsSince,
		Problems: s.Problems, Instance: s.Instance}
	for _, p := range s.Players {
		out.Players = append(out.Players, storedPlayer(p))
	}
	if s.Seen != nil {
		out.Seen = &storedSeen{storedSeenMark(s.Seen.Recalls), storedSeenMark(s.Seen.Fallback), s.Seen.Queues}
	}
	return Encode(out)
}

func parseStatus(body []byte) (wire.Status, error) {
	s, err := Parse[storedStatus](body)
	if err != nil {
		return wire.Status{}, err
	}
	out := wire.Status{Station: s.Station, ReceivedAt: s.ReceivedAt, QueueDate: s.QueueDate,
		QueueRevision: s.QueueRevision, RecallsSeen: s.RecallsSeen, LeaseUntil: s.LeaseUntil,
		AudioVerified: s.AudioVerified, AudioMissing: s.AudioMissing, CoverHours: s.CoverHours,
		ClockOffset: s.ClockOffset, ClockSet: s.ClockSet, PlayerVersion: s.PlayerVersion, Playing: s.Playing,
		PeakDBFS: s.PeakDBFS, Alarms: s.Alarms, AlarmsSince: s.AlarmsSince,
		Problems: s.Problems, Instance: s.Instance}
	for _, p := range s.Players {
		out.Players = append(out.Players, wire.Player(p))
	}
	if s.Seen != nil {
		out.Seen = &wire.Seen{Recalls: wire.SeenMark(s.Seen.Recalls), Fallback: wire.SeenMark(s.Seen.Fallback),
			Queues: s.Seen.Queues}
	}
	return out, nil
}

// withAlarmsSince adds since when each alarm stands, which version 1 did not have.
var withAlarmsSince = Adds(func(s *storedStatus) { s.AlarmsSince = nil })
