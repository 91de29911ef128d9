package library

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/audio"
	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

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
	r, err := d.library.Receive(t.Context(), strings.NewReader("sound of "+id))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.library.Create(t.Context(), access.Actor{Name: "Hana"}, schedules.Segment{ID: id, Kind: "music",
		Title: "t", Language: "zxx"}, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approve(t.Context(), access.Actor{Name: "Hana"}, "a", nil, ""); !fault.Is(err,
		fault.Forbidden) {
		t.Errorf("the uploader approves: %v", err)
	}
	if s, err := d.library.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil ||
		s.State != schedules.Approved {
		t.Errorf("another approves: %s, %v", s.State, err)
	}
}

func TestReinstatingTakesTwoPeople(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Recall(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "unsafe"); err != nil {
		t.Fatal(err)
	}
	if got := d.library.Recalls().Value; len(got.Segments) != 1 || got.Segments[0].SegmentID != "a" {
		t.Errorf("recalled: %+v", got)
	}
	if s, err := d.library.Reinstate(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, "safe again"); err != nil ||
		s.State != schedules.Pending {
		t.Fatalf("reinstated: %s, %v", s.State, err)
	}
	if _, err := d.library.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); !fault.Is(err,
		fault.Forbidden) {
		t.Errorf("the same person approves: %v", err)
	}
	if got := d.library.Recalls().Value; len(got.Segments) != 1 {
		t.Errorf("one person took it off the list: %+v", got)
	}
	if _, err := d.library.Approve(t.Context(), access.Actor{Name: "Amos"}, "a", nil, ""); err != nil {
		t.Errorf("another approves: %v", err)
	}
	if got := d.library.Recalls().Value; len(got.Segments) != 0 {
		t.Errorf("still recalled: %+v", got)
	}
}

func TestStaleChangeChangesNothing(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	s := d.upload(t, "a")
	stale := s.Revision - 1
	if _, err := d.library.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", &stale,
		func(s *schedules.Segment) { s.Title = "x" }); !fault.Is(err, fault.Stale) {
		t.Errorf("stale edit: %v", err)
	}
	if got, err := d.library.Segment("a"); err != nil || got.Title != "t" || got.Revision != s.Revision {
		t.Errorf("now %+v, %v", got, err)
	}
}

// It tells nobody, and is in no record.
func TestEditThatChangesNothingMakesNoRevision(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	before, changes := d.upload(t, "a"), d.mirror.Sequence()
	same := func(s *schedules.Segment) { s.Title = "t" }
	if s, err := d.library.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", &before.Revision, same); err != nil ||
		s.Revision != before.Revision || d.mirror.Sequence() != changes {
		t.Errorf("%+v, %v, %d changes", s, err, d.mirror.Sequence()-changes)
	}
	if s, err := d.library.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", nil,
		func(s *schedules.Segment) { s.Title = "other" }); err != nil || s.Revision != before.Revision+1 {
		t.Errorf("what changes: %+v, %v", s, err)
	}
	stale := before.Revision
	if _, err := d.library.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", &stale, same); !fault.Is(err, fault.Stale) {
		t.Errorf("of a revision that is not the latest: %v", err)
	}
}

func TestEditThatSaysSomethingElseNeedsApprovalAnew(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	d.upload(t, "a")
	if _, err := d.library.Approve(t.Context(), access.Actor{Name: "Ruth"}, "a", nil, ""); err != nil {
		t.Fatal(err)
	}
	s, err := d.library.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", nil,
		func(s *schedules.Segment) { s.Title = "new" })
	if err != nil || s.State != schedules.Approved {
		t.Errorf("a new title: %s, %v", s.State, err)
	}
	s, err = d.library.Edit(t.Context(), access.Actor{Name: "Hana"}, "a", nil,
		func(s *schedules.Segment) { s.Language = "en" })
	if err != nil || s.State != schedules.Pending {
		t.Errorf("a new language: %s, %v", s.State, err)
	}
}

// While every analyser is busy an upload is stored all the same, and analysed after.
func TestBusyAnalyserDelaysNoUpload(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	d.library.workers <- struct{}{}
	if s := d.upload(t, "a"); s.State != schedules.Analysing {
		t.Fatalf("state is %s", s.State)
	}
	<-d.library.workers
	if err := d.library.AnalyseBehind(t.Context(), d.claims); err != nil {
		t.Fatal(err)
	}
	if s, err := d.library.Segment("a"); err != nil || s.State != schedules.Pending ||
		s.Recording.Duration.Duration != time.Minute {
		t.Errorf("after: %+v, %v", s, err)
	}
}

// An analysis that breaks for a reason of its own rejects nothing: it is tried again.
func TestBrokenAnalysisIsTriedAgain(t *testing.T) {
	broken := true
	d := newDesk(t, func(ctx context.Context, r io.Reader, p func(int64)) (audio.Facts, error) {
		if broken {
			return audio.Facts{}, errors.New("the disk hiccuped")
		}
		return servicetest.Heard(ctx, r, p)
	})
	if s := d.upload(t, "a"); s.State != schedules.Analysing {
		t.Fatalf("state is %s", s.State)
	}
	broken = false
	if err := d.library.AnalyseBehind(t.Context(), d.claims); err != nil {
		t.Fatal(err)
	}
	if s, _ := d.library.Segment("a"); s.State != schedules.Pending {
		t.Errorf("state is %s", s.State)
	}
}

func TestUploadOverTheLimitLeavesNothing(t *testing.T) {
	d := newDesk(t, servicetest.Heard)
	if _, err := d.library.Receive(t.Context(), bytes.NewReader(make([]byte, 1001))); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	select {
	case d.library.workers <- struct{}{}:
	default:
		t.Error("the analyser is not given back")
	}
}

// Who waits is woken by the change, not by the end of the wait; who waits for nothing gets the same answer.
func TestWaitersWakeAtTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := replica.Open(t.Context(), memory.New(100), testKinds)
		if err != nil {
			t.Fatal(err)
		}
		l := New(m, nil, servicetest.Seal{}, nil, time.Now, Limits{Concurrency: 1})
		if err := l.EnsureRecalls(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if r := l.AwaitRecalls(ctx, 1); r.Value.Revision != 1 || time.Since(begun) != time.Minute {
			t.Errorf("nothing changed, and after %v it answers revision %d", time.Since(begun), r.Value.Revision)
		}
		got := make(chan int64, 1)
		go func() { got <- l.AwaitRecalls(context.Background(), 1).Value.Revision }()
		synctest.Wait()
		writes, err := l.recallsWith(schedules.Segment{ID: "x", State: schedules.Recalled})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
			t.Fatal(err)
		}
		if revision := <-got; revision != 2 {
			t.Errorf("woken with revision %d", revision)
		}
	})
}
