package access

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/bcp47"
	"lifeline/internal/fault"
	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Members manages the persons who work with the service.
type Members struct {
	replica *replica.Replica
	now     func() time.Time
}

// NewMembers returns Members that are stored in m.
func NewMembers(m *replica.Replica, now func() time.Time) *Members { return &Members{m, now} }

// MostOfPerson bounds the other names of a person, the languages and the stations.
const MostOfPerson = 100

// Get returns a person. It fails with NotFound.
func (p *Members) Get(id string) (wire.Member, error) {
	row, ok := replica.PersonsIn(p.replica).Get(id)
	if !ok {
		return wire.Member{}, noPerson(id)
	}
	return member(row.Value.Person, row.Revision), nil
}

func noPerson(id string) error {
	return fault.New(fault.NotFound, "there is no person %q who works with the service: lifeline people list has all", id)
}

// List returns at most limit persons with ids after the given one, and the last id if there are more.
func (p *Members) List(after string, limit int) (out []wire.Member, next string) {
	for _, row := range replica.PersonsIn(p.replica).After("", after) {
		if len(out) == limit {
			return out, out[limit-1].ID
		}
		out = append(out, member(row.Value.Person, row.Revision))
	}
	return out, ""
}

// Add stores a new person, who is active. It fails with Invalid, and with Conflict if the id is taken, a name is, or
// looks like, that of another person or of a machine with a role that the person does not get, or another person has
// one of the identities.
func (p *Members) Add(ctx context.Context, by Actor, m wire.Member) (wire.Member, error) {
	if m.ID == "" {
		m.ID = newPersonID()
	}
	return p.change(ctx, by, m.ID, "person.add", nil, func(before *replica.Person, _ int64) (replica.Person, error) {
		if before != nil {
			return replica.Person{}, fault.New(fault.Conflict, "a person %q exists already: change that one, or choose "+
				"another id", m.ID)
		}
		if err := p.check(m); err != nil {
			return replica.Person{}, err
		}
		return stored(m, replica.Person{ID: m.ID, CreatedAt: schedules.At(p.now())}), nil
	})
}

// Set changes a person. An earlier name stays one of the other names, since it may stand where the person did
// something. It fails as Add does, with NotFound, with Gone for a person who was erased, with Stale unless revision
// (nil: any) is the latest, and with Conflict if no active administrator would be left.
func (p *Members) Set(ctx context.Context, by Actor, id string, revision *int64, change func(*wire.Member) error) (
	wire.Member, error) {
	return p.SetWith(ctx, by, id, revision, change, nil)
}

// SetWith does the same, and commits with the change what ends returns for the changed person.
func (p *Members) SetWith(ctx context.Context, by Actor, id string, revision *int64, change func(*wire.Member) error,
	ends func(wire.Member) []store.Write) (wire.Member, error) {
	return p.change(ctx, by, id, "person.set", ends, func(before *replica.Person, at int64) (replica.Person, error) {
		if before == nil {
			return replica.Person{}, noPerson(id)
		}
		if err := p.erased(ctx, id); err != nil {
			return replica.Person{}, err
		}
		if err := replica.CheckRevision(revision, at); err != nil {
			return replica.Person{}, err
		}
		m := member(*before, at)
		if err := change(&m); err != nil {
			return replica.Person{}, err
		}
		if err := p.check(m); err != nil {
			return replica.Person{}, err
		}
		next := stored(m, *before)
		switch {
		case m.Active == before.EndedAt.IsZero():
		case m.Active:
			next.EndedAt = schedules.Instant{}
		default:
			next.EndedAt = schedules.At(p.now())
		}
		return next, nil
	})
}

// erased fails with Gone if a person was erased: nobody becomes that person again. It looks at the erasures as they are
// after the persons were read.
func (p *Members) erased(ctx context.Context, id string) error {
	if err := p.replica.CatchUp(ctx); err != nil {
		return err
	}
	if e, erased := replica.ErasedMember(p.replica, id); erased {
		return fault.New(fault.Gone, "person %q was erased for good (erasure %s): add another person, with another id", id,
			e.ID)
	}
	return nil
}

// Forget replaces all names of a person who has ended by one, and by the id where they say who made whose access. It
// removes the person's tokens and belongings in the same commit. It fails with NotFound, and with Conflict while the
// person is active.
func (p *Members) Forget(ctx context.Context, origin store.Origin, id, name string, belongings []store.Write) error {
	err := serially(ctx, p.replica, func(h *holders) error {
		known, ok := h.find(id)
		if !ok {
			return noPerson(id)
		}
		if known.EndedAt.IsZero() {
			return fault.New(fault.Conflict, "%s is active", known.Name)
		}
		next := known.Person
		next.Name, next.Others, next.Identities = name, nil, nil
		if err := h.mayBe(next.Known()); err != nil {
			return err
		}
		body, err := replica.Encode(next)
		if err != nil {
			return err
		}
		writes := append(slices.Clone(belongings), store.Write{Kind: replica.KindPerson, ID: id, Expect: h.revisions[id],
			Body: body})
		for token, row := range tokensIn(p.replica).After("", "") {
			t := row.Value
			if t.Person != id && (t.Person != "" || t.Role == StationJob || !known.Named(t.form)) {
				more, err := h.renameMaker(known, t, row.Revision)
				if err != nil {
					return err
				}
				writes = append(writes, more...)
				continue
			}
			writes = append(writes, store.Write{Kind: KindToken, ID: token, Expect: row.Revision, Delete: true})
			if used, ok := tokenUsesIn(p.replica).Get(token); ok {
				writes = append(writes, store.Write{Kind: KindUse, ID: token, Expect: used.Revision, Delete: true})
			}
		}
		h.people.Made = slices.Clone(h.people.Made)
		for i := range h.people.Made {
			m := &h.people.Made[i]
			m.Of, m.OfName = idInstead(known, m.Of, m.OfName)
			m.By, m.ByName = idInstead(known, m.By, m.ByName)
		}
		return h.commit(ctx, origin, writes...)
	})
	if err == nil {
		err = p.replica.CatchUp(ctx)
	}
	return err
}

// idInstead returns the id of a person in place of a name, where only the name stands.
func idInstead(p replica.KnownPerson, id, name string) (newID, newName string) {
	if id == "" && name != "" && p.Named(names.Of(name)) {
		return p.ID, ""
	}
	return id, name
}

// renameMaker returns the write of a token that was made by a person under a name, with the person's id in its place;
// none for other tokens.
func (h *holders) renameMaker(p replica.KnownPerson, t token, revision int64) ([]store.Write, error) {
	if _, isID := h.find(t.CreatedBy); isID {
		return nil, nil
	}
	id, name := idInstead(p, "", t.CreatedBy)
	if name == t.CreatedBy {
		return nil, nil
	}
	t.CreatedBy = id
	body, err := replica.Encode(t)
	return []store.Write{{Kind: KindToken, ID: t.ID, Expect: revision, Body: body}}, err
}

// change stores what f makes of a person at a revision, and what ends returns for that; before is nil if there is none.
func (p *Members) change(ctx context.Context, by Actor, id, action string, ends func(wire.Member) []store.Write,
	f func(before *replica.Person, at int64) (replica.Person, error)) (out wire.Member, err error) {
	err = serially(ctx, p.replica, func(h *holders) error {
		var before *replica.Person
		if known, ok := h.find(id); ok {
			before = &known.Person
		}
		next, err := f(before, h.revisions[id])
		if err != nil {
			return err
		}
		if len(next.Others) > MostOfPerson {
			return fault.Fields(fault.Field{Field: "other_names", Message: fmt.Sprintf("has more than %d entries with the "+
				"earlier names, which stay", MostOfPerson)})
		}
		if err := namedAlone(by, before, next); err != nil {
			return err
		}
		known := next.Known()
		if err := h.mayBe(known); err != nil {
			return err
		}
		if err := h.links(p.replica, by, before, next, p.now()); err != nil {
			return err
		}
		had := !h.noAdmin()
		h.put(known)
		if had && h.noAdmin() {
			return fault.New(fault.Conflict, "%s is the last active administrator: give another person the role admin first",
				next.Name)
		}
		body, err := replica.Encode(next)
		if err != nil {
			return err
		}
		if before != nil && before.EndedAt.IsZero() != next.EndedAt.IsZero() {
			action = "person.activate"
			if !next.EndedAt.IsZero() {
				action = "person.end"
			}
		}
		out = member(next, h.revisions[id]+1)
		writes := []store.Write{{Kind: replica.KindPerson, ID: id, Expect: h.revisions[id], Body: body}}
		if ends != nil {
			writes = append(writes, ends(out)...)
		}
		if before != nil && id != by.Person && lessAccess(*before, next) {
			counted, err := EndsOther(ctx, p.replica, by, "person "+id, AccessMaker{Person: id}, p.now())
			if err != nil {
				return err
			}
			writes = append(writes, counted...)
		}
		return h.commit(ctx, by.Origin(p.now(), action, next.Name+by.where()), writes...)
	})
	if err == nil {
		err = p.replica.CatchUp(ctx)
	}
	return out, err
}

// namedAlone fails with Invalid if a change that names a person for what is sensitive, and so waits for a second
// person, changes anything else of the person. On the service's machine it need not wait.
func namedAlone(by Actor, before *replica.Person, next replica.Person) error {
	if by.Here() || !NewlyNamed(before, next) {
		return nil
	}
	if before != nil {
		alone := *before
		alone.Sensitive, alone.EndedAt = next.Sensitive, next.EndedAt
		a, err := replica.Encode(alone)
		b, wrong := replica.Encode(next)
		if err == nil && wrong == nil && bytes.Equal(a, b) {
			return nil
		}
	}
	return fault.Fields(fault.Field{Field: "sensitive", Message: "must be set to true by a change of its own of a " +
		"person who is added already, since it waits for a second person"})
}

// NewlyNamed reports whether a change of a person, before nil for a new one, lets the person hear what is sensitive who
// did not before: it names the person for it, or activates who was named.
func NewlyNamed(before *replica.Person, next replica.Person) bool {
	knows := func(p replica.Person) bool { return p.Sensitive && p.EndedAt.IsZero() }
	return knows(next) && (before == nil || !knows(*before))
}

// links notes that who links an identity with another person may be that person from then on: it may be an identity of
// their own.
func (h *holders) links(m *replica.Replica, by Actor, before *replica.Person, next replica.Person, now time.Time) (
	err error) {
	added := slices.ContainsFunc(next.Identities, func(id replica.Identity) bool {
		return before == nil || !slices.Contains(before.Identities, id)
	})
	if added {
		h.people.Made, err = noteMade(h.people.Made, m, AccessMaker{Person: next.ID}, true, by.Makers(m), now)
	}
	return err
}

// Check fails with Invalid and lists the faults of a person.
func (p *Members) Check(m wire.Member) error {
	if m.ID == "" {
		m.ID = newPersonID()
	}
	return p.check(m)
}

// newPersonID returns an id for a person who is added without one.
func newPersonID() string { return "p-" + replica.NewID() }

// check names the faults by the places that the caller gave: what is stored is in another order.
func (p *Members) check(n wire.Member) error {
	var wrong []fault.Field
	tell := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if !schedules.ValidID(n.ID) {
		tell("id", "must match %s", schedules.IDForm)
	}
	for i, name := range append([]string{n.Name}, n.Others...) {
		field := "name"
		if i > 0 {
			field = fmt.Sprintf("other_names[%d]", i-1)
		}
		switch kept, err := lineOf(field, name); {
		case err != nil:
			wrong = append(wrong, fault.FieldsOf(err)...)
		case kept == "" || names.Of(kept) == names.Likeness{}:
			tell(field, "must have letters or digits")
		case utf8.RuneCountInString(kept) > schedules.MaxLine:
			tell(field, "is longer than %d characters", schedules.MaxLine)
		}
	}
	if len(n.Roles) == 0 {
		tell("roles", "must have at least one of admin, producer, scheduler, viewer")
	}
	for i, r := range n.Roles {
		if !slices.Contains(PersonRoles, Role(r)) {
			tell(fmt.Sprintf("roles[%d]", i), "must be admin, producer, scheduler or viewer")
		}
	}
	for i, l := range n.Languages {
		if _, err := bcp47.Canonical(l); err != nil {
			tell(fmt.Sprintf("languages[%d]", i), "%v", err)
		}
	}
	for i, s := range n.Stations {
		if none := p.replica.NoStation(s); none != "" {
			tell(fmt.Sprintf("stations[%d]", i), "%s", none)
		}
	}
	for i, id := range n.Identities {
		if !wire.ValidIssuer(id.Issuer) {
			tell(fmt.Sprintf("identities[%d].issuer", i), "must be the address of an identity provider such as "+
				"https://id.example")
		}
		if !wire.ValidSubject(id.Subject) {
			tell(fmt.Sprintf("identities[%d].subject", i), "must be the subject by which the identity provider knows the "+
				"person: 1 to 255 printable characters of ASCII")
		}
	}
	for field, count := range map[string]int{"other_names": len(n.Others), "languages": len(n.Languages),
		"stations": len(n.Stations), "identities": len(n.Identities)} {
		if count > MostOfPerson {
			tell(field, "has more than %d entries", MostOfPerson)
		}
		if field != "other_names" && field != "identities" && count > 0 && slices.Contains(n.Roles, string(Admin)) {
			tell(field, "must be empty for the role admin, which may do everything")
		}
	}
	return fault.Fields(wrong...)
}

// put replaces a person, or adds one.
func (h *holders) put(p replica.KnownPerson) {
	h.persons = append(slices.DeleteFunc(h.persons, func(q replica.KnownPerson) bool { return q.ID == p.ID }), p)
}

// stored returns the stored form of m, which before was the person before. An earlier name stays one of the others.
func stored(m wire.Member, before replica.Person) replica.Person {
	next := before
	next.Name, next.Roles, next.Languages, next.Stations = m.Name, set(m.Roles), set(m.Languages), set(m.Stations)
	next.Sensitive, next.Identities = m.Sensitive, nil
	for _, id := range m.Identities {
		if stored := (replica.Identity{Issuer: id.Issuer, Subject: id.Subject}); !slices.Contains(next.Identities, stored) {
			next.Identities = append(next.Identities, stored)
		}
	}
	next.Others = append([]string{}, m.Others...)
	for _, earlier := range append([]string{before.Name}, before.Others...) {
		if earlier != "" && earlier != m.Name && !slices.Contains(next.Others, earlier) {
			next.Others = append(next.Others, earlier)
		}
	}
	next.Others = set(slices.DeleteFunc(next.Others, func(other string) bool { return other == m.Name }))
	return next
}

// set returns the values in order, each once.
func set(values []string) []string {
	out := slices.Clone(values)
	slices.SortFunc(out, strings.Compare)
	return slices.Compact(out)
}

// member returns a person as the API shows it.
func member(p replica.Person, revision int64) wire.Member {
	out := wire.Member{ID: p.ID, Revision: revision, Name: p.Name, Others: p.Others, Roles: p.Roles,
		Languages: p.Languages, Stations: p.Stations, Sensitive: p.Sensitive, Active: p.EndedAt.IsZero(),
		CreatedAt: p.CreatedAt, EndedAt: p.EndedAt}
	for _, id := range p.Identities {
		out.Identities = append(out.Identities, wire.Identity{Issuer: id.Issuer, Subject: id.Subject})
	}
	return out
}
