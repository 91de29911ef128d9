package wire

import "lifeline/schedules"

// Seizure says what ended when a station was declared seized, and what whoever has it may hold.
type Seizure struct {
	Station  string            `json:"station"`
	SeizedAt schedules.Instant `json:"seized_at"`
	Tokens   []string          `json:"tokens"` // ids of the access tokens that ended now
	Keys     []string          `json:"keys"`   // ids of its keys that nobody believes any more
	// its last report; null: it never reported. What the service published after that may not have reached it. Where
	// several replicas run, or the service started since, it may have reported up to ten minutes later
	LastContact schedules.Instant `json:"last_contact"`
	LeaseUntil  schedules.Instant `json:"lease_until"` // until then its player may air what is sensitive
	Queues      []HeldQueue       `json:"queues"`      // by date
	HeldUntil   *schedules.Date   `json:"held_until"`  // the date of the last queue; null: none
	Segments    []HeldSegment     `json:"segments"`    // the sensitive ones first
	Trusts      Fingerprint       `json:"trusts"`      // the service's signer that it knows
}

// HeldQueue is a published day that a station may hold.
type HeldQueue struct {
	Date     schedules.Date `json:"date"`
	Revision int64          `json:"revision"`
}

// HeldSegment is a segment whose recording a station may hold.
type HeldSegment struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Sensitive bool     `json:"sensitive"`
	Persons   []string `json:"persons,omitempty"`
}
