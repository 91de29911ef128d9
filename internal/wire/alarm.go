package wire

import "lifeline/schedules"

// Alarm is something that is wrong now and needs a person. It is gone once it is over.
type Alarm struct {
	// webhook_failing, webhook_given_up, player: what a station's player says, or station: what stands against a station
	Code    string `json:"code"`
	Subject string `json:"subject"` // the id of the webhook, or of the station
	// of a player's, since the first report that had it; of what stands against a station, since the service noticed it,
	// at the earliest since it started
	Since schedules.Instant `json:"since"`
	Error string            `json:"error,omitempty"` // of a webhook, why the last delivery failed
	// of a webhook, how many changes wait to be told; from 1000 on they are not counted
	Waiting int `json:"waiting,omitempty"`
	// of a station, the code of what stands against it, such as two_players, as in the standing of its status
	Problem string `json:"problem,omitempty"`
	Message string `json:"message"`
}

// The codes of alarms.
const (
	AlarmWebhookFailing = "webhook_failing"
	AlarmWebhookGivenUp = "webhook_given_up"
	AlarmPlayer         = "player"
	AlarmStation        = "station"
)
