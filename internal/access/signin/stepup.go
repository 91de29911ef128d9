package signin

import (
	"bytes"
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

// of returns the act as a session does it, in the form that the console gets.
func (a Act) of(session string) wire.ConfirmationRequest {
	return wire.ConfirmationRequest{Session: session, Operation: a.Operation, Method: a.Method, Path: a.Path,
		IfMatch: a.IfMatch, Hash: access.Hash(string(a.Body))}
}

// boundTo are what the challenge for an act is bound to.
func boundTo(r wire.ConfirmationRequest) []string {
	return []string{r.Session, r.Operation, r.Method, r.Path, r.IfMatch, r.Hash}
}

// AskToConfirm returns what a browser needs to confirm an act by a passkey of the person whose session it is.
func (s *SignIn) AskToConfirm(by access.Actor, act Act) (wire.PasskeyChallenge, error) {
	if err := s.Available(); err != nil {
		return wire.PasskeyChallenge{}, err
	}
	row, ok := holdersIn(s.replica).Get(by.Person)
	if !ok {
		return wire.PasskeyChallenge{}, errNoPasskey
	}
	r := act.of(by.Session)
	r.Challenge = s.challenge(toConfirm, boundTo(r)...)
	out := s.request(r.Challenge)
	for _, k := range row.Value.Passkeys {
		out.Allow = append(out.Allow, wire.AllowedPasskey{Credential: k.Credential, Transports: k.Transports})
	}
	if own, ok := sessionsIn(s.replica).Get(by.Session); ok && own.Value.By == ByCommandLine {
		var err error
		out.Link, err = s.link("confirm", r)
		return out, err
	}
	return out, nil
}

// errNoPasskey is the answer to a person who signs in by the identity provider alone.
var errNoPasskey = fault.New(fault.Conflict, "this must be confirmed by passkey, and you have none; a sign-in by the "+
	"identity provider is not enough for it. Ask an administrator for a one-time code, by which you make passkeys")

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
	if s.expects(challenge, toConfirm, boundTo(act.of(by.Session))...) != nil {
		return errOther
	}
	return s.confirm(ctx, by, challenge, in, act.Operation, false)
}

var errOther = fault.New(fault.Unconfirmed, "this confirmation is for something else, or too old: confirm again")

// ConfirmFor confirms, by a passkey of a person who is signed in, an act of a command line in which the same person is
// signed in. It fails with NotFound for another's, with Conflict for what no command line asked or asked too long ago,
// and with Unconfirmed.
func (s *SignIn) ConfirmFor(ctx context.Context, by access.Actor, in wire.Confirmation) error {
	if err := s.Available(); err != nil {
		return err
	}
	r := in.Request
	if own, ok := sessionsIn(s.replica).Get(r.Session); !ok || own.Value.Person != by.Person ||
		own.Value.By != ByCommandLine {
		return fault.New(fault.NotFound, "no command line in which you are signed in has asked this")
	}
	challenge, err := challengeOf(in.Assertion.ClientData)
	if err != nil {
		return err
	}
	if !bytes.Equal(challenge, r.Challenge) || s.expects(challenge, toConfirm, boundTo(r)...) != nil {
		return fault.New(fault.Conflict, "this was asked for too long ago, or is not what the command line asked: run the "+
			"command again")
	}
	return s.confirm(ctx, by, challenge, in.Assertion, r.Operation+" by the command line", true)
}

// Confirmed uses up the confirmation of an act that ConfirmFor has noted under a challenge. It fails with Unconfirmed
// while there is none.
func (s *SignIn) Confirmed(ctx context.Context, by access.Actor, act Act, challenge []byte) error {
	if s.expects(challenge, toConfirm, boundTo(act.of(by.Session))...) != nil {
		return errOther
	}
	return s.replica.Retry(ctx, func() error {
		d, err := s.replica.Store.Get(ctx, KindChallenge, idOf(challenge)+confirmed)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Unconfirmed, "nobody has confirmed this yet, or it is done already")
		}
		if err != nil {
			return err
		}
		used := store.Write{Kind: KindChallenge, ID: d.ID, Expect: d.Revision, Delete: true}
		return s.replica.Commit(ctx, store.Commit{Writes: []store.Write{used},
			Origin: by.Origin(s.now(), "session.confirmed", act.Operation)})
	})
}

// confirm verifies the assertion over a challenge, and uses the challenge up. later: the act comes later, by a request
// of its own.
func (s *SignIn) confirm(ctx context.Context, by access.Actor, challenge []byte, in wire.Assertion, what string,
	later bool) error {
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
			return errNoPasskey
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
		writes := []store.Write{used, kept}
		if later {
			waiting, err := writeUsed(challenge, confirmed)
			if err != nil {
				return err
			}
			writes = append(writes, waiting)
		}
		return s.replica.Commit(ctx, store.Commit{Writes: writes,
			Origin: by.Origin(s.now(), "session.confirm", what)})
	})
}
