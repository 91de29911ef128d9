package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var leaseRules = []rule{
	{"OneOfSixteenClaims", func(b *bench) {
		handles := [4]Store{b.Store, b.open(), b.open(), b.open()}
		for round := range 40 {
			name := fmt.Sprintf("work %d", round)
			var won atomic.Int64
			var all sync.WaitGroup
			for n := range 16 {
				all.Go(func() {
					held, err := handles[n%len(handles)].Claim(b.Context(), name, fmt.Sprintf("holder %d", n), time.Minute)
					if err != nil {
						b.Errorf("claim: %v", err)
					}
					if held {
						won.Add(1)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 {
				b.Fatalf("%d of sixteen hold %s", won.Load(), name)
			}
		}
	}},
	{"HolderKeepsItsLeaseAndOthersWait", func(b *bench) {
		b.claims(true, "일", "first", time.Minute)
		b.claims(false, "일", "second", time.Minute)
		b.claims(true, "일", "first", time.Minute)
		b.claims(true, "other work", "second", time.Minute)
		b.releases("일", "second") // "second" is not the holder: nothing happens
		b.claims(false, "일", "second", time.Minute)
		b.releases("일", "first")
		b.claims(true, "일", "second", time.Minute)
		b.claims(false, "일", "first", time.Minute)
	}},
	{"LeaseOfTheDeadExpires", func(b *bench) {
		const life = 150 * time.Millisecond
		began := time.Now()
		b.claims(true, "work", "dead", life)
		other := b.open()
		poll := time.NewTicker(5 * time.Millisecond)
		defer poll.Stop()
		for range poll.C {
			held, err := other.Claim(b.Context(), "work", "living", time.Minute)
			if err != nil {
				b.Fatalf("claim: %v", err)
			}
			took := time.Since(began)
			if held && took < life-2*time.Millisecond { // both ends are truncated to milliseconds
				b.Fatalf("the lease of %v was over after %v", life, took)
			}
			if held {
				break
			}
			if took > 10*time.Second {
				b.Fatalf("the lease of %v lasts for %v", life, took)
			}
		}
		b.claims(false, "work", "dead", life)
	}},
	{"LongestLeaseIsKept", func(b *bench) {
		b.claims(true, "work", "first", store.MostLease)
		b.claims(false, "work", "second", store.MostLease)
	}},
	{"LeasesAreNoChanges", func(b *bench) {
		b.commit(put("k", "i", 0, "x"))
		b.claims(true, "k", "holder", time.Minute)
		b.releases("k", "holder")
		b.same("latest", b.latest(), int64(1))
		b.same("changes", len(b.feed(0, 10)), 1)
		records, err := b.Audit(b.Context(), store.AuditQuery{})
		if err != nil || len(records) != 1 {
			b.Fatalf("audit: %v, %v", records, err)
		}
	}},
	{"NonsenseIsNotClaimed", func(b *bench) {
		for _, c := range []struct {
			name, holder string
			life         time.Duration
		}{{"", "h", time.Second}, {"n", "", time.Second}, {"n", "h", 0}, {"n", "h", -time.Second},
			{"n", "h", store.MostLease + time.Millisecond},
			{"n\x00", "h", time.Second}} {
			if held, err := b.Claim(b.Context(), c.name, c.holder, c.life); held || !fault.Is(err, fault.Invalid) {
				b.Errorf("claim %+v: %v, %v", c, held, err)
			}
		}
	}},
}

func (b *bench) claims(want bool, name, holder string, life time.Duration) {
	b.Helper()
	if held, err := b.Claim(b.Context(), name, holder, life); err != nil || held != want {
		b.Fatalf("claim of %s by %s: %v, %v; want %v", name, holder, held, err, want)
	}
}

func (b *bench) releases(name, holder string) {
	b.Helper()
	if err := b.Release(b.Context(), name, holder); err != nil {
		b.Fatalf("release of %s by %s: %v", name, holder, err)
	}
}
