package trust

import (
	"crypto/ed25519"
	"fmt"

	"lifeline/internal/sign"
	"lifeline/internal/wire"
)

// KeyRole names what a key may sign.
type KeyRole string

// The roles. RootKeys stay offline; the others belong to the service, each with its own key, so that a stolen key
// cannot sign for another role.
const (
	RootKeys KeyRole = "root"
	Queue    KeyRole = "queue"  // queues and fallback lists
	Recall   KeyRole = "recall" // recall lists, leases, time and freshness, proofs at an enrolment
	Record   KeyRole = "record" // the chain of records of published and aired items, and receipts
	Mirror   KeyRole = "mirror" // the pointer by which mirrors name the newest documents
)

// Online lists the roles that the service signs for.
var Online = []KeyRole{Queue, Recall, Record, Mirror}

// RoleOf returns the role that signs documents of a DSSE payload type; "" if no role signs them.
func RoleOf(payloadType string) KeyRole {
	switch payloadType {
	case wire.QueueType, wire.FallbackType:
		return Queue
	case wire.RecallsType, wire.LeaseType, wire.FreshnessType, wire.ProofType:
		return Recall
	case wire.LinkType, wire.ReceiptsType:
		return Record
	case wire.MirrorPointerType, wire.MirrorListType:
		return Mirror
	}
	return ""
}

// Keyring signs each document with the key of its role.
type Keyring struct{ signers map[KeyRole]*sign.Signer }

// OneKey returns a Keyring that signs everything with one key, for a service without a root.
func OneKey(s *sign.Signer) Keyring {
	k := Keyring{map[KeyRole]*sign.Signer{}}
	for _, role := range Online {
		k.signers[role] = s
	}
	return k
}

// NewKeyring returns a Keyring of those keys that the root names. It fails if there is none for a role that the service
// signs for, except Mirror.
func NewKeyring(root *Root, keys []ed25519.PrivateKey) (Keyring, error) {
	k := Keyring{map[KeyRole]*sign.Signer{}}
	for _, role := range Online {
		for _, public := range root.Keys(role) {
			for _, key := range keys {
				if !public.Equal(key.Public()) {
					continue
				}
				s, err := sign.NewSigner(key)
				if err != nil {
					return Keyring{}, err
				}
				k.signers[role] = s // of several keys, the one added last
			}
		}
		if k.signers[role] == nil && role != Mirror { // a service without mirrors has no mirror key
			return Keyring{}, fmt.Errorf("root %d names %s for the role %s, and none of the key files here is of that key",
				root.Version(), KeyIDs(root.Keys(role)), role)
		}
	}
	return k, nil
}

// Sign returns the envelope of a payload, signed by the key of its role.
func (k Keyring) Sign(payloadType string, payload []byte) ([]byte, error) {
	s := k.Signer(payloadType)
	if s == nil {
		return nil, fmt.Errorf("trust: no key signs %q", payloadType)
	}
	return s.Sign(payloadType, payload)
}

// Signer returns what signs documents of a payload type; nil if nothing does.
func (k Keyring) Signer(payloadType string) *sign.Signer { return k.signers[RoleOf(payloadType)] }

// KeyID returns the id of the key that signs documents of a payload type, as in their envelopes.
func (k Keyring) KeyID(payloadType string) string {
	if s := k.Signer(payloadType); s != nil {
		return s.KeyID()
	}
	return ""
}

// Public returns the signing keys in the order of their roles, without duplicates.
func (k Keyring) Public() (keys []ed25519.PublicKey) {
	for _, role := range Online {
		if s := k.signers[role]; s != nil && !contains(keys, s.Public()) {
			keys = append(keys, s.Public())
		}
	}
	return keys
}
