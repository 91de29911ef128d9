package access

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
)

func TestTokensAreCheckedWhole(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := New(m, func() time.Time { return now })
	made, err := a.Create(t.Context(), System, NewToken{Name: "relay", Role: StationJob, Station: "s", Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Authenticate(made.Secret); err != nil || got.Station != "s" || got.Role != StationJob {
		t.Errorf("the token: %+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", made.Secret[:len(made.Secret)-1], made.Secret + "x",
		strings.ToUpper(made.Secret)} {
		if _, err := a.Authenticate(bad); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	now = now.Add(time.Hour)
	if _, err := a.Authenticate(made.Secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after its end: %v", err)
	}
	for _, bad := range []NewToken{{Name: "x", Role: "king"}, {Role: Admin}, {Name: "x", Role: StationJob},
		{Name: "x", Role: Viewer, Station: "s"}} {
		if _, err := a.Create(t.Context(), System, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestTokenHoldsUntilItIsRevokedExpiredOrChanged(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	access := New(m, func() time.Time { return now })
	enter := func(life time.Duration) (Actor, string) {
		t.Helper()
		made, err := access.Create(t.Context(), System, NewToken{Name: "dawn", Role: StationJob, Station: "harbour-dawn",
			Life: life})
		if err != nil {
			t.Fatal(err)
		}
		actor, err := access.Authenticate(made.Secret)
		if err != nil || access.Holds(actor) != nil {
			t.Fatal(err, access.Holds(actor))
		}
		return actor, made.ID
	}
	over := func(what string, actor Actor) {
		t.Helper()
		if err := access.Holds(actor); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	revoked, id := enter(0)
	if err := access.Revoke(t.Context(), System, id); err != nil {
		t.Fatal(err)
	}
	over("revoked", revoked)
	expired, _ := enter(time.Hour)
	now = now.Add(time.Hour)
	over("expired", expired)
	changed, _ := enter(0)
	changed.Station = "lantern-coast"
	over("of another station now", changed)
	if err := access.Holds(Actor{Role: StationJob, Station: "harbour-dawn"}); err != nil {
		t.Errorf("by a signed address: %v", err)
	}
}

func TestTokensAreListedPageByPageWithoutTheirSecrets(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	a := New(m, time.Now)
	if !a.Empty() {
		t.Error("there are tokens before the first")
	}
	body, err := replica.Encode(replica.Person{ID: "hana", Name: "Hana"})
	if err == nil {
		err = m.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindPerson, ID: "hana", Body: body}}})
	}
	if err != nil || a.Empty() {
		t.Error("who signs in by passkey has no access")
	}
	for range 3 {
		if _, err := a.Create(t.Context(), System, NewToken{Name: "Ruth", Role: Viewer}); err != nil {
			t.Fatal(err)
		}
	}
	page, next := a.Tokens(System, "", 2)
	rest, end := a.Tokens(System, next, 2)
	if len(page) != 2 || len(rest) != 1 || end != "" || page[0].Secret != "" || a.Empty() {
		t.Errorf("%+v, then %+v", page, rest)
	}
}

func TestATokenOfAStationThatIsNotThereIsRefusedUnlessThereIsNone(t *testing.T) {
	docs := memory.New(100)
	if err := StationKnown(t.Context(), docs, "relay"); err != nil {
		t.Errorf("while there is no station: %v", err)
	}
	if _, err := docs.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindStation, ID: "harbour",
		Body: []byte("{}")}}}); err != nil {
		t.Fatal(err)
	}
	if err := StationKnown(t.Context(), docs, "harbour"); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := StationKnown(t.Context(), docs, "relay"); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(),
		"harbour") {
		t.Errorf("one that is not there: %v", err)
	}
}

// The service holds who asks by HTTP to the same rule.
func TestServiceMakesNoTokenForAStationThatIsNotThere(t *testing.T) {
	docs := memory.New(100)
	station := func(id string) (err error) {
		m, err := replica.Open(t.Context(), docs, testKinds)
		if err == nil {
			_, err = New(m, time.Now).Create(t.Context(), System, NewToken{Name: "Relay", Role: StationJob, Station: id})
		}
		return err
	}
	if err := station("relay"); err != nil {
		t.Errorf("while there is no station: %v", err)
	}
	if _, err := docs.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindStation, ID: "harbour",
		Body: []byte("{}")}}}); err != nil {
		t.Fatal(err)
	}
	if err := station("harbour"); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	err := station("relay")
	if fields := fault.FieldsOf(err); len(fields) != 1 || fields[0].Field != "station" ||
		err.Error() != `station "relay" does not exist: the stations are harbour` {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestATokenThatIsNotThereCannotBeRevoked(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	if err := New(m, time.Now).Revoke(t.Context(), System, "x"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

// A leaked address of a list must not outlive the revoked token of the station.
func TestAMediaAddressHoldsAsLongAsItsTokenDoes(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	access := New(m, func() time.Time { return now })
	made := func(station string, life time.Duration) string {
		t.Helper()
		made, err := access.Create(t.Context(), System, NewToken{Name: station, Role: StationJob, Station: station,
			Life: life})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	held := func(what, token string, want bool) {
		t.Helper()
		err := access.Holds(Actor{Name: "relay by media address", Role: StationJob, Station: "relay", Token: token,
			Address: "relay.x"})
		if want != (err == nil) || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	made("other", 0)
	held("of an earlier release, without a token of its station", "", false)
	lasting, short := made("relay", 0), made("relay", time.Hour)
	held("of an earlier release", "", true)
	held("of a token", lasting, true)
	held("of a token that ends", short, true)
	held("of no token", "unknown", false)
	now = now.Add(time.Hour)
	held("of a token that ended", short, false)
	if err := access.Revoke(t.Context(), System, lasting); err != nil {
		t.Fatal(err)
	}
	held("of a revoked token", lasting, false)
	held("of an earlier release, with tokens that ended", "", false)
}
