package access

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/replica"
	"lifeline/internal/sign"
	"lifeline/internal/store"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Enrolments gives stations their own keys: a person makes a one-time code, and the player that sends it binds the keys
// that it made to the station.
type Enrolments struct {
	replica *replica.Replica
	key     []byte
	signer  *sign.Signer
	now     func() time.Time
}

// NewEnrolments returns Enrolments that store the proof of a code under key, which must be equal in all replicas: who
// reads the store, or a backup of it, finds no code by trying. signer proves the service to players, and codes name its
// key.
func NewEnrolments(m *replica.Replica, key []byte, signer *sign.Signer, now func() time.Time) *Enrolments {
	return &Enrolments{m, key, signer, now}
}

const (
	codeLife     = time.Hour
	codeLifeMost = 7 * 24 * time.Hour
	keysKept     = 50 // replaced keys of a station that are remembered
)

// NewCode makes a code for a station, which replaces an earlier one. life is how long it is valid; 0: an hour. Whoever
// uses the code of a station that has a key ends that key, so such codes count as ends of others' access (EndsOther).
// It fails with Forbidden beyond a handful.
func (e *Enrolments) NewCode(ctx context.Context, by Actor, station string, life time.Duration) (wire.EnrolmentCode,
	error) {
	if life < 0 || life > codeLifeMost {
		return wire.EnrolmentCode{}, fault.Fields(fault.Field{Field: "life_ms",
			Message: fmt.Sprintf("must be at most %d, which is 7 days", codeLifeMost.Milliseconds())})
	}
	if life == 0 {
		life = codeLife
	}
	code := onetime.Fresh(func(handle string) bool { return e.find(handle) != "" })
	now := e.now()
	stored := replica.Enrolment{Station: station, Handle: code.Handle(), Proof: code.Proof(e.key), By: by.Name,
		CreatedAt: schedules.At(now), ExpiresAt: schedules.At(now.Add(life))}
	body, err := replica.Encode(stored)
	if err != nil {
		return wire.EnrolmentCode{}, err
	}
	err = e.replica.Retry(ctx, func() error {
		write := store.Write{Kind: replica.KindEnrolment, ID: station, Body: body}
		if row, ok := replica.EnrolmentsIn(e.replica).Get(station); ok { // a seizure deletes it
			write.Expect = row.Revision
		}
		writes := []store.Write{write}
		keys, _ := replica.StationKeysIn(e.replica).Get(station)
		if _, enrolled := keys.Value.Active(); enrolled {
			if err := braked(e.replica, by, "this code", now); err != nil {
				return err
			}
			counted, err := EndsOther(ctx, e.replica, by, "station "+station, AccessMaker{}, now)
			if err != nil {
				return err
			}
			writes = append(writes, counted...)
		}
		return e.replica.Commit(ctx, store.Commit{Writes: writes,
			Origin: by.Origin(now, "station.enrolment-code", "valid until "+stored.ExpiresAt.String())})
	})
	return wire.EnrolmentCode{Station: station, Code: code.Naming(e.signer.Public()),
		ExpiresAt: stored.ExpiresAt}, err
}

// find returns the station whose enrolment has a handle; "": none.
func (e *Enrolments) find(handle string) string {
	for station, row := range replica.EnrolmentsIn(e.replica).After("", "") {
		if row.Value.Handle == handle {
			return station
		}
	}
	return ""
}

// errCode is the one answer to every code that is not valid, whatever is wrong with it.
var errCode = fault.New(fault.Forbidden, "this code is not valid: it is mistyped, expired, used or replaced, or was "+
	"tried too often. Ask whoever runs the service for another: lifeline station enrol STATION")

// Enrol binds the keys in an envelope of type wire.EnrolmentType, which the signing key among them signed, to the
// station of its code, and returns a new access token of the station. A code is for one key: it may be sent again with
// the same key for resendFor, in case the answer was lost, and the token of the first answer ends then. The
// station's earlier key and the token of its enrolment end. Enrol fails with Forbidden for a code that is not valid,
// with Conflict for a key that was enrolled before, and with Invalid for what is no enrolment.
func (e *Enrolments) Enrol(ctx context.Context, envelope []byte) (wire.Enrolled, error) {
	in, err := openEnrolment(envelope)
	if err != nil {
		return wire.Enrolled{}, err
	}
	key := replica.StationKey{ID: sign.KeyID(in.Signing), Signing: in.Signing, Recipient: in.Recipient,
		State: replica.KeyActive, Since: schedules.At(e.now())}
	code := onetime.Read(in.Code)
	if code == "" {
		return wire.Enrolled{}, errCode
	}
	out := wire.Enrolled{KeyID: key.ID}
	err = e.replica.Retry(ctx, func() error {
		out.Station = e.find(code.Handle())
		row, ok := replica.EnrolmentsIn(e.replica).Get(out.Station)
		used := row.Value
		if !ok || !e.now().Before(used.ExpiresAt.Time) || used.Failed >= onetime.Tries {
			return errCode
		}
		if !hmac.Equal(code.Proof(e.key), used.Proof) {
			used.Failed++
			if err := e.store(ctx, row.Revision, used); err != nil {
				return err
			}
			return errCode
		}
		if used.Key != "" && (used.Key != key.ID || e.arrived(used.Station)) {
			return errCode
		}
		if in.Station != "" && in.Station != used.Station {
			return fault.New(fault.Conflict, "this code is for another station, and the player is that of %s: use a code for "+
				"%[1]s, or name a new state directory with --state and the other station with --station", in.Station)
		}
		used.Key = key.ID
		out.Token, err = e.bind(ctx, key, row.Revision, used)
		return err
	})
	if err != nil {
		return wire.Enrolled{}, err
	}
	return out, nil
}

// resendFor is how long after an enrolment it may be sent again.
const resendFor = 5 * time.Minute

// arrived reports whether the answer to a station's enrolment reached it, or must have: whoever then sends it again has
// seen it on its way, and would get a token of the station and end the station's own.
func (e *Enrolments) arrived(station string) bool {
	row, _ := replica.StationKeysIn(e.replica).Get(station)
	key, ok := row.Value.Active()
	doubts, _ := replica.DoubtsIn(e.replica).Get(station)
	return !ok || e.now().Sub(key.Since.Time) >= resendFor || doubts.Value.SignedAt.After(key.Since.Time)
}

// openEnrolment verifies that the key of an enrolment signed it.
func openEnrolment(envelope []byte) (in wire.Enrolment, err error) {
	payload, err := sign.Payload(envelope)
	if err == nil {
		in, err = replica.Parse[wire.Enrolment](payload)
	}
	if err != nil || in.Schema != wire.EnrolmentSchema || len(in.Signing) != ed25519.PublicKeySize {
		return in, fault.New(fault.Invalid, "this is no enrolment of a station: send the envelope that playout enrol makes")
	}
	if _, err := sign.Verify(envelope, wire.EnrolmentType, in.Signing); err != nil {
		return in, fault.New(fault.Invalid, "the enrolment is not signed by the key that it enrols: %v", err)
	}
	if _, err := trust.ParseRecipient(in.Recipient); err != nil {
		return in, fault.Fields(fault.Field{Field: "recipient", Message: err.Error()})
	}
	return in, nil
}

// store stores an enrolment that was tried.
func (e *Enrolments) store(ctx context.Context, revision int64, tried replica.Enrolment) error {
	body, err := replica.Encode(tried)
	if err != nil {
		return err
	}
	return e.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: replica.KindEnrolment, ID: tried.Station,
		Expect: revision, Body: body}}, Origin: System.Origin(e.now(), "station.enrolment-failed",
		fmt.Sprintf("wrong code %d of %d", tried.Failed, onetime.Tries))})
}

// bind stores the key of a station, the used code and a new token in one commit, which removes the token of the
// enrolment before. It returns the secret of the new token.
func (e *Enrolments) bind(ctx context.Context, key replica.StationKey, revision int64, used replica.Enrolment) (
	secret string, err error) {
	if err := e.unknown(key, used.Station); err != nil {
		return "", err
	}
	now := e.now()
	token, made, err := makeToken(Actor{Name: used.By}, NewToken{Name: used.Station, Role: StationJob,
		Station: used.Station, Endless: true}, now) // it ends with the key of the station
	if err != nil {
		return "", err
	}
	key.Token = token.ID
	writes := []store.Write{made}
	row, _ := replica.StationKeysIn(e.replica).Get(used.Station)
	next := replica.StationKeys{Station: used.Station}
	said := "the first key " + key.ID
	for _, old := range row.Value.Keys {
		if old.State == replica.KeyActive {
			if t, ok := tokensIn(e.replica).Get(old.Token); ok {
				writes = append(writes, store.Write{Kind: KindToken, ID: old.Token, Expect: t.Revision, Delete: true})
			}
			if old.ID == key.ID { // the same enrolment, sent again
				said, key.Since = "again the key "+key.ID, old.Since
				continue
			}
			said = "key " + key.ID + " in place of " + old.ID
			old.State, old.Until, old.Token = replica.KeyReplaced, schedules.At(now), ""
		}
		next.Keys = append(next.Keys, old)
	}
	if !row.Value.SeizedAt.IsZero() {
		said = "key " + key.ID + ", after the seizure of " + row.Value.SeizedAt.String()
	}
	next.Keys = append(bounded(next.Keys), key)
	for kind, v := range map[string]any{replica.KindStationKeys: next, replica.KindEnrolment: used} {
		body, err := replica.Encode(v)
		if err != nil {
			return "", err
		}
		expect := revision
		if kind == replica.KindStationKeys {
			expect = replica.StationKeysIn(e.replica).Revision(used.Station)
		}
		writes = append(writes, store.Write{Kind: kind, ID: used.Station, Expect: expect, Body: body})
	}
	by := Actor{Name: "station " + used.Station + ", by a code of " + used.By}
	err = e.replica.Commit(ctx, store.Commit{Writes: writes, Origin: by.Origin(now, "station.enrol", said)})
	return token.Secret, err
}

// bounded leaves out the oldest replaced keys beyond keysKept. Seized keys are never forgotten.
func bounded(keys []replica.StationKey) []replica.StationKey {
	for len(keys) > keysKept {
		n := slices.IndexFunc(keys, func(k replica.StationKey) bool { return k.State == replica.KeyReplaced })
		if n < 0 {
			break
		}
		keys = slices.Delete(keys, n, n+1)
	}
	return keys
}

// unknown fails with Conflict if any station has or had the key, other than station as its present one: the key of a
// seized station, or one that another machine uses, must not vouch again.
func (e *Enrolments) unknown(key replica.StationKey, station string) error {
	for id, row := range replica.StationKeysIn(e.replica).After("", "") {
		for _, known := range row.Value.Keys {
			same := known.ID == key.ID || known.Recipient == key.Recipient
			if same && (id != station || known.State != replica.KeyActive || known.ID != key.ID) {
				return fault.New(fault.Conflict, "this key was enrolled before: make new ones, with a state directory that "+
					"no other player had")
			}
		}
	}
	return nil
}
