package signin

import (
	"context"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/wire"
)

// Act is what a person does, as far as a confirmation is bound to it.
type Act struct {
	Operation string // its id in the OpenAPI document
	Method    string
	Path      string // with the query, as it was sent
	IfMatch   string
	Body      []byte
}

// parts are what a challenge for the act is bound to, besides the session.
func (a Act) parts(session string) []string {
	return []string{session, a.Operation, a.Method, a.Path, a.IfMatch, hash(string(a.Body))}
}

// AskToConfirm returns what a browser needs to confirm an act by a passkey of the person whose session it is.
func (s *SignIn) AskToConfirm(by access.Actor, act Act) (wire.PasskeyChallenge, error) {
	if err := s.Available(); err != nil {
		return wire.PasskeyChallenge{}, err
	}
	row, ok := holdersIn(s.replica).Get(by.Person)
	if !ok {
		return wire.PasskeyChallenge{}, errNotEnrolled
	}
	out := s.request(s.challenge(toConfirm, act.parts(by.Session)...))
	for _, k := range row.Value.Passkeys {
		out.Allow = append(out.Allow, wire.AllowedPasskey{Credential: k.Credential, Transports: k.Transports})
	}
	return out, nil
}

// Confirm verifies that the person of a session confirmed an act just now, and only this one. It fails with
// Unconfirmed.
func (s *SignIn) Confirm(ctx context.Context, by access.Actor, act Act, in wire.Assertion) error {
	if err := s.Available(); err != nil {
		return err
	}
	challenge, err := challengeOf(in.ClientData)
	if err != nil {
		return err
	}
	if s.expects(challenge, toConfirm, act.parts(by.Session)...) != nil {
		return fault.New(fault.Unconfirmed, "this confirmation is for something else, or too old: confirm again")
	}
	return s.replica.Retry(ctx, func() error {
		used, err := s.spend(ctx, challenge)
		if fault.Is(err, fault.Unauthenticated) {
			return fault.Wrap(fault.Unconfirmed, err, "this confirmation was used already: confirm again")
		}
		if err != nil {
			return err
		}
		row, ok := holdersIn(s.replica).Get(by.Person)
		if !ok {
			return errNotEnrolled
		}
		h := copied(row.Value)
		if err := s.assert(&h, in, challenge); err != nil {
			err = fault.Wrap(fault.Unconfirmed, err, "this passkey does not confirm it: use one of yours, at this address")
			return s.refuse(ctx, by, used, err)
		}
		kept, err := writeHolder(h, row.Revision)
		if err != nil {
			return err
		}
		return s.replica.Commit(ctx, store.Commit{Writes: []store.Write{used, kept},
			Origin: by.Origin(s.now(), "session.confirm", act.Operation)})
	})
}
