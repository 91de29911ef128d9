package access

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// makes makes a token as an actor, and returns its holder and its id.
func (h *house) makes(by Actor, n NewToken) (Actor, string) {
	h.t.Helper()
	made, err := h.access.Create(h.t.Context(), by, n)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := h.access.Authenticate(made.Secret)
	if err != nil {
		h.t.Fatal(err)
	}
	return a, made.ID
}

// one reports whether b, who acts now, counts as the same person as a, who acted at a time.
func (h *house) one(a, b Actor, at time.Time) bool {
	who, _ := b.OneWith(h.replica, a.Person, a.Name, schedules.At(at))
	return who != ""
}

// holds checks whether two actors count as one person, whichever of them acts first.
func (h *house) holds(what string, a, b Actor, one bool) {
	h.t.Helper()
	if h.one(a, b, h.now) != one || h.one(b, a, h.now) != one {
		h.t.Errorf("%s: they are one: %v and %v", what, h.one(a, b, h.now), h.one(b, a, h.now))
	}
}

func TestOneAdministratorsTokenIsNeverTwoPersons(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"ada", "bea", "cem", "dan", "eve"} {
		h.person(id, strings.ToUpper(id[:1])+id[1:], "admin", "producer", "viewer")
	}
	ada := h.enter(NewToken{Person: "ada", Role: Admin})
	eve := h.enter(NewToken{Person: "eve", Role: Producer})
	bea, _ := h.makes(ada, NewToken{Person: "bea", Role: Admin})
	cem, _ := h.makes(bea, NewToken{Person: "cem", Role: Producer})
	further, _ := h.makes(bea, NewToken{Person: "cem", Role: Admin})
	machine, _ := h.makes(further, NewToken{Name: "ingest", Role: Producer})
	dan, _ := h.makes(ada, NewToken{Person: "dan", Role: Producer})
	h.holds("who was made by the other", ada, bea, true)
	h.holds("by a token that the other made", ada, cem, true)
	h.holds("a machine at the third remove", ada, machine, true)
	h.holds("two that a third made", cem, dan, true)
	h.holds("two that were made on the machine", ada, eve, false)
	h.holds("one that was made there, and one that another made", eve, cem, false)
	if !cem.IsOrMade(h.replica, ada.Person, ada.Name, schedules.At(h.now)) ||
		cem.IsOrMade(h.replica, eve.Person, eve.Name, schedules.At(h.now)) {
		t.Error("what they do is not counted together")
	}
	_, why := cem.OneWith(h.replica, ada.Person, ada.Name, schedules.At(h.now))
	for _, words := range []string{"Ada made access of Cem", "lifeline token create", "lifeline people recover"} {
		if !strings.Contains(why, words) {
			t.Errorf("%q does not say %q", why, words)
		}
	}
	h.makes(ada, NewToken{Person: "eve", Role: Viewer})
	h.holds("after a token that permits to look only", ada, eve, false)
	h.makes(ada, NewToken{Person: "eve", Role: Producer})
	h.holds("after another token, by the other", ada, eve, true)
}

// Ada asks as Bea, revokes Bea's token, and decides as herself.
func TestRevokedTokensStillTellWhoMayHaveActedWithThem(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "Ada", "admin")
	h.person("bea", "Bea", "producer")
	ada := h.enter(NewToken{Person: "ada", Role: Admin})
	bea, id := h.makes(ada, NewToken{Person: "bea", Role: Producer})
	_, ingest := h.makes(ada, NewToken{Name: "ingest", Role: Producer})
	acted := h.now
	h.now = h.now.Add(time.Hour)
	own := h.enter(NewToken{Person: "bea", Role: Producer})
	h.holds("while the older token is valid", ada, own, true)
	for _, id := range []string{id, ingest} {
		if err := h.access.Revoke(t.Context(), ada, id); err != nil {
			t.Fatal(err)
		}
	}
	h.now = h.now.Add(time.Hour)
	for _, a := range []Actor{bea, {Name: "ingest"}} {
		if !h.one(a, ada, acted) || !h.one(a, ada, time.Time{}) {
			t.Errorf("what %s did before counts as another's", a.Name)
		}
	}
	h.holds("with the token of the machine alone", ada, own, false)
}

// A token of an older program says nothing of who made it.
func TestTokensOfWhichNobodyKnowsTheMakerAreNoSecondPerson(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"ada", "bea", "cem", "dan"} {
		h.person(id, strings.ToUpper(id[:1])+id[1:], "admin", "producer")
	}
	if err := h.set("dan", func(m *wire.Member) { m.Roles = []string{"producer"} }); err != nil {
		t.Fatal(err)
	}
	servicetest.Put(t, h.replica, replica.KindFormat, "format", replica.Format{Kinds: map[string]int{KindToken: 3}})
	for _, id := range []string{"bea", "cem"} {
		servicetest.Put(t, h.replica, KindToken, "old-"+id, token{ID: "old-" + id, Name: id, Person: id, Role: Producer,
			Hash: Hash(id)})
	}
	old := func(id string) Actor {
		t.Helper()
		a, err := h.access.Authenticate("lifeline_old-" + id + "_" + id)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	ada, dan := h.enter(NewToken{Person: "ada", Role: Admin}), h.enter(NewToken{Person: "dan", Role: Producer})
	bea, cem := old("bea"), old("cem")
	h.holds("two of these", bea, cem, true)
	h.holds("one, and an administrator", bea, ada, true)
	h.holds("one, and who makes no tokens", bea, dan, false)
	acted := h.now
	own := h.enter(NewToken{Person: "bea", Role: Producer})
	if err := h.access.Revoke(t.Context(), ada, "old-bea"); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	h.holds("after a new one in place of the old", own, ada, false)
	if !h.one(bea, ada, acted) {
		t.Error("what the old one did counts as another's")
	}
}

func TestWhoMadeAccessStaysInTheStore(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "Ada", "admin")
	ada := h.enter(NewToken{Person: "ada", Role: Admin})
	for range 2 {
		h.makes(ada, NewToken{Name: "ingest", Role: Producer})
		h.makes(ada, NewToken{Person: "ada", Role: Admin})
		h.makes(ada, NewToken{Name: "wall", Role: Viewer})
	}
	if made := replica.MadeIn(h.replica); len(made) != 1 || made[0].By != "ada" || made[0].OfName != "ingest" {
		t.Errorf("%+v", made)
	}
	tokens, _ := h.access.Tokens(ada, "", 10)
	here := 0
	for _, shown := range tokens {
		if shown.CreatedHere {
			here++
		} else if shown.CreatedBy != "ada" {
			t.Errorf("%+v", shown)
		}
	}
	if here != 1 {
		t.Errorf("%d were made on the machine", here)
	}
}

// A version ended the access that Ada made for Bea, and left the tokens that Ada made as Bea.
func TestATokenThatOutlivedTheAccessWithWhichItWasMadeIsItsMakers(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"ada", "bea"} {
		h.person(id, strings.ToUpper(id[:1])+id[1:], "admin")
	}
	ada := h.enter(NewToken{Person: "ada", Role: Admin})
	asBea, first := h.makes(ada, NewToken{Person: "bea", Role: Admin})
	left, further := h.makes(asBea, NewToken{Person: "bea", Role: Admin})
	h.now = h.now.Add(time.Hour)
	people, _ := replica.PeopleIn(h.replica)
	for i := range people.Made {
		people.Made[i].Until = schedules.At(h.now)
	}
	servicetest.Put(t, h.replica, replica.KindPeople, replica.PeopleID, people)
	if err := h.access.Revoke(t.Context(), System, first); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	h.holds("by a token from before the end", ada, left, true)
	own := Actor{Name: "Bea", Person: "bea", Token: "s", Session: "s", Role: Admin}
	if h.one(ada, own, h.now) {
		t.Error("by a passkey of her own, she is Ada")
	}
	if err := h.access.Revoke(t.Context(), System, further); err != nil {
		t.Fatal(err)
	}
	h.holds("by a new token", ada, h.enter(NewToken{Person: "bea", Role: Admin}), false)
}
