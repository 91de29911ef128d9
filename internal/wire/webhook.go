package wire

import "lifeline/schedules"

// Webhook is an address that receives changes in signed requests (the Standard Webhooks scheme), in order and at least
// once.
type Webhook struct {
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	URL      string `json:"url"`
	// the kinds of change that it receives: segment, queue, recall, …
	Changes []string `json:"changes"`
	// restricts changes that belong to a station to these stations; none means all
	Stations        []string          `json:"stations,omitempty"`
	Enabled         bool              `json:"enabled"` // Default: true. While it is false, changes wait
	Description     string            `json:"description,omitempty"`
	DisabledAt      schedules.Instant `json:"disabled_at"`                // when the service gave it up; null: never
	DisabledBecause string            `json:"disabled_because,omitempty"` // why
	// the secret that signs deliveries; only in the response that creates it
	Secret string `json:"secret,omitempty"`
}

// Delivery is the body of a request to a webhook. Its webhook-id is the change's id, so that a receiver can drop
// repetitions. Two kinds of delivery belong to no document: "reset", when changes up to its id were missed and are no
// longer available, so that the receiver must list what it needs; and "ping", which is a test.
type Delivery struct {
	Type      string            `json:"type"`      // the kind of the change
	Timestamp schedules.Instant `json:"timestamp"` // when the change was made
	Data      Change            `json:"data"`
}

// The kinds of delivery that belong to no document.
const (
	DeliveryReset = "reset"
	DeliveryPing  = "ping"
)

// Attempt is one delivery attempt to a webhook.
type Attempt struct {
	ID       string            `json:"id"`       // webhook-id
	Sequence int64             `json:"sequence"` // of the change; 0 for a ping
	Kind     string            `json:"kind"`
	At       schedules.Instant `json:"at"`
	Duration schedules.Millis  `json:"duration_ms"`
	Status   int               `json:"status"`          // of the response; 0 if there was none
	Error    string            `json:"error,omitempty"` // why it failed; none if it is delivered
	NextTry  schedules.Instant `json:"next_try_at"`     // null if it is delivered or given up
}

// WebhookStanding is the progress of a webhook.
type WebhookStanding struct {
	Delivered    int64             `json:"delivered"`     // every change up to it is delivered or irrelevant
	Latest       int64             `json:"latest"`        // the latest existing change
	Tries        int               `json:"tries"`         // failures since the last success
	FailingSince schedules.Instant `json:"failing_since"` // time of the first of them
	NextTry      schedules.Instant `json:"next_try_at"`
}

// Deliveries lists the latest attempts of a webhook, newest first, with its progress.
type Deliveries struct {
	Page[Attempt]
	Standing WebhookStanding `json:"standing"`
}

// Replay sets the position from which a webhook receives changes again, or to which it skips.
type Replay struct {
	After int64 `json:"after"` // the id of the change before the next one to deliver
}

// Webhooks returns the path of the webhooks, or, with an id and further parts, of one.
func Webhooks(parts ...string) string { return join(Base+"/webhooks", parts) }
