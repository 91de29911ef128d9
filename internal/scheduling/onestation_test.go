package scheduling

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

// newOneStation returns a fixture with the network servicetest.OneStation and three segments of a minute.
func newOneStation(t *testing.T) *fixture {
	t.Helper()
	o := newFixture(t, time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC))
	for _, id := range []string{"m1", "m2", "m3"} {
		o.alter(id, func(*schedules.Segment) {})
	}
	network := servicetest.OneStation()
	o.station = network.Stations[0]
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, network, nil, false); err != nil {
		t.Fatal(err)
	}
	return o
}

// alter stores a segment of a minute, modified by change.
func (n *fixture) alter(id string, change func(*schedules.Segment)) {
	n.t.Helper()
	servicetest.ChangeSegment(n.t, n.replica, id, change)
}

func codes(list []schedules.StationProblem) (out string) {
	for _, p := range list {
		out += p.Code + " "
	}
	return strings.TrimSpace(out)
}
