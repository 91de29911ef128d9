package blobtest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"

	"lifeline/internal/fault"
)

var readRules = []rule{
	{"AnyRangeCanBeRead", func(b *bench) {
		p := noise(1, 1_000_003)
		b.put(p)
		content, size, err := b.Open(b.Context(), hash(p))
		if err != nil || size != int64(len(p)) {
			b.Fatalf("open: %d, %v", size, err)
		}
		defer content.Close()
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			from := rnd.IntN(len(p))
			n := rnd.IntN(len(p)-from) + 1
			got := make([]byte, n)
			if _, err := content.ReadAt(got, int64(from)); err != nil && err != io.EOF || !bytes.Equal(got, p[from:from+n]) {
				b.Fatalf("read %d bytes at %d: %v", n, from, err)
			}
			if at, err := content.Seek(int64(from), io.SeekStart); err != nil || at != int64(from) {
				b.Fatalf("seek to %d: %d, %v", from, at, err)
			}
			if _, err := io.ReadFull(content, got); err != nil || !bytes.Equal(got, p[from:from+n]) {
				b.Fatalf("read %d bytes from %d: %v", n, from, err)
			}
		}
		if at, err := content.Seek(-5, io.SeekEnd); err != nil || at != size-5 {
			b.Fatalf("seek to the end: %d, %v", at, err)
		}
		if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, p[size-5:]) {
			b.Fatalf("read the end: %v, %v", got, err)
		}
		past := make([]byte, 10)
		if n, err := content.ReadAt(past, size-3); n != 3 || !errors.Is(err, io.EOF) {
			b.Fatalf("read past the end: %d, %v", n, err)
		}
	}},
	{"ManyReadOneBlobAtOnce", func(b *bench) {
		p := noise(1, 500_000)
		b.put(p)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				content, _, err := b.Open(b.Context(), hash(p))
				if err != nil {
					b.Errorf("open: %v", err)
					return
				}
				defer content.Close()
				if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, p) {
					b.Errorf("read: %d bytes, %v", len(got), err)
				}
			})
		}
		all.Wait()
	}},
	{"ListIsInOrderWithStableCursors", func(b *bench) {
		var want []string
		for n := range 60 {
			want = append(want, b.put(noise(byte(n), 10+n)).SHA256)
		}
		slices.Sort(want)
		for _, page := range []int{1, 7, 60, 61} {
			if got := b.names(page); !slices.Equal(got, want) {
				b.Fatalf("in pages of %d: %v; want %v", page, got, want)
			}
		}
		if err := b.Delete(b.Context(), want[10]); err != nil {
			b.Fatal(err)
		}
		after, err := b.List(b.Context(), want[10], 1)
		if err != nil || len(after) != 1 || after[0].SHA256 != want[11] {
			b.Fatalf("list after the deleted: %v, %v", after, err)
		}
		if _, err := b.List(b.Context(), "", 0); !fault.Is(err, fault.Invalid) {
			b.Fatalf("list of none: %v", err)
		}
	}},
	{"DeletedIsGoneAndMayComeBack", func(b *bench) {
		p := noise(1, 5000)
		b.put(p)
		for range 2 {
			if err := b.Delete(b.Context(), hash(p)); err != nil {
				b.Fatalf("delete: %v", err)
			}
			b.lacks(p)
		}
		b.put(p)
		b.holds(p)
	}},
}
