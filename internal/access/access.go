package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/fault"
	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const SchedulerJob Role = "scheduler"

const StationJob Role = "station"

const Viewer Role = "viewer"

// token is the stored form of an access token. It has only a hash of the secret, which is 256 random bits, so a fast
// hash suffices.
type token struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Person    string            `json:"person,omitempty"` // id; none for a machine, and for tokens of older programs
	Role      Role              `json:"role"`
	Station   string            `json:"station,omitempty"`
	Hash      string            `json:"hash"`          // hex SHA-256 of the secret
	May       []string          `json:"may,omitempty"` // the operations that it is limited to; none: all of its role
	CreatedAt schedules.Instant `json:"created_at"`
	ExpiresAt schedules.Instant `json:"expires_at"` // none: it does not expire
	// who made it: the id of a person, or the name of a machine; none for tokens of older programs
	CreatedBy   string `json:"created_by,omitempty"`
	CreatedHere bool   `json:"created_here,omitempty"` // on the service's machine, with its store

	form names.Likeness // of the name
}

// tokenPrefix marks a Lifeline token, so that a search finds a leaked one.
const tokenPrefix = "lifeline"

// Access authenticates and manages access tokens.
type Access struct {
	replica *replica.Replica
	now     func() time.Time
	uses    uses
}

// New returns an Access that reads tokens from m.
func New(m *replica.Replica, now func() time.Time) *Access { return &Access{replica: m, now: now} }

const sendToken = "Send one as Authorization: Bearer TOKEN; the service's operator makes it with lifeline token create"

// Authenticate returns the actor of a token. It fails with Unauthenticated. Only the holder of a token's secret learns
// why it is not accepted.
func (a *Access) Authenticate(secret string) (Actor, error) {
	if secret == "" {
		return Actor{}, fault.New(fault.Unauthenticated, "no access token came with the request. "+sendToken)
	}
	prefix, rest, _ := strings.Cut(secret, "_")
	id, rest, _ := strings.Cut(rest, "_")
	row, ok := tokensIn(a.replica).Get(id)
	t := row.Value
	if !ok || prefix != tokenPrefix || subtle.ConstantTimeCompare([]byte(t.Hash), []byte(Hash(rest))) != 1 {
		return Actor{}, fault.New(fault.Unauthenticated, "the access token is unknown or revoked. "+sendToken)
	}
	actor, err := a.holder(t)
	if err == nil {
		a.uses.note(id, a.now())
	}
	return actor, err
}

// holder returns the actor of a token. It fails with Unauthenticated if the token has expired, or its person was ended
// or no longer has its role.
func (a *Access) holder(t token) (Actor, error) {
	if !t.ExpiresAt.IsZero() && !a.now().Before(t.ExpiresAt.Time) {
		return Actor{}, fault.New(fault.Unauthenticated, "this access token expired on %s: the service's operator makes a "+
			"new one with lifeline token create", t.ExpiresAt)
	}
	out := Actor{Name: t.Name, Person: t.Person, Role: t.Role, Token: t.ID, Station: t.Station, May: t.May}
	if out.Person == "" && t.Role != StationJob {
		out.Person = a.replica.PersonNamed(t.form)
	}
	if out.Person == "" {
		out.Sensitive = t.knows()
		return out, nil
	}
	row, ok := replica.PersonsIn(a.replica).Get(out.Person)
	p := row.Value
	switch {
	case !ok:
		return Actor{}, fault.New(fault.Unauthenticated, "the person of this access token is not known any more")
	case !p.EndedAt.IsZero():
		return Actor{}, fault.New(fault.Unauthenticated, "this access token is of %s, who was ended on %s: an administrator "+
			"activates persons with lifeline people set --active", p.Name, p.EndedAt)
	case !slices.Contains(p.Roles, string(t.Role)):
		return Actor{}, fault.New(fault.Unauthenticated, "this access token has the role %s, which %s does not have any "+
			"more: an administrator gives roles with lifeline people set --role", t.Role, p.Name)
	}
	if t.Person != "" {
		out.Name = p.Name
	}
	out.Sensitive = p.Sensitive && a.fromTheNamed(t, p)
	return out, nil
}

// fromTheNamed reports whether a token of a person who is named for what is sensitive is for it too. It is not if it
// may be in the hands of somebody who is not named, and made it or the access with which it was made.
func (a *Access) fromTheNamed(t token, p replica.KnownPerson) bool {
	switch {
	case t.CreatedHere || t.CreatedBy == "":
		return true
	case t.CreatedBy == p.ID:
		return NamedMade(a.replica, p.ID, false)
	default:
		return named(a.replica, t.CreatedBy)
	}
}

// knows reports whether a token that belongs to nobody, and whom nobody can name, is for what is sensitive: it was made
// on the service's machine, or by a program that did not note who made it, and its role changes something. Others would
// let every administrator name themselves.
func (t token) knows() bool {
	return t.Role != Viewer && t.Role != StationJob && (t.CreatedHere || t.CreatedBy == "")
}

// Holds fails with Unauthenticated once the token with which an actor authenticated is revoked, expired or changed, or
// its person is ended. A media address is valid as long as the token with which its list was fetched.
func (a *Access) Holds(by Actor) error {
	if by.Address != "" {
		return a.addressHolds(by)
	}
	if by.Token == "" {
		return nil
	}
	row, ok := tokensIn(a.replica).Get(by.Token)
	if !ok {
		return fault.New(fault.Unauthenticated, "this access token is no longer valid")
	}
	now, err := a.holder(row.Value)
	if err != nil {
		return err
	}
	sameHolder := now.Person == by.Person && (now.Person != "" || now.Name == by.Name)
	if now.Role != by.Role || now.Station != by.Station || now.Sensitive != by.Sensitive || !sameHolder {
		return fault.New(fault.Unauthenticated, "this access token was changed: send the request again")
	}
	return nil
}

// addressHolds does the same for a media address. An address without a token is valid as long as its station has any
// token.
func (a *Access) addressHolds(by Actor) error {
	valid := func(row replica.Row[token]) bool {
		_, err := a.holder(row.Value)
		return err == nil
	}
	row, ok := tokensIn(a.replica).Get(by.Token)
	ok = ok && valid(row)
	if by.Token == "" {
		for _, row = range tokensIn(a.replica).After("", "") {
			if ok = row.Value.Station == by.Station && valid(row); ok {
				break
			}
		}
	}
	if !ok {
		return errAddressEnded
	}
	return nil
}

var errAddressEnded = fault.New(fault.Unauthenticated, "this media address has ended with the access token that its "+
	"list was fetched with: fetch the list again with one that is valid")

// Hearer returns the actor whose right to hear recordings counts for by: by, or the holder of the token with which the
// list of a media address was fetched. It fails with Unauthenticated.
func (a *Access) Hearer(by Actor) (Actor, error) {
	if by.Address == "" || by.Token == "" {
		return by, nil
	}
	row, ok := tokensIn(a.replica).Get(by.Token)
	if !ok {
		return Actor{}, errAddressEnded
	}
	out, err := a.holder(row.Value)
	out.Address, out.Remote, out.RequestID = by.Address, by.Remote, by.RequestID
	return out, err
}

// TokenEnds returns, by station, when its last access token expires. A station is missing if it has no token, or one
// that does not expire.
func TokenEnds(m *replica.Replica) map[string]schedules.Instant {
	ends, endless := map[string]schedules.Instant{}, map[string]bool{}
	for _, row := range tokensIn(m).After("", "") {
		switch t := row.Value; {
		case t.Role != StationJob:
		case t.ExpiresAt.IsZero():
			endless[t.Station] = true
		case t.ExpiresAt.After(ends[t.Station].Time):
			ends[t.Station] = t.ExpiresAt
		}
	}
	maps.DeleteFunc(ends, func(station string, _ schedules.Instant) bool { return endless[station] })
	return ends
}

// TokenChanges returns the number of changes of tokens so far.
func TokenChanges(m *replica.Replica) int64 { return tokensIn(m).Changes() }

// Empty reports whether nobody has access yet: there are no tokens and no persons.
func (a *Access) Empty() bool {
	for range tokensIn(a.replica).After("", "") {
		return false
	}
	for range replica.PersonsIn(a.replica).After("", "") { // with passkeys alone, too
		return false
	}
	return true
}

// Create stores a new token as CreateToken does. It fails with Invalid if the token's station does not exist, while
// others do.
func (a *Access) Create(ctx context.Context, by Actor, n NewToken) (made wire.Token, err error) {
	if none := a.replica.NoStation(n.Station); n.Station != "" && none != "" {
		return wire.Token{}, fault.Fields(fault.Field{Field: "station", Message: none})
	}
	if row, _ := replica.StationKeysIn(a.replica).Get(n.Station); !row.Value.SeizedAt.IsZero() {
		return wire.Token{}, seized(n.Station, row.Value.SeizedAt)
	}
	made, err = createToken(ctx, a.replica, by, n, a.now(), func(h *holders, of AccessMaker) (err error) {
		h.people.Made, err = noteMade(h.people.Made, a.replica, of, false, by.Makers(a.replica), a.now())
		return err
	})
	if err == nil {
		err = a.replica.CatchUp(ctx)
	}
	return made, err
}

// Taken returns a token of nobody that a person would get by a name.
func (a *Access) Taken(by wire.Member) (out wire.Token, taken bool) {
	known := replica.Person{Name: by.Name, Others: by.Others}.Known()
	for _, row := range tokensIn(a.replica).After("", "") {
		if out = a.shown(row.Value); out.Person == "" && row.Value.Role != StationJob && known.Named(row.Value.form) {
			return out, true
		}
	}
	return wire.Token{}, false
}

// Tokens returns at most limit tokens with ids after the given one, without their secrets, and the last id if there are
// more: all for an administrator, and for others their own.
func (a *Access) Tokens(by Actor, after string, limit int) (tokens []wire.Token, next string) {
	for _, row := range tokensIn(a.replica).After("", after) {
		if !a.mayEnd(by, row.Value) {
			continue
		}
		if len(tokens) == limit {
			return tokens, tokens[limit-1].ID
		}
		tokens = append(tokens, a.shown(row.Value))
	}
	return tokens, ""
}

// shown returns a token without its secret, with the person for whom its name stands.
func (a *Access) shown(t token) wire.Token {
	out := t.shown()
	out.LastUsed = schedules.At(a.lastUse(t.ID))
	if out.Person == "" && t.Role != StationJob {
		out.Person = a.replica.PersonNamed(t.form)
	}
	return out
}

func (t token) shown() wire.Token {
	return wire.Token{ID: t.ID, Name: t.Name, Person: t.Person, Role: string(t.Role), Station: t.Station, May: t.May,
		CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, CreatedBy: t.CreatedBy, CreatedHere: t.CreatedHere}
}

// mayEnd reports whether an actor may see and revoke a token: an administrator every one, and others their own.
func (a *Access) mayEnd(by Actor, t token) bool {
	return by.Role == Admin || a.owns(by, t)
}

// owns reports whether a token is the actor's own.
func (a *Access) owns(by Actor, t token) bool {
	return by.Token != "" && by.Token == t.ID ||
		by.Role != StationJob && t.Role != StationJob && by.Is(a.replica, t.Person, t.Name)
}

// Revoke deletes a token, which is invalid from then on. More than a handful of others' tokens wait for another person
// (EndsOther). It fails with NotFound for a token that there is not, or that the actor may not see.
func (a *Access) Revoke(ctx context.Context, by Actor, id string) error {
	return a.revoke(ctx, by, id, false)
}

// RevokeStolen does what Revoke does, and stops the standing orders that were set by the token. An administrator stops
// those of a token, too, that was revoked before anybody knew that it was stolen.
func (a *Access) RevokeStolen(ctx context.Context, by Actor, id string) error {
	return a.revoke(ctx, by, id, true)
}

func (a *Access) revoke(ctx context.Context, by Actor, id string, stolen bool) error {
	return a.replica.Retry(ctx, func() error {
		row, ok := tokensIn(a.replica).Get(id)
		if orders := ordersOf(a.replica, by, id); !ok && stolen && by.Has(Admin) && len(orders) > 0 {
			return a.replica.Commit(ctx, store.Commit{Writes: orders,
				Origin: by.Origin(a.now(), "token.revoke", "stolen, and revoked before")})
		}
		if !ok || !a.mayEnd(by, row.Value) {
			return fault.New(fault.NotFound, "there is no token %q", id)
		}
		writes, err := endsMadeBy(a.replica, row.Value, a.now())
		if t := row.Value; err == nil && t.ID != by.Token && (t.Person == "" || t.Person != by.Person) {
			// Not whose name it bears is asked: a name is easily taken.
			var counted []store.Write
			counted, err = EndsOther(ctx, a.replica, by, "token "+id, makerOf(t.Person, t.Name), a.now())
			writes = append(writes, counted...)
		}
		if err != nil {
			return err
		}
		if stolen {
			writes = append(writes, ordersOf(a.replica, by, id)...)
		}
		return a.replica.Commit(ctx, store.Commit{
			Writes: append(writes, store.Write{Kind: KindToken, ID: id, Expect: row.Revision, Delete: true}),
			Origin: by.Origin(a.now(), "token.revoke", string(row.Value.Role)+" "+row.Value.Name)})
	})
}

// endsMadeBy returns the write that ends what others made for the holder of a token, with which the token ends, if it
// is the last one that was not made on the service's machine.
func endsMadeBy(m *replica.Replica, t token, now time.Time) ([]store.Write, error) {
	if t.Role == StationJob || t.Role == Viewer || t.CreatedHere ||
		hasToken(m, t.Person, t.Name, func(other token) bool {
			return other.ID != t.ID && other.Role != StationJob && other.Role != Viewer && !other.CreatedHere
		}) {
		return nil, nil
	}
	of := makerOf(t.Person, t.Name)
	return madeWrite(m, func(all []replica.Made) ([]replica.Made, error) {
		return endMade(all, m, of, false, t.unmarked(), now)
	})
}

// Hash returns the form in which a secret is stored: its SHA-256 in hexadecimal.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// TokenLife is the life of a token for which none is named.
const TokenLife = 90 * 24 * time.Hour

// NewToken describes a token to create: of a person, by id, or of a machine or station, by name.
type NewToken struct {
	Name, Station string
	Person        string
	Role          Role
	May           []string      // the operations that it is limited to; none: all of its role
	Life          time.Duration // 0 means TokenLife
	Endless       bool          // it does not expire
}

// CreateToken stores a new token and returns it with its secret, which is shown only once. It fails with Conflict if
// the name is, or looks like, that of a person or of another holder, and with Invalid if there is no such person with
// that role.
func CreateToken(ctx context.Context, m *replica.Replica, a Actor, n NewToken, now time.Time) (wire.Token, error) {
	return createToken(ctx, m, a, n, now, func(*holders, AccessMaker) error { return nil })
}

// createToken does the same. note notes who made the access of its holder, where that counts.
func createToken(ctx context.Context, m *replica.Replica, a Actor, n NewToken, now time.Time,
	note func(*holders, AccessMaker) error) (made wire.Token, err error) {
	if err := n.Check(); err != nil {
		return made, err
	}
	err = serially(ctx, m, func(h *holders) error {
		if n.Person != "" {
			if err := h.owns(&n); err != nil {
				return err
			}
		} else if err := h.mayHold(n.Name, n.Role); err != nil {
			return err
		}
		if n.Role != StationJob && n.Role != Viewer { // others do nothing that counts
			if err := note(h, makerOf(n.Person, n.Name)); err != nil {
				return err
			}
		}
		t, write, err := makeToken(a, n, now)
		if err != nil {
			return err
		}
		made = t
		return h.commit(ctx, a.Origin(now, "token.create", t.Role+" "+t.Name), write)
	})
	return made, err
}

// makeToken returns a new token with its secret, and the write that stores it. n was checked.
func makeToken(a Actor, n NewToken, now time.Time) (made wire.Token, write store.Write, err error) {
	if n.Name, err = lineOf("name", n.Name); err != nil {
		return made, write, err
	}
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand
	secret := strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(b[:]), "_", "~")
	t := token{ID: replica.NewID(), Name: n.Name, Person: n.Person, Role: n.Role, Station: n.Station, May: n.May,
		Hash: Hash(secret), CreatedAt: schedules.At(now), CreatedBy: cmp.Or(a.Person, a.Name), CreatedHere: a.Here()}
	if !n.Endless {
		t.ExpiresAt = schedules.At(now.Add(cmp.Or(n.Life, TokenLife)))
	}
	body, err := replica.Encode(t)
	made = t.shown()
	made.Secret = tokenPrefix + "_" + t.ID + "_" + secret
	return made, store.Write{Kind: KindToken, ID: t.ID, Body: body}, err
}

// StationKnown fails with NotFound if the store has stations, but not the named one, because a token for it would be
// useless. While there are no stations, any name is accepted.
func StationKnown(ctx context.Context, docs replica.Documents, id string) error {
	all, err := docs.List(ctx, replica.KindStation, "", replica.FewNamed+1)
	if err != nil || len(all) == 0 {
		return err
	}
	if _, err := docs.Get(ctx, replica.KindStation, id); !fault.Is(err, fault.NotFound) {
		return err
	}
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.ID
	}
	return fault.New(fault.NotFound, "station %s, so that the token would open nothing. --yes makes it all the same, for a "+
		"station that is applied later", replica.NotAmong(id, names))
}

// StationFree fails with Conflict while the named station counts as seized: it gets no token but by enrolling anew.
func StationFree(ctx context.Context, docs replica.Documents, id string) error {
	d, err := docs.Get(ctx, replica.KindStationKeys, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	keys, err := replica.Decode[replica.StationKeys](d)
	if err == nil && !keys.SeizedAt.IsZero() {
		err = seized(id, keys.SeizedAt)
	}
	return err
}

func seized(station string, since schedules.Instant) error {
	return fault.New(fault.Conflict, "station %q counts as seized since %s: it gets a token only by enrolling anew, with a "+
		"code that lifeline station enrol %[1]s makes", station, since)
}

// Check fails with Invalid and lists the faults of n.
func (n NewToken) Check() error {
	var fields []fault.Field
	if strings.TrimSpace(n.Name) == "" && n.Person == "" {
		fields = append(fields, fault.Field{Field: "name",
			Message: "must name the machine or station that will hold the token; of a person, give person instead"})
	}
	if n.Person != "" && n.Role == StationJob {
		fields = append(fields, fault.Field{Field: "person", Message: "must not be given for the role station"})
	}
	if utf8.RuneCountInString(n.Name) > schedules.MaxLine {
		fields = append(fields, fault.Field{Field: "name",
			Message: fmt.Sprintf("is longer than %d characters", schedules.MaxLine)})
	}
	if n.Life < 0 {
		fields = append(fields, fault.Field{Field: "life_ms", Message: "must not be negative"})
	}
	if !slices.Contains(Roles, n.Role) {
		fields = append(fields, fault.Field{Field: "role", Message: "must be admin, producer, scheduler, station or viewer"})
	}
	if (n.Role == StationJob) != (n.Station != "") {
		fields = append(fields, fault.Field{Field: "station",
			Message: "must be given for the role station, and for no other"})
	}
	return fault.Fields(fields...)
}

// lineOf normalises a text that a person gives outside of HTTP to its stored form.
func lineOf(field, given string) (string, error) {
	kept, err := text.Line(given)
	if err != nil {
		return given, fault.Fields(fault.Field{Field: field, Message: err.Error()})
	}
	return kept, nil
}
