package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// AskToLogIn returns a request by which a command line asks to be signed in, with the code that its terminal shows.
// Nothing is stored: the request bears an HMAC. in.Hash is of a secret that the command line keeps. It fails with
// Invalid.
func (s *SignIn) AskToLogIn(in wire.LoginAsk, remote string) (out wire.Login, err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	b, err := hex.DecodeString(in.Hash)
	if err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != in.Hash {
		return out, fault.Fields(fault.Field{Field: "hash", Message: "must be a SHA-256 in lower-case hexadecimal"})
	}
	r := wire.LoginRequest{Hash: in.Hash, Machine: text.Cut(text.Clean(in.Machine), agentLength), Remote: remote}
	r.Challenge = s.challenge(toLogIn, partsOf(r)...)
	link, err := s.link("login", r)
	return wire.Login{Request: r, Code: s.codeOfLogin(r).String(), Link: link, ExpiresAt: schedules.At(ends(r.Challenge))},
		err
}

// partsOf are what the challenge of a request is bound to.
func partsOf(r wire.LoginRequest) []string { return []string{r.Hash, r.Machine, r.Remote} }

// codeOfLogin returns the code of a request. Nobody derives it from the request without the key.
func (s *SignIn) codeOfLogin(r wire.LoginRequest) onetime.Code {
	return onetime.Of([onetime.Bytes]byte(s.mac(r.Challenge, "code of a login", nil)))
}

var errLogin = fault.New(fault.Conflict, "this login has expired, or was used: run lifeline login again")

// ApproveLogin signs in the command line that made a request, as the person who approves it with the code. It fails
// with Invalid for a wrong code, and with Conflict for a request that has expired, was used or is not the service's.
func (s *SignIn) ApproveLogin(ctx context.Context, by access.Actor, in wire.LoginApproval) (out wire.Session,
	err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	r := in.Request
	if s.expects(r.Challenge, toLogIn, partsOf(r)...) != nil {
		return out, errLogin
	}
	if !hmac.Equal([]byte(onetime.Read(in.Code)), []byte(s.codeOfLogin(r))) {
		return out, fault.Fields(fault.Field{Field: "code", Message: "is not the one that the terminal shows"})
	}
	err = s.replica.Retry(ctx, func() error {
		used, err := s.spend(ctx, r.Challenge)
		if fault.Is(err, fault.Unauthenticated) {
			return errLogin
		}
		if err != nil {
			return err
		}
		out, err = s.keep(ctx, by, Visitor{Remote: r.Remote, Agent: r.Machine, By: ByCommandLine},
			session{ID: idOf(r.Challenge), Hash: r.Hash}, used)
		out.Present = false
		return err
	})
	return out, err
}

// LoggedIn returns the session that a request has become, for who has its secret; false: nobody has approved it yet. It
// fails with Invalid for a wrong secret, and with Conflict once the request has expired.
func (s *SignIn) LoggedIn(in wire.LoginCheck) (out wire.SignedIn, done bool, err error) {
	r := in.Request
	if len(r.Challenge) != challengeBytes {
		return out, false, errLogin
	}
	if access.Hash(in.Secret) != r.Hash {
		return out, false, fault.Fields(fault.Field{Field: "secret", Message: "is not that of the request"})
	}
	out.Secret = written(idOf(r.Challenge), in.Secret)
	if by, err := s.Authenticate(out.Secret); err == nil {
		row, _ := sessionsIn(s.replica).Get(by.Session)
		out.Session = s.shown(row.Value, by.Session)
		return out, true, nil
	}
	if s.expects(r.Challenge, toLogIn, partsOf(r)...) != nil {
		return out, false, errLogin
	}
	return out, false, nil
}
