package scheduling

import (
	"testing"
	"time"

	"lifeline/internal/replica"
	"lifeline/schedules"
)

// The policy of a starved station reaches the player with the fallback list. A station that states none has the list
// that it had before there were policies.
func TestAChangeOfTheStarvedPolicyIssuesTheFallbackListAnew(t *testing.T) {
	o := newOneStation(t)
	issue := func(terms schedules.Starved) (revision int64) {
		t.Helper()
		o.redefine(t, func(s *schedules.Station) { s.Starved = terms })
		if err := o.Fallbacks.IssueAll(t.Context(), replica.NewWorkLock(o.replica, "here", time.Minute)); err != nil {
			t.Fatal(err)
		}
		f, err := o.Fallbacks.Fallback("s")
		if err != nil || f.Value.Starved != terms {
			t.Fatalf("%+v, %v; want %+v", f.Value.Starved, err, terms)
		}
		return f.Value.Revision
	}
	drop := schedules.Starved{Policy: schedules.DropSensitive, After: schedules.Ms(900_000)}
	none, first := issue(schedules.Starved{}), issue(drop)
	again, back := issue(drop), issue(schedules.Starved{})
	if first != none+1 || again != first || back != first+1 {
		t.Errorf("revisions %d, %d, %d, %d", none, first, again, back)
	}
}
