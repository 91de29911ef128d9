package access

import (
	"slices"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/store"
)

// Role is the role of a token.
type Role string

const Admin Role = "admin"

const Producer Role = "producer"

// Roles lists all roles.
var Roles = []Role{Admin, Producer, SchedulerJob, StationJob, Viewer}

// PersonRoles lists the roles that a person may have.
var PersonRoles = []Role{Admin, Producer, SchedulerJob, Viewer}

// Actor is the author of a request. The zero Actor has no permissions.
type Actor struct {
	Name      string // the person, machine or station
	Person    string // id of the person; empty for a machine or station
	Role      Role
	Roles     []Role   // of a session: all roles of the person, of which Role is the first
	Token     string   // id of the access token or session; for a media address, of the token that fetched its list
	Session   string   // id of the session in place of a token
	Station   string   // of a station's token
	May       []string // the operations that the token is limited to; none: all of its role
	Sensitive bool     // named for sensitive audio, and for the persons and the consent of segments
	Address   string   // the signature of the media address used instead of a token
	Remote    string   // network address of the request
	RequestID string
}

// System is the actor of background jobs.
var System = Actor{Name: store.System, Role: Admin, Sensitive: true}

// Origin returns the audit record of an action of a at now.
func (a Actor) Origin(now time.Time, action, reason string) store.Origin {
	return store.Origin{At: now.UTC().Truncate(time.Millisecond), By: a.Name, Action: action, Reason: reason,
		RequestID: a.RequestID, Person: a.Person, Token: a.Token, Remote: a.Remote}
}

// Has reports whether a has a role.
func (a Actor) Has(r Role) bool { return a.Role == r || slices.Contains(a.Roles, r) }

// HasEnrolled reports whether a is a station, by the token that it got when it enrolled its present key.
func (a Actor) HasEnrolled(m *replica.Replica) bool {
	row, _ := replica.StationKeysIn(m).Get(a.Station)
	key, ok := row.Value.Active()
	return ok && a.Role == StationJob && a.Token != "" && a.Token == key.Token
}

// Is reports whether a is the person of a stored id and name; the id is empty where a machine or an older program
// stored the name. The names decide too, so that who looks like that person is taken for the same.
func (a Actor) Is(m *replica.Replica, id, name string) bool {
	return name != "" && m.SamePerson(a.Person, a.Name, id, name)
}
