package blobtest

import (
	"context"
	"errors"
	"slices"
	"time"

	"lifeline/internal/blob"
)

var careRules = []rule{
	{"ErasedBlobIsGone", func(b *bench) {
		p := noise(7, 3000)
		b.put(p)
		b.put(noise(8, 3000))
		for range 2 {
			if err := b.Erase(b.Context(), hash(p)); err != nil {
				b.Fatal(err)
			}
			b.lacks(p)
		}
		b.holds(noise(8, 3000))
		b.put(p)
		b.holds(p)
	}},
	{"ScrubFindsEveryFlippedBitAndRepairs", func(b *bench) {
		spare, err := blob.OpenLocal(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		defer spare.Close()
		var bad []string
		for n := range 12 {
			p := noise(byte(n), 20_000+n)
			b.put(p)
			if n%2 == 0 { // the spare copy lacks half of them
				copied := &bench{T: b.T, Store: spare}
				copied.put(p)
			}
			if n%3 == 0 {
				b.place.Flip(hash(p), int64(n*1000))
				bad = append(bad, hash(p))
			}
		}
		slices.Sort(bad)
		if found := b.scrub(nil); !slices.Equal(found, bad) {
			b.Fatalf("found %v; want %v", found, bad)
		}
		if found := b.scrub(spare); !slices.Equal(found, bad) {
			b.Fatalf("found %v; want %v", found, bad)
		}
		b.holds(noise(0, 20_000))
		b.holds(noise(6, 20_006))
		left := []string{hash(noise(3, 20_003)), hash(noise(9, 20_009))}
		slices.Sort(left)
		if found := b.scrub(spare); !slices.Equal(found, left) {
			b.Fatalf("found %v; want %v, of which there is no other copy", found, left)
		}
		if names := b.names(100); len(names) != 12 {
			b.Fatalf("%d blobs; want 12", len(names))
		}
	}},
	{"DamagedSpareRepairsNothing", func(b *bench) {
		p := noise(1, 9000)
		b.put(p)
		b.place.Flip(hash(p), 5)
		whole, err := blob.OpenLocal(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		defer whole.Close()
		if err := blob.Repair(b.Context(), whole, b.Store, hash(p)); err == nil {
			b.Fatal("repaired from a damaged copy")
		}
		if list, err := whole.List(b.Context(), "", 10); err != nil || len(list) != 0 {
			b.Fatalf("list: %v, %v", list, err)
		}
	}},
	{"PutMendsTheDamaged", func(b *bench) {
		p := noise(1, 9000)
		b.put(p)
		b.place.Flip(hash(p), 8999)
		b.put(p)
		b.holds(p)
	}},
	{"CollectionTakesOnlyTheOldAndUnreferenced", func(b *bench) {
		var kept []string
		for n := range 9 {
			stored := b.put(noise(byte(n), 100))
			if n%3 == 0 {
				kept = append(kept, stored.SHA256)
			}
		}
		slices.Sort(kept)
		referenced := func(_ context.Context, sha string) (bool, error) { return slices.Contains(kept, sha), nil }
		past, future := time.Unix(0, 0), time.Now().Add(time.Hour)
		if deleted := b.collect(past, referenced); len(deleted) != 0 || len(b.names(100)) != 9 {
			b.Fatalf("took the young: %v", deleted)
		}
		b.collect(future, func(context.Context, string) (bool, error) { return true, nil })
		refused := errors.New("refused")
		err := blob.Collect(b.Context(), b.Store, future, func(context.Context, string) (bool, error) {
			return false,
				refused
		}, func(blob.Blob) {})
		if !errors.Is(err, refused) || len(b.names(100)) != 9 {
			b.Fatalf("collect without an answer: %v, %d left", err, len(b.names(100)))
		}
		if deleted := b.collect(future, referenced); len(deleted) != 6 || !slices.Equal(b.names(100), kept) {
			b.Fatalf("took %v, left %v", deleted, b.names(100))
		}
	}},
	{"DeleteOlderSparesWhatWasPutAgain", func(b *bench) {
		p := noise(1, 100)
		first := b.put(p)
		for before, want := range map[time.Time]bool{first.Stored: false, first.Stored.Add(-time.Second): false} {
			if gone, err := b.DeleteOlder(b.Context(), hash(p), before); err != nil || gone != want {
				b.Fatalf("delete older than %v: %v, %v", before, gone, err)
			}
		}
		b.holds(p)
		for _, want := range []bool{true, false} {
			if gone, err := b.DeleteOlder(b.Context(), hash(p), first.Stored.Add(time.Second)); err != nil || gone != want {
				b.Fatalf("delete: %v, %v; want %v", gone, err, want)
			}
		}
		b.lacks(p)
	}},
}

func (b *bench) scrub(spare blob.Store) (found []string) {
	b.Helper()
	err := blob.Scrub(b.Context(), b.Store, spare, func(f blob.Finding) error {
		if f.Problem == "" || f.Repaired && f.Err != nil || spare == nil && f.Repaired {
			b.Errorf("finding: %+v", f)
		}
		found = append(found, f.SHA256)
		return nil
	})
	if err != nil {
		b.Fatalf("scrub: %v", err)
	}
	return found
}

func (b *bench) collect(before time.Time, referenced func(context.Context, string) (bool, error)) (deleted []string) {
	b.Helper()
	if err := blob.Collect(b.Context(), b.Store, before, referenced, func(d blob.Blob) {
		deleted = append(deleted,
			d.SHA256)
	}); err != nil {
		b.Fatalf("collect: %v", err)
	}
	return deleted
}
