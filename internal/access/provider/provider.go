// Package provider asks a house's identity provider who somebody is, by OpenID Connect: the authorization code flow
// with PKCE. It knows no persons and stores nothing. The provider may be hostile: every answer is bounded in time and
// size, no redirect is followed, and an ID token counts only by its signature, issuer, audience, nonce and expiry.
package provider

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"lifeline/internal/fault"
	"lifeline/internal/text"
	"lifeline/internal/wire"
)

// Settings are those of the service at its provider.
type Settings struct {
	Issuer   string // as the provider names itself in tokens; its description is below it
	ClientID string
	Secret   string
	Redirect string // where the provider sends browsers back
}

// Provider is an identity provider. The first sign-in reads its description, so that one that is out of reach delays
// nothing else.
type Provider struct {
	Settings
	client   *http.Client
	now      func() time.Time
	patience time.Duration // of one question, with all its requests
	asking   chan struct{} // one for each question that is being asked
	reading  chan struct{} // one for who reads or replaces the description
	read     *description  // the latest
}

// description is what a provider says of itself, as far as it is used.
type description struct {
	client   oauth2.Config
	verifier *oidc.IDTokenVerifier
	readAt   time.Time
}

const (
	patience    = 10 * time.Second
	mostAsking  = 16        // questions at once
	mostBytes   = 1 << 20   // of an answer
	mostHeaders = 64 << 10  // bytes
	kept        = time.Hour // a description, before it is read again
	mostCause   = 200       // characters of why an answer is refused
)

// algorithms are the signatures of ID tokens that count, whatever the provider offers: none with a shared key, and not
// "none".
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256,
	oidc.PS384, oidc.PS512, oidc.EdDSA}

// New returns a Provider that has been asked nothing yet.
func New(s Settings, now func() time.Time) *Provider {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
		TLSHandshakeTimeout: patience / 2, MaxResponseHeaderBytes: mostHeaders}
	return &Provider{Settings: s, now: now, patience: patience,
		asking: make(chan struct{}, mostAsking), reading: make(chan struct{}, 1),
		client: &http.Client{Transport: bounded{transport}, Timeout: patience,
			// what is sent to the provider has the service's secret
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// bounded is a transport whose answers end with an error after mostBytes.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, mostBytes)
	}
	return resp, err
}

// Exchange is one sign-in at the provider: random values, each as it is sent.
type Exchange struct {
	State    string // comes back with the browser
	Nonce    string // comes back in the ID token
	Verifier string // of PKCE: only the service knows it
}

// Address returns where a browser goes to sign in. It fails with Unavailable.
func (p *Provider) Address(ctx context.Context, in Exchange) (string, error) {
	_, d, done, err := p.begin(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return d.client.AuthCodeURL(in.State, oidc.Nonce(in.Nonce), oauth2.S256ChallengeOption(in.Verifier)), nil
}

// Subject returns who a browser is that came back with a code: the provider's name for that one, which it gives nobody
// else. It fails with Unauthenticated, and with Unavailable.
func (p *Provider) Subject(ctx context.Context, code string, in Exchange) (string, error) {
	ctx, d, done, err := p.begin(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	token, err := d.client.Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(in.Verifier))
	if err != nil {
		return "", p.notExchanged(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", p.distrust(errors.New("it has no ID token"))
	}
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		if ctx.Err() != nil {
			return "", p.silent(err)
		}
		return "", p.distrust(err)
	}
	return p.subjectOf(id, in)
}

// subjectOf checks what the signature, the issuer, the audience and the expiry of an ID token leave open.
func (p *Provider) subjectOf(id *oidc.IDToken, in Exchange) (string, error) {
	var also struct {
		Party string `json:"azp"`
	}
	switch err := id.Claims(&also); {
	case err != nil:
		return "", p.distrust(err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(in.Nonce)) != 1:
		return "", p.distrust(errors.New("its nonce is of another sign-in"))
	case also.Party != "" && also.Party != p.ClientID, also.Party == "" && len(id.Audience) > 1:
		return "", p.distrust(errors.New("it was issued to another client"))
	case !wire.ValidSubject(id.Subject):
		return "", p.distrust(errors.New("its subject is malformed"))
	}
	return id.Subject, nil
}

// begin returns the context of a question, and what the provider says of itself. It fails with Unavailable, as it does
// while too many are being asked.
func (p *Provider) begin(ctx context.Context) (_ context.Context, d *description, done func(), err error) {
	select {
	case p.asking <- struct{}{}:
	default:
		return ctx, nil, nil, fault.New(fault.Unavailable, "too many sign-ins wait for the identity provider %s: try again "+
			"in a moment, or sign in by passkey", p.Issuer)
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	done = func() {
		cancel()
		<-p.asking
	}
	if d, err = p.describe(ctx); err != nil {
		done()
	}
	return ctx, d, done, err
}

// describe returns the provider's description, and reads it if it is not known or old. Its keys are read when a token
// needs them, and again when a token is signed by another.
func (p *Provider) describe(ctx context.Context) (*description, error) {
	select {
	case p.reading <- struct{}{}:
		defer func() { <-p.reading }()
	case <-ctx.Done():
		return nil, p.silent(ctx.Err())
	}
	if p.read != nil && p.now().Sub(p.read.readAt) < kept {
		return p.read, nil
	}
	got, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		return nil, p.silent(err)
	}
	var also struct {
		Keys    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := got.Claims(&also); err != nil {
		return nil, p.silent(err)
	}
	endpoint := got.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, also.Keys} {
		if !p.private(address) {
			return nil, p.silent(fmt.Errorf("it names the address %q, which is not https", address))
		}
	}
	// client_secret_basic, unless the provider takes only the other
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if len(also.Methods) > 0 && !slices.Contains(also.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	p.read = &description{readAt: p.now(),
		client: oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret, RedirectURL: p.Redirect, Endpoint: endpoint,
			Scopes: []string{oidc.ScopeOpenID}},
		verifier: got.Verifier(&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algorithms, Now: p.now})}
	return p.read, nil
}

// private reports whether nobody on the way reads what goes to an address: it is https, or on this machine where the
// issuer is too.
func (p *Provider) private(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" ||
		strings.HasPrefix(p.Issuer, "http:") && wire.ValidIssuer(u.Scheme+"://"+u.Host))
}

// notExchanged returns why a code gave no token.
func (p *Provider) notExchanged(err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case !errors.As(err, &refused):
		return p.silent(err)
	case refused.ErrorCode == "invalid_grant":
		return p.distrust(errors.New("it does not accept the code"))
	}
	return p.silent(fmt.Errorf("it answered %d %q", refused.Response.StatusCode, refused.ErrorCode))
}

// silent is the failure of a provider that did not answer as it should.
func (p *Provider) silent(cause error) error {
	return fault.Wrap(fault.Unavailable, errors.New(said(cause)), "the identity provider %s does not answer as it "+
		"should: try again later, or sign in by passkey", p.Issuer)
}

// distrust is the refusal of what a provider said of somebody.
func (p *Provider) distrust(cause error) error {
	return fault.New(fault.Unauthenticated, "what the identity provider %s says of you is refused: %s. Sign in again",
		p.Issuer, said(cause))
}

// said returns a failure in one line. It may have the whole answer of the provider, which may be anything.
func said(cause error) string {
	return text.Cut(text.Clean(fault.Cut(cause.Error(), 4*mostCause)), mostCause)
}
