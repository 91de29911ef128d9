package wire

import "lifeline/schedules"

// Member is a person who works with the service. (Person is one whom segments name.)
type Member struct {
	ID       string `json:"id"` // none: the service makes one
	Revision int64  `json:"revision"`
	Name     string `json:"name"` // in any script; no other person's name may look like it
	// earlier names, which stay, and the names of tokens without a person that are this person's
	Others    []string `json:"other_names,omitempty"`
	Roles     []string `json:"roles"`               // the roles that the person's tokens may have
	Languages []string `json:"languages,omitempty"` // in which the person may change content; none: every one
	Stations  []string `json:"stations,omitempty"`  // for which the person may schedule; none: every one
	// may hear sensitive recordings, and sees the persons and the consent of segments
	Sensitive bool `json:"sensitive,omitempty"`
	// by which an identity provider knows the person, who may sign in by it; no other person has one of them
	Identities []Identity        `json:"identities,omitempty"`
	Active     bool              `json:"active"` // if not, the person's tokens permit nothing
	CreatedAt  schedules.Instant `json:"created_at"`
	EndedAt    schedules.Instant `json:"ended_at"` // none: the person is active
}

// MemberNow is a person with the recovery that stands, which is not part of the revision.
type MemberNow struct {
	Member
	Recovery *Recovery `json:"recovery,omitempty"`
}

// Recovery is the recovery of a person who lost every passkey.
type Recovery struct {
	// the other persons who approved it; the first began it; none: its code was made on the service's machine
	By        []string          `json:"by,omitempty"`
	Since     schedules.Instant `json:"since"` // when it was begun, or its code was made
	ExpiresAt schedules.Instant `json:"expires_at"`
	Code      bool              `json:"code"` // its code was made and not used yet; if not, a second person must approve it
}
