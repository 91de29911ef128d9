package trust

import (
	"crypto/ed25519"
	"fmt"

	"lifeline/internal/seal"
	"lifeline/internal/wire"
)

// KeyRole is what a key may sign.
type KeyRole string

// The roles. RootKeys stay offline; the others are the service's, each with a key of its own, so that who steals one
// of them cannot sign for another.
const (
	RootKeys KeyRole = "root"
	Queue    KeyRole = "queue"  // queues and fallback lists
	Recall   KeyRole = "recall" // recall lists, leases, time and freshness
	Record   KeyRole = "record" // the chain over what was published and what aired
	Mirror   KeyRole = "mirror" // the pointer by which mirrors name what is newest
)

// Online are the roles that the service signs for.
var Online = []KeyRole{Queue, Recall, Record, Mirror}

// RoleOf is the role that signs documents of a DSSE payload type; "" for a type that none signs.
func RoleOf(payloadType string) KeyRole {
	switch payloadType {
	case wire.QueueType, wire.FallbackType:
		return Queue
	case wire.RecallsType, wire.LeaseType, wire.FreshnessType:
		return Recall
	case wire.LinkType:
		return Record
	}
	return ""
}

// Keyring signs each document with the key of its role.
type Keyring struct{ signers map[KeyRole]*seal.Signer }

// OneKey signs everything with one key: a service without a root.
func OneKey(s *seal.Signer) Keyring {
	k := Keyring{map[KeyRole]*seal.Signer{}}
	for _, role := range Online {
		k.signers[role] = s
	}
	return k
}

// NewKeyring signs with those of the keys that the root names. It fails where there is none for a role that the
// service signs for.
func NewKeyring(root *Root, keys []ed25519.PrivateKey) (Keyring, error) {
	k := Keyring{map[KeyRole]*seal.Signer{}}
	for _, role := range Online {
		for _, public := range root.Keys(role) {
			for _, key := range keys {
				if !public.Equal(key.Public()) {
					continue
				}
				s, err := seal.NewSigner(key)
				if err != nil {
					return Keyring{}, err
				}
				k.signers[role] = s // of several, the one that was added last
			}
		}
		if k.signers[role] == nil && role != Mirror { // mirrors have none while nobody uses them
			return Keyring{}, fmt.Errorf("root %d names %s for the role %s, and none of the key files here is of that key",
				root.Version(), KeyIDs(root.Keys(role)), role)
		}
	}
	return k, nil
}

// Seal is the envelope of a payload, signed by the key of its role.
func (k Keyring) Seal(payloadType string, payload []byte) ([]byte, error) {
	s := k.signers[RoleOf(payloadType)]
	if s == nil {
		return nil, fmt.Errorf("trust: no key signs %q", payloadType)
	}
	return s.Seal(payloadType, payload)
}

// KeyID names the key that signs documents of a payload type, as their envelopes do.
func (k Keyring) KeyID(payloadType string) string {
	if s := k.signers[RoleOf(payloadType)]; s != nil {
		return s.KeyID()
	}
	return ""
}

// Public are the keys that sign, each once, in the order of their roles.
func (k Keyring) Public() (keys []ed25519.PublicKey) {
	for _, role := range Online {
		if s := k.signers[role]; s != nil && !contains(keys, s.Public()) {
			keys = append(keys, s.Public())
		}
	}
	return keys
}
