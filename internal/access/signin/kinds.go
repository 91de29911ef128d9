package signin

import (
	"fmt"
	"reflect"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

const (
	KindHolder    = "passkeys"     // the passkeys of a person: PERSON
	KindCode      = "passkey-code" // the latest one-time code of a person, or the request for one: PERSON
	KindSession   = access.KindSession
	KindRecovery  = "recovery"       // an alarm: who got a new code, or was named by one person alone: ID
	KindChallenge = "used-challenge" // a challenge that was used, or its confirmation, until it expires: its nonce
)

// Kinds are the kinds of stored document that this package owns.
var Kinds = replica.Kinds{
	{Name: KindHolder, Form: reflect.TypeFor[holder](), Copy: replica.Copied(replica.Parse[holder]),
		Inspect: replica.Looking(inspectHolder)},
	{Name: KindCode, Form: reflect.TypeFor[personCode](), Copy: replica.Copied(replica.Parse[personCode]),
		Inspect: replica.Readable[personCode], Upgrades: []replica.Upgrade{withMakers}},
	{Name: KindSession, Often: true, Form: reflect.TypeFor[session](), Copy: replica.Copied(replica.Parse[session]),
		Inspect: replica.Looking(inspectSession), Upgrades: []replica.Upgrade{withIdentity}},
	{Name: KindRecovery, Changes: "alarm", Form: reflect.TypeFor[recovery](),
		Copy: replica.Copied(replica.Parse[recovery]), Inspect: replica.Readable[recovery],
		Upgrades: []replica.Upgrade{withNamed}},
	{Name: KindChallenge, Often: true, Form: reflect.TypeFor[usedChallenge](),
		Inspect: replica.Readable[usedChallenge]},
}

// withMakers adds who made a code. Who enrols with a code without makers counts for no second person.
var withMakers = replica.Adds(func(c *personCode) { c.Makers, c.Here = nil, false })

// withNamed adds notices of persons who were named for what is sensitive. A program that does not know them would tell
// of a recovery.
var withNamed = replica.Needs(func(n recovery) error {
	if n.Named {
		return fault.New(fault.Conflict, "nobody is named for what is sensitive on the service's machine before every replica "+
			"is in this version: bring the others up to it, then run lifeline upgrade-store")
	}
	return nil
})

// withIdentity adds the identity by which a person signed in. A program that does not know it would let the session go
// on after the end of the link.
var withIdentity = replica.Needs(func(own session) error {
	if own.Issuer != "" {
		return fault.New(fault.Conflict, "nobody signs in by the identity provider before every replica is in this version: "+
			"bring the others up to it, then run lifeline upgrade-store")
	}
	return nil
})

// holder is the stored form of a person's passkeys. It stays after their end: who was enrolled once gets a new code
// only by recovery.
type holder struct {
	Person     string            `json:"person"`
	Handle     []byte            `json:"handle"` // random; names the person to authenticators
	EnrolledAt schedules.Instant `json:"enrolled_at"`
	Passkeys   []passkey         `json:"passkeys"`
}

// passkey is one credential of a person.
type passkey struct {
	Credential []byte            `json:"credential"` // its id, chosen by the authenticator
	Name       string            `json:"name"`       // given by the person, such as "grey key"
	PublicKey  []byte            `json:"public_key"` // COSE
	Transports []string          `json:"transports,omitempty"`
	Attachment string            `json:"attachment,omitempty"` // platform, cross-platform
	Backup     bool              `json:"backup,omitempty"`     // the authenticator may copy it to others
	Count      uint32            `json:"count,omitempty"`      // of signatures, where the authenticator counts
	CreatedAt  schedules.Instant `json:"created_at"`
	UsedAt     schedules.Instant `json:"used_at"`
}

// personCode is the stored form of a one-time code, or, without a proof, of a recovery that one person has approved.
type personCode struct {
	Person    string            `json:"person"`
	Recovery  bool              `json:"recovery,omitempty"` // the code replaces all passkeys of the person
	Approved  []approval        `json:"approved,omitempty"` // of a recovery
	Handle    string            `json:"handle,omitempty"`   // the first group of the code, which finds it
	Proof     []byte            `json:"proof,omitempty"`    // HMAC of the code
	CreatedAt schedules.Instant `json:"created_at"`
	ExpiresAt schedules.Instant `json:"expires_at"`
	Failed    int               `json:"failed,omitempty"` // wrong codes with the right handle
	// who may be behind the code; nobody if it was made on the service's machine
	Makers []access.AccessMaker `json:"makers,omitempty"`
	Here   bool                 `json:"here,omitempty"` // made on the service's machine, with its store
}

// approval is that of one person to a recovery.
type approval struct {
	Person string            `json:"person"`
	Name   string            `json:"name"`
	At     schedules.Instant `json:"at"`
}

// session is the stored form of a sign-in. Of its secret, which is 256 random bits, it has only a hash.
type session struct {
	ID        string            `json:"id"`
	Person    string            `json:"person"`
	Hash      string            `json:"hash"` // hex SHA-256 of the secret
	By        string            `json:"by"`   // ByBrowser, ByCommandLine
	Remote    string            `json:"remote,omitempty"`
	Agent     string            `json:"agent,omitempty"`   // what the browser says of itself
	Issuer    string            `json:"issuer,omitempty"`  // of the identity provider; none: by passkey
	Subject   string            `json:"subject,omitempty"` // by which the provider knows the person
	CreatedAt schedules.Instant `json:"created_at"`
	UsedAt    schedules.Instant `json:"used_at"` // to usedKept
}

// recovery is the stored form of the notice that a code was made which replaces all passkeys of a person, or that a
// person was named for what is sensitive without a second person.
type recovery struct {
	Person string            `json:"person"`
	Name   string            `json:"name"`
	By     []string          `json:"by"` // names
	Here   bool              `json:"here,omitempty"`
	Named  bool              `json:"named,omitempty"` // for what is sensitive
	At     schedules.Instant `json:"at"`
}

// usedChallenge is the stored form of a challenge that was used.
type usedChallenge struct {
	ExpiresAt schedules.Instant `json:"expires_at"`
}

func holdersIn(m *replica.Replica) *replica.Cache[holder] {
	return replica.CacheOf[*replica.Cache[holder]](m, KindHolder)
}

func codesIn(m *replica.Replica) *replica.Cache[personCode] {
	return replica.CacheOf[*replica.Cache[personCode]](m, KindCode)
}

func recoveriesIn(m *replica.Replica) *replica.Cache[recovery] {
	return replica.CacheOf[*replica.Cache[recovery]](m, KindRecovery)
}

func sessionsIn(m *replica.Replica) *replica.Cache[session] {
	return replica.CacheOf[*replica.Cache[session]](m, KindSession)
}

func inspectHolder(i *replica.Inspector, d store.Document, h holder) {
	wrong := ""
	switch {
	case h.Person != d.ID:
		wrong = fmt.Sprintf("it says that it is of person %q", h.Person)
	case len(h.Handle) == 0:
		wrong = "it has no handle"
	default:
		for _, k := range h.Passkeys {
			if len(k.Credential) == 0 || len(k.PublicKey) == 0 {
				wrong = fmt.Sprintf("the passkey %q has no key", k.Name)
			}
		}
	}
	if wrong != "" {
		i.Tell(d, "is malformed: %s. The person can be recovered by two others", wrong)
	}
}

func inspectSession(i *replica.Inspector, d store.Document, s session) {
	if s.ID != d.ID || len(s.Hash) != 64 || s.Person == "" {
		i.Tell(d, "is malformed and lets nobody in: end it, and sign in again")
	}
}
