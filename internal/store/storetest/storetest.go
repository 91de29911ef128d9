package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Store combines the interfaces that the use cases require of a back end.
type Store interface {
	Get(ctx context.Context, kind, id string) (store.Document, error)
	List(ctx context.Context, kind, after string, limit int) ([]store.Document, error)
	Commit(ctx context.Context, c store.Commit) ([]store.Change, error)

	Changes(ctx context.Context, since int64, limit int) ([]store.Change, error)
	Latest(ctx context.Context) (int64, error)
	Wait(ctx context.Context, since int64) error
	Audit(ctx context.Context, q store.AuditQuery) ([]store.Change, error)

	Append(ctx context.Context, entries []store.Entry) ([]bool, error)
	Read(ctx context.Context, station string, from, to time.Time) ([]store.Entry, error)

	Claim(ctx context.Context, name, holder string, life time.Duration) (bool, error)
	Release(ctx context.Context, name, holder string) error
	Forget(ctx context.Context, station string, sequences []int64) error
	Trim(ctx context.Context, through int64) error
	Redact(ctx context.Context, changes []store.Change, entries []store.Entry) error
	Purge(ctx context.Context) error

	Ping(ctx context.Context) error
	Close() error
}

// Place creates an empty store. The function that it returns opens another handle on that store, as another process
// would. The handles are closed at the end of the test.
type Place func(t *testing.T) (open func() Store)

// Run tests a back end against the contract.
func Run(t *testing.T, place Place) {
	for _, rule := range slices.Concat(documentRules, conditionRules, listRules, feedRules, waitRules, auditRules,
		asrunRules, leaseRules, retireRules, redactRules, sizeRules, modelRules) {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			open := place(t)
			rule.hold(&bench{T: t, Store: open(), open: open})
		})
	}
}

type rule struct {
	name string
	hold func(b *bench)
}

// bench is a test with a store.
type bench struct {
	*testing.T
	Store
	open func() Store
}

// origin returns a complete Origin: whole milliseconds, UTC, and text in several scripts.
func origin() store.Origin {
	return store.Origin{
		At:        time.Date(2026, 11, 3, 17, 4, 5, 678_000_000, time.UTC),
		By:        "편성 담당 «schéduler»",
		Action:    "segment.approve",
		Reason:    "读过了, ok — \"quoted\"\n\tsecond line \x01",
		RequestID: "01JCQ",
		Person:    "하나",
		Token:     "0d9c6f2e41b7a8035c1e",
		Remote:    "[2001:db8::1%25eth0]:443",
	}
}

func put(kind, id string, expect int64, body string) store.Write {
	return store.Write{Kind: kind, ID: id, Expect: expect, Body: []byte(body)}
}

func remove(kind, id string, expect int64) store.Write {
	return store.Write{Kind: kind, ID: id, Expect: expect, Delete: true}
}

func (b *bench) commit(writes ...store.Write) []store.Change {
	b.Helper()
	changes, err := b.Commit(b.Context(), store.Commit{Writes: writes, Origin: origin()})
	if err != nil {
		b.Fatalf("commit: %v", err)
	}
	return changes
}

func (b *bench) refuses(kind fault.Kind, writes ...store.Write) error {
	b.Helper()
	changes, err := b.Commit(b.Context(), store.Commit{Writes: writes, Origin: origin()})
	if !fault.Is(err, kind) || len(changes) != 0 {
		b.Fatalf("commit: %v, %v; want no change and fault kind %d", changes, err, kind)
	}
	return err
}

func (b *bench) latest() int64 {
	b.Helper()
	latest, err := b.Latest(b.Context())
	if err != nil {
		b.Fatalf("latest: %v", err)
	}
	return latest
}

// holds checks that the document has a revision and a body.
func (b *bench) holds(kind, id string, revision int64, body string) {
	b.Helper()
	d, err := b.Get(b.Context(), kind, id)
	want := store.Document{Kind: kind, ID: id, Revision: revision, Body: []byte(body)}
	if err != nil || !cmp.Equal(d, want, cmpopts.EquateEmpty()) {
		b.Fatalf("get %s %q: %s, %v; want %s", kind, id, brief(d), err, brief(want))
	}
}

func (b *bench) lacks(kind, id string) {
	b.Helper()
	if d, err := b.Get(b.Context(), kind, id); !fault.Is(err, fault.NotFound) {
		b.Fatalf("get %s %q: %s, %v; want NotFound", kind, id, brief(d), err)
	}
}

// list reads a whole kind in pages and checks that all pages but the last are full.
func (b *bench) list(kind string, page int) []store.Document {
	b.Helper()
	var all []store.Document
	for after := ""; ; after = all[len(all)-1].ID {
		got, err := b.List(b.Context(), kind, after, page)
		if err != nil {
			b.Fatalf("list %s after %q: %v", kind, after, err)
		}
		all = append(all, got...)
		if len(got) > page {
			b.Fatalf("list %s after %q: %d documents, over the limit of %d", kind, after, len(got), page)
		}
		if len(got) < page {
			return all
		}
	}
}

// feed reads every change after since in pages and checks that their sequences have no gap.
func (b *bench) feed(since int64, page int) []store.Change {
	b.Helper()
	var all []store.Change
	for {
		got, err := b.Changes(b.Context(), since, page)
		if err != nil {
			b.Fatalf("changes after %d: %v", since, err)
		}
		if len(got) > page {
			b.Fatalf("changes after %d: %d, over the limit of %d", since, len(got), page)
		}
		for _, c := range got {
			if since++; c.Sequence != since {
				b.Fatalf("changes: sequence %d where %d comes next", c.Sequence, since)
			}
		}
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

func (b *bench) same(what string, got, want any) {
	b.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func brief(d store.Document) string {
	if len(d.Body) > 64 {
		return fmt.Sprintf("%s %q at %d with %d bytes (%x…)", d.Kind, d.ID, d.Revision, len(d.Body), d.Body[:16])
	}
	return fmt.Sprintf("%s %q at %d with %q", d.Kind, d.ID, d.Revision, d.Body)
}
