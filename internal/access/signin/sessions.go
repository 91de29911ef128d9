package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	Life     = 12 * time.Hour  // of a session
	idle     = time.Hour       // without a request, after which a session ends
	usedKept = 5 * time.Minute // least time between two uses that are stored; a session may end so much before idle
)

// mostSessions bounds the sessions of a person. The one that was used least recently ends for a new one.
const mostSessions = 20

// The ways in which a session is used.
const (
	ByBrowser     = "browser"
	ByCommandLine = "command line"
)

// secretPrefix marks the secret of a session, so that a search finds a leaked one.
const secretPrefix = "lifelinesession"

const agentLength = 120 // characters of what a browser says of itself

// agentOf returns what a browser says of itself as a session keeps it.
func agentOf(said string) string { return text.Cut(text.Clean(said), agentLength) }

// start stores a new session of by, together with other writes, and returns it with its secret.
func (s *SignIn) start(ctx context.Context, by access.Actor, v Visitor, writes ...store.Write) (wire.SignedIn, error) {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand
	secret := strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(b[:]), "_", "~")
	own := session{ID: replica.NewID(), Hash: access.Hash(secret)}
	shown, err := s.keep(ctx, by, v, own, writes...)
	return wire.SignedIn{Session: shown, Secret: written(own.ID, secret)}, err
}

// written returns the secret of a session as it is sent.
func written(id, secret string) string { return secretPrefix + "_" + id + "_" + secret }

// keep stores a new session of by, of which own has the id and the hash of the secret.
func (s *SignIn) keep(ctx context.Context, by access.Actor, v Visitor, own session,
	writes ...store.Write) (wire.Session, error) {
	own.Person, own.By, own.Remote, own.Agent = by.Person, v.By, v.Remote, agentOf(v.Agent)
	own.Issuer, own.Subject = v.identity.Issuer, v.identity.Subject
	own.CreatedAt = schedules.At(s.now())
	own.UsedAt = own.CreatedAt
	body, err := replica.Encode(own)
	if err != nil {
		return wire.Session{}, err
	}
	writes = append(writes, store.Write{Kind: KindSession, ID: own.ID, Body: body})
	for _, w := range s.tooMany(by.Person) {
		if !slices.ContainsFunc(writes, func(o store.Write) bool { return o.Kind == w.Kind && o.ID == w.ID }) {
			writes = append(writes, w)
		}
	}
	by.Token = own.ID
	said := v.By
	if own.Issuer != "" {
		said += ", by the identity provider " + own.Issuer
	}
	err = s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: by.Origin(s.now(), "session.start", said)})
	return s.shown(own, own.ID), err
}

// tooMany returns the ends of the sessions of a person that leave no room for a new one.
func (s *SignIn) tooMany(person string) (ends []store.Write) {
	rows := s.of(person)
	slices.SortFunc(rows, func(a, b replica.Row[session]) int { return a.Value.UsedAt.Compare(b.Value.UsedAt.Time) })
	for len(rows) >= mostSessions {
		ends = append(ends, end(rows[0]))
		rows = rows[1:]
	}
	return ends
}

func end(row replica.Row[session]) store.Write {
	return store.Write{Kind: KindSession, ID: row.Value.ID, Expect: row.Revision, Delete: true}
}

// of returns the sessions of a person.
func (s *SignIn) of(person string) []replica.Row[session] { return sessionsOf(s.replica, person) }

func sessionsOf(m *replica.Replica, person string) (out []replica.Row[session]) {
	for _, row := range sessionsIn(m).After("", "") {
		if row.Value.Person == person {
			out = append(out, row)
		}
	}
	return out
}

// endAll returns the ends of all sessions of a person.
func (s *SignIn) endAll(person string) (ends []store.Write) {
	for _, row := range s.of(person) {
		ends = append(ends, end(row))
	}
	return ends
}

// Belongings returns the writes that remove all by which a person signs in: sessions, passkeys, and codes for more.
func Belongings(m *replica.Replica, person string) (gone []store.Write) {
	for _, row := range sessionsOf(m, person) {
		gone = append(gone, end(row))
	}
	if row, ok := holdersIn(m).Get(person); ok {
		gone = append(gone, store.Write{Kind: KindHolder, ID: person, Expect: row.Revision, Delete: true})
	}
	if row, ok := codesIn(m).Get(person); ok {
		gone = append(gone, store.Write{Kind: KindCode, ID: person, Expect: row.Revision, Delete: true})
	}
	return gone
}

// Is reports whether a secret is of the form of a session's.
func Is(secret string) bool { return strings.HasPrefix(secret, secretPrefix+"_") }

// Authenticate returns the actor of a session. It fails with Unauthenticated.
func (s *SignIn) Authenticate(secret string) (access.Actor, error) {
	rest, _ := strings.CutPrefix(secret, secretPrefix+"_")
	id, rest, _ := strings.Cut(rest, "_")
	row, ok := sessionsIn(s.replica).Get(id)
	if !ok || subtle.ConstantTimeCompare([]byte(row.Value.Hash), []byte(access.Hash(rest))) != 1 {
		return access.Actor{}, errSession
	}
	return s.actor(row.Value)
}

var errSession = fault.New(fault.Unauthenticated, "you are not signed in any more: sign in again")

// actor returns the actor of a session that has not ended.
func (s *SignIn) actor(own session) (access.Actor, error) {
	now := s.now()
	if !now.Before(own.CreatedAt.Add(Life)) || !now.Before(own.UsedAt.Add(idle)) {
		return access.Actor{}, errSession
	}
	p, err := s.active(own.Person)
	if err != nil {
		return access.Actor{}, err
	}
	if own.Issuer != "" && !s.links(p, replica.Identity{Issuer: own.Issuer, Subject: own.Subject}) {
		return access.Actor{}, errSession
	}
	out := access.Actor{Name: p.Name, Person: p.ID, Token: own.ID, Session: own.ID}
	// an identity may be another's, who linked it
	out.Sensitive = p.Sensitive && (own.Issuer == "" || access.NamedMade(s.replica, p.ID, true))
	for _, r := range access.PersonRoles { // the most powerful first
		if slices.Contains(p.Roles, string(r)) {
			out.Roles = append(out.Roles, r)
		}
	}
	if len(out.Roles) == 0 {
		return access.Actor{}, fault.New(fault.Unauthenticated, "%s has no role: an administrator gives one", p.Name)
	}
	out.Role = out.Roles[0]
	return out, nil
}

// Holds fails with Unauthenticated once the session of an actor has ended, or the person's roles have changed.
func (s *SignIn) Holds(by access.Actor) error {
	row, ok := sessionsIn(s.replica).Get(by.Session)
	if !ok {
		return errSession
	}
	now, err := s.actor(row.Value)
	if err == nil && (!slices.Equal(now.Roles, by.Roles) || now.Sensitive != by.Sensitive) {
		err = fault.New(fault.Unauthenticated, "your rights were changed: send the request again")
	}
	return err
}

// SameBrowser ends the session of a browser, and fails with ErrOtherBrowser, if another browser sends its secret than
// the one that signed in, by what they say of themselves.
func (s *SignIn) SameBrowser(ctx context.Context, by access.Actor, agent string) error {
	row, ok := sessionsIn(s.replica).Get(by.Session)
	if agent = agentOf(agent); !ok || row.Value.By != ByBrowser || row.Value.Agent == agent {
		return nil
	}
	err := s.replica.Commit(ctx, store.Commit{Writes: []store.Write{end(row)},
		Origin: by.Origin(s.now(), "session.end", "another browser sent its secret: "+agent)})
	if err != nil && !errors.Is(err, replica.ErrRace) { // somebody else ended it
		return err
	}
	return ErrOtherBrowser
}

// ErrOtherBrowser is the failure of the request by which SameBrowser ended a session.
var ErrOtherBrowser = fault.New(fault.Unauthenticated, "another browser than the one that you signed in with sent the "+
	"secret of your session, so it was ended: sign in again. If your browser was not updated just now, tell an "+
	"administrator")

// Touch notes that a session was used. What cannot be stored now is noted at the next request.
func (s *SignIn) Touch(ctx context.Context, by access.Actor) error {
	row, ok := sessionsIn(s.replica).Get(by.Session)
	if !ok || s.now().Sub(row.Value.UsedAt.Time) < usedKept {
		return nil
	}
	next := row.Value
	next.UsedAt = schedules.At(s.now())
	body, err := replica.Encode(next)
	if err != nil {
		return err
	}
	err = s.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: KindSession, ID: next.ID, Expect: row.Revision,
		Body: body}}, Origin: access.System.Origin(s.now(), "session.use", "")})
	if errors.Is(err, replica.ErrRace) { // another request was first
		return nil
	}
	return err
}

// Sessions returns the sessions of the caller's person, the latest first.
func (s *SignIn) Sessions(by access.Actor) []wire.Session {
	out := []wire.Session{}
	for _, row := range s.of(by.Person) {
		if _, err := s.actor(row.Value); err == nil {
			out = append(out, s.shown(row.Value, by.Session))
		}
	}
	slices.SortFunc(out, func(a, b wire.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt.Time), strings.Compare(a.ID, b.ID))
	})
	return out
}

// News returns the sign-ins of the caller's person since that of the caller, the earliest first, if the caller is a
// command line. The console asks for the sessions by itself.
func (s *SignIn) News(by access.Actor) (out []wire.SignInNotice) {
	own, ok := sessionsIn(s.replica).Get(by.Session)
	if !ok || own.Value.By != ByCommandLine {
		return nil
	}
	for _, row := range s.of(by.Person) {
		v := row.Value
		if v.ID == by.Session || v.CreatedAt.Before(own.Value.CreatedAt.Time) {
			continue
		}
		if _, err := s.actor(v); err == nil {
			out = append(out, wire.SignInNotice{Session: v.ID, Name: by.Name, At: v.CreatedAt, Remote: v.Remote,
				Agent: v.Agent, Provider: v.Issuer})
		}
	}
	slices.SortFunc(out, func(a, b wire.SignInNotice) int {
		return cmp.Or(a.At.Compare(b.At.Time), strings.Compare(a.Session, b.Session))
	})
	return out
}

func (s *SignIn) shown(own session, present string) wire.Session {
	return wire.Session{ID: own.ID, Person: own.Person, By: own.By, Remote: own.Remote, Agent: own.Agent,
		Provider: own.Issuer, CreatedAt: own.CreatedAt, UsedAt: own.UsedAt, ExpiresAt: schedules.At(own.CreatedAt.Add(Life)),
		Present: own.ID == present}
}

// EndSession ends a session of the caller's person, and for an administrator that of another, of which more than a
// handful wait for another person (access.EndsOther). It fails with NotFound.
func (s *SignIn) EndSession(ctx context.Context, by access.Actor, id string) error {
	return s.replica.Retry(ctx, func() error {
		row, ok := sessionsIn(s.replica).Get(id)
		if !ok || by.Role != access.Admin && (by.Person == "" || row.Value.Person != by.Person) {
			return fault.New(fault.NotFound, "there is no session %q", id)
		}
		writes, of := []store.Write{end(row)}, ""
		if by.Person != row.Value.Person {
			counted, err := access.EndsOther(ctx, s.replica, by, "session "+id,
				access.AccessMaker{Person: row.Value.Person}, s.now())
			if err != nil {
				return err
			}
			writes, of = append(writes, counted...), "of person "+row.Value.Person
		}
		return s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: by.Origin(s.now(), "session.end", of)})
	})
}

// Ended returns the ends of the sessions that a change of a person ends: all if the person was ended, and those by an
// identity that is the person's no more, so that none comes back with the person or the link.
func (s *SignIn) Ended(m wire.Member) (ends []store.Write) {
	for _, row := range s.of(m.ID) {
		by := wire.Identity{Issuer: row.Value.Issuer, Subject: row.Value.Subject}
		if !m.Active || by.Issuer != "" && !slices.Contains(m.Identities, by) {
			ends = append(ends, end(row))
		}
	}
	return ends
}

// Sweep removes sessions, codes and used challenges that have ended.
func (s *SignIn) Sweep(ctx context.Context) error {
	var writes []store.Write
	for _, row := range sessionsIn(s.replica).After("", "") {
		if _, err := s.actor(row.Value); err != nil && len(writes) < mostAtOnce {
			writes = append(writes, end(row))
		}
	}
	return errors.Join(s.remove(ctx, "session.expired", writes), s.forgetCodes(ctx), s.forgetChallenges(ctx),
		s.forgetRecoveries(ctx))
}
