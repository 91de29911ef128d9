package idempotency

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
)

var ruth = access.Actor{Name: "Ruth"}

// kept is the answer that the tests store.
var kept = Answer{Status: 201, Header: map[string]string{"ETag": `"1"`}, Body: []byte(`{"secret":"x"}`),
	Print: []byte("print"), Bytes: 5}

// first begins a request that must be the first.
func first(t *testing.T, s *Store, name ...string) *FirstRequest {
	t.Helper()
	a, f, err := s.Begin(t.Context(), ruth, name...)
	if err != nil || a != nil || f == nil {
		t.Fatalf("the first request gets %+v, %v, %v", a, f, err)
	}
	return f
}

func TestARequestThatIsSentAgainGetsTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		s := NewStore(docs, time.Now)
		if err := first(t, s, "secret", "key").Keep(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		again, f, err := NewStore(docs, time.Now).Begin(t.Context(), ruth, "secret", "key") // from another replica
		if err != nil || f != nil || again.Status != 201 || string(again.Body) != string(kept.Body) ||
			again.Header["ETag"] != `"1"` || again.Bytes != 5 {
			t.Errorf("again: %+v, %v, %v", again, f, err)
		}
		if err := first(t, s, "another secret", "key").Drop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsKeptIsNotReadInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		if err := first(t, NewStore(docs, time.Now), "secret", "key").Keep(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		all, err := docs.List(t.Context(), KindAnswer, "", 10)
		if err != nil || len(all) != 1 || strings.Contains(string(all[0].Body), "secret") || strings.Contains(all[0].ID,
			"key") {
			t.Errorf("stored: %+v, %v", all, err)
		}
	})
}

func TestASecondRequestConflictsWhileTheFirstRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		s, other := NewStore(docs, time.Now), NewStore(docs, time.Now)
		f := first(t, s, "key")
		for _, replica := range []*Store{s, other} {
			if _, _, err := replica.Begin(t.Context(), ruth, "key"); !fault.Is(err, fault.Conflict) {
				t.Errorf("while the first runs: %v", err)
			}
		}
		time.Sleep(10 * answerLease) // the first request renews its lease
		if _, _, err := other.Begin(t.Context(), ruth, "key"); !fault.Is(err, fault.Conflict) {
			t.Errorf("while the first runs for long: %v", err)
		}
		if err := f.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := first(t, other, "key").Drop(t.Context()); err != nil { // a dropped request can be repeated
			t.Error(err)
		}
	})
}

// failing is a store that accepts no commits from some time on.
type failing struct {
	*memory.Store
	down atomic.Bool
}

func (f *failing) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if f.down.Load() {
		return nil, fault.New(fault.Unavailable, "the store is gone")
	}
	return f.Store.Commit(ctx, c)
}

func TestAFirstRequestWhoseReplicaDiedIsTakenOverAfterItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := &failing{Store: memory.New(100)}
		f := first(t, NewStore(docs, time.Now), "key")
		docs.down.Store(true) // it can no longer renew
		time.Sleep(answerLease + time.Second)
		docs.down.Store(false)
		other := NewStore(docs, time.Now)
		taken := first(t, other, "key")
		if err := f.Keep(t.Context(), kept); !fault.Is(err, fault.Stale) {
			t.Errorf("the one that came second keeps: %v", err)
		}
		if err := taken.Keep(t.Context(), kept); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAnswerIsForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		s := NewStore(docs, time.Now)
		if err := first(t, s, "key").Keep(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			wait time.Duration
			left int
		}{{answerKept - time.Minute, 1}, {2 * time.Minute, 0}} {
			time.Sleep(step.wait)
			if err := s.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			if all, err := docs.List(t.Context(), KindAnswer, "", 10); err != nil || len(all) != step.left {
				t.Errorf("%v later %d are kept, want %d (%v)", step.wait, len(all), step.left, err)
			}
		}
		if err := first(t, s, "key").Drop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAnswerThatIsTooLargeIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStore(memory.New(100), time.Now)
		noise := make([]byte, 3*maxAnswer/2)
		for i, n := uint32(0), uint32(1); i < uint32(len(noise)); i++ {
			n = n*1664525 + 1013904223
			noise[i] = byte(n >> 24)
		}
		if err := first(t, s, "key").Keep(t.Context(), Answer{Body: noise}); err == nil {
			t.Error("it is kept")
		}
		if err := first(t, s, "key").Drop(t.Context()); err != nil { // which allows a repetition
			t.Error(err)
		}
	})
}

func TestADamagedAnswerIsAnErrorAndNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := memory.New(100)
		s := NewStore(docs, time.Now)
		if err := first(t, s, "key").Keep(t.Context(), kept); err != nil {
			t.Fatal(err)
		}
		all, err := docs.List(t.Context(), KindAnswer, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, sealed := range []string{"eA==", "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="} {
			body := []byte(`{"owner":"x","until":"2100-01-01T00:00:00Z","sealed":"` + sealed + `"}`)
			changes, err := docs.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: KindAnswer, ID: all[0].ID,
				Expect: all[0].Revision, Body: body}}})
			if err != nil {
				t.Fatal(err)
			}
			all[0].Revision = changes[0].Revision
			if a, f, err := s.Begin(t.Context(), ruth, "key"); err == nil || a != nil || f != nil {
				t.Errorf("of %s it makes %+v, %v, %v", sealed, a, f, err)
			}
		}
	})
}
