package scheduling

import (
	"slices"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/trust"
	"lifeline/schedules"
)

func TestASeizedStationIsShutOutAtOnceAndWhatItHeldIsListed(t *testing.T) {
	o, day := newOneStation(t), secondOfNovember
	servicetest.ChangeSegment(t, o.replica, "m3", func(s *schedules.Segment) {
		s.Sensitive, s.Persons, s.Title = true, []string{"p17"}, "The river"
	})
	o.publish(day)
	doors := access.New(o.replica, func() time.Time { return o.now })
	token := func(station string) (string, error) {
		n := access.NewToken{Name: "x", Role: access.StationJob, Station: station}
		if station == "" {
			n.Role = access.Viewer
		}
		made, err := doors.Create(t.Context(), access.System, n)
		return made.Secret, err
	}
	station, err := token("s")
	if err != nil {
		t.Fatal(err)
	}
	viewer, err := token("")
	if err != nil {
		t.Fatal(err)
	}
	actor, err := doors.Authenticate(station)
	if err != nil {
		t.Fatal(err)
	}
	address := access.Actor{Role: access.StationJob, Station: "s", Token: actor.Token, Address: "s.x"}
	servicetest.Put(t, o.replica, replica.KindStationKeys, "s", replica.StationKeys{Station: "s",
		Keys: []replica.StationKey{{ID: "k", State: replica.KeyActive}}})
	servicetest.Put(t, o.replica, replica.KindEnrolment, "s", replica.Enrolment{Station: "s", Handle: "7K3F"})

	got, err := o.Seizures.Seize(t.Context(), access.System, "s", "the site was raided")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Tokens) != 1 || !slices.Equal(got.Keys, []string{"k"}) || got.SeizedAt.IsZero() ||
		!got.LeaseUntil.After(o.now) {
		t.Errorf("%+v", got)
	}
	if len(got.Queues) != 1 || got.HeldUntil == nil || *got.HeldUntil != day {
		t.Errorf("it held the queues %+v up to %v", got.Queues, got.HeldUntil)
	}
	if len(got.Segments) < 2 || !slices.IsSortedFunc(got.Segments, sensitiveFirst) {
		t.Errorf("it held %+v", got.Segments)
	}
	if _, err := doors.Authenticate(station); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("its token: %v", err)
	}
	for what, by := range map[string]access.Actor{"an open stream": actor, "a media address": address} {
		if err := doors.Holds(by); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := doors.Authenticate(viewer); err != nil {
		t.Errorf("the token of somebody else: %v", err)
	}
	if key, ok := o.Network.Key("s"); ok {
		t.Errorf("documents are still encrypted to %s", key.ID)
	}
	if _, ok := replica.EnrolmentsIn(o.replica).Get("s"); ok {
		t.Error("a code that was made before still enrols it")
	}
	keys, err := trust.NewStationIdentity() // any signer does
	if err != nil {
		t.Fatal(err)
	}
	codes := access.NewEnrolments(o.replica, []byte("key"), keys.Signer(), func() time.Time { return o.now })
	for range 2 {
		if _, err := codes.NewCode(t.Context(), access.System, "s", 0); err != nil {
			t.Errorf("a new code: %v", err)
		}
	}
	if _, err := token("s"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a new token: %v", err)
	}
	again, err := o.Seizures.Seize(t.Context(), access.System, "s", "")
	if err != nil || again.SeizedAt != got.SeizedAt || len(again.Tokens) != 0 || len(again.Segments) != len(got.Segments) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := o.Seizures.Seize(t.Context(), access.System, "nowhere", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no station: %v", err)
	}
	if s, ok := o.Record.Logbook.Status("s"); ok == nil && s.Enrolment != "seized" {
		t.Errorf("its status says %q", s.Enrolment)
	}
}
