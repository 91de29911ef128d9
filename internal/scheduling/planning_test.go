package scheduling

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// However many changes come at once, planning reads the present state of the replica.
func TestTheLibraryForPlanningIsAsTheReplicaIs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := newFixture(t, time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
		script := func(dead bool) {
			n.put(replica.KindScript, "p", schedules.Script{ID: "p", Versions: []schedules.ScriptVersion{{Version: 1,
				Passages: []schedules.Passage{{Number: 1, Dead: dead}}}}})
		}
		script(false)
		states := []schedules.State{schedules.Approved, schedules.Pending, schedules.Recalled}
		for range rapid.IntRange(1, 10).Draw(r, "looks") {
			for range rapid.IntRange(0, 40).Draw(r, "changes") {
				id := fmt.Sprint(rapid.IntRange(0, 30).Draw(r, "id"))
				switch rapid.IntRange(0, 12).Draw(r, "what") {
				case 0:
					script(rapid.Bool().Draw(r, "dead"))
				case 1:
					if row, ok := replica.SegmentsIn(n.replica).Get(id); ok {
						if err := n.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindSegment, ID: id,
							Expect: row.Revision, Delete: true}}}); err != nil {
							r.Fatal(err)
						}
					}
				default:
					n.put(replica.KindSegment, id, schedules.Segment{ID: id, Kind: "reading", Language: "ko",
						State:     rapid.SampledFrom(states).Draw(r, "state"),
						Script:    &schedules.ScriptRef{ID: "p", Version: 1, Passages: []int{1}},
						Recording: &schedules.Recording{CueOut: schedules.Ms(1000)}})
				}
			}
			got := n.Rundowns.planning.Library()
			all := replica.SegmentsIn(n.replica).All()
			if !reflect.DeepEqual(append([]schedules.Segment{}, all...), got.Segments()) {
				r.Fatalf("it has %d segments, not %d", len(got.Segments()), len(all))
			}
			row, _ := replica.ScriptsIn(n.replica).Get("p")
			anew := schedules.Prepare(all, []schedules.Script{row.Value})
			for _, s := range all {
				life, _ := got.Life(s.ID)
				if want, _ := anew.Life(s.ID); life != want {
					r.Errorf("%s lives %+v, not %+v", s.ID, life, want)
				}
			}
		}
	})
}
