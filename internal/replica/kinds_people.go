package replica

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"lifeline/internal/bcp47"
	"lifeline/internal/fault"
	"lifeline/internal/names"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/schedules"
)

const (
	KindPerson = "person" // a person who works with the service: ID
	// the number of changes of persons and of tokens' holders, one document: every such change writes it, so that two of
	// them never pass each other
	KindPeople = "people"
)

// PeopleID is the id of the only document of KindPeople.
const PeopleID = "people"

var peopleKinds = Kinds{
	{Name: KindPerson, Form: reflect.TypeFor[Person](), Copy: Copied(knowing), Inspect: Looking(inspectPerson),
		Hides:    Hiding("identities"),
		Upgrades: []Upgrade{withSensitive, withIdentities}},
	{Name: KindPeople, Form: reflect.TypeFor[PeopleChanges](), Copy: Copied(Parse[PeopleChanges]),
		Inspect: Readable[PeopleChanges], Upgrades: []Upgrade{withMade}},
}

// withMade adds which access was made by whom. Without it, older programs ask for nobody's access who made it, and a
// token that they store meanwhile has no maker, so that it counts for no second person afterwards.
var withMade = Adds(func(p *PeopleChanges) { p.Made = nil })

// withSensitive adds who is named for what is sensitive. Before, everybody was; now nobody is until an administrator
// names them.
var withSensitive = Needs(func(p Person) error {
	if p.Sensitive {
		return fault.New(fault.Conflict, "%s can be named for what is sensitive only after every replica is in this "+
			"version: bring the others up to it, then run lifeline upgrade-store", p.Name)
	}
	return nil
})

// withIdentities adds the identities by which a person may sign in. A program that does not know them would lose them
// with its next change of the person.
var withIdentities = Needs(func(p Person) error {
	if len(p.Identities) > 0 {
		return fault.New(fault.Conflict, "%s can be linked with an identity only after every replica is in this version: "+
			"bring the others up to it, then run lifeline upgrade-store", p.Name)
	}
	return nil
})

// Person is a person who works with the service. Access tokens belong to one.
type Person struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Others    []string `json:"other_names,omitempty"` // earlier names, and the names of older tokens
	Roles     []string `json:"roles"`
	Languages []string `json:"languages,omitempty"` // that the person may change content in; none: every one
	Stations  []string `json:"stations,omitempty"`  // that the person may schedule; none: every one
	Sensitive bool     `json:"sensitive,omitempty"` // named for sensitive audio, persons and consent of segments
	// by which an identity provider knows the person, who may sign in by it; no other person has one of them
	Identities []Identity        `json:"identities,omitempty"`
	CreatedAt  schedules.Instant `json:"created_at"`
	EndedAt    schedules.Instant `json:"ended_at"` // none: the person is active
}

// Identity is how an identity provider knows somebody. The zero Identity is nobody's.
type Identity struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"` // in this form exactly
}

// PeopleChanges counts the changes of persons and of tokens' holders.
type PeopleChanges struct {
	Changes int64  `json:"changes"`
	Made    []Made `json:"made,omitempty"`
}

// Made says that somebody could act as another, whose access they made. Each of the two is a person, by id, or a
// machine, by name; without a maker it is access of which nobody knows who made it.
type Made struct {
	Of       string `json:"of,omitempty"`
	OfName   string `json:"of_name,omitempty"`
	By       string `json:"by,omitempty"`
	ByName   string `json:"by_name,omitempty"`
	Passkeys bool   `json:"passkeys"` // the access is passkeys, by a code of the maker; otherwise tokens
	// since when all such access has ended; none: it has not
	Until schedules.Instant `json:"until"`
}

// KnownPerson is a person with the forms of all names.
type KnownPerson struct {
	Person
	forms []names.Likeness
}

// Known returns p with the forms of its names.
func (p Person) Known() KnownPerson {
	k := KnownPerson{Person: p, forms: []names.Likeness{names.Of(p.Name)}}
	for _, other := range p.Others {
		k.forms = append(k.forms, names.Of(other))
	}
	return k
}

// Named reports whether a name of that form is one of the person's, or looks like it.
func (p KnownPerson) Named(f names.Likeness) bool { return slices.ContainsFunc(p.forms, f.Same) }

// Shares returns an identity that both persons have.
func (p Person) Shares(other Person) (Identity, bool) {
	n := slices.IndexFunc(p.Identities, func(i Identity) bool { return slices.Contains(other.Identities, i) })
	if n < 0 {
		return Identity{}, false
	}
	return p.Identities[n], true
}

func knowing(body []byte) (KnownPerson, error) {
	p, err := Parse[Person](body)
	p.Name, p.Others = text.Clean(p.Name), distinct(p.Others, text.Clean)
	p.Languages = distinct(p.Languages, bcp47.Kept)
	return p.Known(), err
}

func PersonsIn(m *Replica) *Cache[KnownPerson] {
	return CacheOf[*Cache[KnownPerson]](m, KindPerson)
}

// PeopleIn returns the changes of persons and of tokens' holders, with the revision of their document.
func PeopleIn(m *Replica) (PeopleChanges, int64) {
	row, _ := CacheOf[*Cache[PeopleChanges]](m, KindPeople).Get(PeopleID)
	return row.Value, row.Revision
}

// MadeIn returns who could act as whom, by access that they made.
func MadeIn(m *Replica) []Made {
	people, _ := PeopleIn(m)
	return people.Made
}

// PersonNamed returns the id of the person for whom a name stands; "": it is no person's.
func (m *Replica) PersonNamed(f names.Likeness) string {
	for id, row := range PersonsIn(m).After("", "") {
		if row.Value.Named(f) {
			return id
		}
	}
	return ""
}

// Active reports whether a person works with the service who has that id or name, or one that looks like it.
func (m *Replica) Active(name string) bool {
	form := names.Of(name)
	for id, row := range PersonsIn(m).After("", "") {
		if row.Value.EndedAt.IsZero() && (strings.EqualFold(id, name) || row.Value.Named(form)) {
			return true
		}
	}
	return false
}

// SamePerson reports whether two persons are one. Each is given by id, or only by name, as older programs stored it. Of
// names that look alike they are one.
func (m *Replica) SamePerson(idA, nameA, idB, nameB string) bool {
	a, b := names.Of(nameA), names.Of(nameB)
	if nameA != "" && nameA == nameB || a.Same(b) {
		return true
	}
	if idA == "" {
		idA = m.PersonNamed(a)
	}
	if idB == "" {
		idB = m.PersonNamed(b)
	}
	return idA != "" && idA == idB
}

func inspectPerson(i *Inspector, d store.Document, p Person) {
	wrong := ""
	known := p.Known()
	switch {
	case p.ID != d.ID:
		wrong = fmt.Sprintf("it says that it is %q", p.ID)
	case p.Name == "":
		wrong = "it has no name"
	case len(p.Roles) == 0:
		wrong = "it has no role"
	default:
		for _, other := range i.people {
			if known.Named(names.Of(other.Name)) || other.Named(names.Of(p.Name)) {
				wrong = fmt.Sprintf("its name looks like that of person %s", other.ID)
			}
			if i, shared := p.Shares(other.Person); shared {
				wrong = fmt.Sprintf("it has the identity %q, which person %s has too", i.Subject, other.ID)
			}
		}
	}
	i.people = append(i.people, known)
	if wrong != "" {
		i.Tell(d, "is malformed: %s", wrong)
	}
}
