package sign

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
)

// Change is what the signature of a change of a document says: that who has the key stored it. The texts of the change
// that an erasure may take are not in it.
type Change struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Over    int64  `json:"over"` // the revision that it changed; 0: there was no document
	Deleted bool   `json:"deleted"`
	Digest  string `json:"digest"` // of the body that it stored
	AtMs    int64  `json:"at_ms"`
	Action  string `json:"action"`
}

// message returns the signed bytes. They begin otherwise than those of an envelope.
func (c Change) message() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // cannot happen: it has texts, numbers and truth values
	}
	return append([]byte("lifeline change 1\n"), b...)
}

// SignChange returns the signature of a change.
func (s *Signer) SignChange(c Change) string {
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, c.message()))
}

// SignedBy reports whether one of the keys made the signature of a change.
func (c Change) SignedBy(signature string, keys ...ed25519.PublicKey) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	message := c.message()
	for _, key := range keys {
		if ed25519.Verify(key, message, b) {
			return true
		}
	}
	return false
}
