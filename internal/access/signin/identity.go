package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/access/provider"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// Ways returns how persons may sign in.
func (s *SignIn) Ways() (out wire.SignInWays) {
	if s.provider != nil {
		out.Provider = s.provider.Issuer
	}
	return out
}

// offers fails with NotFound if the house has no identity provider.
func (s *SignIn) offers() error {
	if s.provider != nil {
		return nil
	}
	return fault.New(fault.NotFound, "this house has no identity provider: sign in by passkey")
}

// ReturnLife is how long a browser may take to come back from the identity provider.
const ReturnLife = challengeLife

// AskProvider returns where a browser goes to sign in by the identity provider, and a secret that it keeps meanwhile.
// Nothing is stored: the state bears an HMAC, and the nonce and the verifier of PKCE follow from it and the secret. It
// fails with NotFound and with Unavailable.
func (s *SignIn) AskProvider(ctx context.Context) (out wire.ProviderSignIn, secret string, err error) {
	if err := s.offers(); err != nil {
		return out, "", err
	}
	secret = rand.Text()
	state := s.challenge(toReturn, s.provider.Issuer, secret)
	out.Address, err = s.provider.Address(ctx, s.loginOf(state, secret))
	out.Origin = s.site.Origins[0]
	return out, secret, err
}

func (s *SignIn) loginOf(state []byte, secret string) provider.Exchange {
	write := base64.RawURLEncoding.EncodeToString
	return provider.Exchange{State: write(state), Nonce: write(s.mac(state, "nonce", []string{secret})),
		Verifier: write(s.mac(state, "verifier", []string{secret}))}
}

var errReturn = fault.New(fault.Unauthenticated, "this browser did not begin this sign-in, or began it too long "+
	"ago, or came back already: sign in again")

// EnterByProvider signs in the person who is linked with the identity of whoever the identity provider sent back, in
// the browser that has the secret of AskProvider. It fails with Unauthenticated, with Forbidden for an identity that
// nobody is linked with, with NotFound and with Unavailable.
func (s *SignIn) EnterByProvider(ctx context.Context, in wire.ProviderAnswer, secret string, v Visitor) (
	out wire.SignedIn, err error) {
	if err := s.offers(); err != nil {
		return out, err
	}
	state, err := base64.RawURLEncoding.DecodeString(in.State)
	if err != nil || s.expects(state, toReturn, s.provider.Issuer, secret) != nil {
		return out, errReturn
	}
	if _, err := s.spend(ctx, state); err != nil { // before the provider is asked
		return out, err
	}
	subject, refused := s.provider.Subject(ctx, in.Code, s.loginOf(state, secret))
	if refused != nil && !fault.Is(refused, fault.Unauthenticated) {
		return out, refused
	}
	err = s.replica.Retry(ctx, func() error {
		used, err := s.spend(ctx, state)
		if err != nil {
			return err
		}
		by, why := access.Actor{Remote: v.Remote, RequestID: v.ID}, refused
		if why == nil {
			var p replica.Person
			v.identity = replica.Identity{Issuer: s.provider.Issuer, Subject: subject}
			p, why = s.linked(v.identity)
			by.Name, by.Person = p.Name, p.ID
		}
		if why != nil && by.Person == "" { // the refusal of a stranger is noted with all others, of which there is a bound
			return why
		}
		if why != nil {
			return s.refuse(ctx, by, used, why)
		}
		out, err = s.start(ctx, by, v, used)
		return err
	})
	return out, err
}

// linked returns the person who is linked with an identity. It fails with Forbidden if nobody is, and with
// Unauthenticated if the person was ended.
func (s *SignIn) linked(i replica.Identity) (replica.Person, error) {
	for id, row := range replica.PersonsIn(s.replica).After("", "") {
		if slices.Contains(row.Value.Identities, i) {
			return s.active(id)
		}
	}
	return replica.Person{}, fault.New(fault.Forbidden, "the identity provider %s knows you as %q, and no person here is "+
		"linked with that. Give it to an administrator, who links you: People, Identities, in the console, or "+
		"lifeline people link", i.Issuer, i.Subject)
}

// links reports whether a person may still be signed in by an identity: the house has that provider, and the link has
// not ended.
func (s *SignIn) links(p replica.Person, i replica.Identity) bool {
	return s.provider != nil && s.provider.Issuer == i.Issuer && slices.Contains(p.Identities, i)
}
