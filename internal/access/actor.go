package access

import (
	"time"

	"lifeline/internal/store"
)

// Role is the role of a token.
type Role string

const Admin Role = "admin"

const Producer Role = "producer"

// Roles lists all roles.
var Roles = []Role{Admin, Producer, SchedulerJob, StationJob, Viewer}

// Actor is the author of a request. The zero Actor has no permissions.
type Actor struct {
	Name      string // the person or station
	Role      Role
	Token     string // id of the access token; for a media address, of the token with which its list was fetched
	Station   string // of a station's token
	Address   string // the signature of the media address used instead of a token
	RequestID string
}

// System is the actor of background jobs.
var System = Actor{Name: "system", Role: Admin}

// Origin returns the audit record of an action of a at now.
func (a Actor) Origin(now time.Time, action, reason string) store.Origin {
	return store.Origin{At: now.UTC().Truncate(time.Millisecond), By: a.Name, Action: action, Reason: reason,
		RequestID: a.RequestID}
}
