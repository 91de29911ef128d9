// Package trust defines which keys are trusted for what, after The Update Framework: an offline root delegates to the
// service's keys by role. A root document is TUF root metadata with our own roles; go-tuf implements its format and its
// verification. The keys of the roles sign DSSE envelopes (package sign).
package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
)

// The bounds of root documents. They are checked before any signature is verified.
const (
	MaxRoot  = 64 << 10 // bytes of one document
	MaxRoots = 1000     // in a chain, and so the highest version
	mostKeys = 64       // keys or signatures of one document
	mostRole = 8        // keys of a role
)

// Least is the minimum number of root keys that sign a root.
const Least = 2

// Root is a well-formed root document. Its signatures are verified by Signed, and by Next of the previous root.
type Root struct {
	meta *metadata.Metadata[metadata.RootType]
	raw  []byte
}

// ParseRoot parses a root document and validates everything except its signatures.
func ParseRoot(b []byte) (*Root, error) {
	if len(b) > MaxRoot {
		return nil, fault.New(fault.Invalid, "it is no root document: it has over %d bytes", MaxRoot)
	}
	meta, err := metadata.Root().FromBytes(b)
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is no root document: %v", err)
	}
	r := &Root{meta, bytes.Clone(b)}
	if err := r.check(); err != nil {
		return nil, fault.New(fault.Invalid, "it is no root document that can be used: %v", err)
	}
	return r, nil
}

func (r *Root) check() error {
	s := r.meta.Signed
	switch {
	case !strings.HasPrefix(s.SpecVersion, "1."):
		return fmt.Errorf("it has version %q of the format, and this program knows version 1", s.SpecVersion)
	case s.Version < 1 || s.Version > MaxRoots:
		return fmt.Errorf("its version is %d, not from 1 to %d", s.Version, MaxRoots)
	case s.Expires.IsZero():
		return errors.New("it does not say when it expires")
	case len(s.Keys) > mostKeys || len(s.Roles) > mostKeys || len(r.meta.Signatures) > mostKeys:
		return fmt.Errorf("it has more than %d keys, roles or signatures", mostKeys)
	}
	for id, key := range s.Keys {
		if err := checkKey(id, key); err != nil {
			return fmt.Errorf("key %.16q: %w", id, err)
		}
	}
	for name, role := range s.Roles {
		if err := r.checkRole(name, role); err != nil {
			return fmt.Errorf("role %.16q: %w", name, err)
		}
	}
	for _, name := range append([]KeyRole{RootKeys}, Online...) {
		if s.Roles[string(name)] == nil {
			return fmt.Errorf("it has no role %q", name)
		}
	}
	root := s.Roles[string(RootKeys)]
	if root.Threshold < Least {
		return fmt.Errorf("%d of the root keys may sign alone, and at least %d must sign together", root.Threshold, Least)
	}
	for _, name := range Online {
		if s.Roles[string(name)].Threshold != 1 {
			return fmt.Errorf("role %q wants %d signatures, and the service makes one", name,
				s.Roles[string(name)].Threshold)
		}
		for _, id := range s.Roles[string(name)].KeyIDs {
			if slices.Contains(root.KeyIDs, id) {
				return fmt.Errorf("role %q has a root key, and root keys sign only roots", name)
			}
		}
	}
	return nil
}

func checkKey(id string, key *metadata.Key) error {
	if key == nil || key.Type != metadata.KeyTypeEd25519 || key.Scheme != metadata.KeySchemeEd25519 {
		return errors.New("it is no Ed25519 key")
	}
	if b, err := hex.DecodeString(key.Value.PublicKey); err != nil || len(b) != ed25519.PublicKeySize {
		return errors.New("it is no Ed25519 key")
	}
	if own, err := key.ID(); err != nil || own != id {
		return errors.New("its id is that of another key")
	}
	return nil
}

func (r *Root) checkRole(name string, role *metadata.Role) error {
	if role == nil || len(role.KeyIDs) > mostRole {
		return fmt.Errorf("it has more than %d keys, or none", mostRole)
	}
	for i, id := range role.KeyIDs {
		if r.meta.Signed.Keys[id] == nil {
			return fmt.Errorf("its key %.16q is not there", id)
		}
		if slices.Contains(role.KeyIDs[:i], id) {
			return fmt.Errorf("its key %.16q is there twice", id)
		}
	}
	if role.Threshold < 1 || role.Threshold > max(len(role.KeyIDs), 1) {
		return fmt.Errorf("%d of its %d keys cannot sign", role.Threshold, len(role.KeyIDs))
	}
	if len(role.KeyIDs) == 0 && KeyRole(name) != Mirror {
		return errors.New("it has no key")
	}
	return nil
}

// Bytes returns the document as it was read or, after a change, in its new form.
func (r *Root) Bytes() []byte { return r.raw }

// Version returns the version of the root; versions count from 1.
func (r *Root) Version() int64 { return r.meta.Signed.Version }

// Expires returns the time by which a new root should have arrived. An expired root stays trusted, because a station
// that is cut off must not fall silent; an alarm reports it.
func (r *Root) Expires() time.Time { return r.meta.Signed.Expires }

// Threshold returns the number of root keys that must sign the next root.
func (r *Root) Threshold() int { return r.meta.Signed.Roles[string(RootKeys)].Threshold }

// Keys returns the keys of a role in the order in which they were added; none for an unknown role.
func (r *Root) Keys(role KeyRole) (keys []ed25519.PublicKey) {
	of := r.meta.Signed.Roles[string(role)]
	if of == nil {
		return nil
	}
	for _, id := range of.KeyIDs {
		b, _ := hex.DecodeString(r.meta.Signed.Keys[id].Value.PublicKey) // checked by ParseRoot
		keys = append(keys, b)
	}
	return keys
}

// RolesOf returns the roles of the service that a key has.
func (r *Root) RolesOf(key ed25519.PublicKey) (roles []KeyRole) {
	for _, role := range Online {
		if contains(r.Keys(role), key) {
			roles = append(roles, role)
		}
	}
	return roles
}

// Signed fails unless enough of the root's own keys signed it.
func (r *Root) Signed() error {
	if r.meta.VerifyDelegate(metadata.ROOT, r.meta) != nil {
		return unsignedRoot(r, r)
	}
	return nil
}

// Next fails unless n is the root after r: its version is one higher, and enough keys of r and enough of its own signed
// it.
func (r *Root) Next(n *Root) error {
	if n.Version() != r.Version()+1 {
		return fault.New(fault.Conflict, "root %d does not come after root %d: the one with version %d does", n.Version(),
			r.Version(), r.Version()+1)
	}
	if r.meta.VerifyDelegate(metadata.ROOT, n.meta) != nil {
		return unsignedRoot(n, r)
	}
	return n.Signed()
}

func unsignedRoot(n, by *Root) error {
	have, lack := n.Signers(by)
	return fault.New(fault.Forbidden, "root %d is signed by %d of the keys of root %d, and %d must sign it. Signed: %s. "+
		"Not signed: %s", n.Version(), len(have), by.Version(), by.Threshold(), KeyIDs(have), KeyIDs(lack))
}

// Signers returns the root keys of by that signed r (have), and those that did not (lack).
func (r *Root) Signers(by *Root) (have, lack []ed25519.PublicKey) {
	for _, key := range by.Keys(RootKeys) {
		if r.signedBy(key) {
			have = append(have, key)
		} else {
			lack = append(lack, key)
		}
	}
	return have, lack
}

// signedBy verifies with go-tuf and a root that contains only this key.
func (r *Root) signedBy(key ed25519.PublicKey) bool {
	alone := metadata.Root()
	k, err := metadata.KeyFromPublicKey(key)
	return err == nil && alone.Signed.AddKey(k, metadata.ROOT) == nil &&
		alone.VerifyDelegate(metadata.ROOT, r.meta) == nil
}

// Walk verifies a chain of roots after first, which is trusted: each must be the Next of the previous one. It returns
// the roots up to the first that is not, and the error for that one.
func Walk(first *Root, documents [][]byte) (chain []*Root, err error) {
	chain = []*Root{first}
	for _, b := range documents {
		n, err := ParseRoot(b)
		if err != nil {
			return chain, err
		}
		if err := chain[len(chain)-1].Next(n); err != nil {
			return chain, err
		}
		chain = append(chain, n)
	}
	return chain, nil
}

// KeyIDs returns the ids of keys as text for people.
func KeyIDs(keys []ed25519.PublicKey) string {
	if len(keys) == 0 {
		return "none"
	}
	var out []string
	for _, key := range keys {
		out = append(out, sign.KeyID(key))
	}
	return strings.Join(out, ", ")
}

func contains(keys []ed25519.PublicKey, key ed25519.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool { return k.Equal(key) })
}
