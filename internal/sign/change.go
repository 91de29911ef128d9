package sign

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// Change is what the signature of a change says: that who has the key made it.
type Change struct {
	Kind    string `json:"kind"` // empty: a note, which changes no document
	ID      string `json:"id"`
	Over    int64  `json:"over"` // the revision that it changed; 0: there was no document
	Deleted bool   `json:"deleted"`
	Digest  string `json:"digest"` // of the body that it stored
	AtMs    int64  `json:"at_ms"`
	Action  string `json:"action"`
	Texts   string `json:"texts,omitempty"` // digest of its Texts; changes of older programs have none
}

// Texts are what an erasure may take from a change, with the salt. Their digest stays, and without the salt it confirms
// no guess of what they were.
type Texts struct {
	By        string `json:"by"`
	Reason    string `json:"reason"`
	RequestID string `json:"request_id"`
	Person    string `json:"person"`
	Token     string `json:"token"`
	Remote    string `json:"remote"`
	Fields    string `json:"fields"` // what it changed: an object of JSON, with the salt
}

// beside are the members of a change's fields that are no texts.
var beside = []string{"digest", "signature", "texts"}

// Digest returns the digest that a Change has of its texts.
func (t Texts) Digest() string {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(t.Fields), &members) == nil {
		for _, name := range beside {
			delete(members, name)
		}
		if b, err := json.Marshal(members); err == nil { // in order, without spaces
			t.Fields = string(b)
		}
	}
	sum := sha256.Sum256(message("texts", t))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// message returns bytes that begin otherwise than those of an envelope.
func message(of string, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // cannot happen: it has texts, numbers and truth values
	}
	return append([]byte("lifeline "+of+" 1\n"), b...)
}

func (c Change) message() []byte { return message("change", c) }

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
