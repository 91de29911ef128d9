package access

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// AccessMaker is somebody who made the access of another, and so could act as that one: a person, by id, or a machine,
// by name. The zero AccessMaker is not known.
type AccessMaker struct {
	Person string `json:"person,omitempty"`
	Name   string `json:"name,omitempty"` // of a machine
}

func (k AccessMaker) unknown() bool { return k == AccessMaker{} }

// maker returns a as the maker of access.
func (a Actor) maker() AccessMaker {
	if a.Person != "" {
		return AccessMaker{Person: a.Person}
	}
	return AccessMaker{Name: a.Name}
}

// Here reports whether a works on the service's own machine, with its store, and not by a request: background jobs and
// the commands that write to the store. Who may do that needs nobody's access to be two persons.
func (a Actor) Here() bool { return a.Token == "" && a.Session == "" && a.Address == "" }

// where says of an act, for the audit, that somebody did it on the service's machine: whose name it bears is unproven.
func (a Actor) where() string {
	if !a.Here() || a.Name == System.Name {
		return ""
	}
	return ", on the service's machine"
}

// Makers returns who may be behind access that a makes: a, and who made a's own access.
func (a Actor) Makers(m *replica.Replica) []AccessMaker {
	if a.Here() {
		return nil
	}
	return append([]AccessMaker{a.maker()}, a.madeBy(m, true)...)
}

// madeBy returns who made a's access, as far as a may be that one. With a session only who made the code with which the
// passkeys were enrolled counts. unknown: makers who are not known count too.
func (a Actor) madeBy(m *replica.Replica, unknown bool) []AccessMaker {
	return makersOf(m, a.Person, a.Name, unknown && a.Session == "", func(made replica.Made) bool {
		return a.Session == "" && (made.Until.IsZero() || outlived(m, made)) || made.Passkeys && made.Until.IsZero()
	})
}

// ended is how much later than the end of access an act may be dated that was done with it, since the clocks of
// replicas differ.
const ended = 10 * time.Minute

// madeThen returns who may have acted in place of a person of an id and a name at a time. Where the time is not known,
// access that has ended counts.
func madeThen(m *replica.Replica, id, name string, at schedules.Instant, unknown bool) []AccessMaker {
	return makersOf(m, id, name, unknown, func(made replica.Made) bool {
		return made.Until.IsZero() || at.IsZero() || at.Before(made.Until.Add(ended)) || outlived(m, made)
	})
}

// outlived reports whether a token of a person, or a machine, lives that was made before access which others made for
// them ended: it may be the work of those others, and seem to be the holder's own. Today such tokens end with that
// access; in older versions they did not.
func outlived(m *replica.Replica, made replica.Made) bool {
	return !made.Until.IsZero() && hasToken(m, made.Of, made.OfName, func(t token) bool {
		return t.Role != StationJob && t.Role != Viewer && !t.CreatedHere && t.CreatedAt.Before(made.Until.Time)
	})
}

func makersOf(m *replica.Replica, id, name string, unknown bool, counts func(replica.Made) bool) (out []AccessMaker) {
	for _, made := range replica.MadeIn(m) {
		by := AccessMaker{Person: made.By, Name: made.ByName}
		if counts(made) && (unknown || !by.unknown()) && !slices.Contains(out, by) &&
			m.SamePerson(id, name, made.Of, made.OfName) {
			out = append(out, by)
		}
	}
	if unknown && !slices.Contains(out, AccessMaker{}) && marks(m) && hasToken(m, id, name, token.unmarked) {
		out = append(out, AccessMaker{})
	}
	return out
}

// marks reports whether tokens are stored with their makers. They are not while replicas of older versions share the
// store, and those ask nobody; then a token without a maker says nothing.
func marks(m *replica.Replica) bool { return replica.Written(m, KindToken) >= 3 }

// unmarked reports whether nobody knows who made a token that does what counts.
func (t token) unmarked() bool {
	return t.CreatedBy == "" && !t.CreatedHere && t.Role != StationJob && t.Role != Viewer
}

// hasToken reports whether a person or machine holds a token of which is reports true.
func hasToken(m *replica.Replica, id, name string, is func(token) bool) bool {
	for _, row := range tokensIn(m).After("", "") {
		if is(row.Value) && m.SamePerson(id, name, row.Value.Person, row.Value.Name) {
			return true
		}
	}
	return false
}

// HasToken reports whether a token lets in under a name.
func HasToken(m *replica.Replica, name string) bool {
	return name != "" && hasToken(m, "", name, func(token) bool { return true })
}

// IsOrMade reports whether one person may be behind a and behind what the person of a stored id and name did at a time:
// they are one, or a known person made the access of one or both of them.
func (a Actor) IsOrMade(m *replica.Replica, id, name string, at schedules.Instant) bool {
	if name == "" || a.Is(m, id, name) {
		return name != ""
	}
	_, _, one := overlap(m, append([]AccessMaker{a.maker()}, a.madeBy(m, false)...),
		append([]AccessMaker{makerOf(id, name)}, madeThen(m, id, name, at, false)...))
	return one
}

func makerOf(id, name string) AccessMaker {
	if id != "" {
		return AccessMaker{Person: id}
	}
	return AccessMaker{Name: name}
}

// overlap returns a maker of each of two lists who are one.
func overlap(m *replica.Replica, as, bs []AccessMaker) (inA, inB int, one bool) {
	for i, a := range as {
		for j, b := range bs {
			if a.unknown() && b.unknown() ||
				!a.unknown() && !b.unknown() && m.SamePerson(a.Person, a.Name, b.Person, b.Name) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// OneWith decides wherever two persons are needed: it returns who did something as the person of a stored id and name
// at a time, unless a counts as another person than that one; "": a does. They do not count as two if they are one, if
// one made the access of the other, or if somebody else made that of both. Access of which nobody knows who made it may
// be any administrator's. why says it, and what to do; it is empty if they are one.
func (a Actor) OneWith(m *replica.Replica, id, name string, at schedules.Instant) (who, why string) {
	if name == "" {
		return "", ""
	}
	if a.Is(m, id, name) {
		return a.Name, ""
	}
	mine := append([]AccessMaker{a.maker()}, a.madeBy(m, true)...)
	theirs := append([]AccessMaker{makerOf(id, name)}, madeThen(m, id, name, at, true)...)
	i, j, one := overlap(m, mine, theirs)
	var said, of string
	switch {
	case one && mine[i].unknown():
		said, of = fmt.Sprintf("nobody knows who made tokens of %s and %s", a.Name, name), "both"
	case one && i == 0:
		said, of = fmt.Sprintf("%s made access of %s", a.Name, name), name
	case one && j == 0:
		said, of = fmt.Sprintf("%s made access of %s", name, a.Name), a.Name
	case one:
		said, of = fmt.Sprintf("%s made access of both %s and %s", nameOf(m, mine[i]), a.Name, name), "both"
	case slices.Contains(theirs, AccessMaker{}) && (a.Has(Admin) || anyAdmin(m, mine)):
		said, of = fmt.Sprintf("nobody knows who made a token of %s, and %s may have", name, a.Name), name
	case slices.Contains(mine, AccessMaker{}) && anyAdmin(m, theirs):
		said, of = fmt.Sprintf("nobody knows who made a token of %s, and %s may have", a.Name, name), a.Name
	default:
		return "", ""
	}
	return name, fmt.Sprintf(". %s, so that they do not count as two persons. Who runs the service gives %s access of their "+
		"own, on its machine: a token (lifeline token create; then revoke the older ones), or a code for passkeys (lifeline "+
		"people recover)", said, of)
}

func nameOf(m *replica.Replica, k AccessMaker) string {
	row, _ := replica.PersonsIn(m).Get(k.Person)
	return cmp.Or(row.Value.Name, k.Name, k.Person)
}

// anyAdmin reports whether an administrator is among makers.
func anyAdmin(m *replica.Replica, makers []AccessMaker) bool {
	return slices.ContainsFunc(makers, func(k AccessMaker) bool {
		row, _ := replica.PersonsIn(m).Get(k.Person)
		return slices.Contains(row.Value.Roles, string(Admin)) ||
			!k.unknown() && hasToken(m, k.Person, k.Name, func(t token) bool { return t.Role == Admin })
	})
}

// NamedMade reports whether all access of a person was made by persons who are named for what is sensitive, as far as
// others made it and it has not ended: tokens, or passkeys and links.
func NamedMade(m *replica.Replica, person string, passkeys bool) bool {
	return !slices.ContainsFunc(replica.MadeIn(m), func(made replica.Made) bool {
		return made.Of == person && made.Passkeys == passkeys && made.Until.IsZero() && !named(m, made.By)
	})
}

// AllNamed reports whether all makers are for what is sensitive: persons who are named for it, and machines by a token
// that is for it.
func AllNamed(m *replica.Replica, makers []AccessMaker) bool {
	return !slices.ContainsFunc(makers, func(k AccessMaker) bool {
		return !named(m, k.Person) && !(k.Person == "" && k.Name != "" && hasToken(m, "", k.Name, token.knows))
	})
}

// named reports whether an active person of an id is named for what is sensitive.
func named(m *replica.Replica, id string) bool {
	row, _ := replica.PersonsIn(m).Get(id)
	return row.Value.Sensitive && row.Value.EndedAt.IsZero()
}

// OnlyPersons fails with Forbidden for a machine, where a second person is needed.
func (a Actor) OnlyPersons(what string) error {
	if a.Person != "" {
		return nil
	}
	return fault.New(fault.Forbidden, "%s needs a second person, and %s is none: the token belongs to no person. Sign in, or "+
		"use a token of a person (lifeline people add, lifeline token create --person)", what, a.Name)
}

// madeKept is how long it stays known that access has ended, and madeMost bounds what is kept.
const (
	madeKept = 400 * 24 * time.Hour
	madeMost = 5000
)

// noteMade adds that makers made access of a person or machine.
func noteMade(all []replica.Made, m *replica.Replica, of AccessMaker, passkeys bool, makers []AccessMaker,
	now time.Time) ([]replica.Made, error) {
	all = slices.DeleteFunc(slices.Clone(all), func(made replica.Made) bool {
		return !made.Until.IsZero() && now.Sub(made.Until.Time) > madeKept
	})
	for _, by := range makers {
		if !by.unknown() && m.SamePerson(by.Person, by.Name, of.Person, of.Name) {
			continue
		}
		made := replica.Made{Of: of.Person, OfName: of.Name, By: by.Person, ByName: by.Name, Passkeys: passkeys}
		all = append(slices.DeleteFunc(all, func(had replica.Made) bool {
			had.Until = schedules.Instant{}
			return had == made
		}), made)
	}
	if len(all) > madeMost {
		return nil, fault.New(fault.Conflict, "access was made for too many persons and machines by others (%d): make further "+
			"tokens on the service's machine (lifeline token create)", madeMost)
	}
	return all, nil
}

// endMade ends what was made for a person or machine by tokens, and with passkeys by codes too. unmarked: it ends, too,
// access of which nobody knows who made it.
func endMade(all []replica.Made, m *replica.Replica, of AccessMaker, passkeys, unmarked bool, now time.Time) (
	[]replica.Made, error) {
	if unmarked {
		var err error
		if all, err = noteMade(all, m, of, false, []AccessMaker{{}}, now); err != nil {
			return nil, err
		}
	}
	all = slices.Clone(all)
	for i, made := range all {
		if made.Until.IsZero() && (passkeys || !made.Passkeys) && m.SamePerson(made.Of, made.OfName, of.Person, of.Name) {
			all[i].Until = schedules.At(now)
		}
	}
	return all, nil
}

// madeWrite returns the write of what change makes of who made whose access; none if nothing changes.
func madeWrite(m *replica.Replica, change func([]replica.Made) ([]replica.Made, error)) ([]store.Write, error) {
	people, revision := replica.PeopleIn(m)
	made, err := change(people.Made)
	if err != nil || slices.Equal(made, people.Made) {
		return nil, err
	}
	people.Made = made
	people.Changes++
	body, err := replica.Encode(people)
	return []store.Write{{Kind: replica.KindPeople, ID: replica.PeopleID, Expect: revision, Body: body}}, err
}

// Enrolled returns the writes that belong to the enrolment of a person by a code: who made the code may be the person
// from then on. Passkeys by a code that nobody else made, or that two others approved, end that, and with it all access
// that somebody else may have got meanwhile: the links with identities, and every token that was not made on the
// service's machine. A token that the person made may be the work of whoever acted as the person.
func Enrolled(m *replica.Replica, person string, makers []AccessMaker, now time.Time) ([]store.Write, error) {
	of := AccessMaker{Person: person}
	if len(makers) > 0 {
		return madeWrite(m, func(all []replica.Made) ([]replica.Made, error) {
			return noteMade(all, m, of, true, makers, now)
		})
	}
	var writes []store.Write
	if row, ok := replica.PersonsIn(m).Get(person); ok && len(row.Value.Identities) > 0 {
		next := row.Value.Person
		next.Identities = nil
		body, err := replica.Encode(next)
		if err != nil {
			return nil, err
		}
		writes = append(writes, store.Write{Kind: replica.KindPerson, ID: person, Expect: row.Revision, Body: body})
	}
	unmarked := false
	for id, row := range tokensIn(m).After("", "") {
		t := row.Value
		if t.Role != StationJob && !t.CreatedHere && m.SamePerson(person, "", t.Person, t.Name) {
			writes = append(writes, store.Write{Kind: KindToken, ID: id, Expect: row.Revision, Delete: true})
			unmarked = unmarked || t.unmarked()
		}
	}
	more, err := madeWrite(m, func(all []replica.Made) ([]replica.Made, error) {
		return endMade(all, m, of, true, unmarked, now)
	})
	return append(writes, more...), err
}
