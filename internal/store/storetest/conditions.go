package storetest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var conditionRules = []rule{
	{"StaleWriteNamesTheDocument", func(b *bench) {
		b.commit(put("segment", "song-1", 0, "a"))
		b.commit(put("segment", "song-1", 1, "b"))
		for _, w := range []store.Write{
			put("segment", "song-1", 1, "x"), put("segment", "song-1", 3, "x"), remove("segment", "song-1", 1),
			remove("segment", "song-1", 3),
			put("segment", "absent", 1, "x"), remove("segment", "absent", 1),
		} {
			if err := b.refuses(fault.Stale, w); !strings.Contains(err.Error(), w.Kind) || !strings.Contains(err.Error(), w.ID) {
				b.Fatalf("%q does not name %s %s", err, w.Kind, w.ID)
			}
		}
		if err := b.refuses(fault.Conflict, put("segment", "song-1", 0, "x")); !strings.Contains(err.Error(), "song-1") {
			b.Fatalf("%q does not name the document", err)
		}
		b.holds("segment", "song-1", 2, "b")
	}},
	{"WritingTheDeletedIsStale", func(b *bench) {
		b.commit(put("k", "i", 0, "a"))
		b.commit(remove("k", "i", 1))
		b.refuses(fault.Stale, put("k", "i", 1, "x"))
		b.refuses(fault.Stale, put("k", "i", 2, "x"))
		b.refuses(fault.Stale, remove("k", "i", 2))
		b.lacks("k", "i")
	}},
	{"FirstWrongWriteDecides", func(b *bench) {
		b.commit(put("k", "i", 0, "a"))
		b.refuses(fault.Conflict, put("k", "i", 0, "x"), put("k", "absent", 1, "x"))
		b.refuses(fault.Stale, put("k", "absent", 1, "x"), put("k", "i", 0, "x"))
	}},
	{"OneOfSixteenCreates", func(b *bench) {
		b.race(func(int) []store.Write { return []store.Write{put("k", "one", 0, "x")} }, fault.Conflict)
		b.same("latest", b.latest(), int64(1))
	}},
	{"OneOfSixteenUpdates", func(b *bench) {
		b.commit(put("k", "one", 0, "0"))
		for round := range int64(5) {
			winner := b.race(func(n int) []store.Write { return []store.Write{put("k", "one", round+1, fmt.Sprint(round, n))} },
				fault.Stale)
			b.holds("k", "one", round+2, fmt.Sprint(round, winner))
		}
	}},
	{"OneOfSixteenDeletes", func(b *bench) {
		b.commit(put("k", "one", 0, "0"))
		b.race(func(int) []store.Write { return []store.Write{remove("k", "one", 1)} }, fault.Stale)
		b.lacks("k", "one")
	}},
	{"RacingCommitsNeverMix", func(b *bench) {
		b.commit(put("k", "left", 0, ""), put("k", "right", 0, ""))
		winner := b.race(func(n int) []store.Write {
			w := []store.Write{put("k", "left", 1, fmt.Sprint(n)), put("k", "right", 1, fmt.Sprint(n))}
			w[0], w[1] = w[n%2], w[1-n%2]
			return w
		}, fault.Stale)
		b.holds("k", "left", 2, fmt.Sprint(winner))
		b.holds("k", "right", 2, fmt.Sprint(winner))
	}},
	{"CountersLoseNothing", func(b *bench) {
		b.commit(put("k", "counter", 0, "0"))
		other := b.open()
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() {
				on := []Store{b.Store, other}[n%2]
				for done := 0; done < 10; {
					d, err := on.Get(b.Context(), "k", "counter")
					if err != nil {
						b.Errorf("get: %v", err)
						return
					}
					var value int
					fmt.Sscan(string(d.Body), &value)
					_, err = on.Commit(b.Context(), store.Commit{Writes: []store.Write{put("k", "counter", d.Revision,
						fmt.Sprint(value+1))}, Origin: origin()})
					switch {
					case err == nil:
						done++
					case !fault.Is(err, fault.Stale):
						b.Errorf("commit: %v", err)
						return
					}
				}
			})
		}
		all.Wait()
		b.holds("k", "counter", 61, "60")
	}},
}

// race makes sixteen concurrent commits, half of them through another handle. It checks that one succeeds and the
// others fail with loss, and returns the successful one.
func (b *bench) race(writes func(n int) []store.Write, loss fault.Kind) int {
	b.Helper()
	other := b.open()
	var all sync.WaitGroup
	var winner, wins atomic.Int64
	start := make(chan struct{})
	for n := range 16 {
		all.Go(func() {
			<-start
			on := []Store{b.Store, other}[n%2]
			switch _, err := on.Commit(b.Context(), store.Commit{Writes: writes(n), Origin: origin()}); {
			case err == nil:
				wins.Add(1)
				winner.Store(int64(n))
			case !fault.Is(err, loss):
				b.Errorf("loser %d: %v", n, err)
			}
		})
	}
	close(start)
	all.Wait()
	if wins.Load() != 1 {
		b.Fatalf("%d of 16 won", wins.Load())
	}
	return int(winner.Load())
}
