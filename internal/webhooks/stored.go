package webhooks

import (
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// webhook is one as it is stored. Its secrets are not: they follow from the service's key and these salts, so that
// whoever reads the store, or a backup without the key, can sign nothing.
type webhook struct {
	ID              string            `json:"id"`
	Revision        int64             `json:"revision"` // always 0: the document has it
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

// progress is how far a webhook has come, as it is stored.
type progress struct {
	Cursor int64 `json:"cursor"` // every change up to it is delivered or of no concern
	// the webhook's revision that was tried last: to another one there is no waiting
	Target   int64             `json:"target"`
	Tries    int               `json:"tries"`
	Since    schedules.Instant `json:"since"`
	NextTry  schedules.Instant `json:"next_try"`
	SavedAt  schedules.Instant `json:"saved_at"`
	Attempts []storedAttempt   `json:"attempts"` // newest first
}

// storedAttempt is a wire.Attempt as it is stored.
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

// wanted is a webhook as its owner wants it, without what the service alone says of it.
func wanted(w wire.Webhook) webhook {
	return webhook{ID: w.ID, URL: w.URL, Changes: w.Changes, Stations: w.Stations, Enabled: w.Enabled,
		Description: w.Description}
}

// shown is a webhook as people see it.
func shown(row replica.Row[webhook]) wire.Webhook {
	w := row.Value
	return wire.Webhook{ID: w.ID, Revision: row.Revision, URL: w.URL, Changes: w.Changes, Stations: w.Stations,
		Enabled: w.Enabled, Description: w.Description, DisabledAt: w.DisabledAt, DisabledBecause: w.DisabledBecause}
}
