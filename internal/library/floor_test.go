package library

import (
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/schedules"
)

func TestWhatIsReinstatedAfterTheStoreWasSetBackIsNamedAsReleased(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	d.upload(t, "a")
	write, err := replica.FloorWrite(replica.Floor{}.Raised(d.now, 0), 0)
	if err == nil {
		err = d.mirror.Commit(t.Context(), store.Commit{Writes: []store.Write{write}})
	}
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ schedules.Segment, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.library.Recall(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "unsafe"))
	must(d.library.Reinstate(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "safe again"))
	must(d.library.Approve(t.Context(), access.Actor{Name: "Amos"}, "a", nil, ""))
	if r := d.library.Recalls().Value; len(r.Segments) != 0 || len(r.Released) != 1 || r.Released[0].SegmentID != "a" {
		t.Errorf("%+v", r)
	}
	must(d.library.Recall(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "unsafe"))
	if r := d.library.Recalls().Value; len(r.Segments) != 1 || len(r.Released) != 0 {
		t.Errorf("%+v", r)
	}
}
