package access

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// house is the persons and tokens of a memory store.
type house struct {
	t       *testing.T
	replica *replica.Replica
	access  *Access
	people  *Members
	now     time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	m, err := replica.Open(t.Context(), memory.New(1000), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, replica: m, now: time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)}
	now := func() time.Time { return h.now }
	h.access, h.people = New(m, now), NewMembers(m, now)
	return h
}

func (h *house) person(id, name string, roles ...string) wire.Member {
	h.t.Helper()
	m, err := h.people.Add(h.t.Context(), System, wire.Member{ID: id, Name: name, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// enter makes a token and authenticates with it.
func (h *house) enter(n NewToken) Actor {
	h.t.Helper()
	made, err := h.access.Create(h.t.Context(), System, n)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := h.access.Authenticate(made.Secret)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// set changes a person at any revision.
func (h *house) set(id string, change func(*wire.Member)) error {
	_, err := h.people.Set(h.t.Context(), System, id, nil, func(m *wire.Member) error {
		change(m)
		return nil
	})
	return err
}

func (h *house) refuses(what string, kind fault.Kind, words string, err error) {
	h.t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error()+" "+fieldsSaid(err), words) {
		h.t.Errorf("%s: %v", what, err)
	}
}

func fieldsSaid(err error) (said string) {
	for _, f := range fault.FieldsOf(err) {
		said += f.Field + " " + f.Message + "; "
	}
	return said
}

func TestNoTwoPersonsOrHoldersOfTokensHaveNamesThatLookAlike(t *testing.T) {
	h := newHouse(t)
	h.person("hana", "Hana", "producer")
	h.enter(NewToken{Name: "Ruth", Role: Producer})
	h.enter(NewToken{Name: "Ruth", Role: Viewer}) // the same holder
	for _, name := range []string{"Hana", "hana", "HANA", "H\u0430na", "Ｈａｎａ", "Ha\u200dna"} {
		_, err := h.people.Add(t.Context(), System, wire.Member{ID: "other", Name: name, Roles: []string{"producer"}})
		h.refuses("a person "+name, fault.Conflict, "(person hana)", err)
		_, err = h.people.Add(t.Context(), System, wire.Member{ID: "other", Name: "Sora", Others: []string{name},
			Roles: []string{"producer"}})
		h.refuses("another name "+name, fault.Conflict, "(person hana)", err)
		_, err = h.access.Create(t.Context(), System, NewToken{Name: name, Role: Producer})
		h.refuses("a holder "+name, fault.Conflict, `"hana"`, err)
	}
	_, err := h.access.Create(t.Context(), System, NewToken{Name: "rUTH", Role: Producer})
	h.refuses("a holder who looks like another", fault.Conflict, `"Ruth"`, err)
	_, err = h.access.Create(t.Context(), System, NewToken{Name: "System", Role: Producer})
	h.refuses("a holder with the name of background work", fault.Conflict, "audit trail", err)
	if err := h.set("hana", func(m *wire.Member) { m.Name = "하나" }); err != nil {
		t.Fatal(err)
	}
	_, err = h.people.Add(t.Context(), System, wire.Member{ID: "other", Name: "hana", Roles: []string{"producer"}})
	h.refuses("an earlier name", fault.Conflict, "(person hana)", err)
	if m, err := h.people.Get("hana"); err != nil || m.Name != "하나" || len(m.Others) != 1 || m.Others[0] != "Hana" {
		t.Errorf("after a new name: %+v, %v", m, err)
	}
}

func TestPersonsWhoAreAddedAtOnceDoNotGetOneName(t *testing.T) {
	h := newHouse(t)
	var all sync.WaitGroup
	var one sync.Mutex
	done := 0
	for _, name := range []string{"Hana", "hana", "HANA", "hAna", "haNa"} {
		all.Go(func() {
			if _, err := h.people.Add(t.Context(), System, wire.Member{Name: name, Roles: []string{"viewer"}}); err == nil {
				one.Lock()
				done++
				one.Unlock()
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if done != 1 {
		t.Errorf("%d of them were added", done)
	}
}

func TestATokenWithoutAPersonStandsForThePersonOfItsName(t *testing.T) {
	h := newHouse(t)
	old := h.enter(NewToken{Name: "hana", Role: Producer})
	if old.Person != "" {
		t.Errorf("before there is a person: %+v", old)
	}
	_, err := h.people.Add(t.Context(), System, wire.Member{ID: "hana", Name: "Hana", Roles: []string{"viewer"}})
	h.refuses("a person without the role of her token", fault.Conflict, "role producer", err)
	h.person("hana", "Hana", "producer", "viewer")
	h.refuses("a request that began before", fault.Unauthenticated, "send the request again", h.access.Holds(old))
	if tokens, _ := h.access.Tokens(System, "", 5); len(tokens) != 1 || tokens[0].Person != "hana" ||
		tokens[0].Name != "hana" {
		t.Errorf("%+v", tokens)
	}
	theirs := h.enter(NewToken{Person: "hana", Role: Viewer})
	if theirs.Person != "hana" || theirs.Name != "Hana" {
		t.Errorf("a token of hers: %+v", theirs)
	}
	if !theirs.Is(h.replica, "", "HANA") || !theirs.Is(h.replica, "hana", "Sora") ||
		theirs.Is(h.replica, "ruth", "Ruth") || theirs.Is(h.replica, "", "") {
		t.Error("she is not herself")
	}
}

func TestATokenWithoutAPersonIsForWhatIsSensitiveOnlyFromTheMachineOrFromBefore(t *testing.T) {
	h := newHouse(t)
	servicetest.Put(t, h.replica, KindToken, "old", token{ID: "old", Name: "ingest", Role: Producer, Hash: Hash("old")})
	old, err := h.access.Authenticate("lifeline_old_old")
	if err != nil {
		t.Fatal(err)
	}
	admin := h.enter(NewToken{Name: "desk", Role: Admin})
	elsewhere, _ := h.makes(admin, NewToken{Name: "reader", Role: Producer})
	further, _ := h.makes(elsewhere, NewToken{Name: "reader", Role: Admin})
	for what, is := range map[string]struct{ got, want bool }{"an old one": {old.Sensitive, true},
		"from the machine": {admin.Sensitive, true}, "by an administrator": {elsewhere.Sensitive, false},
		"of the same holder": {further.Sensitive, false},
		"a viewer's":         {h.enter(NewToken{Name: "wall", Role: Viewer}).Sensitive, false}} {
		if is.got != is.want {
			t.Errorf("%s: %v", what, is.got)
		}
	}
}

func TestATokenOfAPersonNeedsAnActivePersonWithItsRole(t *testing.T) {
	h := newHouse(t)
	h.person("hana", "Hana", "producer")
	_, err := h.access.Create(t.Context(), System, NewToken{Person: "ruth", Role: Producer})
	h.refuses("nobody", fault.Invalid, `there is no person "ruth"`, err)
	_, err = h.access.Create(t.Context(), System, NewToken{Person: "hana", Role: Admin})
	h.refuses("a role that she has not", fault.Invalid, "producer", err)
	_, err = h.access.Create(t.Context(), System, NewToken{Person: "hana", Name: "Ruth", Role: Producer})
	h.refuses("another name", fault.Invalid, "leave it out", err)
	_, err = h.access.Create(t.Context(), System, NewToken{Person: "hana", Role: StationJob, Station: "s"})
	h.refuses("a station's", fault.Invalid, "role station", err)
	if err := h.set("hana", func(m *wire.Member) { m.Active = false }); err != nil {
		t.Fatal(err)
	}
	_, err = h.access.Create(t.Context(), System, NewToken{Person: "hana", Role: Producer})
	h.refuses("one who was ended", fault.Invalid, "was ended on 2026-11-30T06:00:00.000Z", err)
}

func TestTokensOfAPersonStopWhenThePersonIsEndedOrLosesTheRole(t *testing.T) {
	for _, n := range []NewToken{{Person: "hana", Role: Producer}, {Name: "hana", Role: Producer}} {
		h := newHouse(t)
		if n.Person == "" {
			h.enter(n) // of an older program
		}
		h.person("hana", "Hana", "producer", "viewer")
		var made wire.Token
		var err error
		if n.Person == "" {
			tokens, _ := h.access.Tokens(System, "", 1)
			made = tokens[0]
		} else if made, err = h.access.Create(t.Context(), System, n); err != nil {
			t.Fatal(err)
		}
		row, _ := tokensIn(h.replica).Get(made.ID)
		holder, err := h.access.holder(row.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.set("hana", func(m *wire.Member) { m.Roles = []string{"viewer"} }); n.Person != "" && err != nil {
			t.Fatal(err)
		} else if n.Person == "" {
			h.refuses("a role that a token without a person still has", fault.Conflict, "role producer", err)
		} else {
			h.refuses("without the role", fault.Unauthenticated, "does not have any more", h.access.Holds(holder))
		}
		if err := h.set("hana", func(m *wire.Member) {
			m.Roles, m.Active = []string{"producer", "viewer"}, false
		}); err != nil {
			t.Fatal(err)
		}
		h.refuses("ended", fault.Unauthenticated, "was ended on", h.access.Holds(holder))
		if err := h.set("hana", func(m *wire.Member) { m.Active = true }); err != nil || h.access.Holds(holder) != nil {
			t.Errorf("active again: %v, %v", err, h.access.Holds(holder))
		}
	}
}

func TestTheLastActiveAdministratorStays(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "Ada", "admin")
	h.person("ruth", "Ruth", "admin", "producer")
	if err := h.set("ruth", func(m *wire.Member) { m.Active = false }); err != nil {
		t.Fatal(err)
	}
	h.refuses("ended", fault.Conflict, "last active administrator",
		h.set("ada", func(m *wire.Member) { m.Active = false }))
	h.refuses("without the role", fault.Conflict, "last active administrator",
		h.set("ada", func(m *wire.Member) { m.Roles = []string{"viewer"} }))
	if err := h.set("ruth", func(m *wire.Member) { m.Active = true }); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, id := range []string{"ada", "ruth"} {
		all.Go(func() { _ = h.set(id, func(m *wire.Member) { m.Active = false }) })
	}
	all.Wait()
	ada, _ := h.people.Get("ada")
	ruth, _ := h.people.Get("ruth")
	if ada.Active == ruth.Active {
		t.Errorf("after both were ended at once: %v, %v", ada.Active, ruth.Active)
	}
}

func TestWhatAPersonCannotBeIsRefusedWithEveryReason(t *testing.T) {
	h := newHouse(t)
	servicetest.Put(t, h.replica, replica.KindStation, "lantern", schedules.Station{ID: "lantern"})
	err := h.people.Check(wire.Member{ID: "No", Name: "\u200d", Others: []string{"a\x1bb"}, Roles: []string{"admin",
		"station"}, Languages: []string{"Korean!"}, Stations: []string{"dawn"}})
	if said := fieldsSaid(err); !fault.Is(err, fault.Invalid) || len(fault.FieldsOf(err)) < 7 {
		t.Error(said)
	}
	many := wire.Member{ID: "many", Name: "First", Roles: []string{"viewer"}}
	for i := range MostOfPerson {
		many.Others = append(many.Others, fmt.Sprintf("many %d", i))
	}
	if _, err := h.people.Add(t.Context(), System, many); err != nil {
		t.Fatal(err)
	}
	h.refuses("one name more", fault.Invalid, "other_names", h.set("many", func(m *wire.Member) { m.Name = "Second" }))
	unsorted := wire.Member{ID: "sora", Name: "Sora", Roles: []string{"viewer", "none of these", "scheduler", "viewer"},
		Languages: []string{"zh", "ko", "Korean!"}, Stations: []string{"lantern", "dawn"}}
	for _, field := range []string{"roles[1]", "languages[2]", "stations[1]"} {
		_, err = h.people.Add(t.Context(), System, unsorted)
		h.refuses("by the place that was given", fault.Invalid, field, err)
	}
	err = h.people.Check(wire.Member{Name: "Hana"})
	h.refuses("no role", fault.Invalid, "roles must have", err)
	_, err = h.people.Get("nobody")
	h.refuses("nobody", fault.NotFound, "nobody", err)
	h.refuses("a change of nobody", fault.NotFound, "nobody", h.set("nobody", func(*wire.Member) {}))
	h.person("hana", "Hana", "viewer")
	_, err = h.people.Add(t.Context(), System, wire.Member{ID: "hana", Name: "Sora", Roles: []string{"viewer"}})
	h.refuses("a taken id", fault.Conflict, "exists already", err)
	_, err = h.people.Set(t.Context(), System, "hana", new(int64(7)), func(*wire.Member) error { return nil })
	h.refuses("a stale change", fault.Stale, "revision", err)
}

func TestATokenExpiresAfter90DaysUnlessAnotherLifeIsNamed(t *testing.T) {
	h := newHouse(t)
	made, err := h.access.Create(t.Context(), System, NewToken{Name: "relay", Role: Viewer})
	if err != nil || made.ExpiresAt != schedules.At(h.now.Add(90*24*time.Hour)) {
		t.Fatal(made, err)
	}
	endless, err := h.access.Create(t.Context(), System, NewToken{Name: "relay", Role: Viewer, Endless: true})
	if err != nil || !endless.ExpiresAt.IsZero() {
		t.Error(endless, err)
	}
	h.now = h.now.Add(90 * 24 * time.Hour)
	_, err = h.access.Authenticate(made.Secret)
	h.refuses("after its life", fault.Unauthenticated, "expired on 2027-02-28T06:00:00.000Z", err)
	_, err = h.access.Authenticate(made.Secret[:len(made.Secret)-1])
	if strings.Contains(err.Error(), "2027") {
		t.Errorf("who does not hold it learns of it: %v", err)
	}
	if _, err := h.access.Authenticate(endless.Secret); err != nil {
		t.Error(err)
	}
}

func TestTheLastUseOfATokenIsShownAndStoredOncePerHour(t *testing.T) {
	h := newHouse(t)
	made, err := h.access.Create(t.Context(), System, NewToken{Name: "relay", Role: Viewer})
	if err != nil {
		t.Fatal(err)
	}
	shown := func(a *Access, want time.Time) {
		t.Helper()
		if tokens, _ := a.Tokens(System, "", 5); len(tokens) != 1 || tokens[0].LastUsed != schedules.At(want) {
			t.Errorf("%+v", tokens)
		}
	}
	stored := func(want int64) {
		t.Helper()
		if err := h.access.KeepUses(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at := tokenUsesIn(h.replica).Revision(made.ID); at != want {
			t.Errorf("it is stored at revision %d, want %d", at, want)
		}
	}
	use := func() {
		t.Helper()
		if _, err := h.access.Authenticate(made.Secret); err != nil {
			t.Fatal(err)
		}
	}
	stored(0)
	shown(h.access, time.Time{})
	first := h.now
	use()
	latest, _ := h.replica.Store.Latest(t.Context())
	shown(h.access, first)
	if after, _ := h.replica.Store.Latest(t.Context()); after != latest {
		t.Error("a request writes")
	}
	stored(1)
	h.now = h.now.Add(59 * time.Minute)
	use()
	stored(1)
	shown(h.access, h.now)
	shown(New(h.replica, time.Now), first) // another replica, or after a restart
	h.now = h.now.Add(time.Minute)
	use()
	stored(2)
	if err := h.access.Revoke(t.Context(), System, made.ID); err != nil {
		t.Fatal(err)
	}
	stored(3)
	if _, there := tokenUsesIn(h.replica).Get(made.ID); there {
		t.Error("the use of a revoked token is kept")
	}
}

func TestTokensAreSeenAndEndedByTheirOwnersAndAdministrators(t *testing.T) {
	h := newHouse(t)
	h.person("hana", "Hana", "producer", "viewer")
	h.person("ruth", "Ruth", "producer")
	hana, second := h.enter(NewToken{Person: "hana", Role: Producer}), h.enter(NewToken{Person: "hana", Role: Viewer})
	ruth := h.enter(NewToken{Person: "ruth", Role: Producer})
	relay := h.enter(NewToken{Name: "harbour", Role: StationJob, Station: "harbour"})
	twin := h.enter(NewToken{Name: "harbour", Role: StationJob, Station: "harbour"})
	if tokens, _ := h.access.Tokens(hana, "", 10); len(tokens) != 2 {
		t.Errorf("Hana sees %+v", tokens)
	}
	if tokens, _ := h.access.Tokens(System, "", 10); len(tokens) != 5 {
		t.Errorf("an administrator sees %+v", tokens)
	}
	for _, c := range []struct {
		by    Actor
		token string
		may   bool
	}{{hana, ruth.Token, false}, {ruth, hana.Token, false}, {hana, relay.Token, false}, {relay, twin.Token, false},
		{hana, second.Token, true}, {hana, hana.Token, true}, {System, ruth.Token, true}} {
		if err := h.access.Revoke(t.Context(), c.by, c.token); c.may != (err == nil) || err != nil &&
			!fault.Is(err, fault.NotFound) {
			t.Errorf("%s ends %s: %v", c.by.Name, c.token, err)
		}
	}
}
