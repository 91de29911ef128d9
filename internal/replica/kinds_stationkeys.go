package replica

import (
	"crypto/ed25519"
	"reflect"
	"slices"

	"lifeline/internal/store"
	"lifeline/schedules"
)

const (
	KindStationKeys = "station-keys"   // the keys that a station has had: STATION
	KindEnrolment   = "enrolment"      // the latest one-time code of a station: STATION
	KindDoubts      = "station-doubts" // what came as a station's report and may not be its word: STATION
)

// stationKeyKinds are the kinds of the stations' own keys.
var stationKeyKinds = Kinds{
	{Name: KindStationKeys, OfStation: true, Form: reflect.TypeFor[StationKeys](), Copy: Copied(Parse[StationKeys]),
		Inspect: Looking(inspectStationKeys)},
	{Name: KindEnrolment, OfStation: true, Form: reflect.TypeFor[Enrolment](), Copy: Copied(Parse[Enrolment]),
		Inspect: Looking(inspectEnrolment)},
	{Name: KindDoubts, OfStation: true, Often: true, Form: reflect.TypeFor[StationDoubts](),
		Copy: Copied(Parse[StationDoubts]), Inspect: Readable[StationDoubts], Upgrades: []Upgrade{withLastSignedAt}},
}

// StationDoubts are the reasons to doubt reports of a station, and what its key signed last.
type StationDoubts struct {
	SignedAt schedules.Instant `json:"signed_at"` // of the latest status that its key signed, by the station's clock
	Doubts   []Doubt           `json:"doubts"`    // one of each code
	// when something came that the station's key of that time signed, stored once after each doubt and enrolment
	LastSignedAt schedules.Instant `json:"vouched_at,omitzero"`
}

// withLastSignedAt adds StationDoubts.LastSignedAt. Without it, doubts stand until their time is over.
var withLastSignedAt = Adds(func(d *StationDoubts) { d.LastSignedAt = schedules.Instant{} })

// Doubt is one reason to doubt a station's reports.
type Doubt struct {
	Code  string            `json:"code"`
	Since schedules.Instant `json:"since"`
	Last  schedules.Instant `json:"last"`
	Said  string            `json:"said"` // of the last one, for people
}

// KeyState is the state of a station's key.
type KeyState string

const (
	KeyActive   KeyState = "active"   // the station signs with it, and documents are encrypted to it
	KeyReplaced KeyState = "replaced" // a later enrolment replaced it
	KeySeized   KeyState = "seized"   // somebody else may have it
)

// StationKeys are the keys that a station has had. A station without a document has never enrolled.
type StationKeys struct {
	Station string       `json:"station"`
	Keys    []StationKey `json:"keys"` // the oldest first; at most the last is active
	// since when the station counts as seized; zero: it does not. It ends with the next enrolment
	SeizedAt schedules.Instant `json:"seized_at"`
}

// StationKey is one pair of keys that a station made at its enrolment: one signs, one decrypts.
type StationKey struct {
	ID        string            `json:"id"`        // of the signing key, as in envelopes
	Signing   ed25519.PublicKey `json:"signing"`   // verifies what the station signs
	Recipient string            `json:"recipient"` // age recipient (age1…) to which documents are encrypted
	State     KeyState          `json:"state"`
	Since     schedules.Instant `json:"since"`
	Until     schedules.Instant `json:"until"` // when it was replaced or seized; zero while it is active
	Token     string            `json:"token"` // the id of the access token that the enrolment made
}

// Active returns the present key of the station. It has none before its enrolment and after a seizure.
func (k StationKeys) Active() (StationKey, bool) {
	n := slices.IndexFunc(k.Keys, func(key StationKey) bool { return key.State == KeyActive })
	if n < 0 {
		return StationKey{}, false
	}
	return k.Keys[n], true
}

// Enrolment is a one-time code with which a station enrols its key. The code itself is not stored.
type Enrolment struct {
	Station   string            `json:"station"`
	Handle    string            `json:"handle"` // the first part of the code, which finds the enrolment
	Proof     []byte            `json:"proof"`  // HMAC-SHA-256 of the whole code
	By        string            `json:"by"`
	CreatedAt schedules.Instant `json:"created_at"`
	ExpiresAt schedules.Instant `json:"expires_at"`
	Failed    int               `json:"failed"` // wrong codes with this handle
	Key       string            `json:"key"`    // the id of the key that used the code; "" if none has
}

// StationKeysIn returns the keys of the stations.
func StationKeysIn(m *Replica) *Cache[StationKeys] {
	return CacheOf[*Cache[StationKeys]](m, KindStationKeys)
}

// DoubtsIn returns the doubts about the stations' reports.
func DoubtsIn(m *Replica) *Cache[StationDoubts] { return CacheOf[*Cache[StationDoubts]](m, KindDoubts) }

func EnrolmentsIn(m *Replica) *Cache[Enrolment] { return CacheOf[*Cache[Enrolment]](m, KindEnrolment) }

func inspectStationKeys(i *Inspector, d store.Document, k StationKeys) {
	if k.Station != d.ID {
		i.Tell(d, "has the body of station %q", k.Station)
	}
	for n, key := range k.Keys {
		switch {
		case len(key.Signing) != ed25519.PublicKeySize || key.ID == "":
			i.Tell(d, "has no usable signing key at place %d: enrol the station anew", n)
		case key.State != KeyActive && key.State != KeyReplaced && key.State != KeySeized:
			i.Tell(d, "has a key %s in the unknown state %q: enrol the station anew", key.ID, key.State)
		case key.State == KeyActive && n < len(k.Keys)-1:
			i.Tell(d, "has an active key %s before its last: enrol the station anew", key.ID)
		}
	}
}

func inspectEnrolment(i *Inspector, d store.Document, e Enrolment) {
	if e.Station != d.ID {
		i.Tell(d, "has the body of station %q", e.Station)
	}
}
