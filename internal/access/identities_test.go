package access

import (
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const issuer = "https://id.example"

// link links a person with an identity, and with no other.
func (h *house) link(by Actor, id, issuer, subject string) error {
	h.t.Helper()
	_, err := h.people.Set(h.t.Context(), by, id, nil, func(m *wire.Member) error {
		m.Identities = []wire.Identity{{Issuer: issuer, Subject: subject}}
		return nil
	})
	return err
}

func TestAnIdentityIsOfOnePerson(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "Ada", "admin")
	h.person("bea", "Bea", "producer")
	if err := h.link(System, "ada", issuer, "00u1"); err != nil {
		t.Fatal(err)
	}
	err := h.link(System, "bea", issuer, "00u1")
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "Ada is linked with the identity") {
		t.Error(err)
	}
	_, err = h.people.Add(t.Context(), System, wire.Member{ID: "cho", Name: "Cho", Roles: []string{"viewer"},
		Identities: []wire.Identity{{Issuer: issuer, Subject: "00u1"}}})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("a new person: %v", err)
	}
	for what, other := range map[string][2]string{"another provider": {"https://other.example", "00u1"},
		"another subject": {issuer, "00U1"}} {
		if err := h.link(System, "bea", other[0], other[1]); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.people.Set(t.Context(), System, "ada", nil, func(m *wire.Member) error {
		m.Identities = nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.link(System, "bea", issuer, "00u1"); err != nil {
		t.Errorf("after the end of the link: %v", err)
	}
}

func TestAMalformedIdentityIsRefusedByItsField(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "Ada", "admin")
	for given, field := range map[wire.Identity]string{
		{Issuer: "http://id.example", Subject: "a"}:                   "identities[0].issuer",
		{Issuer: "id.example", Subject: "a"}:                          "identities[0].issuer",
		{Issuer: "https://u:p@id.example", Subject: "a"}:              "identities[0].issuer",
		{Issuer: "https://" + strings.Repeat("a", 600), Subject: "a"}: "identities[0].issuer",
		{Issuer: issuer}: "identities[0].subject",
		{Issuer: issuer, Subject: strings.Repeat("a", 256)}: "identities[0].subject",
		{Issuer: issuer, Subject: "two words"}:              "identities[0].subject",
		{Issuer: issuer, Subject: "하나"}:                     "identities[0].subject",
	} {
		err := h.link(System, "ada", given.Issuer, given.Subject)
		if fields := fault.FieldsOf(err); !fault.Is(err, fault.Invalid) || len(fields) != 1 || fields[0].Field != field {
			t.Errorf("%+v: %v", given, err)
		}
	}
	err := h.link(System, "ada", "http://127.0.0.1:8081", "a")
	if err != nil {
		t.Errorf("on this machine: %v", err)
	}
}

// An administrator may link another person with an identity of their own, and so act as both.
func TestWhoLinksAnIdentityCountsAsTheOtherPersonUntilAccessOfTheirOwn(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "Ada", "admin")
	h.person("bea", "Bea", "producer")
	h.person("cho", "Cho", "producer")
	ada := h.enter(NewToken{Person: "ada", Role: Admin})
	bea := Actor{Name: "Bea", Person: "bea", Role: Producer, Session: "s", Token: "s"}
	cho := Actor{Name: "Cho", Person: "cho", Role: Producer, Session: "t", Token: "t"}
	if err := h.link(System, "cho", issuer, "00u3"); err != nil { // on the service's machine
		t.Fatal(err)
	}
	if err := h.link(ada, "bea", issuer, "00u2"); err != nil {
		t.Fatal(err)
	}
	at := schedules.At(h.now)
	if who, _ := bea.OneWith(h.replica, "ada", "Ada", at); who == "" {
		t.Error("Ada may be behind Bea, and counts as another")
	}
	if who, _ := ada.OneWith(h.replica, "bea", "Bea", at); who == "" {
		t.Error("Bea may be Ada, and counts as another")
	}
	if who, why := ada.OneWith(h.replica, "cho", "Cho", at); who != "" {
		t.Errorf("Cho, who was linked on the machine, and Ada are one%s", why)
	}
	if who, why := cho.OneWith(h.replica, "bea", "Bea", at); who != "" {
		t.Errorf("Cho and Bea are one%s", why)
	}
	if err := h.link(ada, "ada", issuer, "00u1"); err != nil {
		t.Fatal(err)
	}
	if who, why := ada.OneWith(h.replica, "cho", "Cho", at); who != "" {
		t.Errorf("with an own identity Ada and Cho are one%s", why)
	}

	writes, err := Enrolled(h.replica, "bea", nil, h.now) // passkeys by a code from the machine
	if err != nil {
		t.Fatal(err)
	}
	if err := h.replica.Commit(t.Context(), store.Commit{Writes: writes, Origin: System.Origin(h.now, "enrol",
		"")}); err != nil {
		t.Fatal(err)
	}
	row, _ := replica.PersonsIn(h.replica).Get("bea")
	if len(row.Value.Identities) != 0 {
		t.Errorf("the identity that Ada linked stays: %+v", row.Value)
	}
	h.now = h.now.Add(ended)
	at = schedules.At(h.now)
	if who, why := ada.OneWith(h.replica, "bea", "Bea", at); who != "" {
		t.Errorf("with access of their own Bea and Ada are one%s", why)
	}
}
