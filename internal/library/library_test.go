package library

import (
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

var ruth = access.Actor{Name: "Ruth"}

// desk is a library over the memory store.
type desk struct {
	library *Library
	mirror  *replica.Replica
	claims  *replica.WorkLock
	now     time.Time
}

func newDesk(t *testing.T, analyse Analyser) *desk {
	t.Helper()
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	files, err := blob.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	d := &desk{mirror: m, claims: replica.NewWorkLock(m, "desk", time.Minute), now: time.Date(2026, 1, 2, 3, 4, 5, 0,
		time.UTC)}
	d.library = New(m, files, servicetest.Seal{}, analyse, func() time.Time { return d.now }, Limits{MaxBytes: 1000,
		MaxWaiting: 2500, Concurrency: 1})
	return d
}

func (d *desk) upload(t *testing.T, id string) schedules.Segment {
	t.Helper()
	r, err := d.library.Recordings.Receive(t.Context(), strings.NewReader("sound of "+id))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.library.Segments.Create(t.Context(), access.Actor{Name: "Hana"}, schedules.Segment{ID: id, Kind: "music",
		Title: "t", Language: "zxx"}, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
