package control

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lifeline/internal/fault"
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
			out = append(out, wire.Key{ID: key.ID, Algorithm: "ed25519", PublicKey: base64.StdEncoding.EncodeToString(key.Public)})
		}
	}
	return out
}

// ReadSigningKeys is the list of a store. Of a store that an earlier version wrote, which kept none, it is made of what
// the recall list and the fallback lists say: the key id where it is one of those that signed them, else one that did.
func ReadSigningKeys(ctx context.Context, docs Documents, id string) (keys SigningKeys, revision int64, err error) {
	d, err := docs.Get(ctx, kindKeys, keysID)
	if err == nil {
		keys, err = decode[SigningKeys](d)
		return keys, d.Revision, err
	}
	if !fault.Is(err, fault.NotFound) {
		return keys, 0, err
	}
	signers := map[string]bool{}
	for _, kind := range []string{kindRecalls, kindFallback} {
		signed, err := under(ctx, docs, kind, "", "")
		if err != nil {
			return keys, 0, err
		}
		for _, d := range signed {
			if signer, err := signerOf(d.Body); err == nil && signer != "" { // a damaged one is for fsck
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
func UseSigningKey(ctx context.Context, docs Documents, by, id string, public []byte, now time.Time) error {
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
	body, err := encode(keys)
	if err != nil {
		return err
	}
	_, err = docs.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: kindKeys, ID: keysID, Expect: revision, Body: body}},
		Origin: Actor{Name: by}.origin(now, "signing-key.use", "")})
	return err
}

// signerOf is the id of the key that an envelope says it is signed with.
func signerOf(envelope []byte) (string, error) {
	e, err := plain[wire.Envelope](envelope)
	if err != nil || len(e.Signatures) == 0 {
		return "", err
	}
	return e.Signatures[0].KeyID, nil
}

// Resign signs anew what another key had signed, or what has a number that the floor has overtaken, and stations still
// pull: the recall list, the fallback lists, and the queues that are not over, each as a new revision that says the same.
// What fails keeps no other from its turn.
func (s *Scheduler) Resign(ctx context.Context) error {
	floor := s.mirror.floor()
	failed := s.mirror.retry(ctx, func() error { return s.resignRecalls(ctx) })
	for id, row := range fallbacksIn(s.mirror).after("", "") {
		f := row.value.Value
		if !s.overtaken(row.value.Signer, f.Revision, floor.Above) {
			continue
		}
		f.Revision = floor.Above + row.revision + 1
		if err := s.issueFallback(ctx, dueFallback{f, row.revision}); err != nil && !errors.Is(err, errRace) {
			failed = errors.Join(failed, fmt.Errorf("sign the fallback of %s: %w", id, err))
		}
	}
	var queues []wire.Queue
	for _, row := range queuesIn(s.mirror).after("", "") {
		if q := row.value; s.overtaken(q.Signer, q.Value.Revision, floor.Days) && q.Value.ExpiresAt.After(s.now()) {
			queues = append(queues, q.Value)
		}
	}
	return errors.Join(failed, eachDay(ctx, "sign", queues, s.resignDay))
}

// overtaken reports whether a document must be signed anew: another key signed it, or its number is not above the floor.
func (s *Scheduler) overtaken(signer string, revision, floor int64) bool {
	return signer != s.sealer.KeyID() || revision <= floor
}

func (s *Scheduler) resignRecalls(ctx context.Context) error {
	row, ok := recallsIn(s.mirror).get(recallsID)
	if !ok || !s.overtaken(row.value.Signer, row.value.Value.Revision, s.mirror.floor().Above) {
		return nil
	}
	list, err := sealRecalls(s.mirror, s.sealer, s.mirror.floor(), s.now())
	if err != nil {
		return err
	}
	return s.mirror.Commit(ctx, store.Commit{Writes: []store.Write{list},
		Origin: System.origin(s.now(), "recalls.sign", reasonSign)})
}

// reasonSign is why something is signed anew.
const reasonSign = "another key signs now, or the store was set back"

func (s *Scheduler) resignDay(ctx context.Context, station string, date schedules.Date) error {
	return s.mirror.retry(ctx, func() error {
		latest, _, base, err := s.standingDay(ctx, station, date)
		if err != nil {
			return err
		}
		sealed, err := s.Queue(ctx, station, date)
		if err != nil || !s.overtaken(sealed.Signer, sealed.Value.Revision, s.mirror.floor().Days) {
			return err // nil: somebody was faster
		}
		_, err = s.publishNext(ctx, System, latest, base, "queue.sign", reasonSign)
		return err
	})
}
