package wire

import "lifeline/schedules"

// Alarm is a present problem that needs a person. It disappears when the problem is over.
type Alarm struct {
	// webhook_failing, webhook_given_up, player (reported by a station's player), station (a problem of a station),
	// recovery (a person got a code for new passkeys, in the last 7 days), named (a person was named for what is
	// sensitive on the service's machine, without a second person, in the last 7 days), or mass_ends (a person ended or
	// limited access of others five times in a day)
	Code    string `json:"code"`
	Subject string `json:"subject"` // the id of the webhook, of the station, or of the person; of mass_ends the name
	// for a player: since the first report with this alarm; for a problem of a station: since the service noticed it, at
	// the earliest since the service started
	Since schedules.Instant `json:"since"`
	Error string            `json:"error,omitempty"` // for a webhook: why the last delivery failed
	// for a webhook: number of changes that wait for delivery, counted up to 1000
	Waiting int `json:"waiting,omitempty"`
	// for a station: the code of its problem, such as two_players, as in the standing of its status
	Problem string `json:"problem,omitempty"`
	Message string `json:"message"`
}

// The codes of alarms.
const (
	AlarmWebhookFailing = "webhook_failing"
	AlarmWebhookGivenUp = "webhook_given_up"
	AlarmPlayer         = "player"
	AlarmStation        = "station"
	AlarmRecovery       = "recovery"
	AlarmNamed          = "named"
	AlarmMassEnds       = "mass_ends"
)
