package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
)

// holders are all persons and tokens of a store, in one state.
type holders struct {
	replica   *replica.Replica
	persons   []replica.KnownPerson
	tokens    []token
	revisions map[string]int64 // of the persons
	at        int64            // revision of the document of kind people
	people    replica.PeopleChanges
}

// systemName is the name of background work in the audit trail.
var systemName = names.Of(System.Name)

// reserved fails with Conflict for a name that looks like that of background work.
func reserved(name string, likeness names.Likeness) error {
	if likeness.Same(systemName) {
		return fault.New(fault.Conflict, "the name %q stands for the service itself in the audit trail: choose another", name)
	}
	return nil
}

// serially runs a change of persons or of tokens' holders on the state of the store. It runs it again if another such
// change was first, in this process or another.
func serially(ctx context.Context, m *replica.Replica, change func(*holders) error) error {
	const tries = 20
	var err error
	for range tries {
		h := &holders{replica: m, revisions: map[string]int64{}}
		if err = h.read(ctx); err != nil {
			return err
		}
		if err = change(h); !errors.Is(err, replica.ErrRace) {
			return err
		}
	}
	return fault.Wrap(fault.Unavailable, err, "too many changes at once, please try again")
}

// read reads the document of kind people first: what changes later makes the commit fail.
func (h *holders) read(ctx context.Context) error {
	docs := h.replica.Store
	d, err := docs.Get(ctx, replica.KindPeople, replica.PeopleID)
	if err == nil {
		h.at = d.Revision
		h.people, err = replica.Decode[replica.PeopleChanges](d)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	persons, err := replica.List(ctx, docs, replica.KindPerson, "", "")
	if err != nil {
		return err
	}
	for _, d := range persons {
		p, err := replica.Decode[replica.Person](d)
		if err != nil {
			return err
		}
		h.persons = append(h.persons, p.Known())
		h.revisions[p.ID] = d.Revision
	}
	tokens, err := replica.List(ctx, docs, KindToken, "", "")
	if err != nil {
		return err
	}
	for _, d := range tokens {
		t, err := replica.Decode[token](d)
		if err != nil {
			return err
		}
		tidyToken(&t)
		h.tokens = append(h.tokens, t)
	}
	return nil
}

// commit stores writes. It fails with ErrRace if persons or holders have changed.
func (h *holders) commit(ctx context.Context, o store.Origin, writes ...store.Write) error {
	h.people.Changes++
	body, err := replica.Encode(h.people)
	if err != nil {
		return err
	}
	writes = append(writes, store.Write{Kind: replica.KindPeople, ID: replica.PeopleID, Expect: h.at, Body: body})
	return h.replica.Commit(ctx, store.Commit{Writes: writes, Origin: o})
}

// find returns the person with an id.
func (h *holders) find(id string) (replica.KnownPerson, bool) {
	n := slices.IndexFunc(h.persons, func(p replica.KnownPerson) bool { return p.ID == id })
	if n < 0 {
		return replica.KnownPerson{}, false
	}
	return h.persons[n], true
}

// owns completes a token of a person with the person's name. It fails with Invalid if the person cannot hold it.
func (h *holders) owns(n *NewToken) error {
	p, ok := h.find(n.Person)
	wrong := fault.Field{Field: "person"}
	switch {
	case !ok:
		wrong.Message = fmt.Sprintf("there is no person %q: lifeline people list shows their ids", n.Person)
	case !p.EndedAt.IsZero():
		wrong.Message = fmt.Sprintf("%s was ended on %s and gets no token", p.Name, p.EndedAt)
	case n.Name != "" && !p.Named(names.Of(n.Name)):
		wrong = fault.Field{Field: "name", Message: fmt.Sprintf("is not the name of person %s: leave it out", n.Person)}
	case !slices.Contains(p.Roles, string(n.Role)):
		wrong = fault.Field{Field: "role", Message: fmt.Sprintf("must be one that %s has: %s", p.Name,
			strings.Join(p.Roles, ", "))}
	default:
		n.Name = p.Name
		return nil
	}
	return fault.Fields(wrong)
}

// mayHold fails with Conflict if the name of a new holder is, or looks like, that of a person, or looks like that of
// another holder.
func (h *holders) mayHold(name string, role Role) error {
	f := names.Of(name)
	if err := reserved(name, f); err != nil {
		return err
	}
	for _, p := range h.persons {
		if p.Named(f) {
			return fault.New(fault.Conflict, "%q is, or looks like, a name of %s: give a token of that person with person %q "+
				"(--person %[3]s), or choose another name for the machine", name, p.Name, p.ID)
		}
	}
	if role == StationJob {
		return nil // its name decides nothing
	}
	alike := func(t token) bool { return t.Person == "" && t.Role != StationJob && t.form.Same(f) }
	kept := text.Clean(name)
	if slices.ContainsFunc(h.tokens, func(t token) bool { return alike(t) && t.Name == kept }) {
		return nil // a further token of that holder
	}
	for _, t := range h.tokens {
		if alike(t) {
			return fault.New(fault.Conflict, "%q looks like %q, which holds token %s, and two holders must not look like one: "+
				"write the name as there if it is the same holder, or choose another", name, t.Name, t.ID)
		}
	}
	return nil
}

// mayBe fails with Conflict if a name of a person is, or looks like, that of another, or of a station's token, or if a
// token whose holder has that name has a role that the person does not get, or if another has one of the identities.
func (h *holders) mayBe(p replica.KnownPerson) error {
	for _, other := range h.persons {
		if id, shared := p.Shares(other.Person); shared && other.ID != p.ID {
			return fault.New(fault.Conflict, "%s is linked with the identity %q already, and an identity is one person's: end that "+
				"link first (lifeline people unlink %s)", other.Name, id.Subject, other.ID)
		}
	}
	for _, name := range append([]string{p.Name}, p.Others...) {
		f := names.Of(name)
		if err := reserved(name, f); err != nil {
			return err
		}
		for _, other := range h.persons {
			if other.ID != p.ID && other.Named(f) {
				return fault.New(fault.Conflict, "%q is, or looks like, a name of %s (person %s), and two persons must not look "+
					"like one: choose another, such as one with a family name", name, other.Name, other.ID)
			}
		}
		for _, t := range h.tokens {
			if t.Person != "" || !t.form.Same(f) {
				continue
			}
			if t.Role == StationJob {
				return fault.New(fault.Conflict, "%q is, or looks like, the name of token %s of station %s: choose another", name,
					t.ID, t.Station)
			}
			if !slices.Contains(p.Roles, string(t.Role)) {
				return fault.New(fault.Conflict, "token %s of %q has the role %s, and would be %s's: give the person that role "+
					"too, or revoke the token first", t.ID, t.Name, t.Role, p.Name)
			}
		}
	}
	return nil
}

// noAdmin reports whether no active person is an administrator.
func (h *holders) noAdmin() bool {
	return !slices.ContainsFunc(h.persons, func(p replica.KnownPerson) bool {
		return p.EndedAt.IsZero() && slices.Contains(p.Roles, string(Admin))
	})
}
