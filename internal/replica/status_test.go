package replica_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
)

func TestStatusIsStoredWithAllThatAStationSaysOfItself(t *testing.T) {
	golden := servicetest.Golden(t, "status.v2")
	r, err := replica.Open(t.Context(), memory.New(10), replica.SharedKinds)
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Put(t, r, replica.KindStatus, "station", json.RawMessage(golden))
	row, _ := replica.StatusesIn(r).Get("station")
	if got, err := replica.EncodeStatus(row.Value); err != nil || !bytes.Equal(got, golden) {
		t.Errorf("%s\nis stored again as\n%s\n%v", golden, got, err)
	}
	if got := servicetest.Unfilled(row.Value); !slices.Equal(got, []string{"StandingOrderStatus.last",
		"StandingOrderStatus.last_at", "StandingOrderStatus.planned_until", "StandingOrderStatus.published_until",
		"StandingOrderStatus.set_at", "StandingOrderStatus.set_by", "StandingOrderStatus.stopped", "StationProblem.code",
		"StationProblem.date",
		"StationProblem.field", "StationProblem.message", "Status.enrolment", "Status.key_id", "Status.published_revision",
		"Status.recalls_proof", "Status.signed_at", "Status.standing", "Status.standing_order"}) {
		t.Errorf("%q are not stored, but only what the service says of the station is not, nor a proof that it has checked", got)
	}
}
