package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Writes that share a transaction have independent outcomes: one that is stale, cancelled while it waits, or too large
// for the disk does not affect the others.
func TestWritesThatShareATransactionFailAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	s := open(t, path)
	if _, err := s.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "there"}}}); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, crowded := range []bool{false, true} {
		if err := s.Confine(t.Context(), 100); err != nil { // a cancelled commit closes its connection, and the limit with it
			t.Fatal(err)
		}
		held, err := other.BeginTx(t.Context(), nil) // so that all writes wait
		if err != nil {
			t.Fatal(err)
		}
		type outcome struct {
			id      string
			changes []store.Change
			err     error
		}
		outcomes := make(chan outcome)
		begun := 0
		begin := func(ctx context.Context, id string, writes ...store.Write) {
			go func() {
				changes, err := s.Commit(ctx, store.Commit{Writes: writes})
				outcomes <- outcome{id, changes, err}
			}()
			begun++
		}
		want := map[string]error{}
		name := func(sort string, n int) string { return fmt.Sprint(sort, n, crowded) }
		begin(t.Context(), name("first", 0), store.Write{Kind: "k", ID: name("first", 0)})
		for n := range 20 {
			begin(t.Context(), name("good", n), store.Write{Kind: "k", ID: name("good", n)}, store.Write{Kind: "k",
				ID: name("good too", n), Body: []byte("x")})
			begin(t.Context(), name("stale", n), store.Write{Kind: "k", ID: name("half", n)}, store.Write{Kind: "k", ID: "there",
				Expect: 7})
			begin(t.Context(), name("taken", n), store.Write{Kind: "k", ID: name("half", n)}, store.Write{Kind: "k",
				ID: "there"})
			want[name("stale", n)], want[name("taken", n)] = fault.New(fault.Stale, ""), fault.New(fault.Conflict, "")
		}
		if crowded {
			begin(t.Context(), name("large", 0), store.Write{Kind: "k", ID: name("large", 0), Body: bytes.Repeat([]byte{1},
				1<<20)})
			want[name("large", 0)] = fault.New(fault.Full, "")
		} else {
			begin(cancelled, name("cancelled", 0), store.Write{Kind: "k", ID: name("cancelled", 0)})
			want[name("cancelled", 0)] = context.Canceled
		}
		for s.Waiting() != begun-1 { // all but the leader
			runtime.Gosched()
		}
		cancel()
		if !crowded { // the cancelled write returns at once
			if got := <-outcomes; got.id != name("cancelled", 0) || !errors.Is(got.err, context.Canceled) {
				t.Errorf("%s: %v", got.id, got.err)
			}
			begun--
		}
		if err := held.Rollback(); err != nil {
			t.Fatal(err)
		}
		var sequences []int64
		for range begun {
			got := <-outcomes
			if fault.KindOf(got.err) != fault.KindOf(want[got.id]) || (got.err == nil) != (want[got.id] == nil) {
				t.Errorf("%s: %v; want %v", got.id, got.err, want[got.id])
			}
			for _, c := range got.changes {
				sequences = append(sequences, c.Sequence)
				if d, err := s.Get(t.Context(), c.Kind, c.ID); err != nil || d.Revision != c.Revision {
					t.Errorf("%s: acknowledged, but %+v, %v", c.ID, d, err)
				}
			}
		}
		slices.Sort(sequences)
		if len(sequences) != 41 || len(slices.Compact(sequences)) != 41 || sequences[40]-sequences[0] != 40 {
			t.Errorf("sequences %v", sequences)
		}
		for n := range 20 {
			if d, err := s.Get(t.Context(), "k", name("half", n)); !fault.Is(err, fault.NotFound) {
				t.Errorf("a failed commit left %+v, %v", d, err)
			}
		}
	}
}
