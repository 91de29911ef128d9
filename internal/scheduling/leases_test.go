package scheduling

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The signed answer to a station's request contains the request's nonce, the time, and the newest revision of every
// document that the station pulls.
func TestFreshnessNamesTheNewestRevisionsAndTheRequest(t *testing.T) {
	n, _ := setBack(t)
	recalls, fallback, queue := n.numbers()
	ask := func() (f wire.Freshness) {
		t.Helper()
		said, err := n.Leases.Freshness(t.Context(), "fz", "abc")
		if err != nil {
			t.Fatal(err)
		}
		var e struct{ Payload []byte }
		if err := errors.Join(json.Unmarshal(said.Plain, &e), json.Unmarshal(e.Payload, &f)); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := ask()
	if f.Schema != wire.FreshnessSchema || f.Station != "fz" || f.Nonce != "abc" || f.At != schedules.At(n.now) {
		t.Errorf("%+v", f)
	}
	if f.Recalls != recalls.Revision || f.Fallback != fallback || f.Queues[repairDate.String()] != queue {
		t.Errorf("%+v, where the newest are %d, %d and %d", f, recalls.Revision, fallback, queue)
	}
	if _, err := n.Leases.Freshness(t.Context(), "nowhere", "abc"); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no station: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Leases.Freshness(gone, "fz", "abc"); !errors.Is(err, context.Canceled) &&
		!fault.Is(err, fault.Unavailable) {
		t.Errorf("with the store out of reach: %v", err)
	}
	lease, err := n.Leases.Issue(t.Context(), "fz", "abc")
	if err != nil || lease.Value.Nonce != "abc" {
		t.Errorf("the lease is %+v, %v", lease.Value, err)
	}
	n.now = n.now.AddDate(0, 0, freshDays+1)
	if f := ask(); len(f.Queues) > 0 {
		t.Errorf("a day that is long over is named: %+v", f)
	}
}
