// Package sign signs and verifies documents: DSSE envelopes with Ed25519 over exact bytes. Service and player share it,
// so that each can verify what the other signed.
package sign

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// KeyID returns the id of a public key: the first 16 hex digits of its SHA-256.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// Signer signs with one private key.
type Signer struct {
	key    ed25519.PrivateKey
	signer *dsse.EnvelopeSigner
}

// NewSigner returns a Signer that signs with key.
func NewSigner(key ed25519.PrivateKey) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("sign: the signing key is not an Ed25519 private key")
	}
	s, err := dsse.NewEnvelopeSigner(ed25519Signer{key})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return &Signer{key, s}, nil
}

// Public returns the key that verifies the signatures of s.
func (s *Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// KeyID returns the id of the key of s.
func (s *Signer) KeyID() string { return KeyID(s.Public()) }

// Seed returns the secret from which the key of s is made.
func (s *Signer) Seed() []byte { return s.key.Seed() }

// Sign returns the JSON of a DSSE envelope that carries exactly payload.
func (s *Signer) Sign(payloadType string, payload []byte) ([]byte, error) {
	env, err := s.signer.SignPayload(context.Background(), payloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return json.Marshal(env)
}

// Verify verifies an envelope against the pinned keys and returns its payload. It fails unless a pinned key signed
// exactly this payload with exactly this type.
func Verify(envelope []byte, payloadType string, pinned ...ed25519.PublicKey) ([]byte, error) {
	env, err := parse(envelope)
	if err != nil {
		return nil, err
	}
	if env.PayloadType != payloadType {
		return nil, fmt.Errorf("sign: the envelope carries %q, not %q", env.PayloadType, payloadType)
	}
	verifiers := make([]dsse.Verifier, len(pinned))
	for i, key := range pinned {
		verifiers[i] = ed25519Verifier{key}
	}
	v, err := dsse.NewEnvelopeVerifier(verifiers...)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if _, err := v.Verify(context.Background(), &env); err != nil {
		return nil, unsigned(env, pinned)
	}
	return env.DecodeB64Payload()
}

// maxSignatures bounds the JSON of an envelope's signatures in bytes. The service makes one signature, and the list is
// read before any signature is verified.
const maxSignatures = 16 << 10

func parse(envelope []byte) (env dsse.Envelope, err error) {
	var outer struct {
		PayloadType string          `json:"payloadType"`
		Payload     string          `json:"payload"`
		Signatures  json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal(envelope, &outer); err != nil {
		return env, fmt.Errorf("sign: not an envelope: %w", err)
	}
	if len(outer.Signatures) > maxSignatures {
		return env, fmt.Errorf("sign: not an envelope: its signatures are over %d bytes", maxSignatures)
	}
	env.PayloadType, env.Payload = outer.PayloadType, outer.Payload
	if len(outer.Signatures) > 0 {
		if err := json.Unmarshal(outer.Signatures, &env.Signatures); err != nil {
			return env, fmt.Errorf("sign: not an envelope: %w", err)
		}
	}
	return env, nil
}

// Payload returns the payload of an envelope without verification, for callers that pass it on and do not trust it.
func Payload(envelope []byte) ([]byte, error) {
	env, err := parse(envelope)
	if err != nil {
		return nil, err
	}
	return env.DecodeB64Payload()
}

// Signers returns the ids of the keys that an envelope names in its signatures, unverified; none for an invalid
// envelope.
func Signers(envelope []byte) (ids []string) {
	env, err := parse(envelope)
	if err != nil {
		return nil
	}
	for _, s := range env.Signatures {
		ids = append(ids, s.KeyID)
	}
	return ids
}

// unsigned returns an error that names the keys that signed an envelope, according to the envelope, and the trusted
// keys.
func unsigned(env dsse.Envelope, pinned []ed25519.PublicKey) error {
	trusted := make([]string, len(pinned))
	for i, key := range pinned {
		trusted[i] = KeyID(key)
	}
	signers := "no key"
	for i, s := range env.Signatures {
		if slices.Contains(trusted, s.KeyID) {
			return fmt.Errorf("sign: its signature by key %s is invalid: it was changed on the way", s.KeyID)
		}
		if i == 0 {
			signers = fmt.Sprintf("key %.16q", s.KeyID)
		}
	}
	return fmt.Errorf("sign: it is signed by %s, and trusted here is %s. If the service's key was changed on purpose, "+
		"pin the new one, which GET /v1/keys shows",
		signers, strings.Join(trusted, ", "))
}

// ParsePublic parses a base64 public key in the form of GET /v1/keys.
func ParsePublic(s string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, errors.New("sign: not a base64 Ed25519 public key")
	}
	return b, nil
}

type ed25519Signer struct{ key ed25519.PrivateKey }

func (s ed25519Signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key, data), nil
}

func (s ed25519Signer) KeyID() (string, error) {
	return KeyID(s.key.Public().(ed25519.PublicKey)), nil
}

type ed25519Verifier struct{ key ed25519.PublicKey }

func (v ed25519Verifier) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(v.key, data, sig) {
		return errors.New("bad signature")
	}
	return nil
}

func (v ed25519Verifier) KeyID() (string, error) { return KeyID(v.key), nil }

func (v ed25519Verifier) Public() crypto.PublicKey { return v.key }
