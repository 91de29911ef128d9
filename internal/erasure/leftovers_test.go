package erasure_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestErasureEndsChangesAndErasuresThatWaitWithItsTexts(t *testing.T) {
	h := newHouse(t)
	s, err := h.lib.Segments.Get(h.segment)
	h.must(err)
	q, err := h.store.Get(t.Context(), replica.KindQueue, replica.DayID("s", h.day))
	h.must(err)
	station, err := h.store.Get(t.Context(), replica.KindStation, "s")
	h.must(err)
	waits := func(id, kind, of string, body any) {
		servicetest.Put(t, h.replica, access.KindWaiting, id, map[string]any{"by": "Hana", "by_id": "hana",
			"at": schedules.At(h.now), "expires_at": schedules.At(h.now.AddDate(0, 0, 30)), "action": "test", "why": "w",
			"writes": []any{map[string]any{"kind": kind, "id": of, "expect": 1, "body": body}}})
	}
	waits("segment", replica.KindSegment, h.segment, schedules.Segment{ID: h.segment, Title: "brief", Voice: "of one"})
	waits("signed", replica.KindQueue, q.ID, jsonOf(q.Body))
	waits("text", replica.KindStation, "s", map[string]any{"id": "s", "name": "that of " + witness})
	waits("other", replica.KindStation, "s", jsonOf(station.Body))
	same, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Person: s.Persons[0], Reason: "of " + witness})
	h.must(err)
	named, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Segments: []string{"m1"}, Names: []string{witness},
		Reason: "r"})
	h.must(err)
	unlike, err := h.erasures.Ask(t.Context(), hana, wire.ErasureRequest{Segments: []string{"m2"}, Reason: "r"})
	h.must(err)
	if e := h.erase(wire.ErasureRequest{Person: witness}); e.State != "done" || len(e.Left) > 0 {
		t.Fatalf("the erasure is %+v", e)
	}
	h.lacks(witness, title)
	if left := h.bodies(access.KindWaiting); len(left) != 1 || left["waiting other"] == "" {
		t.Errorf("there wait %v", left)
	}
	for id, state := range map[string]string{same.ID: "dropped", named.ID: "dropped", unlike.ID: "asked"} {
		e, err := h.erasures.Get(id)
		h.must(err)
		if says := strings.Contains(strings.Join(e.Left, ""), "ask again"); e.State != state || says != (state == "dropped") {
			t.Errorf("the erasure that waited is %+v, want %s", e, state)
		}
	}
	h.closes()
}

// jsonOf is a body as it stands.
type jsonOf []byte

func (j jsonOf) MarshalJSON() ([]byte, error) { return j, nil }

func TestErasedMemberHasNothingToSignInWithAndIsNeverActiveAgain(t *testing.T) {
	h := newHouse(t)
	now := func() time.Time { return h.now }
	members, tokens := access.NewMembers(h.replica, now), access.New(h.replica, now)
	for _, m := range []wire.Member{{ID: "ada", Name: "Ada", Roles: []string{"admin"}, Active: true},
		{ID: "bri", Name: "Brigitta", Others: []string{"bri-machine"}, Roles: []string{"producer"}, Active: true}} {
		servicetest.Put(t, h.replica, signin.KindHolder, m.ID, map[string]any{"person": m.ID, "handle": []byte("h"),
			"enrolled_at": schedules.At(h.now), "passkeys": []any{}})
		servicetest.Put(t, h.replica, signin.KindSession, "of-"+m.ID, map[string]any{"id": "of-" + m.ID, "person": m.ID,
			"hash": strings.Repeat("a", 64), "by": "browser"})
		servicetest.Put(t, h.replica, signin.KindCode, m.ID, map[string]any{"person": m.ID})
	}
	// older than the person: by name it is hers
	byName, err := tokens.Create(t.Context(), access.System, access.NewToken{Name: "bri-machine", Role: access.Producer})
	h.must(err)
	_, err = tokens.Create(t.Context(), access.System, access.NewToken{Name: "meter", Role: access.Producer})
	h.must(err)
	for _, m := range []wire.Member{{ID: "ada", Name: "Ada", Roles: []string{"admin"}, Active: true},
		{ID: "bri", Name: "Brigitta", Others: []string{"bri-machine"}, Roles: []string{"producer"}, Active: true}} {
		_, err := members.Add(t.Context(), access.System, m)
		h.must(err)
	}
	own, err := tokens.Create(t.Context(), access.System, access.NewToken{Person: "bri", Role: access.Producer})
	h.must(err)
	_, err = members.Set(t.Context(), access.System, "bri", nil, func(m *wire.Member) error {
		m.Active = false
		return nil
	})
	h.must(err)
	h.must(h.replica.CatchUp(t.Context()))
	if e := h.erase(wire.ErasureRequest{Member: "bri"}); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	if left := h.bodies(signin.KindHolder, signin.KindSession, signin.KindCode, access.KindToken); len(left) != 4 ||
		left["passkeys ada"] == "" || left["session of-ada"] == "" || left["passkey-code ada"] == "" {
		t.Errorf("there are %v", left)
	}
	for _, secret := range []string{byName.Secret, own.Secret} {
		if a, err := tokens.Authenticate(secret); err == nil {
			t.Errorf("a token of the erased member lets in %+v", a)
		}
	}
	before := h.bodies(replica.KindPerson)
	for name, change := range map[string]func(m *wire.Member){"activate": func(m *wire.Member) { m.Active = true },
		"name": func(m *wire.Member) { m.Name = "Brigitta" }} {
		if _, err := members.Set(t.Context(), access.System, "bri", nil, func(m *wire.Member) error {
			change(m)
			return nil
		}); !fault.Is(err, fault.Gone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := h.bodies(replica.KindPerson); after["person bri"] != before["person bri"] {
		t.Errorf("the erased member is %v", after)
	}
}

// Tokens of older programs name no person, and are of a person whose name they have.
func TestErasedMemberLeavesNoNameInWhoMadeWhoseAccess(t *testing.T) {
	h := newHouse(t)
	now := func() time.Time { return h.now }
	members, tokens := access.NewMembers(h.replica, now), access.New(h.replica, now)
	thief, bri := access.Actor{Name: "thief", Token: "t"}, access.Actor{Name: "bri-machine", Token: "b"}
	for _, made := range []struct {
		by access.Actor
		of string
	}{{thief, "bri-machine"}, {bri, "meter"}} {
		_, err := tokens.Create(t.Context(), made.by, access.NewToken{Name: made.of, Role: access.Producer})
		h.must(err)
	}
	_, err := members.Add(t.Context(), access.System, wire.Member{ID: "ada", Name: "Ada", Roles: []string{"admin"},
		Active: true})
	h.must(err)
	_, err = members.Add(t.Context(), access.System, wire.Member{ID: "bri", Name: "Brigitta",
		Others: []string{"bri-machine"}, Roles: []string{"producer"}, Active: true})
	h.must(err)
	_, err = members.Set(t.Context(), access.System, "bri", nil, func(m *wire.Member) error {
		m.Active = false
		return nil
	})
	h.must(err)
	if e := h.erase(wire.ErasureRequest{Member: "bri"}); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	for at, body := range h.bodies(replica.KindPeople, access.KindToken) {
		if strings.Contains(body, "bri-machine") {
			t.Errorf("%s still has the name: %s", at, body)
		}
	}
	for _, other := range []string{"thief", "meter"} {
		a := access.Actor{Name: other, Token: "o"}
		if who, _ := a.OneWith(h.replica, "bri", "erased bri", schedules.At(h.now)); who == "" {
			t.Errorf("%s and the erased member count as two persons, though one made the access of the other", other)
		}
	}
}

func TestErasedNameLeavesLabelsAndWhatIsChosenByThem(t *testing.T) {
	h := newHouse(t)
	label := strings.ToLower(witness)
	servicetest.ChangeSegment(t, h.replica, "m1", func(s *schedules.Segment) {
		s.Tags, s.Series, s.Persons = []string{"slow", label}, "letters-"+label, []string{label, "p2"}
	})
	n := servicetest.OneStation()
	n.Clocks[0].Positions[0].Fill = &schedules.Selector{Tags: []string{label}, Series: "letters-" + label}
	most := 3
	n.Clocks[0].Rules = []schedules.Rule{{AtMost: &most, Per: "day",
		Of: schedules.Of{Match: map[string]string{"tag": label}}}}
	servicetest.Put(t, h.replica, replica.KindClock, n.Clocks[0].ID, n.Clocks[0])
	if e := h.erase(wire.ErasureRequest{Segments: []string{h.segment}, Names: []string{witness}}); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	h.lacks(witness, label)
	s, err := h.lib.Segments.Get("m1")
	h.must(err)
	clock, _ := replica.CacheOf[*replica.Cache[schedules.Clock]](h.replica, replica.KindClock).Get(n.Clocks[0].ID)
	if len(s.Problems()) > 0 || !clock.Value.Positions[0].Fill.Matches(&s) || s.Tags[0] != "slow" || len(s.Persons) != 2 {
		t.Errorf("the clock %+v chooses no more what it chose: %+v (%v)", clock.Value.Positions[0].Fill, s, s.Problems())
	}
	h.closes()
}

func TestErasedNameLeavesTheMetadataOfUnfinishedUploads(t *testing.T) {
	h := newHouse(t)
	coded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	upload := func(id, metadata string) {
		servicetest.Put(t, h.replica, library.KindUpload, id, library.Upload{ID: id, By: "Hana", Length: 10,
			Segment: schedules.Segment{ID: "new", Title: "a"}, Metadata: metadata,
			ExpiresAt: schedules.At(h.now.AddDate(1, 0, 0))})
	}
	upload("fields", "id "+coded("new")+",title "+coded("of "+witness)+",tags "+coded("slow,"+witness)+
		", filename "+coded(witness+".mp3")+",sha256 "+coded("0123"))
	upload("meta", "meta "+coded(`{"id":"new","title":"of `+witness+`","tags":["`+witness+`"]}`))
	upload("broken", "title ???,kind "+coded("music"))
	if e := h.erase(wire.ErasureRequest{Segments: []string{h.segment}, Names: []string{witness}}); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	h.lacks(witness)
	for id, want := range map[string]string{"fields": "id " + coded("new") + ",title " + coded("of (erased)") + ",tags " +
		coded("slow,erased") + ",filename " + coded("(erased).mp3") + ",sha256 " + coded("0123"),
		"meta": "meta " + coded(`{"id":"new","title":"of (erased)","tags":["erased"]}`)} {
		var u library.Upload
		d, err := h.store.Get(t.Context(), library.KindUpload, id)
		h.must(err)
		if u, err = replica.Decode[library.Upload](d); err != nil || u.Metadata != want {
			t.Errorf("the metadata of %s is %q, want %q (%v)", id, u.Metadata, want, err)
		}
	}
}

// A document that nobody could read without the texts stays as it is, and the erasure says so until it is changed.
func TestErasureNamesWhatCouldNotBeReadWithoutItsTexts(t *testing.T) {
	h := newHouse(t)
	long := "Xy " + strings.Repeat("a", schedules.MaxLine-3)
	servicetest.ChangeSegment(t, h.replica, "m2", func(s *schedules.Segment) { s.Title = long })
	e := h.erase(wire.ErasureRequest{Segments: []string{h.segment}, Names: []string{"Xy"}})
	if e.State != "confirmed" || len(e.Left) != 1 || !strings.Contains(e.Left[0], "segment m2") {
		t.Fatalf("the erasure is %+v", e)
	}
	if s, err := h.lib.Segments.Get("m2"); err != nil || s.Title != long {
		t.Errorf("the segment is %+v, %v", s, err)
	}
	servicetest.ChangeSegment(t, h.replica, "m2", func(s *schedules.Segment) { s.Title = "Xy" })
	h.sweep()
	if e, err := h.erasures.Get(e.ID); err != nil || e.State != "done" || len(e.Left) > 0 {
		t.Errorf("afterwards it is %+v, %v", e, err)
	}
	if s, err := h.lib.Segments.Get("m2"); err != nil || s.Title != "(erased)" {
		t.Errorf("afterwards the segment is %+v, %v", s, err)
	}
}

// Who made whose access stays known of those who stay, and the erased member's names go from it, as from the notice of
// a recovery.
func TestErasedMemberIsNotNamedByMakersOfAccessNorByRecoveries(t *testing.T) {
	h := newHouse(t)
	now := func() time.Time { return h.now }
	members, tokens := access.NewMembers(h.replica, now), access.New(h.replica, now)
	bri := wire.Member{ID: "bri", Name: "Brigitta Oh", Others: []string{"bri-machine"}, Roles: []string{"producer"},
		Active: true}
	_, err := members.Add(t.Context(), access.System, bri)
	h.must(err)
	_, err = tokens.Create(t.Context(), access.System, access.NewToken{Name: "meter of Brigitta Oh",
		Role: access.Producer})
	h.must(err)
	_, err = members.Set(t.Context(), access.System, "bri", nil, func(m *wire.Member) error {
		m.Active = false
		return nil
	})
	h.must(err)
	people, _ := replica.PeopleIn(h.replica)
	people.Made = []replica.Made{{OfName: "bri-machine", By: "hana"}, {Of: "hana", ByName: "Brigitta Oh", Passkeys: true},
		{OfName: "meter of Brigitta Oh", By: "hana"}, {OfName: "phone of Brigitta Oh", By: "hana"}}
	servicetest.Put(t, h.replica, replica.KindPeople, replica.PeopleID, people)
	servicetest.Put(t, h.replica, signin.KindRecovery, "one", map[string]any{"person": "bri", "name": "Brigitta Oh",
		"by": []string{"Hana", "Brigitta Oh"}, "at": schedules.At(h.now)})
	if e := h.erase(wire.ErasureRequest{Member: "bri"}); e.State != "done" {
		t.Fatalf("the erasure is %+v", e)
	}
	want := []replica.Made{{Of: "bri", By: "hana"}, {Of: "hana", By: "bri", Passkeys: true},
		{OfName: "meter of Brigitta Oh", By: "hana"}, {OfName: "phone of erased bri", By: "hana"}}
	if got := replica.MadeIn(h.replica); !slices.Equal(got, want) {
		t.Errorf("of the makers of access it is known %+v, want %+v", got, want)
	}
	if told := h.bodies(signin.KindRecovery)["recovery one"]; !strings.Contains(told, "erased bri") ||
		strings.Contains(told, "Brigitta") {
		t.Errorf("the notice of the recovery is %s", told)
	}
}
