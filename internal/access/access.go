package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/fault"
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
	Role      Role              `json:"role"`
	Station   string            `json:"station,omitempty"`
	Hash      string            `json:"hash"` // hex SHA-256 of the secret
	CreatedAt schedules.Instant `json:"created_at"`
	ExpiresAt schedules.Instant `json:"expires_at"`
}

// tokenPrefix marks a Lifeline token, so that a search finds a leaked one.
const tokenPrefix = "lifeline"

// Access authenticates and manages access tokens.
type Access struct {
	replica *replica.Replica
	now     func() time.Time
}

// New returns an Access that reads tokens from m.
func New(m *replica.Replica, now func() time.Time) *Access { return &Access{m, now} }

// Authenticate returns the actor of a token. It fails with Unauthenticated, without a reason.
func (a *Access) Authenticate(secret string) (Actor, error) {
	prefix, rest, _ := strings.Cut(secret, "_")
	id, rest, _ := strings.Cut(rest, "_")
	row, ok := tokensIn(a.replica).Get(id)
	t := row.Value
	if !ok || prefix != tokenPrefix || subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash(rest))) != 1 || a.over(t) {
		return Actor{}, fault.New(fault.Unauthenticated, "the access token is missing or invalid: it is unknown, revoked "+
			"or expired. Send one as Authorization: Bearer TOKEN; the service's operator makes it with lifeline token create")
	}
	return Actor{Name: t.Name, Role: t.Role, Token: t.ID, Station: t.Station}, nil
}

// Holds fails with Unauthenticated once the token with which an actor authenticated is revoked, expired or changed. A
// media address is valid as long as the token with which its list was fetched.
func (a *Access) Holds(by Actor) error {
	if by.Address != "" {
		return a.addressHolds(by)
	}
	if by.Token == "" {
		return nil
	}
	row, ok := tokensIn(a.replica).Get(by.Token)
	t := row.Value
	if !ok || a.over(t) || t.Name != by.Name || t.Role != by.Role || t.Station != by.Station {
		return fault.New(fault.Unauthenticated, "this access token is no longer valid")
	}
	return nil
}

// addressHolds does the same for a media address. An address without a token is valid as long as its station has any
// token.
func (a *Access) addressHolds(by Actor) error {
	row, ok := tokensIn(a.replica).Get(by.Token)
	if by.Token == "" {
		for _, row = range tokensIn(a.replica).After("", "") {
			if ok = row.Value.Station == by.Station && !a.over(row.Value); ok {
				break
			}
		}
	}
	if !ok || a.over(row.Value) {
		return fault.New(fault.Unauthenticated, "this media address has ended with the access token that its list was "+
			"fetched with: fetch the list again with one that is valid")
	}
	return nil
}

// over reports whether a token has expired.
func (a *Access) over(t token) bool {
	return !t.ExpiresAt.IsZero() && !a.now().Before(t.ExpiresAt.Time)
}

// Empty reports whether there are no tokens yet.
func (a *Access) Empty() bool {
	for range tokensIn(a.replica).After("", "") {
		return false
	}
	return true
}

// Create stores a new token as CreateToken does. It fails with Invalid if the token's station does not exist, while
// others do.
func (a *Access) Create(ctx context.Context, by Actor, n NewToken) (wire.Token, error) {
	if none := a.replica.NoStation(n.Station); n.Station != "" && none != "" {
		return wire.Token{}, fault.Fields(fault.Field{Field: "station", Message: none})
	}
	if row, _ := replica.StationKeysIn(a.replica).Get(n.Station); !row.Value.SeizedAt.IsZero() {
		return wire.Token{}, seized(n.Station, row.Value.SeizedAt)
	}
	return CreateToken(ctx, a.replica.Commit, by, n, a.now())
}

// Tokens returns at most limit tokens with ids after the given one, without their secrets, and the last id if there are
// more.
func (a *Access) Tokens(after string, limit int) (tokens []wire.Token, next string) {
	for id, row := range tokensIn(a.replica).After("", after) {
		if len(tokens) == limit {
			return tokens, tokens[limit-1].ID
		}
		t := row.Value
		tokens = append(tokens, wire.Token{ID: id, Name: t.Name, Role: string(t.Role), Station: t.Station,
			CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt})
	}
	return tokens, ""
}

// Revoke deletes a token, which is invalid from then on. It fails with NotFound.
func (a *Access) Revoke(ctx context.Context, by Actor, id string) error {
	return a.replica.Retry(ctx, func() error {
		row, ok := tokensIn(a.replica).Get(id)
		if !ok {
			return fault.New(fault.NotFound, "there is no token %q", id)
		}
		return a.replica.Commit(ctx, store.Commit{
			Writes: []store.Write{{Kind: KindToken, ID: id, Expect: row.Revision, Delete: true}},
			Origin: by.Origin(a.now(), "token.revoke", string(row.Value.Role)+" "+row.Value.Name)})
	})
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// NewToken describes a token to create.
type NewToken struct {
	Name, Station string
	Role          Role
	Life          time.Duration // 0 means that it does not expire
}

// CreateToken stores a new token and returns it with its secret, which is shown only once.
func CreateToken(ctx context.Context, commit func(context.Context, store.Commit) error, a Actor, n NewToken,
	now time.Time) (wire.Token, error) {
	t, write, err := makeToken(n, now)
	if err != nil {
		return wire.Token{}, err
	}
	err = commit(ctx, store.Commit{Writes: []store.Write{write},
		Origin: a.Origin(now, "token.create", t.Role+" "+t.Name)})
	return t, err
}

// makeToken returns a new token with its secret, and the write that stores it.
func makeToken(n NewToken, now time.Time) (made wire.Token, write store.Write, err error) {
	if err := n.Check(); err != nil {
		return made, write, err
	}
	if n.Name, err = lineOf("name", n.Name); err != nil { // names that look the same must be the same person
		return made, write, err
	}
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand
	secret := strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(b[:]), "_", "~")
	t := token{ID: replica.NewID(), Name: n.Name, Role: n.Role, Station: n.Station, Hash: hash(secret),
		CreatedAt: schedules.At(now)}
	if n.Life > 0 {
		t.ExpiresAt = schedules.At(now.Add(n.Life))
	}
	body, err := replica.Encode(t)
	return wire.Token{ID: t.ID, Name: t.Name, Role: string(t.Role), Station: t.Station, CreatedAt: t.CreatedAt,
			ExpiresAt: t.ExpiresAt, Secret: tokenPrefix + "_" + t.ID + "_" + secret},
		store.Write{Kind: KindToken, ID: t.ID, Body: body}, err
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
	if strings.TrimSpace(n.Name) == "" {
		fields = append(fields, fault.Field{Field: "name",
			Message: "must name the person or station that will hold the token"})
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
