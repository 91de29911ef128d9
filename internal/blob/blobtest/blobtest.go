// Package blobtest is the conformance suite of the blob stores. Every back end runs it.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
)

// Bench is an empty blob store under test.
type Bench struct {
	Open  func() blob.Store           // opens another handle, as another process would
	Flip  func(hash string, at int64) // inverts the stored byte at at, without the store's knowledge
	Spool func() []string             // lists the remaining temporary files
}

// Run runs the suite against the stores that place creates.
func Run(t *testing.T, place func(t *testing.T) Bench) {
	for _, rule := range slices.Concat(putRules, readRules, careRules) {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			b := &bench{T: t, place: place(t)}
			b.Store = b.place.Open()
			rule.hold(b)
			if left := b.place.Spool(); len(left) > 0 {
				t.Errorf("temporary files left: %v", left)
			}
		})
	}
}

type rule struct {
	name string
	hold func(b *bench)
}

type bench struct {
	*testing.T
	blob.Store
	place Bench
}

func hash(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

func noise(seed byte, n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(p)
	return p
}

func (b *bench) put(p []byte) blob.Blob {
	b.Helper()
	got, err := b.Put(b.Context(), bytes.NewReader(p), int64(len(p)))
	if err != nil || got.SHA256 != hash(p) || got.Bytes != int64(len(p)) {
		b.Fatalf("put: %+v, %v; want %s of %d bytes", got, err, hash(p), len(p))
	}
	return got
}

func (b *bench) holds(p []byte) {
	b.Helper()
	content, size, err := b.Open(b.Context(), hash(p))
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	defer content.Close()
	got, err := io.ReadAll(content)
	if err != nil || size != int64(len(p)) || !bytes.Equal(got, p) {
		b.Fatalf("read %d bytes of %d, %v; want %d", len(got), size, err, len(p))
	}
}

func (b *bench) lacks(p []byte) {
	b.Helper()
	if _, _, err := b.Open(b.Context(), hash(p)); !fault.Is(err, fault.NotFound) {
		b.Fatalf("open: %v; want NotFound", err)
	}
	if _, err := b.Stat(b.Context(), hash(p)); !fault.Is(err, fault.NotFound) {
		b.Fatalf("stat: %v; want NotFound", err)
	}
}

// names lists all names in pages.
func (b *bench) names(page int) []string {
	b.Helper()
	var names []string
	for after := ""; ; after = names[len(names)-1] {
		list, err := b.List(b.Context(), after, page)
		if err != nil || len(list) > page {
			b.Fatalf("list after %q: %d blobs, %v", after, len(list), err)
		}
		for _, found := range list {
			names = append(names, found.SHA256)
		}
		if len(list) < page {
			return names
		}
	}
}

var errTorn = errors.New("torn")

// torn returns a reader that yields p and then fails.
func torn(p []byte) io.Reader { return io.MultiReader(bytes.NewReader(p), broken{}) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errTorn }

// cutting returns a reader that yields p and cancels before its end.
func cutting(p []byte, cancel context.CancelFunc) io.Reader {
	return io.MultiReader(bytes.NewReader(p[:len(p)/2]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0,
			io.EOF
	}), bytes.NewReader(p[len(p)/2:]))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func wrong(names ...string) []string {
	a := fmt.Sprintf("%064x", 10)
	return append(names, "", "a", a[1:], a+"0", "A"+a[1:], "g"+a[1:], a[:63]+"/", "../"+a, "../../etc/passwd", a[:62]+"..",
		a[:63]+"\x00", "tmp")
}
