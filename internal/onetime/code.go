// Package onetime makes the one-time codes that one person hands to another, and reads them as people type them.
package onetime

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
)

// The form of a code: characters of Crockford's base 32, in groups. The first group, the handle, finds what the code is
// for; the others are the secret.
const (
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	group    = 4
	groups   = 3
)

// Bytes is how many random bytes make a code.
const Bytes = group * groups

// Tries is how many wrong codes with the right handle make a code void.
const Tries = 10

// Code is a code without its hyphens; "" is none.
type Code string

// Fresh returns a code whose handle is not taken.
func Fresh(taken func(handle string) bool) Code {
	for {
		var b [Bytes]byte
		rand.Read(b[:]) // never fails: crypto/rand
		if code := Of(b); !taken(code.Handle()) {
			return code
		}
	}
}

// Of returns the code that random bytes make.
func Of(b [Bytes]byte) Code {
	for i := range b {
		b[i] = alphabet[b[i]%byte(len(alphabet))] // 256 is a multiple of 32: no character is preferred
	}
	return Code(b[:])
}

// Read reads a code as a person typed it, as ReadTyped does, whether or not it names a key. It returns "" for what is
// no code.
func Read(typed string) Code {
	t, err := ReadTyped(typed)
	if err != nil {
		return ""
	}
	return t.Code
}

// Handle returns the first group, which is no secret.
func (c Code) Handle() string { return string(c[:group]) }

// String writes a code as people read it: 7K3F-9QXT-M2WB.
func (c Code) String() string {
	var out []string
	for g := range slices.Chunk([]byte(c), group) {
		out = append(out, string(g))
	}
	return strings.Join(out, "-")
}

// Proof returns what is stored of a code: who reads it finds no code by trying, without the key.
func (c Code) Proof(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(c))
	return mac.Sum(nil)
}
