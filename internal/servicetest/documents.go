package servicetest

import (
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Put stores v as the next revision of a document.
func Put(t *testing.T, r *replica.Replica, kind, id string, v any) {
	t.Helper()
	body, err := replica.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Store.Get(t.Context(), kind, id)
	if err == nil || fault.Is(err, fault.NotFound) {
		err = r.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: d.Revision, Body: body}},
			Origin: store.Origin{At: time.Now(), By: "system", Action: "test"}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ChangeSegment stores the segment that change makes of the present one or, where there is none, of Music.
func ChangeSegment(t *testing.T, r *replica.Replica, id string, change func(*schedules.Segment)) {
	t.Helper()
	row, ok := replica.SegmentsIn(r).Get(id)
	s := row.Value
	if !ok {
		s = Music(id)
	}
	change(&s)
	s.Revision = row.Revision + 1
	Put(t, r, replica.KindSegment, id, s)
}

// PutSigned stores v in the service's signed form.
func PutSigned(t *testing.T, r *replica.Replica, kind, id string, v any) {
	t.Helper()
	payload, err := replica.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	Put(t, r, kind, id, map[string]any{"payload": payload})
}
