package trust

import (
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"

	"lifeline/internal/fault"
)

// SealingKey opens what was sealed to its public half, by HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM.
type SealingKey struct{ key hpke.PrivateKey }

// NewSealingKey returns a random key.
func NewSealingKey() (SealingKey, error) { return sealingKey(hpke.DHKEM(ecdh.X25519()).GenerateKey()) }

// DerivedSealingKey returns the key of a secret of 32 bytes.
func DerivedSealingKey(secret []byte) (SealingKey, error) {
	return sealingKey(hpke.DHKEM(ecdh.X25519()).DeriveKeyPair(secret))
}

func sealingKey(key hpke.PrivateKey, err error) (SealingKey, error) {
	if err != nil {
		return SealingKey{}, fmt.Errorf("trust: sealing key: %w", err)
	}
	return SealingKey{key}, nil
}

// Public returns what Seal takes.
func (s SealingKey) Public() []byte { return s.key.PublicKey().Bytes() }

// Seal returns content that only the key with this public half opens, and only for the same purpose.
func Seal(public []byte, purpose string, content []byte) ([]byte, error) {
	to, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is no key to seal to: %v", err)
	}
	return hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(purpose), content)
}

// Open returns the content that Seal sealed. It fails with Invalid.
func (s SealingKey) Open(purpose string, sealed []byte) ([]byte, error) {
	content, err := hpke.Open(s.key, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(purpose), sealed)
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is not sealed to this key, or was changed")
	}
	return content, nil
}
