package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"lifeline/internal/fault"
)

var putRules = []rule{
	{"BytesComeBackUnderTheirHash", func(b *bench) {
		for _, p := range [][]byte{{}, {0}, []byte("한국어"), noise(1, 1<<10), noise(2, 1<<20+1), noise(3, 20<<20+13)} {
			b.lacks(p)
			put := b.put(p)
			b.holds(p)
			if stat, err := b.Stat(b.Context(), hash(p)); err != nil || stat != put {
				b.Fatalf("stat: %+v, %v; put said %+v", stat, err, put)
			}
		}
		b.Store = b.place.Open()
		b.holds(noise(3, 20<<20+13))
	}},
	{"SameBytesAreOneBlob", func(b *bench) {
		first := b.put(noise(1, 5000))
		if again := b.put(noise(1, 5000)); again.Stored.Before(first.Stored) {
			b.Fatalf("stored %v, then %v", first.Stored, again.Stored)
		}
		if names := b.names(10); len(names) != 1 {
			b.Fatalf("listed: %v", names)
		}
		b.holds(noise(1, 5000))
	}},
	{"SixteenPutsAtOnceAreOneBlob", func(b *bench) {
		p, other := noise(1, 300_000), b.place.Open()
		var all sync.WaitGroup
		for n := range 16 {
			all.Go(func() {
				on := b.Store
				if n%2 == 1 {
					on = other
				}
				if got, err := on.Put(b.Context(), bytes.NewReader(p), 1<<20); err != nil || got.SHA256 != hash(p) {
					b.Errorf("put: %+v, %v", got, err)
				}
			})
		}
		all.Wait()
		b.holds(p)
		if names := b.names(10); len(names) != 1 {
			b.Fatalf("listed: %v", names)
		}
	}},
	{"OneByteOverTheLimitIsTooLarge", func(b *bench) {
		p := noise(1, 100_000)
		for _, limit := range []int64{99_999, 1, 0, -1} {
			if got, err := b.Put(b.Context(), bytes.NewReader(p), limit); !fault.Is(err, fault.TooLarge) {
				b.Fatalf("put within %d: %+v, %v", limit, got, err)
			}
		}
		endless := &counting{}
		if _, err := b.Put(b.Context(), endless, 1000); !fault.Is(err, fault.TooLarge) || endless.n > 1<<20 {
			b.Fatalf("put of the endless: %v after %d bytes", err, endless.n)
		}
		if names := b.names(10); len(names) != 0 {
			b.Fatalf("listed: %v", names)
		}
		b.put(p)
	}},
	{"TornPutLeavesNothing", func(b *bench) {
		p := noise(1, 100_000)
		if _, err := b.Put(b.Context(), torn(p), 1<<20); !errors.Is(err, errTorn) {
			b.Fatalf("put: %v", err)
		}
		b.lacks(p)
		if names := b.names(10); len(names) != 0 {
			b.Fatalf("listed: %v", names)
		}
	}},
	{"CancelledPutLeavesNothing", func(b *bench) {
		p := noise(1, 100_000)
		ctx, cancel := context.WithCancel(b.Context())
		if _, err := b.Put(ctx, cutting(p, cancel), 1<<20); !errors.Is(err, context.Canceled) {
			b.Fatalf("put: %v", err)
		}
		b.lacks(p)
		if names := b.names(10); len(names) != 0 {
			b.Fatalf("listed: %v", names)
		}
	}},
	{"PutIsInvisibleUntilWhole", func(b *bench) {
		p := noise(1, 200_000)
		r, w := io.Pipe()
		ended := make(chan error)
		go func() {
			_, err := b.Put(b.Context(), r, 1<<20)
			ended <- err
		}()
		for _, part := range slices.Collect(slices.Chunk(p, 50_000)) {
			if _, err := w.Write(part); err != nil {
				b.Fatal(err)
			}
			b.lacks(p)
			if names := b.names(10); len(names) != 0 {
				b.Fatalf("listed: %v", names)
			}
		}
		w.Close()
		if err := <-ended; err != nil {
			b.Fatalf("put: %v", err)
		}
		b.holds(p)
	}},
	{"AnotherHandleSweepsNoPutUnderWay", func(b *bench) {
		p := noise(1, 200_000)
		r, w := io.Pipe()
		ended := make(chan error)
		go func() {
			_, err := b.Put(b.Context(), r, 1<<20)
			ended <- err
		}()
		if _, err := w.Write(p[:100_000]); err != nil {
			b.Fatal(err)
		}
		other := b.place.Open()
		if _, err := io.Copy(w, bytes.NewReader(p[100_000:])); err != nil {
			b.Fatal(err)
		}
		w.Close()
		if err := <-ended; err != nil {
			b.Fatalf("put: %v", err)
		}
		if _, err := other.Stat(b.Context(), hash(p)); err != nil {
			b.Fatalf("stat: %v", err)
		}
	}},
	{"WrongNamesAreInvalid", func(b *bench) {
		b.put([]byte("x"))
		for _, name := range wrong(strings.ToUpper(hash([]byte("x")))) {
			_, _, opened := b.Open(b.Context(), name)
			_, stated := b.Stat(b.Context(), name)
			deleted := b.Delete(b.Context(), name)
			for verb, err := range map[string]error{"open": opened, "stat": stated, "delete": deleted} {
				if !fault.Is(err, fault.Invalid) {
					b.Errorf("%s %q: %v; want Invalid", verb, name, err)
				}
			}
		}
	}},
}

// counting is an endless reader of zeros that counts them.
type counting struct{ n int }

func (c *counting) Read(p []byte) (int, error) {
	clear(p)
	c.n += len(p)
	return len(p), nil
}
