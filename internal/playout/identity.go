package playout

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/playout/spool"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/sign"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Identity is what a station got by its enrolment: keys of its own, which never leave the state directory, and an
// access token.
type Identity struct {
	trust.StationIdentity
	Station string
	Token   string
}

// Report returns the envelope of a report of entries, signed by the station's key.
func (i *Identity) Report(entries []schedules.AsRun) ([]byte, error) {
	return i.sign(wire.AsRunType, wire.SignedAsRun{Schema: wire.AsRunSchema, Station: i.Station, Entries: entries})
}

func (i *Identity) sign(payloadType string, v any) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("playout: sign: %w", err)
	}
	return i.Signer().Sign(payloadType, payload)
}

// Unreported returns what a state directory has not reported yet, to carry to the service: bodies of
// POST /v1/stations/{id}/as-run, the oldest entries first, signed if the station has a key of its own. It also returns
// the number of entries.
func Unreported(state *statedir.Dir) (bodies [][]byte, entries int, err error) {
	identity, err := LoadIdentity(state)
	if err != nil {
		return nil, 0, err
	}
	unsent, err := spool.Unsent(state)
	if err != nil {
		return nil, 0, err
	}
	bodies, err = reportsOf(identity, unsent)
	return bodies, len(unsent), err
}

// reportsOf returns reports of entries, each with as many as the service takes, signed by identity unless it is nil.
func reportsOf(identity *Identity, entries []schedules.AsRun) (bodies [][]byte, err error) {
	for i := range entries {
		entries[i].Detail = cleanText(entries[i].Detail)
	}
	for batch := range slices.Chunk(entries, wire.MostAsRun) {
		var body []byte
		if identity != nil {
			body, err = identity.Report(batch)
		} else {
			body, err = json.MarshalIndent(wire.AsRunReport{Entries: batch}, "", " ")
		}
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, append(body, '\n'))
	}
	return bodies, nil
}

// The files of the identity: what is enrolled, and what is being enrolled, which survives a lost answer.
const (
	identityName  = "identity.json"
	enrollingName = "enrolling.json"
	identityMost  = 16 << 10
)

// keptIdentity is the content of identityName.
type keptIdentity struct {
	Station    string               `json:"station"`
	Keys       trust.StoredIdentity `json:"keys"`
	Token      string               `json:"token"`
	EnrolledAt schedules.Instant    `json:"enrolled_at"`
}

// enrolling is the content of enrollingName.
type enrolling struct {
	Code string               `json:"code"`
	Keys trust.StoredIdentity `json:"keys"`
}

// LoadIdentity returns the identity of a state directory; nil if the station has not enrolled. It fails if no copy of
// the identity is whole.
func LoadIdentity(state *statedir.Dir) (*Identity, error) {
	var damaged error
	for _, c := range statedir.Records[keptIdentity](state, identityMost, statedir.Twice(identityName)...) {
		if errors.Is(c.Err, fs.ErrNotExist) {
			continue
		}
		keys, err := c.Value.Keys.Identity()
		if err = errors.Join(c.Err, err); err == nil {
			return &Identity{keys, c.Value.Station, c.Value.Token}, nil
		}
		damaged = fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil, damaged
}

// Enrol makes keys for the station of a one-time code, and keeps them in the state directory once the service has bound
// them to the station. A repeated call with the same code sends the same keys, in case the first answer was lost.
// station is the station that the player is for; "": that of the code, unless the directory has another.
func Enrol(ctx context.Context, state *statedir.Dir, api *client.Client, code, station string, now time.Time) (
	wire.Enrolled, error) {
	if station == "" {
		owner, err := state.Owner()
		if err != nil {
			return wire.Enrolled{}, err
		}
		station = owner
		if before, err := LoadIdentity(state); err == nil && before != nil {
			station = before.Station
		}
	} else if err := state.For(station); err != nil {
		return wire.Enrolled{}, err
	}
	typed, err := onetime.ReadTyped(code)
	if err != nil {
		return wire.Enrolled{}, fault.New(fault.Invalid, "%v", err)
	}
	keys, err := keysFor(state, typed.Text())
	if err != nil {
		return wire.Enrolled{}, err
	}
	payload, err := json.Marshal(wire.Enrolment{Schema: wire.EnrolmentSchema, Code: typed.Code.String(),
		Signing: keys.Signer().Public(), Recipient: keys.Recipient(), Station: station})
	if err != nil {
		return wire.Enrolled{}, err
	}
	envelope, err := keys.Signer().Sign(wire.EnrolmentType, payload)
	if err != nil {
		return wire.Enrolled{}, err
	}
	var out wire.Enrolled
	if typed.NamesKey() {
		out, err = enrolSealed(ctx, api, typed, envelope)
	} else { // of an older service
		out, err = api.Enrol(ctx, envelope)
	}
	if err != nil {
		return out, err
	}
	if err := beginSpool(state, now); err != nil {
		return out, err
	}
	if err := state.Record(keptIdentity{out.Station, keys.Stored(), out.Token, schedules.At(now)},
		statedir.Twice(identityName)...); err != nil {
		return out, err
	}
	return out, errors.Join(state.Belong(out.Station), state.Root.Remove(enrollingName))
}

// enrolSealed sends an enrolment to the service whose key the code names, so that nobody else can read it or answer it.
// Until the server has proved that it has the key, nothing that depends on the code is sent.
func enrolSealed(ctx context.Context, api *client.Client, code onetime.Typed, envelope []byte) (out wire.Enrolled,
	err error) {
	to, err := proven(ctx, api, code)
	if err != nil {
		return out, err
	}
	answer, err := trust.NewSealingKey()
	if err != nil {
		return out, err
	}
	text, err := json.Marshal(wire.SealedEnrolment{Enrolment: envelope, Answer: answer.Public()})
	if err != nil {
		return out, err
	}
	sealed, err := trust.Seal(to, wire.SealedEnrolmentPurpose, text)
	if err != nil {
		return out, err
	}
	got, err := api.EnrolSealed(ctx, sealed)
	if err != nil {
		return out, err
	}
	if text, err = answer.Open(wire.SealedEnrolledPurpose, got); err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		err = fault.New(fault.Conflict, "the answer is not that of the service: somebody on the link made it. Enrol again over "+
			"another link")
	}
	return out, err
}

// proven returns the key to which an enrolment is sealed, of the service whose key the code names.
func proven(ctx context.Context, api *client.Client, code onetime.Typed) (seal []byte, err error) {
	nonce := newNonce()
	envelope, err := api.ProveService(ctx, nonce)
	if err != nil && !fault.Is(err, fault.NotFound) { // a server that knows no such proof has not made the code
		return nil, err
	}
	p, err := openProof(envelope)
	if err != nil || p.Nonce != nonce || !code.Names(p.Key) {
		return nil, fault.New(fault.Forbidden, "the server does not have the key that the code names, and was sent nothing "+
			"of the code. It is not the service that made the code, or somebody is between, or the service has got other "+
			"keys since. Check --server and the link; if the keys were changed, make a new code: lifeline station enrol "+
			"STATION")
	}
	return p.Seal, nil
}

// openProof verifies that a proof is signed by the key that it shows.
func openProof(envelope []byte) (p wire.EnrolmentProof, err error) {
	payload, err := sign.Payload(envelope)
	if err == nil {
		err = json.Unmarshal(payload, &p)
	}
	if err == nil && (p.Schema != wire.ProofSchema || len(p.Key) != ed25519.PublicKeySize) {
		err = errors.New("it is no proof")
	}
	if err == nil {
		_, err = sign.Verify(envelope, wire.ProofType, p.Key)
	}
	return p, err
}

// beginSpool makes the as-run spool of a directory that no player has used: to the player, one that belongs to a
// station and has no spool has lost it.
func beginSpool(state *statedir.Dir, now time.Time) error {
	used, err := state.Used()
	if err != nil || used {
		return err
	}
	s, err := spool.Open(state, now.Unix(), func(string, ...any) {})
	if err != nil {
		return err
	}
	return s.Close()
}

// keysFor returns the keys that are being enrolled with a code: those of an earlier call, or new ones, which it keeps.
func keysFor(state *statedir.Dir, code string) (trust.StationIdentity, error) {
	for _, c := range statedir.Records[enrolling](state, identityMost, enrollingName) {
		if keys, err := c.Value.Keys.Identity(); c.Err == nil && err == nil && c.Value.Code == code {
			return keys, nil
		}
	}
	keys, err := trust.NewStationIdentity()
	if err == nil {
		err = state.Record(enrolling{code, keys.Stored()}, enrollingName)
	}
	return keys, err
}
