package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var retireRules = []rule{
	{"ForgottenAsRunIsGoneAndItsNameFree", func(b *bench) {
		at := origin().At
		for n := range int64(5) {
			b.append(store.Entry{Station: "서울", Sequence: n, At: at}, store.Entry{Station: "t", Sequence: n, At: at})
		}
		b.forget("서울", 1, 3, 99)
		b.forget("nobody", 1)
		b.forget("서울")
		sequences := func(station string) (got []int64) {
			for _, e := range b.read(station, at, at.Add(1)) {
				got = append(got, e.Sequence)
			}
			return got
		}
		b.same("what is left", sequences("서울"), []int64{0, 2, 4})
		b.same("another station", sequences("t"), []int64{0, 1, 2, 3, 4})
		again := store.Entry{Station: "서울", Sequence: 3, At: at.Add(time.Hour)}
		b.same("fresh", b.append(again, store.Entry{Station: "서울", Sequence: 2, At: at}), []bool{true, false})
		b.same("again", b.read("서울", again.At, again.At.Add(1)), []store.Entry{again})
		b.same("no change", b.latest(), int64(0))
	}},
	{"ManyEntriesAreForgottenTogether", func(b *bench) {
		entries, all := make([]store.Entry, 2_000), make([]int64, 2_000)
		for n := range entries {
			entries[n], all[n] = store.Entry{Station: "s", Sequence: int64(n), At: origin().At}, int64(n)
		}
		b.append(entries...)
		ended, cancel := context.WithCancel(b.Context())
		cancel()
		if err := b.Forget(ended, "s", all); err == nil {
			b.Fatal("a call whose context has ended forgot")
		}
		b.same("left", len(b.read("s", time.Time{}, origin().At.Add(1))), len(entries))
		b.forget("s", all...)
		b.same("left", len(b.read("s", time.Time{}, origin().At.Add(1))), 0)
	}},
	{"TrimKeepsTheLastChangeOfEachDocument", func(b *bench) {
		b.commit(put("k", "stays", 0, "1"), put("k", "a", 0, "1"), put("k", "gone", 0, "1")) // 1, 2, 3
		b.commit(put("k", "a", 1, "2"), remove("k", "gone", 1))                              // 4, 5
		b.commit()                                                                           // 6
		b.commit(put("k", "a", 2, "3"), put("k", "ab", 0, "1"))                              // 7, 8
		b.commit(put("k", "a", 3, "4"))                                                      // 9
		b.trim(7)
		audited := func(q store.AuditQuery) (got []int64) {
			changes, err := b.Audit(b.Context(), q)
			if err != nil {
				b.Fatalf("audit: %v", err)
			}
			for _, c := range changes {
				got = append(got, c.Sequence)
			}
			return got
		}
		b.same("audit", audited(store.AuditQuery{}), []int64{1, 5, 8, 9})
		b.same("audit of a document", audited(store.AuditQuery{Kind: "k", ID: "a"}), []int64{9})
		b.same("audit by", audited(store.AuditQuery{By: origin().By, After: 1}), []int64{5, 8, 9})
		for since := range int64(7) {
			if got, err := b.Changes(b.Context(), since, 10); !fault.Is(err, fault.Gone) {
				b.Fatalf("changes after %d: %v, %v", since, got, err)
			}
		}
		b.same("feed", len(b.feed(7, 1)), 2)
		if err := b.Wait(b.Context(), 0); err != nil {
			b.Fatalf("wait: %v", err)
		}
		b.trim(3) // less far
		b.trim(7) // again
		b.same("audit after trimming again", audited(store.AuditQuery{}), []int64{1, 5, 8, 9})
		b.same("revision that follows", b.commit(put("k", "gone", 0, ""))[0].Revision, int64(3))
		b.same("revision that follows", b.commit(put("k", "a", 4, ""))[0].Revision, int64(5))
		b.trim(10)
		b.same("audit", audited(store.AuditQuery{}), []int64{1, 8, 10, 11})
		b.sound()
	}},
	{"TheLatestChangeIsNotTrimmed", func(b *bench) {
		b.trim(0)
		b.commit()
		b.commit()
		for _, through := range []int64{-1, 2, 3} {
			if err := b.Trim(b.Context(), through); !fault.Is(err, fault.Invalid) {
				b.Fatalf("trim to %d: %v", through, err)
			}
		}
		b.trim(1)
		b.same("latest", b.latest(), int64(2))
		b.same("feed", b.feed(1, 10), []store.Change{{Sequence: 2, Origin: origin()}})
	}},
	{"FollowersOfATrimmedFeedSeeNoGap", func(b *bench) {
		const total = 150
		var all sync.WaitGroup
		other := b.open()
		all.Go(func() {
			for n := range int64(total) {
				if _, err := b.Commit(b.Context(),
					store.Commit{Writes: []store.Write{put("k", fmt.Sprint(n%3), n/3, "")}}); err != nil {
					b.Errorf("commit: %v", err)
					return
				}
			}
		})
		all.Go(func() {
			for latest := int64(0); latest < total && !b.Failed(); {
				var err error
				if latest, err = other.Latest(b.Context()); err != nil {
					b.Errorf("latest: %v", err)
				}
				if err := other.Trim(b.Context(), max(0, latest-10)); err != nil {
					b.Errorf("trim: %v", err)
				}
			}
		})
		defer all.Wait()
		reader := b.open()
		for since := int64(0); since < total; {
			if err := reader.Wait(b.Context(), since); err != nil {
				b.Fatalf("wait: %v", err)
			}
			got, err := reader.Changes(b.Context(), since, 7)
			if fault.Is(err, fault.Gone) {
				if since, err = reader.Latest(b.Context()); err != nil {
					b.Fatalf("latest: %v", err)
				}
				continue
			}
			if err != nil {
				b.Fatalf("changes after %d: %v", since, err)
			}
			for _, c := range got {
				if since++; c.Sequence != since {
					b.Fatalf("sequence %d where %d comes next", c.Sequence, since)
				}
			}
		}
		all.Wait()
		b.sound()
	}},
}

func (b *bench) forget(station string, sequences ...int64) {
	b.Helper()
	if err := b.Forget(b.Context(), station, sequences); err != nil {
		b.Fatalf("forget: %v", err)
	}
}

func (b *bench) trim(through int64) {
	b.Helper()
	if err := b.Trim(b.Context(), through); err != nil {
		b.Fatalf("trim: %v", err)
	}
}

// sound checks that a back end with a Check reports no problems.
func (b *bench) sound() {
	b.Helper()
	checked, ok := b.Store.(interface {
		Check(ctx context.Context, report func(problem string)) error
	})
	if !ok {
		return
	}
	var found []string
	err := checked.Check(b.Context(), func(problem string) { found = append(found, problem) })
	if err != nil || len(found) > 0 {
		b.Fatalf("check: %v, %v", found, err)
	}
}
