package network_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ending is a service with the administrators Ada and Bea, the scheduler Dan, and persons p0 to p9 who have tokens.
type ending struct {
	*naming
	dan    access.Actor
	tokens []access.Actor // of the persons
}

func newEnding(t *testing.T) *ending {
	e := &ending{naming: newNaming(t)}
	e.person(replica.Person{ID: "dan", Name: "Dan", Roles: []string{"scheduler"}})
	e.dan = e.holder(access.System, access.NewToken{Person: "dan", Role: access.SchedulerJob})
	for i := range 10 {
		e.person(replica.Person{ID: fmt.Sprint("p", i), Name: fmt.Sprint("Person ", i), Roles: []string{"producer",
			"viewer"}})
		e.tokens = append(e.tokens, e.holder(access.System, access.NewToken{Person: fmt.Sprint("p", i),
			Role: access.Producer}))
	}
	return e
}

func (e *ending) access() *access.Access {
	return access.New(e.replica, func() time.Time { return e.at })
}

func (e *ending) ends(by access.Actor, n int) error {
	e.t.Helper()
	return e.set(by, fmt.Sprint("p", n), func(m *wire.Member) { m.Active = false })
}

func (e *ending) revokes(by access.Actor, of access.Actor) error {
	e.t.Helper()
	return e.access().Revoke(e.t.Context(), by, of.Token)
}

func (e *ending) seizes(by access.Actor, station string) error {
	e.t.Helper()
	_, err := access.Seize(e.t.Context(), e.replica, by, station, "x", e.at)
	return err
}

// passes checks that acts were done.
func (e *ending) passes(what string, acts ...error) {
	e.t.Helper()
	for i, err := range acts {
		if err != nil {
			e.t.Fatalf("%s, %d: %v", what, i, err)
		}
	}
}

// holdsUp checks that an act was not done and waits, and returns its id.
func (e *ending) holdsUp(what string, err error) string {
	e.t.Helper()
	all, listed := e.waiting.List(e.t.Context(), e.ada)
	for _, w := range all {
		if fault.Is(err, fault.Forbidden) && strings.Contains(err.Error(), "waits as "+w.ID) {
			return w.ID
		}
	}
	e.t.Fatalf("%s does not wait: %v; these do: %+v, %v", what, err, all, listed)
	return ""
}

func (e *ending) active(n int) bool {
	e.t.Helper()
	m, err := e.members().Get(fmt.Sprint("p", n))
	if err != nil {
		e.t.Fatal(err)
	}
	return m.Active
}

// alarms returns how many alarms of mass acts were stored, and those that are listed.
func (e *ending) alarms() (stored int, listed []wire.Alarm) {
	e.t.Helper()
	e.catchUp()
	changes, err := e.replica.Store.Changes(e.t.Context(), 0, 10_000)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, c := range changes {
		if c.Kind == access.KindMassAct {
			stored++
		}
	}
	return stored, access.MassEnds(e.replica, e.at)
}

func TestMoreThanAHandfulOfEndsOfOthersAccessWaitsForASecondPerson(t *testing.T) {
	e := newEnding(t)
	e.passes("the first four", e.ends(e.ada, 0), e.revokes(e.ada, e.tokens[1]), e.seizes(e.ada, "s"),
		e.set(e.ada, "p2", func(m *wire.Member) { m.Roles = []string{"viewer"} }))
	if stored, listed := e.alarms(); stored != 0 || len(listed) != 0 {
		t.Errorf("after four there are %d alarms, and %+v", stored, listed)
	}
	e.passes("the fifth", e.ends(e.ada, 3))
	if stored, listed := e.alarms(); stored != 1 || len(listed) != 1 || listed[0].Code != wire.AlarmMassEnds ||
		!strings.Contains(listed[0].Message, "Ada ended or limited access of others 5 times") {
		t.Errorf("after five there are %d alarms, and %+v", stored, listed)
	}
	person := e.holdsUp("the end of a person", e.ends(e.ada, 4))
	token := e.holdsUp("the end of a token", e.revokes(e.ada, e.tokens[5]))
	for what, limits := range map[string]func(*wire.Member){
		"a role":      func(m *wire.Member) { m.Roles = []string{"viewer"} },
		"a language":  func(m *wire.Member) { m.Languages = []string{"en"} },
		"the station": func(m *wire.Member) { m.Stations = []string{"s"} }} {
		e.holdsUp(what, e.set(e.ada, "p6", limits))
	}
	if e.access().Holds(e.tokens[5]) != nil || !e.active(4) {
		t.Error("what waits was done")
	}
	if again := e.holdsUp("the same again", e.ends(e.ada, 4)); again != person {
		t.Errorf("the same waits as %s and %s", person, again)
	}
	e.passes("what ends nobody's access", e.set(e.ada, "p7", func(m *wire.Member) { m.Name = "Another" }),
		e.set(e.ada, "p0", func(m *wire.Member) { m.Active = true }))
	e.passes("another person's", e.ends(e.bea, 8), e.seizes(e.dan, "s2"))
	if _, err := e.waiting.Confirm(t.Context(), e.dan, person); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a scheduler ends a person: %v", err)
	}
	for _, id := range []string{person, token} { // one does not make the other stale
		if _, err := e.waiting.Confirm(t.Context(), e.bea, id); err != nil {
			t.Errorf("another administrator: %v", err)
		}
	}
	if e.access().Holds(e.tokens[5]) == nil || e.active(4) {
		t.Error("what was confirmed was not done")
	}
	e.at = e.at.Add(access.Braking - time.Millisecond)
	e.holdsUp("within ten minutes", e.ends(e.ada, 9))
	e.at = e.at.Add(2 * time.Millisecond)
	e.passes("ten minutes later", e.ends(e.ada, 9))
}

func TestSeizuresBeyondAHandfulWaitForAScheduler(t *testing.T) {
	e := newEnding(t)
	for i := range access.Handful {
		e.passes("a seizure", e.seizes(e.dan, fmt.Sprint("s", i)), e.seizes(e.dan, fmt.Sprint("s", i)))
	}
	id := e.holdsUp("the sixth", e.seizes(e.dan, "s"))
	if _, err := e.waiting.Confirm(t.Context(), e.cem, id); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a producer seizes a station: %v", err)
	}
	e.person(replica.Person{ID: "eve", Name: "Eve", Roles: []string{"scheduler"}})
	eve := e.holder(access.System, access.NewToken{Person: "eve", Role: access.SchedulerJob})
	_, err := e.waiting.Confirm(t.Context(), eve, id)
	e.passes("another scheduler's confirmation", err)
	if row, _ := replica.StationKeysIn(e.replica).Get("s"); row.Value.SeizedAt.IsZero() {
		t.Error("the station is not seized")
	}
}

// An administrator acts by tokens that she made for others, by a further one of her own, and on another replica.
func TestEndsByTokensThatOnePersonMadeAreCountedTogether(t *testing.T) {
	e := newEnding(t)
	machine := e.holder(e.ada, access.NewToken{Name: "ingest", Role: access.Admin})
	further := e.holder(e.ada, access.NewToken{Person: "ada", Role: access.Admin})
	e.person(replica.Person{ID: "fay", Name: "Fay", Roles: []string{"admin"}})
	fay := e.holder(machine, access.NewToken{Person: "fay", Role: access.Admin})
	e.passes("five", e.ends(e.ada, 0), e.ends(machine, 1), e.ends(fay, 2), e.ends(further, 3), e.ends(machine, 4))
	other := &ending{naming: &naming{guarded: guardedOn(t, e.store)}}
	for who, a := range map[string]access.Actor{"herself": e.ada, "by a machine": machine, "as another": fay,
		"by another token": further} {
		e.holdsUp(who, e.ends(a, 5))
		err := other.ends(a, 6)
		e.catchUp()
		e.holdsUp(who+" on another replica", err)
	}
	if _, err := e.waiting.Confirm(t.Context(), fay, e.holdsUp("one", e.ends(e.ada, 5))); !fault.Is(err, fault.Forbidden) {
		t.Errorf("she confirms it as another: %v", err)
	}
	e.passes("another person's", e.ends(e.bea, 7))
}

func TestEverybodyAlwaysEndsTheirOwnAccess(t *testing.T) {
	e := newEnding(t)
	for i := range access.Handful {
		e.passes("of others", e.ends(e.ada, i))
	}
	e.holdsUp("of one more", e.ends(e.ada, 5))
	for range 8 {
		own := e.holder(access.System, access.NewToken{Person: "ada", Role: access.Admin})
		e.passes("a token of one's own", e.revokes(e.ada, own))
	}
	machine := e.holder(e.ada, access.NewToken{Name: "ingest", Role: access.Admin})
	e.passes("its own token", e.revokes(machine, machine))
	e.passes("oneself", e.set(e.ada, "ada", func(m *wire.Member) { m.Active = false }))
	if stored, _ := e.alarms(); stored != 1 {
		t.Errorf("%d alarms", stored)
	}
}

// What is on the service's machine is not held up, and few acts in each ten minutes are an alarm too.
func TestManyEndsInADayAreAnAlarm(t *testing.T) {
	e := newEnding(t)
	for i := range 10 {
		e.passes("on the machine", e.ends(access.System, i))
		e.passes("on the machine", e.set(access.System, fmt.Sprint("p", i), func(m *wire.Member) { m.Active = true }))
	}
	for i := range 10 {
		if stored, listed := e.alarms(); stored != i/access.Handful || len(listed) != min(1, i/access.Handful) {
			t.Errorf("after %d there are %d alarms, and %+v", i, stored, listed)
		}
		e.passes("one in half an hour", e.ends(e.ada, i))
		e.at = e.at.Add(30 * time.Minute)
	}
	e.at = e.at.Add(24 * time.Hour)
	if _, listed := e.alarms(); len(listed) != 0 {
		t.Errorf("a day later: %+v", listed)
	}
	e.passes("a sweep", e.waiting.Sweep(t.Context()))
	d, err := e.replica.Store.Get(t.Context(), access.KindEnds, "ends")
	if err != nil || strings.Contains(string(d.Body), "ada") {
		t.Errorf("after the sweep: %s %v", d.Body, err)
	}
}

// Two replicas decide at once: the fifth act of one is there before that of the other is stored.
func TestTwoReplicasLetNoSixthEndPass(t *testing.T) {
	e := newEnding(t)
	other := &ending{naming: &naming{guarded: guardedOn(t, e.store)}}
	for i := range access.Handful - 1 {
		e.passes("of others", e.ends(e.ada, i))
	}
	other.catchUp()
	other.meanwhile = func() { e.passes("the fifth", e.revokes(e.ada, e.tokens[5])) }
	err := other.access().Revoke(t.Context(), e.ada, e.tokens[6].Token)
	e.catchUp()
	e.holdsUp("the sixth", err)
}

func TestTheEndsOfARevokedTokenAreOfAccessThatOthersMade(t *testing.T) {
	e := newEnding(t)
	machine := e.holder(e.ada, access.NewToken{Name: "ingest", Role: access.Producer})
	for i := range access.Handful {
		e.passes("of others", e.ends(e.ada, i))
	}
	id := e.holdsUp("the token of a machine", e.revokes(e.ada, machine))
	servicetest.Put(t, e.replica, replica.KindPerson, "gus", replica.Person{ID: "gus", Name: "Gus",
		Roles: []string{"viewer"}}) // a change of persons meanwhile
	_, err := e.waiting.Confirm(t.Context(), e.bea, id)
	e.passes("a confirmation", err)
	for _, made := range replica.MadeIn(e.replica) {
		if made.OfName == "ingest" && made.Until.IsZero() {
			t.Errorf("it still counts that %s made access of it", made.By)
		}
	}
}

// A thief has done a handful. Whoever is one with others, or has done a handful too, still ends the thief's access.
func TestTheBrakeProtectsNobodyWhoDidAHandful(t *testing.T) {
	e := newEnding(t)
	stolen := e.holder(access.System, access.NewToken{Person: "ada", Role: access.Admin})
	for i := range access.Handful {
		e.passes("the thief's", e.ends(stolen, i))
		e.passes("another administrator's", e.ends(e.bea, i+access.Handful))
	}
	e.person(replica.Person{ID: "eve", Name: "Eve", Roles: []string{"admin"}})
	eve := e.holder(access.System, access.NewToken{Person: "eve", Role: access.Admin})
	for what, end := range map[string]error{"her token": e.revokes(e.bea, eve),
		"herself": e.set(e.bea, "eve", func(m *wire.Member) { m.Active = false })} {
		waits := e.holdsUp(what, end)
		if _, err := e.waiting.Withdraw(t.Context(), eve, waits); !fault.Is(err, fault.Forbidden) ||
			!strings.Contains(err.Error(), "would end access of yours") {
			t.Errorf("Eve withdraws the end of %s: %v", what, err)
		}
		_, err := e.waiting.Withdraw(t.Context(), e.ada, waits)
		e.passes("a withdrawal by somebody else", err)
	}
	servicetest.Put(t, e.replica, access.KindSession, "of-eve", map[string]any{"id": "of-eve", "person": "eve",
		"hash": "h", "by": "browser", "created_at": schedules.At(e.at), "used_at": schedules.At(e.at)})
	in, err := signin.New(e.replica, signin.Site{}, nil, func() time.Time { return e.at })
	e.passes("a sign-in", err)
	waits := e.holdsUp("her session", in.EndSession(t.Context(), e.bea, "of-eve"))
	if _, err := e.waiting.Withdraw(t.Context(), eve, waits); !fault.Is(err, fault.Forbidden) ||
		!strings.Contains(err.Error(), "would end access of yours") {
		t.Errorf("Eve withdraws the end of her session: %v", err)
	}
	e.passes("an end of the stolen token", e.revokes(e.bea, stolen))
	e.passes("an end of its person", e.set(e.bea, "ada", func(m *wire.Member) { m.Active = false }))
}

// A name that somebody takes makes no token their own.
func TestATokenThatBearsATakenNameIsAnothers(t *testing.T) {
	e := newEnding(t)
	var bots []access.Actor
	for i := range access.Handful + 1 {
		bots = append(bots, e.holder(access.System, access.NewToken{Name: fmt.Sprint("bot ", i), Role: access.Admin}))
	}
	e.passes("the names", e.set(e.ada, "ada", func(m *wire.Member) {
		for i := range bots {
			m.Others = append(m.Others, fmt.Sprint("bot ", i))
		}
	}))
	for _, bot := range bots[1:] {
		e.passes("a token", e.revokes(e.ada, bot))
	}
	e.holdsUp("one more", e.revokes(e.ada, bots[0]))
}

// Whoever uses a code of an enrolled station ends its key.
func TestCodesOfEnrolledStationsAreCounted(t *testing.T) {
	e := newEnding(t)
	keys, err := trust.NewStationIdentity() // any signer does
	if err != nil {
		t.Fatal(err)
	}
	codes := access.NewEnrolments(e.replica, []byte("key"), keys.Signer(), func() time.Time { return e.at })
	for i := range access.Handful + 1 {
		servicetest.Put(t, e.replica, replica.KindStationKeys, fmt.Sprint("s", i), replica.StationKeys{
			Station: fmt.Sprint("s", i), Keys: []replica.StationKey{{ID: fmt.Sprint("k", i), State: replica.KeyActive}}})
	}
	for i := range access.Handful {
		_, err := codes.NewCode(t.Context(), e.dan, fmt.Sprint("s", i), 0)
		e.passes("a code", err)
	}
	if _, err := codes.NewCode(t.Context(), e.dan, "s5", 0); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the sixth: %v", err)
	}
	_, err = codes.NewCode(t.Context(), e.dan, "new", 0)
	e.passes("a station without a key", err)
	_, err = codes.NewCode(t.Context(), access.System, "s5", 0)
	e.passes("on the machine", err)
	if stored, _ := e.alarms(); stored != 1 {
		t.Errorf("%d alarms", stored)
	}
}
