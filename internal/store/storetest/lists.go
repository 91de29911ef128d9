package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"lifeline/internal/store"
)

var listRules = []rule{
	{"ListIsInByteOrder", func(b *bench) {
		ids := []string{"a", "B", "b", "aa", "a-", "a0", "é", "e", "한", "中", "\U0001F4FB", "\uffff", "~", " ", "10", "9",
			"\u007f", "Z"}
		for _, id := range ids {
			b.commit(put("k", id, 0, id), put("other", id+"!", 0, ""))
		}
		slices.Sort(ids)
		for _, page := range []int{1, 2, 5, len(ids), 1000} {
			var got []string
			for _, d := range b.list("k", page) {
				got = append(got, d.ID)
			}
			b.same(fmt.Sprintf("ids in pages of %d", page), got, ids)
		}
		b.same("list of nothing", len(b.list("none", 5)), 0)
	}},
	{"CursorNeedsNoDocument", func(b *bench) {
		b.commit(put("k", "b", 0, ""), put("k", "d", 0, ""))
		for after, want := range map[string]int{"": 2, "a": 2, "b": 1, "b\x00": 1, "c": 1, "d": 0, "z": 0} {
			got, err := b.List(b.Context(), "k", after, 10)
			if err != nil || len(got) != want {
				b.Fatalf("after %q: %v, %v; want %d", after, got, err, want)
			}
		}
		b.commit(remove("k", "b", 1))
		got, err := b.List(b.Context(), "k", "b", 10)
		if err != nil || len(got) != 1 || got[0].ID != "d" {
			b.Fatalf("after the deleted: %v, %v", got, err)
		}
	}},
	{"ListIsStableUnderConcurrentWrites", func(b *bench) {
		steady := make([]string, 60)
		var writes []store.Write
		for i := range steady {
			steady[i] = fmt.Sprintf("s%03d", i)
			writes = append(writes, put("k", steady[i], 0, ""))
		}
		b.commit(writes...)
		ctx, stop := context.WithCancel(b.Context())
		var all sync.WaitGroup
		defer all.Wait()
		defer stop()
		for n := range 3 {
			all.Go(func() {
				revisions := make(map[string]int64)
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("s%03d-%d", (i*7)%60, n)
					w := put("k", id, 0, "")
					if revisions[id] > 0 {
						w = remove("k", id, revisions[id])
					}
					changes, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{w}, Origin: origin()})
					if err != nil {
						b.Errorf("commit: %v", err)
						return
					}
					if revisions[id] = changes[0].Revision; w.Delete {
						revisions[id] = 0
					}
				}
			})
		}
		for round := range 8 {
			var got []string
			last := ""
			for _, d := range b.list("k", 3+round) {
				if d.ID <= last {
					b.Errorf("%q follows %q", d.ID, last)
				}
				if last = d.ID; len(d.ID) == 4 {
					got = append(got, d.ID)
				}
			}
			if !slices.Equal(got, steady) {
				b.Errorf("the steady documents listed: %v", got)
			}
		}
	}},
	{"ListAfterLatestSeesTheChangesUpToIt", func(b *bench) {
		ctx, stop := context.WithCancel(b.Context())
		var all sync.WaitGroup
		defer all.Wait()
		defer stop()
		for n := range 3 {
			all.Go(func() {
				for i := 0; i < 2000 && ctx.Err() == nil; i++ { // at most as many as every feed keeps
					c := store.Commit{Writes: []store.Write{put("k", fmt.Sprintf("%d-%05d", n, i), 0, "")}, Origin: origin()}
					if _, err := b.Commit(b.Context(), c); err != nil {
						b.Errorf("commit: %v", err)
						return
					}
				}
			})
		}
		other := &bench{T: b.T, Store: b.open(), open: b.open}
		for range 10 {
			latest := other.latest()
			listed := make(map[string]bool)
			for _, d := range other.list("k", 1000) {
				listed[d.ID] = true
			}
			for _, c := range other.feed(0, 1000) {
				if c.Sequence <= latest && !listed[c.ID] {
					b.Errorf("change %d of %s, at most %d, is not in the list that followed", c.Sequence, c.ID, latest)
				}
			}
		}
	}},
}
