package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"lifeline/schedules"
)

// The DSSE payload types and schemas of what a station signs with its own key, and of the service's proof to a player
// that has nothing but a code.
const (
	EnrolmentType   = "application/vnd.lifeline.enrolment+json"
	EnrolmentSchema = "lifeline.enrolment/1"
	ProofType       = "application/vnd.lifeline.enrolment-proof+json"
	ProofSchema     = "lifeline.enrolment-proof/1"
	AsRunType       = "application/vnd.lifeline.as-run+json"
	AsRunSchema     = "lifeline.as-run/1"
	StatusType      = "application/vnd.lifeline.status+json"
	StatusSchema    = "lifeline.status/1"
)

// SignedAsRun is the payload of a report that the station's key signed.
type SignedAsRun struct {
	Schema  string            `json:"schema"`
	Station string            `json:"station"` // a report of another station is not accepted
	Entries []schedules.AsRun `json:"entries"`
}

// SignedStatus is the payload of a status that the station's key signed.
type SignedStatus struct {
	Schema   string            `json:"schema"`
	Station  string            `json:"station"`
	SignedAt schedules.Instant `json:"signed_at"` // by the station's clock; later in each status
	Status   Status            `json:"status"`
}

// RecallsProof returns the proof that a station has a recall list, from the envelope of the list. Without the list
// nobody can compute it, since the list's signature is part of it. It is "" for what is no envelope.
func RecallsProof(station string, envelope []byte) string {
	var e Envelope
	if err := json.Unmarshal(envelope, &e); err != nil || len(e.Signatures) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte("lifeline.recalls-proof/1\n" + station + "\n" + e.Payload + "\n" + e.Signatures[0].Sig))
	return hex.EncodeToString(sum[:])
}

// EnrolmentCode is a one-time code with which the player of a station enrols.
type EnrolmentCode struct {
	Station string `json:"station"`
	// in this answer only; its second half names the key by which the service proves itself
	Code      string            `json:"code"`
	ExpiresAt schedules.Instant `json:"expires_at"`
	Service   Fingerprint       `json:"service"` // to compare with what the station shows
}

// NewEnrolment asks for a code.
type NewEnrolment struct {
	Life schedules.Millis `json:"life_ms,omitzero"` // how long the code is valid; by default an hour
}

// Enrolment is the payload that a station signs with its new key to enrol it.
type Enrolment struct {
	Schema    string `json:"schema"`
	Code      string `json:"code"`
	Signing   []byte `json:"signing_key"` // the Ed25519 public key that signed this envelope
	Recipient string `json:"recipient"`   // age recipient (age1…) of the station
	// the station that the player belongs to already: a code of another station is refused, unused
	Station string `json:"station,omitempty"`
}

// EnrolmentProof is the payload by which the service proves, to a player with a code that names its key, that it has
// the key, before the player sends anything of the code.
type EnrolmentProof struct {
	Schema string `json:"schema"`
	Nonce  string `json:"nonce"`       // of the request that it answers
	Key    []byte `json:"key"`         // the Ed25519 public key that signed this envelope
	Seal   []byte `json:"sealing_key"` // the public half to which the player seals its enrolment
}

// Sealed is a text that only the other side reads: an enrolment, and the answer to it.
type Sealed struct {
	Sealed []byte `json:"sealed"` // by HPKE (RFC 9180): X25519, HKDF-SHA256, AES-256-GCM; the encapsulated key first
}

// The purposes for which an enrolment and its answer are sealed.
const (
	SealedEnrolmentPurpose = "lifeline.sealed-enrolment/1"
	SealedEnrolledPurpose  = "lifeline.sealed-enrolled/1"
)

// SealedEnrolment is what a player seals to the service's sealing key.
type SealedEnrolment struct {
	Enrolment json.RawMessage `json:"enrolment"`  // the envelope of an Enrolment
	Answer    []byte          `json:"answer_key"` // the public half to which the service seals its answer, an Enrolled
}

// Enrolled is the answer to an enrolment.
type Enrolled struct {
	Station string      `json:"station"`
	KeyID   string      `json:"key_id"` // of the station's signing key
	Token   string      `json:"token"`  // the station's access token; in this answer only
	Service Fingerprint `json:"service"`
}

// Fingerprint identifies what signs for the service: its root of keys or, without a root, its keys.
type Fingerprint struct {
	RootVersion int64    `json:"root_version,omitempty"`
	RootSHA256  string   `json:"root_sha256,omitempty"` // of the latest root document
	Keys        []string `json:"keys"`                  // the ids of the keys that sign
}

// String describes f, so that a person can compare it.
func (f Fingerprint) String() string {
	if f.RootVersion > 0 {
		return fmt.Sprintf("root %d, SHA-256 %s", f.RootVersion, f.RootSHA256)
	}
	if len(f.Keys) == 1 {
		return "key " + f.Keys[0]
	}
	return "keys " + strings.Join(f.Keys, ", ")
}

// StationKey is one pair of keys that a station has had.
type StationKey struct {
	ID        string            `json:"id"`         // of the signing key
	State     string            `json:"state"`      // active, replaced or seized
	PublicKey []byte            `json:"public_key"` // Ed25519
	Recipient string            `json:"recipient"`  // age recipient
	Since     schedules.Instant `json:"since"`
	Until     schedules.Instant `json:"until"` // when it was replaced or seized; null while it is active
}
