package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"lifeline/internal/access"
	"lifeline/internal/access/provider"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// SignIn signs persons in.
type SignIn struct {
	replica *replica.Replica
	site    Site
	party   *webauthn.WebAuthn // nil: the site has no name that passkeys can be bound to
	key     []byte
	now     func() time.Time

	provider *provider.Provider // nil: the house has none
}

// Site is the address at which browsers reach the service. Passkeys are bound to its host.
type Site struct {
	Host    string   // the relying party's id; "": there are no passkeys
	Origins []string // where the console may be
	Console string   // its address
}

// SiteOf returns the site of a public address, with the further origins of browsers at the same host. An address by
// number has no passkeys, but for a loopback address, whose name is localhost; nor has one without TLS.
func SiteOf(public string, others []string) Site {
	var site Site
	for i, address := range append([]string{public}, others...) {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		host := u.Hostname()
		if ip, err := netip.ParseAddr(host); err == nil {
			if !ip.IsLoopback() {
				continue
			}
			host = "localhost"
			port := u.Port()
			if u.Host = host; port != "" {
				u.Host += ":" + port
			}
		}
		if u.Scheme != "https" && host != "localhost" {
			continue
		}
		if i == 0 {
			site.Host = host
			site.Console = u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/")
		}
		if host == site.Host && host != "" {
			site.Origins = append(site.Origins, u.Scheme+"://"+u.Host)
		}
	}
	return site
}

// New returns a SignIn for persons in m. key must be equal in all replicas.
func New(m *replica.Replica, site Site, key []byte, now func() time.Time) (*SignIn, error) {
	s := &SignIn{replica: m, site: site, key: key, now: now}
	if site.Host == "" {
		return s, nil
	}
	var err error
	s.party, err = webauthn.New(&webauthn.Config{RPID: site.Host, RPDisplayName: partyName, RPOrigins: site.Origins})
	return s, err
}

// Offer has persons who are linked with an identity sign in by p too. It is called before anybody signs in.
func (s *SignIn) Offer(p *provider.Provider) { s.provider = p }

// partyName is the name under which authenticators list the service.
const partyName = "Lifeline"

// Available fails with Conflict if the service's address can have no passkeys.
func (s *SignIn) Available() error {
	if s.party != nil {
		return nil
	}
	return fault.New(fault.Conflict, "passkeys need an address with a name, by https: start the service with that as "+
		"--public-url. On its own machine, it is http://localhost with the port")
}

// Console returns the console's address for browsers. It fails with Conflict if nobody can sign in there.
func (s *SignIn) Console() (string, error) { return s.site.Console, s.Available() }

// From reports whether a page of an origin may act with a session's cookie.
func (s *SignIn) From(origin string) bool { return slices.Contains(s.site.Origins, origin) }

// Ask returns what a browser needs to sign in by any passkey of the site.
func (s *SignIn) Ask() (wire.PasskeyChallenge, error) {
	if err := s.Available(); err != nil {
		return wire.PasskeyChallenge{}, err
	}
	return s.request(s.challenge(toSignIn)), nil
}

func (s *SignIn) request(challenge []byte) wire.PasskeyChallenge {
	return wire.PasskeyChallenge{Challenge: challenge, Host: s.site.Host, Origin: s.site.Origins[0],
		Timeout: schedules.Ms(challengeLife.Milliseconds())}
}

// link returns the address of a view of the console with what it is about.
func (s *SignIn) link(view string, about any) (string, error) {
	b, err := json.Marshal(about)
	return s.site.Console + "/#/" + view + "/" + base64.RawURLEncoding.EncodeToString(b), err
}

// Visitor is the browser or program that signs in.
type Visitor struct {
	Remote string // network address
	Agent  string // what it says of itself
	By     string // ByBrowser, ByCommandLine
	ID     string // of the request

	identity replica.Identity // by which the identity provider knows who signs in; nobody's: by passkey
}

var errPasskey = fault.New(fault.Unauthenticated, "this passkey is not accepted: it is not known here, or was ended, "+
	"or was used at another address. Sign in with your other passkey; if you have none, ask two persons to recover you")

// Enter signs a person in by an assertion. It fails with Unauthenticated.
func (s *SignIn) Enter(ctx context.Context, in wire.Assertion, v Visitor) (out wire.SignedIn, err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	challenge, err := challengeOf(in.ClientData)
	if err != nil {
		return out, err
	}
	if err := s.expects(challenge, toSignIn); err != nil {
		return out, err
	}
	err = s.replica.Retry(ctx, func() error {
		h, at := s.holderOf(in.UserHandle)
		if h.Person == "" {
			return errPasskey
		}
		used, err := s.spend(ctx, challenge)
		if err != nil {
			return err
		}
		p, err := s.active(h.Person)
		if err != nil {
			return err
		}
		by := access.Actor{Name: p.Name, Person: p.ID, Remote: v.Remote, RequestID: v.ID}
		if err := s.assert(&h, in, challenge); err != nil {
			return s.refuse(ctx, by, used, err)
		}
		kept, err := writeHolder(h, at)
		if err != nil {
			return err
		}
		out, err = s.start(ctx, by, v, used, kept)
		return err
	})
	return out, err
}

// refuse records that an assertion for a known person was refused, and returns why.
func (s *SignIn) refuse(ctx context.Context, by access.Actor, used store.Write, why error) error {
	err := s.replica.Commit(ctx, store.Commit{Writes: []store.Write{used},
		Origin: by.Origin(s.now(), "session.refused", why.Error())})
	return errors.Join(why, err)
}

// active returns a person who may sign in. It fails with Unauthenticated.
func (s *SignIn) active(id string) (replica.Person, error) {
	row, ok := replica.PersonsIn(s.replica).Get(id)
	p := row.Value.Person
	switch {
	case !ok:
		return p, fault.New(fault.Unauthenticated, "the person of this passkey is not known any more")
	case !p.EndedAt.IsZero():
		return p, fault.New(fault.Unauthenticated, "%s was ended on %s: an administrator activates persons with lifeline "+
			"people set --active", p.Name, p.EndedAt)
	}
	return p, nil
}

// holderOf returns the holder whom authenticators know by a handle, and its revision.
func (s *SignIn) holderOf(handle []byte) (holder, int64) {
	for _, row := range holdersIn(s.replica).After("", "") {
		if len(handle) > 0 && bytes.Equal(row.Value.Handle, handle) {
			return copied(row.Value), row.Revision
		}
	}
	return holder{}, 0
}

// copied returns h with passkeys of its own.
func copied(h holder) holder {
	h.Passkeys = slices.Clone(h.Passkeys)
	return h
}

// challengeOf returns the challenge that an authenticator answered.
func challengeOf(clientData []byte) ([]byte, error) {
	var read struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(clientData, &read); err != nil {
		return nil, fault.Fields(fault.Field{Field: "client_data", Message: "is not what a browser makes"})
	}
	challenge, err := base64.RawURLEncoding.DecodeString(read.Challenge)
	if err != nil {
		return nil, fault.Fields(fault.Field{Field: "client_data", Message: "has no challenge"})
	}
	return challenge, nil
}

// assert verifies an assertion over a challenge by one of the holder's passkeys, and notes its use in h. It fails with
// Unauthenticated.
func (s *SignIn) assert(h *holder, in wire.Assertion, challenge []byte) error {
	raw := protocol.CredentialAssertionResponse{PublicKeyCredential: protocol.PublicKeyCredential{
		Credential: protocol.Credential{ID: base64.RawURLEncoding.EncodeToString(in.Credential),
			Type: string(protocol.PublicKeyCredentialType)},
		RawID: in.Credential},
		AssertionResponse: protocol.AuthenticatorAssertionResponse{
			AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: in.ClientData},
			AuthenticatorData:     in.AuthenticatorData, Signature: in.Signature, UserHandle: in.UserHandle}}
	parsed, err := raw.Parse()
	if err != nil {
		return fault.Wrap(fault.Unauthenticated, err, "the browser's answer cannot be read: try again")
	}
	at := slices.IndexFunc(h.Passkeys, func(k passkey) bool { return bytes.Equal(k.Credential, in.Credential) })
	if at < 0 {
		return errPasskey
	}
	user := person{holder: *h}
	got, err := s.party.ValidateLogin(user, webauthn.SessionData{UserID: h.Handle,
		Challenge: base64.RawURLEncoding.EncodeToString(challenge), UserVerification: protocol.VerificationRequired}, parsed)
	if err != nil {
		return fault.Wrap(fault.Unauthenticated, err, "%s", errPasskey.Error())
	}
	if got.Authenticator.CloneWarning {
		return fault.New(fault.Unauthenticated, "this passkey has counted fewer signatures than it gave: it may have been "+
			"copied. Sign in with your other one, and end this one")
	}
	h.Passkeys[at].Count, h.Passkeys[at].UsedAt = got.Authenticator.SignCount, schedules.At(s.now())
	return nil
}

// person shows a holder to the library.
type person struct {
	holder
	name string
}

func (p person) WebAuthnID() []byte { return p.Handle }

func (p person) WebAuthnName() string { return p.name }

func (p person) WebAuthnDisplayName() string { return p.name }

func (p person) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, k := range p.Passkeys {
		out = append(out, webauthn.Credential{ID: k.Credential, PublicKey: k.PublicKey,
			Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: k.Backup},
			Authenticator: webauthn.Authenticator{SignCount: k.Count}})
	}
	return out
}

func writeHolder(h holder, expect int64) (store.Write, error) {
	body, err := replica.Encode(h)
	return store.Write{Kind: KindHolder, ID: h.Person, Expect: expect, Body: body}, err
}
