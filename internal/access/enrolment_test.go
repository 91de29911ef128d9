package access

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// enrolling is a service with a store in memory, at an instant.
type enrolling struct {
	*Enrolments
	access *Access
	docs   *memory.Store
	at     time.Time
}

func newEnrolling(t *testing.T) *enrolling {
	t.Helper()
	e := &enrolling{docs: memory.New(100), at: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	m, err := replica.Open(t.Context(), e.docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return e.at }
	e.Enrolments, e.access = NewEnrolments(m, []byte("key"), keys(t).Signer(), now), New(m, now)
	return e
}

func (e *enrolling) code(t *testing.T, station string) string {
	t.Helper()
	made, err := e.NewCode(t.Context(), Actor{Name: "Ruth"}, station, 0)
	if err != nil {
		t.Fatal(err)
	}
	return made.Code
}

// keys makes the keys of a player.
func keys(t *testing.T) trust.StationIdentity {
	t.Helper()
	made, err := trust.NewStationIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// asked is the enrolment of keys with a code, after change.
func asked(t *testing.T, by trust.StationIdentity, code string, change ...func(*wire.Enrolment)) []byte {
	t.Helper()
	in := wire.Enrolment{Schema: wire.EnrolmentSchema, Code: code, Signing: by.Signer().Public(),
		Recipient: by.Recipient()}
	for _, c := range change {
		c(&in)
	}
	payload, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := by.Signer().Sign(wire.EnrolmentType, payload)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func (e *enrolling) states(station string) (out []replica.KeyState) {
	row, _ := replica.StationKeysIn(e.replica).Get(station)
	for _, k := range row.Value.Keys {
		out = append(out, k.State)
	}
	return out
}

func TestACodeBindsOneKeyToItsStation(t *testing.T) {
	e, first := newEnrolling(t), keys(t)
	code := e.code(t, "harbour")
	typed := strings.ToLower(strings.ReplaceAll(code, "-", " "))
	got, err := e.Enrol(t.Context(), asked(t, first, typed))
	if err != nil || got.Station != "harbour" || got.KeyID != first.Signer().KeyID() {
		t.Fatalf("%+v, %v", got, err)
	}
	by, err := e.access.Authenticate(got.Token)
	if err != nil || by.Role != StationJob || by.Station != "harbour" {
		t.Errorf("the token is that of %+v, %v", by, err)
	}
	if _, err := e.Enrol(t.Context(), asked(t, keys(t), code)); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the code opens to another key: %v", err)
	}
	// The answer was lost on the way: the same key asks again.
	again, err := e.Enrol(t.Context(), asked(t, first, code))
	if err != nil || again.Token == got.Token {
		t.Fatalf("%+v, %v", again, err)
	}
	if _, err := e.access.Authenticate(got.Token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the token of the lost answer: %v", err)
	}
	if _, err := e.access.Authenticate(again.Token); err != nil {
		t.Error(err)
	}
	if got := e.states("harbour"); !slices.Equal(got, []replica.KeyState{replica.KeyActive}) {
		t.Errorf("the keys are %v", got)
	}
}

func TestAnEnrolmentThatWasSeenOnItsWayGetsNoTokenOfTheStationLater(t *testing.T) {
	e, player := newEnrolling(t), keys(t)
	seen := asked(t, player, e.code(t, "harbour"))
	got, err := e.Enrol(t.Context(), seen)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if _, err := e.Enrol(t.Context(), seen); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s the enrolment is taken again: %v", when, err)
		}
		if _, err := e.access.Authenticate(got.Token); err != nil {
			t.Errorf("%s the station's token is refused: %v", when, err)
		}
	}
	e.at = e.at.Add(resendFor)
	refused("after the time in which the answer may be lost")
	e.at = e.at.Add(-resendFor + time.Second)
	body, err := replica.Encode(replica.StationDoubts{SignedAt: schedules.At(e.at)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindDoubts, ID: "harbour",
		Body: body}}}); err != nil {
		t.Fatal(err)
	}
	refused("once the station has signed a status")
}

func TestWrongExpiredAndForeignCodesGetNothing(t *testing.T) {
	e := newEnrolling(t)
	code := e.code(t, "harbour")
	refused := func(what, code string, kind fault.Kind) {
		t.Helper()
		if got, err := e.Enrol(t.Context(), asked(t, keys(t), code)); !fault.Is(err, kind) || got.Token != "" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	for _, bad := range []string{"", "x", "0000-0000-0000", code + "0", code[:len(code)-1], strings.Repeat("A", 1000)} {
		refused("not a code", bad, fault.Forbidden)
	}
	foreign := asked(t, keys(t), code, func(in *wire.Enrolment) { in.Station = "lantern" })
	if _, err := e.Enrol(t.Context(), foreign); !fault.Is(err, fault.Conflict) {
		t.Errorf("by the player of another station: %v", err)
	}
	now := e.at
	e.at = now.Add(time.Hour)
	refused("expired", code, fault.Forbidden)
	e.at = now
	next := e.code(t, "harbour")
	refused("replaced by a newer code", code, fault.Forbidden)
	wrong := next[:5] + "0000-0000"
	for range onetime.Tries {
		refused("wrong", wrong, fault.Forbidden)
	}
	refused("tried too often", next, fault.Forbidden)
	if got := e.states("harbour"); got != nil {
		t.Errorf("a key is bound: %v", got)
	}
	for _, life := range []time.Duration{-1, 8 * 24 * time.Hour} {
		if _, err := e.NewCode(t.Context(), System, "harbour", life); !fault.Is(err, fault.Invalid) {
			t.Errorf("for %v: %v", life, err)
		}
	}
}

// Who reads the store or a backup of it must not find the code by trying all that begin with its first group.
func TestTheStoreDoesNotHoldTheCode(t *testing.T) {
	e := newEnrolling(t)
	code := onetime.Read(e.code(t, "harbour"))
	d, err := e.docs.Get(t.Context(), replica.KindEnrolment, "harbour")
	if err != nil || strings.Contains(string(d.Body), strings.TrimPrefix(string(code), code.Handle())) {
		t.Errorf("%s, %v", d.Body, err)
	}
	other := NewEnrolments(e.replica, []byte("another key"), e.signer, e.now)
	if _, err := other.Enrol(t.Context(), asked(t, keys(t), string(code))); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the stored proof does not depend on the service's key: %v", err)
	}
}

func TestEnrollingAnewReplacesTheKeyAndEndsItsToken(t *testing.T) {
	e := newEnrolling(t)
	first, err := e.Enrol(t.Context(), asked(t, keys(t), e.code(t, "harbour")))
	if err != nil {
		t.Fatal(err)
	}
	second, err := e.Enrol(t.Context(), asked(t, keys(t), e.code(t, "harbour")))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.states("harbour"); !slices.Equal(got, []replica.KeyState{replica.KeyReplaced, replica.KeyActive}) {
		t.Errorf("the keys are %v", got)
	}
	if _, err := e.access.Authenticate(first.Token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the token of the first enrolment: %v", err)
	}
	if _, err := e.access.Authenticate(second.Token); err != nil {
		t.Error(err)
	}
	changes, err := e.docs.Audit(t.Context(), store.AuditQuery{Limit: 100})
	if err != nil || !slices.ContainsFunc(changes, func(c store.Change) bool {
		return c.Action == "station.enrol" && strings.Contains(c.Reason, second.KeyID+" in place of "+first.KeyID)
	}) {
		t.Errorf("the audit does not tell of it: %+v, %v", changes, err)
	}
}

func TestAKeyEnrolsForOneStationAndOnlyOnce(t *testing.T) {
	e, player := newEnrolling(t), keys(t)
	if _, err := e.Enrol(t.Context(), asked(t, player, e.code(t, "harbour"))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Enrol(t.Context(), asked(t, player, e.code(t, "lantern"))); !fault.Is(err, fault.Conflict) {
		t.Errorf("at another station: %v", err)
	}
	if _, err := e.Enrol(t.Context(), asked(t, keys(t), e.code(t, "harbour"))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Enrol(t.Context(), asked(t, player, e.code(t, "harbour"))); !fault.Is(err, fault.Conflict) {
		t.Errorf("after it was replaced: %v", err)
	}
	thief, code := keys(t), e.code(t, "lantern")
	for what, bad := range map[string][]byte{
		"nothing": nil, "no envelope": []byte("{}"),
		"a key that did not sign": asked(t, thief, code, func(in *wire.Enrolment) { in.Signing = player.Signer().Public() }),
		"a short key":             asked(t, thief, code, func(in *wire.Enrolment) { in.Signing = in.Signing[:31] }),
		"no recipient":            asked(t, thief, code, func(in *wire.Enrolment) { in.Recipient = "age1" }),
		"another form":            asked(t, thief, code, func(in *wire.Enrolment) { in.Schema = wire.QueueSchema }),
	} {
		if _, err := e.Enrol(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := e.states("lantern"); got != nil {
		t.Errorf("a key is bound: %v", got)
	}
}

func TestOfTwoThatSendACodeAtOnceOneIsEnrolled(t *testing.T) {
	e := newEnrolling(t)
	code := e.code(t, "harbour")
	var done sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		envelope := asked(t, keys(t), code)
		done.Go(func() { _, errs[i] = e.Enrol(t.Context(), envelope) })
	}
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !fault.Is(err, fault.Forbidden) {
			t.Error(err)
		}
	}
	if won != 1 || len(e.states("harbour")) != 1 {
		t.Errorf("%d are enrolled: %v", won, e.states("harbour"))
	}
}

func TestASeizedStationGetsATokenOnlyByEnrollingAnew(t *testing.T) {
	e := newEnrolling(t)
	seizedAt, err := json.Marshal(e.at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.docs.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindStationKeys,
		ID: "harbour", Body: []byte(`{"station":"harbour","keys":[],"seized_at":` + string(seizedAt) + `}`)}}}); err != nil {
		t.Fatal(err)
	}
	if err := e.replica.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := NewToken{Name: "Harbour", Role: StationJob, Station: "harbour"}
	if _, err := e.access.Create(t.Context(), System, n); !fault.Is(err, fault.Conflict) {
		t.Errorf("a token: %v", err)
	}
	if err := StationFree(t.Context(), e.docs, "harbour"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a token on the store: %v", err)
	}
	if _, err := e.Enrol(t.Context(), asked(t, keys(t), e.code(t, "harbour"))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.access.Create(t.Context(), System, n); err != nil {
		t.Errorf("after the enrolment: %v", err)
	}
	if err := StationFree(t.Context(), e.docs, "harbour"); err != nil {
		t.Errorf("after the enrolment: %v", err)
	}
}
