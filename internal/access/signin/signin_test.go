package signin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"lifeline/internal/access"
	"lifeline/internal/access/signin/signintest"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// here is where the console is, in these tests.
const here = "https://lifeline.example"

// house is the persons and sessions of a memory store.
type house struct {
	t       *testing.T
	docs    *memory.Store
	replica *replica.Replica
	people  *access.Members
	in      *SignIn
	now     time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, docs: memory.New(1000), now: time.Date(2026, 11, 30, 23, 59, 0, 0, time.UTC)}
	h.replica, h.in = h.open()
	h.people = access.NewMembers(h.replica, func() time.Time { return h.now })
	return h
}

// open returns another replica over the same store.
func (h *house) open() (*replica.Replica, *SignIn) {
	h.t.Helper()
	m, err := replica.Open(h.t.Context(), h.docs, slices.Concat(replica.SharedKinds, access.Kinds, Kinds))
	h.must(err)
	in, err := New(m, SiteOf(here, nil), []byte("the key of all replicas"), func() time.Time { return h.now })
	h.must(err)
	return m, in
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) refuses(what string, kind fault.Kind, err error) {
	h.t.Helper()
	if !fault.Is(err, kind) {
		h.t.Errorf("%s: %v", what, err)
	}
}

func (h *house) person(id string, roles ...string) {
	h.t.Helper()
	_, err := h.people.Add(h.t.Context(), access.System, wire.Member{ID: id, Name: "Person " + id, Roles: roles})
	h.must(err)
}

// devices returns two new devices.
func (h *house) devices() [2]*signintest.Device {
	return [2]*signintest.Device{signintest.New(h.t, here), signintest.New(h.t, here)}
}

// enrol enrols a person by a code with two devices.
func (h *house) enrol(code string, devices ...*signintest.Device) (wire.SignedIn, error) {
	h.t.Helper()
	in := wire.PasskeyEnrolment{Code: code}
	for _, d := range devices {
		r, err := h.in.AskToEnrol(h.t.Context(), code, nil)
		if err != nil {
			return wire.SignedIn{}, err
		}
		in.Passkeys = append(in.Passkeys, d.Makes(h.t, r))
	}
	return h.in.Enrol(h.t.Context(), in, Visitor{By: ByBrowser})
}

// settled is a person who was enrolled, with two devices and a session.
func (h *house) settled(id string, roles ...string) (access.Actor, [2]*signintest.Device) {
	h.t.Helper()
	h.person(id, roles...)
	code, err := h.in.NewCode(h.t.Context(), access.System, id)
	h.must(err)
	devices := h.devices()
	got, err := h.enrol(code.Code, devices[:]...)
	h.must(err)
	return h.actor(got), devices
}

func (h *house) actor(got wire.SignedIn) access.Actor {
	h.t.Helper()
	a, err := h.in.Authenticate(got.Secret)
	h.must(err)
	return a
}

func (h *house) signIn(d *signintest.Device) (wire.SignedIn, error) {
	h.t.Helper()
	r, err := h.in.Ask()
	h.must(err)
	return h.in.Enter(h.t.Context(), d.Says(h.t, r), Visitor{By: ByBrowser, Remote: "192.0.2.7", Agent: "Firefox"})
}

func TestAPersonEnrolsWithTwoPasskeysByACodeAndSignsInWithEither(t *testing.T) {
	h := newHouse(t)
	by, devices := h.settled("sora", "producer", "scheduler")
	if by.Person != "sora" || by.Name != "Person sora" || !by.Has(access.Producer) || !by.Has(access.SchedulerJob) ||
		by.Has(access.Admin) {
		t.Errorf("%+v", by)
	}
	for _, d := range devices {
		got, err := h.signIn(d)
		h.must(err)
		if a := h.actor(got); a.Person != "sora" || got.Remote != "192.0.2.7" {
			t.Errorf("%+v %+v", a, got)
		}
	}
}

func TestACodeIsForOneEnrolmentWithinADayAndForTenTries(t *testing.T) {
	h := newHouse(t)
	h.person("sora", "producer")
	for _, bad := range []string{"", "7K3F-9QXT-M2WB", "no code at all"} {
		_, err := h.enrol(bad, signintest.New(h.t, here), signintest.New(h.t, here))
		h.refuses(bad, fault.Forbidden, err)
	}
	late, err := h.in.NewCode(t.Context(), access.System, "sora")
	h.must(err)
	h.now = h.now.Add(codeLife)
	_, err = h.enrol(late.Code, signintest.New(h.t, here), signintest.New(h.t, here))
	h.refuses("a day later", fault.Forbidden, err)

	tried, err := h.in.NewCode(t.Context(), access.System, "sora")
	h.must(err)
	for range 10 {
		_, err := h.enrol(tried.Code[:5]+"0000-0000", signintest.New(h.t, here), signintest.New(h.t, here))
		h.refuses("a wrong code", fault.Forbidden, err)
	}
	_, err = h.enrol(tried.Code, signintest.New(h.t, here), signintest.New(h.t, here))
	h.refuses("after ten wrong tries", fault.Forbidden, err)

	good, err := h.in.NewCode(t.Context(), access.System, "sora")
	h.must(err)
	_, err = h.enrol(strings.ToLower(good.Code), signintest.New(h.t, here), signintest.New(h.t, here))
	h.must(err)
	_, err = h.enrol(good.Code, signintest.New(h.t, here), signintest.New(h.t, here))
	h.refuses("again", fault.Forbidden, err)
}

func TestOnePasskeyOrTwoInOneDeviceAreNoEnrolment(t *testing.T) {
	h := newHouse(t)
	h.person("sora", "producer")
	code, err := h.in.NewCode(t.Context(), access.System, "sora")
	h.must(err)
	one, inside, inside2 := signintest.New(h.t, here), signintest.New(h.t, here), signintest.New(h.t, here)
	inside.Attachment, inside2.Attachment = "platform", "platform"
	for what, devices := range map[string][]*signintest.Device{"one": {one}, "the same twice": {one, one},
		"two in the machine": {inside, inside2}, "none": {}} {
		_, err := h.enrol(code.Code, devices...)
		h.refuses(what, fault.Invalid, err)
	}
	if got := h.in.Passkeys("sora"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	_, err = h.enrol(code.Code, inside, one)
	h.must(err)
}

func TestADeviceThatDoesNotVerifyThePersonNeitherEnrolsNorSignsIn(t *testing.T) {
	h := newHouse(t)
	_, devices := h.settled("sora", "producer")
	devices[0].Options.UserNotVerified = true
	_, err := h.signIn(devices[0])
	h.refuses("sign in", fault.Unauthenticated, err)
	h.person("hana", "producer")
	code, err := h.in.NewCode(t.Context(), access.System, "hana")
	h.must(err)
	careless := signintest.New(h.t, here)
	careless.Options.UserNotVerified = true
	_, err = h.enrol(code.Code, signintest.New(h.t, here), careless)
	h.refuses("enrol", fault.Invalid, err)
}

// The phisher passes each challenge of the service on to its victims, who use their real devices on its page.
func TestARelayingPhisherUnderAnotherHostNameGetsNoneOf1000SignIns(t *testing.T) {
	h := newHouse(t)
	_, devices := h.settled("sora", "admin")
	lures := []virtualwebauthn.RelyingParty{
		{ID: "lifeline-example.com", Origin: "https://lifeline-example.com"}, // what browsers do
		{ID: "lifeline.example", Origin: "https://lifeline-example.com"},     // a browser that lets it choose
		{ID: "lifeline.example", Origin: "https://lifeline.example.evil.example"},
		{ID: "lifeline.example", Origin: "http://lifeline.example"},
		{ID: "lifeline.example", Origin: "https://lifeline.example:8443"},
		{ID: "evil.lifeline.example", Origin: "https://evil.lifeline.example"},
		{ID: "lifeline.example", Origin: "https://lifeline.example@evil.example"},
	}
	got := 0
	for n := range 1000 {
		victim := *devices[n%2]
		victim.Page = lures[n%len(lures)]
		if _, err := h.signIn(&victim); err == nil {
			got++
		} else if !fault.Is(err, fault.Unauthenticated) {
			t.Fatal(err)
		}
	}
	if got != 0 {
		t.Errorf("the phisher got %d of 1000 sign-ins", got)
	}
	if sessions := h.in.of("sora"); len(sessions) != 1 {
		t.Errorf("%d sessions", len(sessions))
	}
}

func TestAChallengeIsAnsweredOnceForItsPurposeAndInTime(t *testing.T) {
	h := newHouse(t)
	by, devices := h.settled("sora", "admin")
	r, err := h.in.Ask()
	h.must(err)
	answer := devices[0].Says(t, r)
	_, err = h.in.Enter(t.Context(), answer, Visitor{})
	h.must(err)
	_, err = h.in.Enter(t.Context(), answer, Visitor{})
	h.refuses("again", fault.Unauthenticated, err)
	_, other := h.open()
	_, err = other.Enter(t.Context(), answer, Visitor{})
	h.refuses("again, by another replica", fault.Unauthenticated, err)

	r, err = h.in.Ask()
	h.must(err)
	h.now = h.now.Add(challengeLife)
	_, err = h.in.Enter(t.Context(), devices[0].Says(t, r), Visitor{})
	h.refuses("too late", fault.Unauthenticated, err)

	confirm, err := h.in.AskToConfirm(by, Act{Operation: "recallSegment"})
	h.must(err)
	_, err = h.in.Enter(t.Context(), devices[0].Says(t, confirm), Visitor{})
	h.refuses("a confirmation as a sign-in", fault.Unauthenticated, err)
	own := wire.PasskeyChallenge{Challenge: make([]byte, challengeBytes)}
	_, err = h.in.Enter(t.Context(), devices[0].Says(t, own), Visitor{})
	h.refuses("a challenge of one's own", fault.Unauthenticated, err)
}

func TestACopiedPasskeyIsRefusedWhereTheDeviceCounts(t *testing.T) {
	h := newHouse(t)
	_, devices := h.settled("sora", "admin")
	devices[0].Key.Counter = 7
	_, err := h.signIn(devices[0])
	h.must(err)
	_, err = h.signIn(devices[0])
	h.refuses("the same count again", fault.Unauthenticated, err)
	devices[0].Key.Counter = 8
	_, err = h.signIn(devices[0])
	h.must(err)
}

func TestASessionEndsAfter12HoursAndAfterAnHourWithoutARequest(t *testing.T) {
	h := newHouse(t)
	by, devices := h.settled("sora", "admin")
	h.now = h.now.Add(idle)
	h.refuses("idle", fault.Unauthenticated, h.in.Holds(by))

	got, err := h.signIn(devices[0])
	h.must(err)
	_, other := h.open()
	for range 15 {
		h.now = h.now.Add(50 * time.Minute)
		if _, err := other.Authenticate(got.Secret); err != nil {
			break
		}
		h.must(other.Touch(t.Context(), h.again(other, got))) // its use by way of one replica counts for all
		h.must(h.replica.CatchUp(t.Context()))
		h.must(h.in.Holds(h.again(h.in, got)))
	}
	if spent := h.now.Sub(got.CreatedAt.Time); spent < Life || spent >= Life+50*time.Minute {
		t.Errorf("the session lasted %s", spent)
	}
	h.must(h.in.Sweep(t.Context()))
	for _, kind := range []string{KindSession, KindChallenge} {
		if docs, err := h.docs.List(t.Context(), kind, "", 10); err != nil || len(docs) != 0 {
			t.Errorf("%d of %s stay, %v", len(docs), kind, err)
		}
	}
}

func (h *house) again(in *SignIn, got wire.SignedIn) access.Actor {
	h.t.Helper()
	a, err := in.Authenticate(got.Secret)
	h.must(err)
	return a
}

func TestTheStoreHoldsNoSecretOfASessionNorACode(t *testing.T) {
	h := newHouse(t)
	_, devices := h.settled("sora", "admin")
	got, err := h.signIn(devices[0])
	h.must(err)
	h.person("hana", "viewer")
	code, err := h.in.NewCode(t.Context(), access.System, "hana")
	h.must(err)
	secret := got.Secret[strings.LastIndexByte(got.Secret, '_')+1:]
	for _, kind := range Kinds {
		docs, err := h.docs.List(t.Context(), kind.Name, "", 100)
		h.must(err)
		for _, d := range docs {
			if strings.Contains(string(d.Body), secret) || strings.Contains(string(d.Body), code.Code[5:]) ||
				strings.Contains(string(d.Body), strings.ReplaceAll(code.Code, "-", "")[4:]) {
				t.Errorf("%s %s", kind.Name, d.Body)
			}
		}
	}
	for _, forged := range []string{"", got.Secret + "x", secretPrefix + "_" + got.ID + "_",
		secretPrefix + "_x_" + secret} {
		_, err := h.in.Authenticate(forged)
		h.refuses(forged, fault.Unauthenticated, err)
	}
}

func TestSessionsAreListedAndEndedByTheirOwnerAndEndWithThePerson(t *testing.T) {
	h := newHouse(t)
	sora, devices := h.settled("sora", "producer")
	hana, _ := h.settled("hana", "admin")
	second, err := h.signIn(devices[1])
	h.must(err)
	if got := h.in.Sessions(sora); len(got) != 2 || got[0].Present == got[1].Present {
		t.Fatalf("%+v", got)
	}
	h.refuses("another's", fault.NotFound, h.in.EndSession(t.Context(), sora, hana.Session))
	h.must(h.in.EndSession(t.Context(), sora, second.ID))
	h.refuses("ended", fault.Unauthenticated, h.in.Holds(h.actorOf(second)))
	h.must(h.in.Holds(sora))
	_, err = h.people.Set(t.Context(), access.System, "sora", nil, func(m *wire.Member) error {
		m.Active = false
		return nil
	})
	h.must(err)
	h.refuses("the person was ended", fault.Unauthenticated, h.in.Holds(sora))
	_, err = h.signIn(devices[0])
	h.refuses("who was ended", fault.Unauthenticated, err)
}

func (h *house) actorOf(got wire.SignedIn) access.Actor {
	return access.Actor{Person: got.Person, Session: got.ID}
}

func TestAChangeOfRolesCountsAtOnceForSessions(t *testing.T) {
	h := newHouse(t)
	sora, _ := h.settled("sora", "producer", "scheduler")
	_, err := h.people.Set(t.Context(), access.System, "sora", nil, func(m *wire.Member) error {
		m.Roles = []string{"viewer"}
		return nil
	})
	h.must(err)
	h.refuses("with the former roles", fault.Unauthenticated, h.in.Holds(sora))
}

func TestAConfirmationIsOverOneActOfOneSessionOnce(t *testing.T) {
	h := newHouse(t)
	sora, devices := h.settled("sora", "admin")
	hana, others := h.settled("hana", "admin")
	act := Act{Operation: "recallSegment", Method: "POST", Path: "/v1/segments/a/recall", IfMatch: `"4"`, Body: []byte(`{}`)}
	ask := func(by access.Actor) wire.PasskeyChallenge {
		r, err := h.in.AskToConfirm(by, act)
		h.must(err)
		return r
	}
	good := devices[0].Says(t, ask(sora))
	for what, other := range map[string]func(*Act){
		"operation": func(a *Act) { a.Operation = "reinstateSegment" },
		"path":      func(a *Act) { a.Path = "/v1/segments/b/recall" },
		"method":    func(a *Act) { a.Method = "DELETE" }, "body": func(a *Act) { a.Body = []byte(`{"reason":"x"}`) },
		"revision": func(a *Act) { a.IfMatch = `"5"` }} {
		changed := act
		other(&changed)
		h.refuses("another "+what, fault.Unconfirmed, h.in.Confirm(t.Context(), sora, changed, good))
	}
	elsewhere := sora
	elsewhere.Session = hana.Session
	h.refuses("another session", fault.Unconfirmed, h.in.Confirm(t.Context(), elsewhere, act, good))
	h.refuses("another person's passkey", fault.Unconfirmed, h.in.Confirm(t.Context(), sora, act, others[0].Says(t,
		ask(sora))))
	lured := *devices[0]
	lured.Page.Origin = "https://evil.example"
	h.refuses("a page elsewhere", fault.Unconfirmed, h.in.Confirm(t.Context(), sora, act, lured.Says(t, ask(sora))))
	signIn, err := h.in.Ask()
	h.must(err)
	h.refuses("a sign-in", fault.Unconfirmed, h.in.Confirm(t.Context(), sora, act, devices[0].Says(t, signIn)))
	h.must(h.in.Confirm(t.Context(), sora, act, good))
	h.refuses("again", fault.Unconfirmed, h.in.Confirm(t.Context(), sora, act, good))
}

func TestALostPasskeyIsEndedByTheOtherAndTheLastStays(t *testing.T) {
	h := newHouse(t)
	sora, devices := h.settled("sora", "producer")
	keys := h.in.Passkeys("sora")
	h.must(h.in.End(t.Context(), sora, keys[0].ID))
	_, err := h.signIn(devices[0])
	h.refuses("the lost one", fault.Unauthenticated, err)
	_, err = h.signIn(devices[1])
	h.must(err)
	h.refuses("the last", fault.Conflict, h.in.End(t.Context(), sora, keys[1].ID))
	h.refuses("none", fault.NotFound, h.in.End(t.Context(), sora, keys[0].ID))
	fresh := signintest.New(h.t, here)
	r, err := h.in.AskToAdd(sora)
	h.must(err)
	if len(r.Exclude) != 1 {
		t.Errorf("%d passkeys are excluded", len(r.Exclude))
	}
	_, err = h.in.Add(t.Context(), sora, fresh.Makes(t, r))
	h.must(err)
	_, err = h.signIn(fresh)
	h.must(err)
}

func TestWhoLostEveryPasskeyIsRecoveredByTwoOthersAndByNobodyAlone(t *testing.T) {
	h := newHouse(t)
	sora, lost := h.settled("sora", "admin")
	hana, _ := h.settled("hana", "admin")
	h.settled("ruth", "producer")
	recover := func(by access.Actor) wire.PersonCode {
		t.Helper()
		got, err := h.in.Recover(t.Context(), by, "sora")
		h.must(err)
		return got
	}
	_, err := h.in.NewCode(t.Context(), hana, "sora")
	h.refuses("a code by an administrator alone", fault.Conflict, err)
	_, err = h.in.Recover(t.Context(), sora, "sora")
	h.refuses("oneself", fault.Forbidden, err)
	byToken := hana
	byToken.Session = ""
	_, err = h.in.Recover(t.Context(), byToken, "sora")
	h.refuses("by a token", fault.Forbidden, err)
	for range 2 {
		if got := recover(hana); got.Code != "" || len(got.Approved) != 1 {
			t.Errorf("one person alone gets %+v", got)
		}
	}
	if r := h.in.Recovering("sora"); r == nil || r.Code || !slices.Equal(r.By, []string{hana.Name}) ||
		!r.ExpiresAt.Equal(h.now.Add(recoveryLife)) {
		t.Errorf("begun by one person, it is shown as %+v", r)
	}
	h.now = h.now.Add(recoveryLife)
	if r := h.in.Recovering("sora"); r != nil {
		t.Errorf("after a day it is shown as %+v", r)
	}
	ruth := h.back("ruth")
	sora, hana = h.back("sora"), h.back("hana")
	if got := recover(ruth); got.Code != "" {
		t.Errorf("the approval of a day ago counts: %+v", got)
	}
	got := recover(hana)
	if got.Code == "" || len(got.Approved) != 2 {
		t.Fatalf("%+v", got)
	}
	if r := h.in.Recovering("sora"); r == nil || !r.Code || len(r.By) != 2 {
		t.Errorf("with a code, it is shown as %+v", r)
	}
	for _, by := range []access.Actor{ruth, hana} {
		_, err := h.in.Recover(t.Context(), by, "sora")
		h.refuses("another in place of a valid code", fault.Conflict, err)
	}
	h.must(h.in.Holds(sora)) // until the code is used, all is as it was
	fresh := h.devices()
	_, err = h.enrol(got.Code, fresh[:]...)
	h.must(err)
	h.refuses("the sessions from before", fault.Unauthenticated, h.in.Holds(sora))
	for _, d := range lost {
		_, err := h.signIn(d)
		h.refuses("a lost passkey", fault.Unauthenticated, err)
	}
	_, err = h.signIn(fresh[1])
	h.must(err)
	if r := h.in.Recovering("sora"); r != nil {
		t.Errorf("once it is used, it is shown as %+v", r)
	}
	_, err = h.enrol(got.Code, signintest.New(h.t, here), signintest.New(h.t, here))
	h.refuses("the code again", fault.Forbidden, err)
}

// back gives a person a session without a ceremony.
func (h *house) back(id string) access.Actor {
	h.t.Helper()
	got, err := h.in.start(h.t.Context(), access.Actor{Name: "Person " + id, Person: id}, Visitor{By: ByBrowser})
	h.must(err)
	return h.actor(got)
}

func TestSignInsAndRefusalsAndEndsAreOnTheAudit(t *testing.T) {
	h := newHouse(t)
	sora, devices := h.settled("sora", "producer")
	lured := *devices[0]
	lured.Page.Origin = "https://evil.example"
	_, err := h.signIn(&lured)
	h.refuses("lured", fault.Unauthenticated, err)
	h.must(h.in.EndSession(t.Context(), sora, sora.Session))
	entries, err := h.docs.Audit(t.Context(), store.AuditQuery{Limit: 100})
	h.must(err)
	var said []string
	for _, e := range entries {
		said = append(said, e.Action+" "+e.Person)
	}
	for _, want := range []string{"person.code ", "session.start sora", "session.refused sora", "session.end sora"} {
		if !slices.Contains(said, want) {
			t.Errorf("%q is not on the audit: %q", want, said)
		}
	}
}

func TestAPersonHasABoundedNumberOfSessions(t *testing.T) {
	h := newHouse(t)
	first, devices := h.settled("sora", "producer")
	for range mostSessions {
		h.now = h.now.Add(time.Second)
		_, err := h.signIn(devices[0])
		h.must(err)
	}
	if n := len(h.in.of("sora")); n != mostSessions {
		t.Errorf("%d sessions", n)
	}
	h.refuses("the oldest", fault.Unauthenticated, h.in.Holds(first))
}

func TestPasskeysNeedANameAndTLSOrThisMachine(t *testing.T) {
	for address, want := range map[string]string{
		"https://lifeline.example/radio": "lifeline.example [https://lifeline.example]",
		"https://lifeline.example:8443":  "lifeline.example [https://lifeline.example:8443]",
		"http://127.0.0.1:8080":          "localhost [http://localhost:8080]",
		"http://localhost:8080":          "localhost [http://localhost:8080]",
		"http://[::1]:8080":              "localhost [http://localhost:8080]",
		"http://lifeline.example":        " []",
		"https://192.0.2.7":              " []",
	} {
		site := SiteOf(address, nil)
		if got := fmt.Sprint(site.Host, " ", site.Origins); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	site := SiteOf("https://lifeline.example", []string{"https://lifeline.example:8443", "https://other.example"})
	if !slices.Equal(site.Origins, []string{"https://lifeline.example", "https://lifeline.example:8443"}) {
		t.Errorf("%q", site.Origins)
	}
	h := newHouse(t)
	none, err := New(h.replica, SiteOf("https://192.0.2.7", nil), nil, time.Now)
	h.must(err)
	_, err = none.Ask()
	h.refuses("without a name", fault.Conflict, err)
}

// With a stolen token, an administrator's thief adds a person, makes a code, and enrols as that person.
func TestWhoEnrolsByTheCodeOfAnotherIsNoSecondPersonBesideTheOther(t *testing.T) {
	h := newHouse(t)
	ada, _ := h.settled("ada", "admin")
	hana, _ := h.settled("hana", "admin")
	ruth, _ := h.settled("ruth", "admin")
	one := func(a, b access.Actor) bool {
		who, _ := b.OneWith(h.replica, a.Person, a.Name, schedules.At(h.now))
		return who != ""
	}
	h.person("bea", "admin")
	code, err := h.in.NewCode(t.Context(), ada, "bea")
	h.must(err)
	devices := h.devices()
	got, err := h.enrol(code.Code, devices[:]...)
	h.must(err)
	bea := h.actor(got)
	if !one(ada, bea) || !one(bea, ada) || one(hana, bea) || one(hana, ada) {
		t.Errorf("Ada and Bea are one: %v, Hana and Bea: %v, Hana and Ada: %v", one(ada, bea), one(hana, bea), one(hana, ada))
	}
	h.person("cem", "producer")
	code, err = h.in.NewCode(t.Context(), bea, "cem")
	h.must(err)
	devices = h.devices()
	got, err = h.enrol(code.Code, devices[:]...)
	h.must(err)
	if cem := h.actor(got); !one(ada, cem) || !one(bea, cem) {
		t.Error("by the code of who has a code of Ada, somebody counts as another person than Ada")
	}
	_, err = h.in.Recover(t.Context(), ada, "ruth")
	h.must(err)
	_, err = h.in.Recover(t.Context(), bea, "ruth")
	h.refuses("a recovery by one person twice", fault.Forbidden, err)
	for _, by := range []access.Actor{hana, ruth} {
		code, err = h.in.Recover(t.Context(), by, "bea")
		h.must(err)
	}
	acted := bea
	h.now = h.now.Add(time.Hour / 2)
	devices = h.devices()
	got, err = h.enrol(code.Code, devices[:]...)
	h.must(err)
	h.now = h.now.Add(time.Hour / 2)
	if bea = h.actor(got); one(ada, bea) {
		t.Error("after a recovery by two others, Bea and Ada are one")
	}
	if who, _ := ada.OneWith(h.replica, acted.Person, acted.Name, schedules.At(h.now.Add(-time.Hour))); who == "" {
		t.Error("what Bea did before counts as another's")
	}
}

func TestPasskeysOfOnesOwnEndTheTokensThatOthersMade(t *testing.T) {
	h := newHouse(t)
	ada, _ := h.settled("ada", "admin")
	h.person("bea", "producer")
	tokens := access.New(h.replica, func() time.Time { return h.now })
	for _, by := range []access.Actor{ada, access.System} {
		_, err := tokens.Create(t.Context(), by, access.NewToken{Person: "bea", Role: access.Producer})
		h.must(err)
	}
	_, err := h.people.Set(t.Context(), ada, "bea", nil, func(m *wire.Member) error {
		m.Identities = []wire.Identity{{Issuer: "https://id.example", Subject: "of-ada"}}
		return nil
	})
	h.must(err)
	code, err := h.in.NewCode(t.Context(), access.System, "bea")
	h.must(err)
	devices := h.devices()
	got, err := h.enrol(code.Code, devices[:]...)
	h.must(err)
	if left, _ := tokens.Tokens(ada, "", 9); len(left) != 1 || !left[0].CreatedHere {
		t.Errorf("these are left: %+v", left)
	}
	if m, err := h.people.Get("bea"); err != nil || len(m.Identities) != 0 {
		t.Errorf("linked by Ada: %+v, %v", m, err)
	}
	h.now = h.now.Add(time.Hour / 2)
	bea := h.actor(got)
	if who, why := ada.OneWith(h.replica, bea.Person, bea.Name, schedules.At(h.now)); who != "" {
		t.Errorf("Bea, by a code from the machine, and Ada are one%s", why)
	}
}

// Ada makes a token of Bea, or enrols as Bea, and makes further access as Bea.
func TestPasskeysOfOnesOwnEndAllAccessThatWasMadeInOnesPlace(t *testing.T) {
	for _, way := range []string{"a first code on the machine", "a code on the machine", "two others"} {
		for _, by := range []string{"a token", "a code"} {
			if by == "a code" && way == "a first code on the machine" {
				continue // who has passkeys gets no first code
			}
			t.Run(by+", "+way, func(t *testing.T) { endsWhatWasMadeInPlace(t, by, way) })
		}
	}
}

func endsWhatWasMadeInPlace(t *testing.T, by, way string) {
	h := newHouse(t)
	ada, _ := h.settled("ada", "admin")
	var others []access.Actor
	for _, id := range []string{"hana", "ruth"} {
		other, _ := h.settled(id, "admin")
		others = append(others, other)
	}
	h.person("cem", "producer")
	tokens := access.New(h.replica, func() time.Time { return h.now })
	var asBea access.Actor
	if by == "a token" {
		if way == "a first code on the machine" {
			h.person("bea", "admin")
		} else {
			h.settled("bea", "admin")
		}
		asBea = h.holder(tokens, ada, access.NewToken{Person: "bea", Role: access.Admin})
	} else {
		h.person("bea", "admin")
		code, err := h.in.NewCode(t.Context(), ada, "bea")
		h.must(err)
		devices := h.devices()
		got, err := h.enrol(code.Code, devices[:]...)
		h.must(err)
		asBea = h.actor(got)
	}
	second := h.holder(tokens, asBea, access.NewToken{Person: "bea", Role: access.Admin})
	third := h.holder(tokens, second, access.NewToken{Person: "bea", Role: access.Admin, Endless: true})
	kept := h.holder(tokens, access.System, access.NewToken{Person: "bea", Role: access.Admin})
	ingest := h.holder(tokens, third, access.NewToken{Name: "ingest", Role: access.Admin})
	cem := h.holder(tokens, ingest, access.NewToken{Person: "cem", Role: access.Producer})
	_, err := h.people.Set(t.Context(), third, "cem", nil, func(m *wire.Member) error {
		m.Identities = []wire.Identity{{Issuer: "https://id.example", Subject: "of-ada"}}
		return nil
	})
	h.must(err)

	var code wire.PersonCode
	if way == "two others" {
		for _, other := range others {
			code, err = h.in.Recover(t.Context(), other, "bea")
			h.must(err)
		}
	} else {
		code, err = h.in.RecoverHere(t.Context(), access.System, "bea")
		h.must(err)
	}
	devices := h.devices()
	got, err := h.enrol(code.Code, devices[:]...)
	h.must(err)
	h.now = h.now.Add(time.Hour / 2)
	bea := h.actor(got)
	for _, a := range []access.Actor{second, third} {
		h.refuses("a token that was made in Bea's place", fault.Unauthenticated, tokens.Holds(a))
	}
	h.must(tokens.Holds(kept))
	if who, why := ada.OneWith(h.replica, "bea", bea.Name, schedules.At(h.now)); who != "" {
		t.Errorf("Ada, and Bea with passkeys of her own, are one%s", why)
	}
	for _, a := range []access.Actor{ingest, cem, {Name: cem.Name, Person: cem.Person, Session: "s", Token: "s"}} {
		if who, _ := ada.OneWith(h.replica, a.Person, a.Name, schedules.At(h.now)); who == "" {
			t.Errorf("%s, whose access Ada made in Bea's place, counts as another person", a.Name)
		}
		if who, _ := a.OneWith(h.replica, "ada", ada.Name, schedules.At(h.now)); who == "" {
			t.Errorf("Ada counts as another person than %s, whose access she made in Bea's place", a.Name)
		}
	}
}

// holder makes a token and returns its holder.
func (h *house) holder(tokens *access.Access, by access.Actor, n access.NewToken) access.Actor {
	h.t.Helper()
	made, err := tokens.Create(h.t.Context(), by, n)
	h.must(err)
	a, err := tokens.Authenticate(made.Secret)
	h.must(err)
	return a
}

// The only administrator has lost both devices.
func TestOnTheServicesMachineAPersonIsRecoveredWithoutOthersAndEverybodyIsTold(t *testing.T) {
	h := newHouse(t)
	ada, lost := h.settled("ada", "admin")
	token := access.Actor{Name: "Person ada", Person: "ada", Role: access.Admin, Token: "stolen"}
	for what, by := range map[string]access.Actor{"a session": ada, "a token": token} {
		_, err := h.in.RecoverHere(t.Context(), by, "ada")
		h.refuses(what, fault.Forbidden, err)
	}
	operator := access.Actor{Name: "Omar", Role: access.Admin}
	_, err := h.in.RecoverHere(t.Context(), operator, "nobody")
	h.refuses("nobody", fault.NotFound, err)
	h.person("bea", "producer")
	_, err = h.in.RecoverHere(t.Context(), operator, "bea") // the first code of a person
	h.must(err)
	if told := h.in.Alarms(); len(told) != 0 {
		t.Errorf("of a first code: %+v", told)
	}
	first, err := h.in.RecoverHere(t.Context(), operator, "ada")
	h.must(err)
	code, err := h.in.RecoverHere(t.Context(), operator, "ada")
	h.must(err)
	devices := h.devices()
	_, err = h.enrol(first.Code, devices[:]...)
	h.refuses("a code that another replaced", fault.Forbidden, err)
	got, err := h.enrol(code.Code, devices[:]...)
	h.must(err)
	h.must(h.in.Holds(h.actor(got)))
	h.refuses("the session from before", fault.Unauthenticated, h.in.Holds(ada))
	_, err = h.signIn(lost[0])
	h.refuses("a lost passkey", fault.Unauthenticated, err)
	told := h.in.Alarms()
	if len(told) != 2 || told[0].Code != wire.AlarmRecovery || told[0].Subject != "ada" ||
		!strings.Contains(told[0].Message, "machine by Omar") ||
		!strings.Contains(told[0].Message, "lifeline people end ada") {
		t.Errorf("the others are told %+v", told)
	}
	entries, err := h.docs.Audit(t.Context(), store.AuditQuery{By: "Omar", Limit: 100})
	h.must(err)
	if !slices.ContainsFunc(entries, func(c store.Change) bool {
		return c.Action == "person.recovery-code" && strings.Contains(c.Reason, "on the service's machine")
	}) {
		t.Errorf("on the audit: %+v", entries)
	}
	h.now = h.now.Add(noticed)
	h.must(h.in.Sweep(t.Context()))
	if told := h.in.Alarms(); len(told) != 0 {
		t.Errorf("a week later: %+v", told)
	}
}

func TestWhoHasTheStoreNamesAloneForWhatIsSensitiveAndEverybodyIsTold(t *testing.T) {
	h := newHouse(t)
	operator := access.Actor{Name: "Omar", Role: access.Admin}
	h.person("bea", "producer")
	for _, by := range []access.Actor{{Person: "ada", Token: "t"}, {Person: "ada", Session: "s"}} {
		_, err := h.in.NameHere(t.Context(), by, "bea")
		h.refuses("by a request", fault.Forbidden, err)
	}
	_, err := h.in.NameHere(t.Context(), operator, "nobody")
	h.refuses("nobody", fault.NotFound, err)
	m, err := h.in.NameHere(t.Context(), operator, "bea")
	h.must(err)
	_, err = h.in.NameHere(t.Context(), operator, "bea")
	h.refuses("a second time", fault.Conflict, err)
	told := h.in.Alarms()
	if !m.Sensitive || len(told) != 1 || told[0].Code != wire.AlarmNamed || told[0].Subject != "bea" ||
		!strings.Contains(told[0].Message, "machine by Omar") || !strings.Contains(told[0].Message, "--not-sensitive") {
		t.Errorf("%+v is told as %+v", m, told)
	}
	entries, err := h.docs.Audit(t.Context(), store.AuditQuery{By: "Omar", Limit: 100})
	h.must(err)
	if !slices.ContainsFunc(entries, func(c store.Change) bool {
		return c.Action == "person.set" && strings.Contains(c.Fields, `"field":"sensitive","after":"true"`) &&
			strings.HasSuffix(c.Reason, ", on the service's machine")
	}) {
		t.Errorf("on the audit: %+v", entries)
	}
	// nobody who is not named makes the first code of a person who is
	_, err = h.in.NewCode(t.Context(), access.Actor{Name: "Ada", Person: "ada", Session: "s"}, "bea")
	h.refuses("a code", fault.Forbidden, err)
	_, err = h.in.NewCode(t.Context(), access.Actor{Name: "Ada", Person: "ada", Session: "s", Sensitive: true}, "bea")
	h.must(err)
}

// A code that waits is the access of who made it, until it is used.
func TestCodeOfSomebodyUnnamedEndsWhenItsPersonIsNamedForWhatIsSensitive(t *testing.T) {
	operator := access.Actor{Name: "Omar", Role: access.Admin}
	for name, c := range map[string]struct {
		maker   access.Actor
		named   bool // the maker
		refused bool
	}{
		"an administrator who is not named": {access.Actor{Name: "Ada", Person: "ada", Session: "s"}, false, true},
		"one who is":                        {access.Actor{Name: "Ada", Person: "ada", Session: "s"}, true, false},
		"who has the store":                 {operator, false, false},
		"a token of nobody":                 {access.Actor{Name: "setup", Token: "t"}, false, true},
	} {
		h := newHouse(t)
		h.person("ada", "admin")
		h.person("bea", "producer")
		code, err := h.in.NewCode(t.Context(), c.maker, "bea")
		h.must(err)
		if c.named {
			_, err = h.in.NameHere(t.Context(), operator, "ada")
			h.must(err)
		}
		_, err = h.in.NameHere(t.Context(), operator, "bea")
		h.must(err)
		two := h.devices()
		_, err = h.enrol(code.Code, two[0], two[1])
		if refused := fault.Is(err, fault.Forbidden); refused != c.refused || !refused && err != nil {
			t.Errorf("a code of %s: %v", name, err)
		}
	}
}
