package wire

import "lifeline/schedules"

// Webhook is an address that is told of changes by signed requests (the Standard Webhooks scheme), in order and at
// least once.
type Webhook struct {
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
	URL      string `json:"url"`
	// the kinds that it is told of: segment, queue, recall, …
	Changes []string `json:"changes"`
	// of changes that belong to a station, only these stations'; none: all
	Stations        []string          `json:"stations,omitempty"`
	Enabled         bool              `json:"enabled"` // Default: true. While it is false changes wait
	Description     string            `json:"description,omitempty"`
	DisabledAt      schedules.Instant `json:"disabled_at"`                // when the service gave it up; null: it has not
	DisabledBecause string            `json:"disabled_because,omitempty"` // why
	// what deliveries are signed with; only in the answer that made it
	Secret string `json:"secret,omitempty"`
}

// Delivery is the body of a request to a webhook. Its webhook-id is the change's id, so that a receiver can drop what
// comes again. Two kinds of change are no document's: "reset", when changes were missed that are no longer kept, up to
// its id, so that the receiver must list what it needs; and "ping", which is a test.
type Delivery struct {
	Type      string            `json:"type"`      // the kind of the change
	Timestamp schedules.Instant `json:"timestamp"` // when it was made
	Data      Change            `json:"data"`
}

// The kinds of delivery that are no document's change.
const (
	DeliveryReset = "reset"
	DeliveryPing  = "ping"
)

// Attempt is one try to deliver something to a webhook.
type Attempt struct {
	ID       string            `json:"id"`       // webhook-id
	Sequence int64             `json:"sequence"` // of the change; 0 for a ping
	Kind     string            `json:"kind"`
	At       schedules.Instant `json:"at"`
	Duration schedules.Millis  `json:"duration_ms"`
	Status   int               `json:"status"`          // that it was answered; 0: it was not
	Error    string            `json:"error,omitempty"` // why it failed; none: it is delivered
	NextTry  schedules.Instant `json:"next_try_at"`     // null: it is delivered, or given up
}

// WebhookStanding is how far a webhook has come.
type WebhookStanding struct {
	Delivered    int64             `json:"delivered"`     // every change up to it is delivered or of no concern to it
	Latest       int64             `json:"latest"`        // the latest change that there is
	Tries        int               `json:"tries"`         // that failed since the last that did not
	FailingSince schedules.Instant `json:"failing_since"` // the first of them
	NextTry      schedules.Instant `json:"next_try_at"`
}

// Deliveries are the latest attempts of a webhook, newest first, and how it stands.
type Deliveries struct {
	Page[Attempt]
	Standing WebhookStanding `json:"standing"`
}

// Replay says from where a webhook is to be told again, or what it is to skip.
type Replay struct {
	After int64 `json:"after"` // the id of the change before the first that is delivered next
}

// Webhooks is where webhooks are; an id, and what there is of it, names one.
func Webhooks(parts ...string) string { return join(Base+"/webhooks", parts) }
