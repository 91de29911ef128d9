package replica

import (
	"strings"

	"lifeline/internal/store"
)

// Urgency says what goes first where there is little room.
type Urgency int

// The urgencies.
const (
	Ordinary Urgency = iota // waits while only what is kept for what is urgent is left
	Urgent                  // may use that
	Bulk                    // comes with recordings, and waits first
)

// urgencies are by action, or by the part of it before the dot. What stops something from airing, says what airs, or
// reports it, is urgent; and so is what lets people in and out, what remembers their requests, and what makes room.
var urgencies = map[string]Urgency{
	"queue": Urgent, "fallback": Urgent, "recalls": Urgent, "person": Urgent, "as-run": Urgent, "station": Urgent,
	"token": Urgent, "answer": Urgent, "make-good": Urgent, "records": Urgent, "key": Urgent,
	"segment.recall": Urgent, "segment.reject": Urgent, "segment.reinstate": Urgent,
	"webhook.deliver": Urgent, "webhook.disable": Urgent, "webhook.remove": Urgent,
	"upload.cancel": Urgent, "upload.fail": Urgent, "upload.remove": Urgent,
	"upload": Bulk, "segment.upload": Bulk, "segment.audio": Bulk, "segment.analyse": Bulk,
}

// UrgencyOf is the urgency of a commit. One that only deletes makes room.
func UrgencyOf(c store.Commit) Urgency {
	if u, ok := urgencies[c.Action]; ok {
		return u
	}
	deletes := len(c.Writes) > 0
	for _, w := range c.Writes {
		deletes = deletes && w.Delete
	}
	if deletes {
		return Urgent
	}
	area, _, _ := strings.Cut(c.Action, ".")
	return urgencies[area]
}
