package access

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// keysID is the id of the only document of its kind.
const keysID = "signing-keys"

// SigningKeys lists the public keys that signed the documents of a store. It outlives the private keys, so that old
// signatures can be verified.
type SigningKeys struct {
	Current string       `json:"current"` // the id of the present signer; "" if none has signed yet
	Keys    []SigningKey `json:"keys"`    // the oldest first

	// version of the root whose keys signed last; 0: none has, and Current signs everything
	Root  int64    `json:"root,omitempty"`
	Roles []string `json:"roles,omitempty"` // the ids of the keys that sign under it
}

// SigningKey is one key of the list.
type SigningKey struct {
	ID     string            `json:"id"`
	Public []byte            `json:"public,omitempty"` // missing if an earlier version signed, which did not store it
	Since  schedules.Instant `json:"since"`
}

// Signs reports whether a key with that id signs now.
func (k SigningKeys) Signs(id string) bool {
	if k.Root > 0 {
		return slices.Contains(k.Roles, id)
	}
	return id == k.Current
}

// Former returns the earlier signing keys with a known public half, in the form of the contract.
func (k SigningKeys) Former() (out []wire.Key) {
	for _, key := range k.Keys {
		if !k.Signs(key.ID) && len(key.Public) > 0 {
			out = append(out, wire.Key{ID: key.ID, Algorithm: "ed25519", PublicKey: base64.StdEncoding.EncodeToString(
				key.Public)})
		}
	}
	return out
}

// ReadSigningKeys returns the list of a store. If an earlier version wrote the store without a list, it is derived from
// the recall list and the fallback lists: the current key is id if it signed any of them, otherwise one that did.
func ReadSigningKeys(ctx context.Context, docs replica.Documents, id string) (keys SigningKeys, revision int64,
	err error) {
	d, err := docs.Get(ctx, KindKeys, keysID)
	if err == nil {
		keys, err = replica.Decode[SigningKeys](d)
		return keys, d.Revision, err
	}
	if !fault.Is(err, fault.NotFound) {
		return keys, 0, err
	}
	signers := map[string]bool{}
	for _, kind := range []string{replica.KindRecalls, replica.KindFallback} {
		signed, err := replica.List(ctx, docs, kind, "", "")
		if err != nil {
			return keys, 0, err
		}
		for _, d := range signed {
			if signer, err := replica.SignerOf(d.Body); err == nil && signer != "" { // a damaged one is for fsck
				signers[signer] = true
			}
		}
	}
	for _, signer := range slices.Sorted(maps.Keys(signers)) {
		keys.Keys = append(keys.Keys, SigningKey{ID: signer})
		if keys.Current == "" || signer == id {
			keys.Current = signer
		}
	}
	return keys, 0, nil
}

// UseSigningKey records the key as the present signer. It changes nothing if it is already.
func UseSigningKey(ctx context.Context, docs replica.Documents, by, id string, public []byte, now time.Time) error {
	keys, revision, err := ReadSigningKeys(ctx, docs, id)
	if err != nil || revision > 0 && keys.Current == id {
		return err
	}
	keys.Current = id
	if n := slices.IndexFunc(keys.Keys, func(k SigningKey) bool { return k.ID == id }); n >= 0 {
		keys.Keys[n].Public = public
	} else {
		keys.Keys = append(keys.Keys, SigningKey{ID: id, Public: public, Since: schedules.At(now)})
	}
	return putKeys(ctx, docs, by, keys, revision, now)
}

func putKeys(ctx context.Context, docs replica.Documents, by string, keys SigningKeys, revision int64,
	now time.Time) error {
	body, err := replica.Encode(keys)
	if err != nil {
		return err
	}
	_, err = docs.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: KindKeys, ID: keysID, Expect: revision,
		Body: body}},
		Origin: Actor{Name: by}.Origin(now, "signing-key.use", "")})
	return err
}

// UseRoot records the keys that sign from now on under a root of that version. It changes nothing if they are recorded
// already, and fails with Conflict if keys of a later root have signed.
func UseRoot(ctx context.Context, docs replica.Documents, by, id string, root int64, signing []SigningKey,
	now time.Time) error {
	keys, revision, err := ReadSigningKeys(ctx, docs, id)
	if err != nil {
		return err
	}
	if root < keys.Root {
		return fault.New(fault.Conflict, "the documents of the store are signed under root %d, and the latest root here is "+
			"%d", keys.Root, root)
	}
	var ids []string
	for _, key := range signing {
		ids = append(ids, key.ID)
		if !slices.ContainsFunc(keys.Keys, func(k SigningKey) bool { return k.ID == key.ID }) {
			key.Since = schedules.At(now)
			keys.Keys = append(keys.Keys, key)
		}
	}
	if keys.Root == root && slices.Equal(keys.Roles, ids) {
		return nil
	}
	keys.Root, keys.Roles = root, ids
	return putKeys(ctx, docs, by, keys, revision, now)
}

// ReasonSign is the reason for signing something again.
const ReasonSign = "another key signs now, or the store was set back"
