package replica

import (
	"strings"

	"lifeline/internal/store"
)

// Urgency ranks commits for the time when space runs out.
type Urgency int

// The urgencies.
const (
	Ordinary Urgency = iota // fails when only the reserve is left
	Urgent                  // may use the reserve
	Bulk                    // belongs to recordings, and fails first
)

// urgencies gives the urgency of an action, or of all actions with the same part before the dot. Commits that stop,
// define or report airings are urgent, and so are those that change access, remember requests or free space.
var urgencies = map[string]Urgency{
	"queue": Urgent, "fallback": Urgent, "recalls": Urgent, "person": Urgent, "as-run": Urgent, "station": Urgent,
	"token": Urgent, "answer": Urgent, "make-good": Urgent, "records": Urgent, "key": Urgent,
	"segment.recall": Urgent, "segment.reject": Urgent, "segment.reinstate": Urgent,
	"webhook.deliver": Urgent, "webhook.disable": Urgent, "webhook.remove": Urgent,
	"upload.cancel": Urgent, "upload.fail": Urgent, "upload.remove": Urgent,
	"upload": Bulk, "segment.upload": Bulk, "segment.audio": Bulk, "segment.analyse": Bulk,
	"analysis": Bulk,
}

// UrgencyOf returns the urgency of a commit. A commit that only deletes is urgent, since it frees space.
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
