package access

import (
	"time"

	"lifeline/internal/store"
)

// Role scopes a token.
type Role string

const Admin Role = "admin"

const Producer Role = "producer"

// Roles are all roles.
var Roles = []Role{Admin, Producer, SchedulerJob, StationJob, Viewer}

// Actor is who asks. The zero Actor may nothing.
type Actor struct {
	Name      string // the person or station
	Role      Role
	Token     string // id of the access token; of a media address, of the one that its list was fetched with
	Station   string // of a station's token
	Address   string // the signature of the media address that came in place of a token
	RequestID string
}

// System is the actor of background work.
var System = Actor{Name: "system", Role: Admin}

// Origin makes the audit record of what a does now.
func (a Actor) Origin(now time.Time, action, reason string) store.Origin {
	return store.Origin{At: now.UTC().Truncate(time.Millisecond), By: a.Name, Action: action, Reason: reason,
		RequestID: a.RequestID}
}
