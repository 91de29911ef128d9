package network_test

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// naming is a service with the administrators Ada and Bea, and Cem, a producer.
type naming struct {
	*guarded
	ada, bea, cem access.Actor
}

func newNaming(t *testing.T) *naming {
	n := &naming{guarded: newGuarded(t)}
	for id, role := range map[string]access.Role{"ada": access.Admin, "bea": access.Admin, "cem": access.Producer} {
		n.person(replica.Person{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Roles: []string{string(role)}})
	}
	by := func(person string, role access.Role) access.Actor {
		return n.holder(access.System, access.NewToken{Person: person, Role: role})
	}
	n.ada, n.bea, n.cem = by("ada", access.Admin), by("bea", access.Admin), by("cem", access.Producer)
	return n
}

func (n *naming) members() *access.Members {
	return access.NewMembers(n.replica, func() time.Time { return n.at })
}

func (n *naming) set(by access.Actor, id string, change func(*wire.Member)) error {
	n.t.Helper()
	_, err := n.members().Set(n.t.Context(), by, id, nil, func(m *wire.Member) error {
		change(m)
		return nil
	})
	return err
}

// waitsOf checks that a change of a person waits, and returns its id.
func (n *naming) waitsOf(what string, err error) string {
	n.t.Helper()
	all, listed := n.waiting.List(n.t.Context(), n.ada)
	if listed != nil || len(all) != 1 || !fault.Is(err, fault.Forbidden) ||
		!strings.Contains(err.Error(), "waits as "+all[0].ID) {
		n.t.Fatalf("%s: %v; these wait: %+v, %v", what, err, all, listed)
	}
	return all[0].ID
}

func sensitive(m *wire.Member)    { m.Sensitive = true }
func notSensitive(m *wire.Member) { m.Sensitive = false }

func (n *naming) knows(id string) bool {
	n.t.Helper()
	m, err := n.members().Get(id)
	if err != nil {
		n.t.Fatal(err)
	}
	return m.Sensitive && m.Active
}

func TestWhoWouldHearWhatIsSensitiveWaitsForAnotherAdministrator(t *testing.T) {
	for _, id := range []string{"ada", "cem"} { // oneself, and another
		n := newNaming(t)
		waits := n.waitsOf("named alone", n.set(n.ada, id, sensitive))
		if n.knows(id) {
			t.Fatalf("%s is named though nobody confirmed it", id)
		}
		if listed := n.listed(); len(listed) != 0 {
			t.Errorf("a scheduler sees a change of a person: %+v", listed)
		}
		for _, a := range []access.Actor{n.ada, n.cem} {
			if _, err := n.waiting.Confirm(t.Context(), a, waits); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s confirmed it: %v", a.Name, err)
			}
		}
		// other changes of persons and tokens meanwhile do not make it void
		if err := n.set(n.ada, "bea", func(m *wire.Member) { m.Languages, m.Name = nil, "Beatrice" }); err != nil {
			t.Fatal(err)
		}
		if _, err := n.waiting.Confirm(t.Context(), n.bea, waits); err != nil || !n.knows(id) {
			t.Errorf("another administrator: %v, named %v", err, n.knows(id))
		}
		if err := n.set(n.ada, id, notSensitive); err != nil || n.knows(id) {
			t.Errorf("taken away: %v, named %v", err, n.knows(id))
		}
	}
}

func TestWhoWasNamedIsActivatedAgainByTwo(t *testing.T) {
	n := newNaming(t)
	n.person(replica.Person{ID: "dov", Name: "Dov", Roles: []string{"viewer"}, Sensitive: true,
		EndedAt: schedules.At(n.at)})
	n.catchUp()
	waits := n.waitsOf("activated", n.set(n.ada, "dov", func(m *wire.Member) { m.Active = true }))
	if _, err := n.waiting.Confirm(t.Context(), n.bea, waits); err != nil || !n.knows("dov") {
		t.Errorf("confirmed: %v, named %v", err, n.knows("dov"))
	}
}

func TestNamingSomebodyChangesNothingElse(t *testing.T) {
	n := newNaming(t)
	_, err := n.members().Add(t.Context(), n.ada, wire.Member{ID: "eli", Name: "Eli", Roles: []string{"viewer"},
		Sensitive: true})
	added := err
	for what, err := range map[string]error{"with a name": n.set(n.ada, "cem", func(m *wire.Member) {
		m.Sensitive, m.Others = true, []string{"ingest"}
	}), "of a new person": added} {
		if f := fault.FieldsOf(err); !fault.Is(err, fault.Invalid) || len(f) != 1 || f[0].Field != "sensitive" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n.knows("cem") {
		t.Error("he is named")
	}
}

func TestTokenThatOneWhoIsNotNamedMadeIsNotForWhatIsSensitive(t *testing.T) {
	n := newNaming(t)
	n.person(replica.Person{ID: "fia", Name: "Fia", Roles: []string{"admin"}, Sensitive: true})
	n.catchUp()
	token := access.NewToken{Person: "fia", Role: access.Admin}
	here := n.holder(access.System, token)
	if own := n.holder(here, token); !here.Sensitive || !own.Sensitive {
		t.Errorf("her token from the machine: %v, and one that she made with it: %v", here.Sensitive, own.Sensitive)
	}
	adas := n.holder(n.ada, token)
	if further := n.holder(adas, token); adas.Sensitive || further.Sensitive {
		t.Errorf("a token that Ada made: %v, and one that she made with it: %v", adas.Sensitive, further.Sensitive)
	}
	// nor does a token of nobody become one by a name
	machine := n.holder(n.ada, access.NewToken{Name: "ingest", Role: access.Admin})
	if err := n.set(n.ada, "fia", func(m *wire.Member) { m.Others = []string{"ingest"} }); err != nil {
		t.Fatal(err)
	}
	tokens := access.New(n.replica, func() time.Time { return n.at })
	if err := tokens.Holds(machine); machine.Sensitive || err == nil {
		t.Errorf("%+v, %v", machine, err)
	}
	machine.Person = "fia"
	if err := tokens.Holds(machine); err != nil {
		t.Errorf("as a token of hers that is not for what is sensitive: %v", err)
	}
}
