package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"filippo.io/age"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
)

// StationIdentity is what a station makes at its enrolment and never gives away: a key that signs its reports, and an
// identity that decrypts what is encrypted to it.
type StationIdentity struct {
	signer  *sign.Signer
	decrypt *age.X25519Identity
}

// NewStationIdentity makes new keys.
func NewStationIdentity() (StationIdentity, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return StationIdentity{}, fmt.Errorf("trust: station's key: %w", err)
	}
	decrypt, err := age.GenerateX25519Identity()
	if err != nil {
		return StationIdentity{}, fmt.Errorf("trust: station's key: %w", err)
	}
	signer, err := sign.NewSigner(key)
	return StationIdentity{signer, decrypt}, err
}

// StoredIdentity is the form in which a station keeps its identity.
type StoredIdentity struct {
	Seed    []byte `json:"seed"`     // of the Ed25519 signing key
	Decrypt string `json:"identity"` // age identity (AGE-SECRET-KEY-1…)
}

// Stored returns the form in which a station keeps s. It is secret.
func (s StationIdentity) Stored() StoredIdentity {
	return StoredIdentity{Seed: s.signer.Seed(), Decrypt: s.decrypt.String()}
}

// Identity returns the identity that was kept as k.
func (k StoredIdentity) Identity() (StationIdentity, error) {
	if len(k.Seed) != ed25519.SeedSize {
		return StationIdentity{}, fault.New(fault.Invalid, "the station's signing key is damaged")
	}
	decrypt, err := age.ParseX25519Identity(k.Decrypt)
	if err != nil {
		return StationIdentity{}, fault.New(fault.Invalid, "the station's decryption key is damaged")
	}
	signer, err := sign.NewSigner(ed25519.NewKeyFromSeed(k.Seed))
	return StationIdentity{signer, decrypt}, err
}

// Signer signs as the station.
func (s StationIdentity) Signer() *sign.Signer { return s.signer }

// Age decrypts what is encrypted to the station.
func (s StationIdentity) Age() age.Identity { return s.decrypt }

// Recipient returns the age recipient to which documents for the station are encrypted.
func (s StationIdentity) Recipient() string { return s.decrypt.Recipient().String() }

// ParseRecipient returns the recipient of a station's key. It fails with Invalid.
func ParseRecipient(recipient string) (age.Recipient, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is no X25519 recipient of age (age1…)")
	}
	return r, nil
}
