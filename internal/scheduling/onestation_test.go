package scheduling

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

// oneStation is a scheduler over the memory store, with one station, one clock and a few segments.
type oneStation struct {
	*Scheduler
	replica *replica.Replica
	at      time.Time
}

func newOneStation(t *testing.T) *oneStation {
	t.Helper()
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	o := &oneStation{replica: m, at: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)}
	o.Scheduler = newScheduler(m, m.Store, servicetest.Signer{}, func() time.Time { return o.at }, "", time.Hour)
	for _, id := range []string{"m1", "m2", "m3"} {
		o.segment(t, id, func(*schedules.Segment) {})
	}
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, servicetest.OneStation(), nil, false); err != nil {
		t.Fatal(err)
	}
	return o
}

// segment stores a segment of a minute, modified by change.
func (o *oneStation) segment(t *testing.T, id string, change func(*schedules.Segment)) {
	t.Helper()
	servicetest.ChangeSegment(t, o.replica, id, change)
}

func codes(list []schedules.StationProblem) (out string) {
	for _, p := range list {
		out += p.Code + " "
	}
	return strings.TrimSpace(out)
}
