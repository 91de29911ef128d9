package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// MostPasskeys bounds the passkeys of a person.
const MostPasskeys = 10

// leastPasskeys is how many a person has from the enrolment on, so that losing one locks nobody out.
const leastPasskeys = 2

// AskToEnrol returns what a browser needs to make a passkey for the person of a code. known are the passkeys that it
// made with the code before. It fails with Forbidden for a code that is not valid.
func (s *SignIn) AskToEnrol(ctx context.Context, code string, known [][]byte) (out wire.PasskeyCreation, err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	err = s.replica.Retry(ctx, func() error {
		c, _, err := s.redeem(ctx, code)
		if err != nil {
			return err
		}
		p, err := s.active(c.Person)
		if err != nil {
			return err
		}
		h := s.newHolder(c)
		out = s.creation(h, p.Name, s.challenge(toEnrol, c.Person, string(h.Handle)), known)
		return nil
	})
	return out, err
}

// newHolder returns the person of a code before the first passkey. Its handle follows from the code, so that all
// passkeys of an enrolment have one.
func (s *SignIn) newHolder(c personCode) holder {
	return holder{Person: c.Person, Handle: s.mac(c.Proof, "handle", []string{c.Person})}
}

func (s *SignIn) creation(h holder, name string, challenge []byte, known [][]byte) wire.PasskeyCreation {
	out := wire.PasskeyCreation{PasskeyChallenge: s.request(challenge), Party: partyName, Handle: h.Handle, Name: name}
	out.Exclude = append(out.Exclude, known...)
	for _, k := range h.Passkeys {
		out.Exclude = append(out.Exclude, k.Credential)
	}
	for _, p := range webauthn.CredentialParametersDefault() {
		out.Algorithms = append(out.Algorithms, int64(p.Algorithm))
	}
	return out
}

// Enrol stores the passkeys that a browser made with a code, all or none, and signs the person in. The passkeys and
// sessions that the person had before end. It fails with Forbidden for a code that is not valid, and with Invalid
// unless there are two passkeys of different authenticators.
func (s *SignIn) Enrol(ctx context.Context, in wire.PasskeyEnrolment, v Visitor) (out wire.SignedIn, err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	if err := checkEnrolment(in); err != nil {
		return out, err
	}
	err = s.replica.Retry(ctx, func() error {
		c, at, err := s.redeem(ctx, in.Code)
		if err != nil {
			return err
		}
		p, err := s.active(c.Person)
		if err != nil {
			return err
		}
		h := s.newHolder(c)
		h.EnrolledAt = schedules.At(s.now())
		var writes []store.Write
		for i, k := range in.Passkeys {
			used, err := s.add(ctx, &h, fmt.Sprintf("passkeys[%d].", i), k)
			if err != nil {
				return err
			}
			writes = append(writes, used)
		}
		var before int64
		if row, ok := holdersIn(s.replica).Get(c.Person); ok {
			before = row.Revision
		}
		kept, err := writeHolder(h, before)
		if err != nil {
			return err
		}
		writes = append(writes, kept, store.Write{Kind: KindCode, ID: c.Person, Expect: at, Delete: true})
		writes = append(writes, s.endAll(c.Person)...)
		more, err := access.Enrolled(s.replica, c.Person, c.makers(), s.now())
		if err != nil {
			return err
		}
		writes = append(writes, more...)
		by := access.Actor{Name: p.Name, Person: p.ID, Remote: v.Remote, RequestID: v.ID}
		out, err = s.start(ctx, by, v, writes...)
		return err
	})
	return out, err
}

// makers returns who may be the person who enrols with a code, because they made it.
func (c personCode) makers() []access.AccessMaker {
	if c.Here || len(c.Approved) >= recoverers {
		return nil
	}
	if len(c.Makers) == 0 { // an older program did not note them
		return []access.AccessMaker{{}}
	}
	return c.Makers
}

func checkEnrolment(in wire.PasskeyEnrolment) error {
	var wrong []fault.Field
	if n := len(in.Passkeys); n < leastPasskeys || n > MostPasskeys {
		wrong = append(wrong, fault.Field{Field: "passkeys", Message: fmt.Sprintf("must have %d to %d passkeys, on "+
			"different devices: whoever loses the only one is locked out", leastPasskeys, MostPasskeys)})
	}
	platforms := 0
	for i, k := range in.Passkeys {
		if k.Attachment == string(protocol.Platform) {
			platforms++
		}
		for _, other := range in.Passkeys[:i] {
			if bytes.Equal(other.Credential, k.Credential) {
				wrong = append(wrong, fault.Field{Field: fmt.Sprintf("passkeys[%d]", i), Message: "is the same as another"})
			}
		}
	}
	if len(wrong) == 0 && platforms == len(in.Passkeys) {
		wrong = append(wrong, fault.Field{Field: "passkeys", Message: "are all in this device: make one in another, such " +
			"as a security key or a phone, so that the loss of this device locks nobody out"})
	}
	return fault.Fields(wrong...)
}

// add verifies a new passkey and adds it to h. It returns the write that marks its challenge as used.
func (s *SignIn) add(ctx context.Context, h *holder, at string, in wire.NewPasskey) (used store.Write, err error) {
	name, err := text.Line(in.Name)
	switch {
	case err != nil:
		return used, fault.Fields(fault.Field{Field: at + "name", Message: err.Error()})
	case utf8.RuneCountInString(name) > schedules.MaxLine:
		return used, fault.Fields(fault.Field{Field: at + "name", Message: fmt.Sprintf("is longer than %d characters",
			schedules.MaxLine)})
	case name == "":
		name = fmt.Sprintf("passkey %d", len(h.Passkeys)+1)
	}
	if len(h.Passkeys) >= MostPasskeys {
		return used, fault.New(fault.Conflict, "you have %d passkeys, which is the most: end one first", MostPasskeys)
	}
	challenge, err := challengeOf(in.ClientData)
	if err != nil {
		return used, err
	}
	if err := s.expects(challenge, toEnrol, h.Person, string(h.Handle)); err != nil {
		return used, err
	}
	if used, err = s.spend(ctx, challenge); err != nil {
		return used, err
	}
	got, err := s.created(*h, in, challenge)
	if err != nil {
		return used, err
	}
	for _, row := range holdersIn(s.replica).After("", "") {
		if slices.ContainsFunc(row.Value.Passkeys, func(k passkey) bool { return bytes.Equal(k.Credential, got.ID) }) {
			return used, fault.New(fault.Conflict, "this passkey is enrolled already: make a new one")
		}
	}
	h.Passkeys = append(h.Passkeys, passkey{Credential: got.ID, Name: name, PublicKey: got.PublicKey,
		Transports: in.Transports, Attachment: in.Attachment, Backup: got.Flags.BackupEligible,
		Count: got.Authenticator.SignCount, CreatedAt: schedules.At(s.now())})
	return used, nil
}

// created verifies what an authenticator says of a new passkey. It fails with Invalid.
func (s *SignIn) created(h holder, in wire.NewPasskey, challenge []byte) (*webauthn.Credential, error) {
	raw := protocol.CredentialCreationResponse{PublicKeyCredential: protocol.PublicKeyCredential{
		Credential: protocol.Credential{ID: base64.RawURLEncoding.EncodeToString(in.Credential),
			Type: string(protocol.PublicKeyCredentialType)},
		RawID: in.Credential},
		AttestationResponse: protocol.AuthenticatorAttestationResponse{
			AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: in.ClientData},
			AttestationObject:     in.Attestation}}
	parsed, err := raw.Parse()
	var got *webauthn.Credential
	if err == nil {
		got, err = s.party.CreateCredential(person{holder: h}, webauthn.SessionData{UserID: h.Handle,
			Challenge:        base64.RawURLEncoding.EncodeToString(challenge),
			UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersDefault()}, parsed)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the new passkey is not accepted: it was made at another address, or the "+
			"device did not verify you by its PIN, fingerprint or face. Make it again")
	}
	return got, nil
}

// Passkeys lists the passkeys of a person.
func (s *SignIn) Passkeys(person string) []wire.Passkey {
	out := []wire.Passkey{}
	row, _ := holdersIn(s.replica).Get(person)
	for _, k := range row.Value.Passkeys {
		out = append(out, wire.Passkey{ID: k.id(), Name: k.Name, CreatedAt: k.CreatedAt, UsedAt: k.UsedAt})
	}
	return out
}

// id returns the short name of a passkey in paths.
func (k passkey) id() string {
	sum := sha256.Sum256(k.Credential)
	return hex.EncodeToString(sum[:10])
}

// AskToAdd returns what a browser needs to make a further passkey for a person who is signed in.
func (s *SignIn) AskToAdd(by access.Actor) (wire.PasskeyCreation, error) {
	row, ok := holdersIn(s.replica).Get(by.Person)
	if !ok {
		return wire.PasskeyCreation{}, errNotEnrolled
	}
	h := row.Value
	return s.creation(h, by.Name, s.challenge(toEnrol, h.Person, string(h.Handle)), nil), nil
}

var errNotEnrolled = fault.New(fault.Conflict, "you have no passkeys yet: ask an administrator for a one-time code")

// Add stores a further passkey of a person who is signed in.
func (s *SignIn) Add(ctx context.Context, by access.Actor, in wire.NewPasskey) (out wire.Passkey, err error) {
	err = s.changeHolder(ctx, by, "passkey.add", func(h *holder) (string, []store.Write, error) {
		used, err := s.add(ctx, h, "", in)
		if err != nil {
			return "", nil, err
		}
		k := h.Passkeys[len(h.Passkeys)-1]
		out = wire.Passkey{ID: k.id(), Name: k.Name, CreatedAt: k.CreatedAt}
		return k.Name, []store.Write{used}, nil
	})
	return out, err
}

// End ends a passkey of a person who is signed in, such as that of a device that was lost or wiped. It fails with
// NotFound, and with Conflict for the last one.
func (s *SignIn) End(ctx context.Context, by access.Actor, id string) error {
	return s.changeHolder(ctx, by, "passkey.end", func(h *holder) (string, []store.Write, error) {
		n := slices.IndexFunc(h.Passkeys, func(k passkey) bool { return k.id() == id })
		if n < 0 {
			return "", nil, fault.New(fault.NotFound, "you have no passkey %q", id)
		}
		if len(h.Passkeys) == 1 {
			return "", nil, fault.New(fault.Conflict, "this is your only passkey: add another first")
		}
		name := h.Passkeys[n].Name
		h.Passkeys = slices.Delete(h.Passkeys, n, n+1)
		return name, nil, nil
	})
}

func (s *SignIn) changeHolder(ctx context.Context, by access.Actor, action string, f func(*holder) (said string,
	more []store.Write, err error)) error {
	if err := s.Available(); err != nil {
		return err
	}
	return s.replica.Retry(ctx, func() error {
		row, ok := holdersIn(s.replica).Get(by.Person)
		if !ok {
			return errNotEnrolled
		}
		h := copied(row.Value)
		said, writes, err := f(&h)
		if err != nil {
			return err
		}
		kept, err := writeHolder(h, row.Revision)
		if err != nil {
			return err
		}
		return s.replica.Commit(ctx, store.Commit{Writes: append(writes, kept), Origin: by.Origin(s.now(), action, said)})
	})
}

// enrolled reports whether a person has been enrolled once.
func enrolled(m *replica.Replica, person string) bool {
	_, ok := holdersIn(m).Get(person)
	return ok
}
