package onetime

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// The form of a code that names a key: the code, the fingerprint of the key, and a check character, in groups.
const (
	named  = 2 * Bytes
	marked = named - Bytes - 1 // characters of the fingerprint: 55 bits
)

// Naming returns the code followed by a fingerprint of the key by which whoever made the code proves to be that. Who
// does not know the code can compute the fingerprint of no key, and so cannot look for another key that has it. The
// last character shows a mistyped one, and two that changed places.
func (c Code) Naming(key []byte) string { return Typed{c, c.fingerprint(key)}.Text() }

func (c Code) fingerprint(key []byte) string {
	mac := hmac.New(sha256.New, []byte(c))
	mac.Write([]byte("lifeline code names a key 1\n"))
	mac.Write(key)
	out := mac.Sum(nil)[:marked]
	for i := range out {
		out[i] = alphabet[out[i]%byte(len(alphabet))]
	}
	return string(out)
}

// sum is the value of text, whose characters are the coefficients of a polynomial over the field of 32 elements, at a
// generator of the field. The sums of texts of less than 32 characters differ if one character does, or two changed
// places.
func sum(text string) (out int) {
	for _, r := range text {
		out = double(out) ^ strings.IndexRune(alphabet, r)
	}
	return out
}

// double multiplies by the generator, modulo x^5 + x^2 + 1.
func double(n int) int {
	if n *= 2; n >= len(alphabet) {
		n ^= 0b100101
	}
	return n
}

// Typed is a code as a person typed it.
type Typed struct {
	Code
	fingerprint string // "": it names no key
}

// ReadTyped reads a code with or without a key's name: in any case, with or without hyphens and spaces of any kind, and
// with the letters O, I and L for the digits that they look like.
func ReadTyped(typed string) (Typed, error) {
	text := plain(typed)
	if other := strings.Trim(text, alphabet); other != "" {
		return Typed{}, fmt.Errorf("no code has the character %q: type it again as it was shown", []rune(other)[0])
	}
	switch {
	case len(text) == Bytes:
		return Typed{Code: Code(text)}, nil
	case len(text) != named:
		return Typed{}, fmt.Errorf("a code has %d characters, in groups of %d, and this one has %d: type it again as it was "+
			"shown", named, group, len(text))
	case sum(text) != 0:
		return Typed{}, errors.New("the code is mistyped: a character is wrong, or two changed places. Type it again as it " +
			"was shown")
	}
	return Typed{Code(text[:Bytes]), text[Bytes : named-1]}, nil
}

// plain returns the characters of a typed code.
func plain(typed string) string {
	text := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.White_Space, unicode.Pd, unicode.Cf) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed)
	return strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(text)
}

// NamesKey reports whether the code names a key. Codes of older services do not.
func (t Typed) NamesKey() bool { return t.fingerprint != "" }

// Names reports whether the code names this key.
func (t Typed) Names(key []byte) bool {
	return t.NamesKey() && hmac.Equal([]byte(t.Code.fingerprint(key)), []byte(t.fingerprint))
}

// Text returns the whole code, in one form however it was typed.
func (t Typed) Text() string {
	text := string(t.Code) + t.fingerprint
	if t.NamesKey() {
		text += string(alphabet[double(sum(text))])
	}
	return Code(text).String()
}
