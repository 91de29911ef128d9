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

// fixture is a library on the memory store.
type fixture struct {
	library *Library
	replica *replica.Replica
	lock    *replica.WorkLock
	now     time.Time
}

func newFixture(t *testing.T, analyse Analyser) *fixture {
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
	d := &fixture{replica: m, lock: replica.NewWorkLock(m, "one", time.Minute), now: time.Date(2026, 1, 2, 3, 4, 5, 0,
		time.UTC)}
	d.library = New(m, files, servicetest.Signer{}, analyse, func() time.Time { return d.now }, Limits{MaxBytes: 1000,
		MaxWaiting: 2500, Concurrency: 1})
	return d
}

func (d *fixture) upload(t *testing.T, id string) schedules.Segment {
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
