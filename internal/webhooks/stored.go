package webhooks

import (
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// webhook is the stored form of a webhook. It does not contain the secrets: they are derived from the service's key and
// these salts, so that a reader of the store, or of a backup without the key, cannot sign.
type webhook struct {
	ID              string            `json:"id"`
	Revision        int64             `json:"revision"` // always 0; the document has the revision
	URL             string            `json:"url"`
	Changes         []string          `json:"changes"`
	Stations        []string          `json:"stations,omitempty"`
	Enabled         bool              `json:"enabled"`
	Description     string            `json:"description,omitempty"`
	DisabledAt      schedules.Instant `json:"disabled_at"`
	DisabledBecause string            `json:"disabled_because,omitempty"`
	Salt            []byte            `json:"salt"`
	OldSalt         []byte            `json:"old_salt,omitempty"`
	OldUntil        schedules.Instant `json:"old_until"`
}

// progress is the stored progress of a webhook.
type progress struct {
	Cursor int64 `json:"cursor"` // every change up to it is delivered or irrelevant
	// every urgent change up to it is delivered, ahead of its turn where it is beyond the cursor
	Ahead int64 `json:"ahead,omitempty"`
	// the change up to which urgent ones were tried without waiting
	Hurried int64 `json:"hurried,omitempty"`
	// the webhook's revision of the last try; another revision is tried without waiting
	Target   int64             `json:"target"`
	Tries    int               `json:"tries"`
	Since    schedules.Instant `json:"since"`
	NextTry  schedules.Instant `json:"next_try"`
	SavedAt  schedules.Instant `json:"saved_at"`
	Attempts []storedAttempt   `json:"attempts"` // newest first
}

// storedAttempt is the stored form of a wire.Attempt.
type storedAttempt struct {
	ID       string            `json:"id"`
	Sequence int64             `json:"sequence"`
	Kind     string            `json:"kind"`
	At       schedules.Instant `json:"at"`
	Duration schedules.Millis  `json:"duration_ms"`
	Status   int               `json:"status"`
	Error    string            `json:"error,omitempty"`
	NextTry  schedules.Instant `json:"next_try_at"`
}

// ownersPart returns the part of a webhook that its owner defines, without the fields that the service sets.
func ownersPart(w wire.Webhook) webhook {
	return webhook{ID: w.ID, URL: w.URL, Changes: w.Changes, Stations: w.Stations, Enabled: w.Enabled,
		Description: w.Description}
}

// publicForm returns a webhook as responses show it.
func publicForm(row replica.Row[webhook]) wire.Webhook {
	w := row.Value
	return wire.Webhook{ID: w.ID, Revision: row.Revision, URL: w.URL, Changes: w.Changes, Stations: w.Stations,
		Enabled: w.Enabled, Description: w.Description, DisabledAt: w.DisabledAt, DisabledBecause: w.DisabledBecause}
}
