package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var feedRules = []rule{
	{"ChangeSaysWhoAndWhy", func(b *bench) {
		changes := b.commit(put("k", "한 i", 0, "a"))
		b.same("change of the commit", changes, []store.Change{{Sequence: 1, Kind: "k", ID: "한 i", Revision: 1,
			Origin: origin()}})
		b.same("change of the feed", b.feed(0, 1), changes)
		if at := b.feed(0, 1)[0].At; at.Location() != time.UTC {
			b.Fatalf("at %v is not in UTC", at)
		}
		if _, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{put("k", "zero", 0, "")}}); err != nil {
			b.Fatal(err)
		}
		b.same("change without origin", b.feed(1, 1), []store.Change{{Sequence: 2, Kind: "k", ID: "zero", Revision: 1}})
	}},
	{"InstantsAreKeptInUTCMilliseconds", func(b *bench) {
		at := time.Date(2026, 3, 8, 2, 30, 0, 123_456_789, time.FixedZone("somewhere", 5*3600+45*60))
		changes, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{put("k", "i", 0, "")},
			Origin: store.Origin{At: at}})
		if err != nil {
			b.Fatal(err)
		}
		want := at.UTC().Truncate(time.Millisecond)
		b.same("at of the commit", changes[0].At, want)
		b.same("at of the feed", b.feed(0, 9)[0].At, want)
		b.append(store.Entry{Station: "s", Sequence: 1, At: at})
		b.same("at of the as-run", b.read("s", want, want.Add(time.Millisecond))[0].At, want)
	}},
	{"CommitWithoutWritesRecordsItsAction", func(b *bench) {
		b.commit(put("k", "i", 0, ""))
		b.same("change", b.commit(), []store.Change{{Sequence: 2, Origin: origin()}})
		b.commit(put("k", "i", 1, ""))
		b.same("latest", b.latest(), int64(3))
		b.same("feed has no gap", len(b.feed(0, 1)), 3)
	}},
	{"FeedResumesWithoutGapOrRepeat", func(b *bench) {
		b.same("latest of the empty", b.latest(), int64(0))
		b.same("feed of the empty", len(b.feed(0, 10)), 0)
		ctx, stop := context.WithCancel(b.Context())
		var all sync.WaitGroup
		for n := range 4 {
			on := []Store{b.Store, b.open()}[n%2]
			all.Go(func() {
				for i := 0; i < 25; i++ {
					var writes []store.Write
					for j := range 1 + i%3 {
						writes = append(writes, put("k", fmt.Sprintf("%d-%d-%d", n, i, j), 0, ""))
					}
					o := origin()
					o.RequestID = fmt.Sprintf("%d-%d", n, i)
					if _, err := on.Commit(b.Context(), store.Commit{Writes: writes, Origin: o}); err != nil {
						b.Errorf("commit: %v", err)
					}
				}
			})
		}
		defer all.Wait()
		go func() { all.Wait(); stop() }()
		var followed []store.Change
		since, reader := int64(0), b.open()
		for over := false; ; {
			got, err := reader.Changes(b.Context(), since, 7)
			if err != nil {
				b.Fatalf("changes after %d: %v", since, err)
			}
			for _, c := range got {
				if since++; c.Sequence != since {
					b.Fatalf("sequence %d where %d comes next", c.Sequence, since)
				}
			}
			followed = append(followed, got...)
			switch {
			case len(got) > 0:
			case over:
				b.same("what was followed", followed, b.feed(0, 1000))
				b.same("changes", len(followed), 4*(8*(1+2+3)+1))
				b.adjacent(followed)
				return
			default:
				over = reader.Wait(ctx, since) != nil
			}
		}
	}},
	{"FeedThatNeverCameSoFarIsGone", func(b *bench) {
		b.commit(put("k", "i", 0, ""))
		if got, err := b.Changes(b.Context(), 2, 10); !fault.Is(err, fault.Gone) {
			b.Fatalf("changes: %v, %v", got, err)
		}
		if err := b.Wait(b.Context(), 2); !fault.Is(err, fault.Gone) {
			b.Fatalf("wait: %v", err)
		}
	}},
	{"ClockGoingBackwardsKeepsTheOrder", func(b *bench) {
		var want []string
		for i := range 10 {
			o := origin()
			o.At = o.At.Add(-time.Duration(i) * time.Hour)
			id := fmt.Sprintf("%d", 9-i)
			want = append(want, id)
			if _, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{put("k", id, 0, "")}, Origin: o}); err != nil {
				b.Fatal(err)
			}
		}
		var got []string
		for _, c := range b.feed(0, 3) {
			got = append(got, c.ID)
		}
		b.same("order of the feed", got, want)
	}},
}

// adjacent checks that the changes of each commit, identified by its request, are adjacent.
func (b *bench) adjacent(changes []store.Change) {
	b.Helper()
	seen := make(map[string]bool)
	last := ""
	for _, c := range changes {
		if c.RequestID != last && seen[c.RequestID] {
			b.Fatalf("commit %s is torn apart in the feed", c.RequestID)
		}
		seen[c.RequestID], last = true, c.RequestID
	}
}

// RunBounded tests a feed that keeps only its latest changes. place creates one that keeps at least keep changes, and
// fewer than a hundred times as many.
func RunBounded(t *testing.T, place Place, keep int) {
	t.Run("FeedThatNoLongerKeepsTheNextIsGone", func(t *testing.T) {
		open := place(t)
		b := &bench{T: t, Store: open(), open: open}
		var revision int64
		total := 0
		for total < 100*keep {
			writes := make([]store.Write, 50)
			for i := range writes {
				writes[i] = put("k", fmt.Sprint(i), revision, "")
			}
			total += len(b.commit(writes...))
			revision++
		}
		if _, err := b.Changes(t.Context(), 0, 10); !fault.Is(err, fault.Gone) {
			t.Fatalf("changes since the beginning: %v", err)
		}
		b.same("kept changes", len(b.feed(int64(total-keep), 13)), keep)
		if err := b.Wait(t.Context(), 0); err != nil {
			t.Fatalf("wait since the beginning: %v", err)
		}
		var audited int64
		for {
			got, err := b.Audit(t.Context(), store.AuditQuery{After: audited, Limit: 500})
			if err != nil {
				t.Fatalf("audit after %d: %v", audited, err)
			}
			if len(got) == 0 {
				break
			}
			for _, c := range got {
				if audited++; c.Sequence != audited {
					t.Fatalf("audit: sequence %d where %d comes next", c.Sequence, audited)
				}
			}
		}
		b.same("audited changes", audited, int64(total))
	})
}
