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

// SigningKeys are the public keys that the documents of a store are signed with. They outlive the private keys, so that
// old signatures can be checked.
type SigningKeys struct {
	Current string       `json:"current"` // the id of the one that signs now; "": none has signed yet
	Keys    []SigningKey `json:"keys"`    // the first first
}

// SigningKey is one of them.
type SigningKey struct {
	ID     string            `json:"id"`
	Public []byte            `json:"public,omitempty"` // none where an earlier version signed, which did not keep it
	Since  schedules.Instant `json:"since"`
}

// Former are the keys that signed before the current one and whose public half is known, as the contract shows them.
func (k SigningKeys) Former() (out []wire.Key) {
	for _, key := range k.Keys {
		if key.ID != k.Current && len(key.Public) > 0 {
			out = append(out, wire.Key{ID: key.ID, Algorithm: "ed25519", PublicKey: base64.StdEncoding.EncodeToString(
				key.Public)})
		}
	}
	return out
}

// ReadSigningKeys is the list of a store. Of a store that an earlier version wrote, which kept none, it is made of what
// the recall list and the fallback lists say: the key id where it is one of those that signed them, else one that did.
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

// UseSigningKey has the store know the key as the one that signs from now on. It changes nothing where it does.
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
	body, err := replica.Encode(keys)
	if err != nil {
		return err
	}
	_, err = docs.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: KindKeys, ID: keysID, Expect: revision,
		Body: body}},
		Origin: Actor{Name: by}.Origin(now, "signing-key.use", "")})
	return err
}

// ReasonSign is why something is signed anew.
const ReasonSign = "another key signs now, or the store was set back"
