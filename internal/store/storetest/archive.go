package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

// Archivable is a Store whose whole content can be moved to another Store with any back end.
type Archivable interface {
	Store
	Export(ctx context.Context, begin func(trimmed int64) error, document func(store.Document) error,
		change func(store.Change) error, entry func(store.Entry) error) error
	Import(ctx context.Context, trimmed int64, documents iter.Seq2[store.Document, error], changes iter.Seq2[store.Change,
		error], entries iter.Seq2[store.Entry, error]) error
}

// RunArchive tests that the content of from can be moved to to and back.
func RunArchive(t *testing.T, from, to func(t *testing.T) func() Archivable) {
	t.Run("ContentIsCarriedWhole", func(t *testing.T) {
		t.Parallel()
		source, target, back := from(t)(), to(t), from(t)
		fill(&bench{T: t, Store: source})
		first := export(t, source)
		first.order(t)
		for _, open := range []func() Archivable{target, back} {
			s := open()
			if err := first.into(t.Context(), s); err != nil {
				t.Fatalf("import: %v", err)
			}
			b := &bench{T: t, Store: open()}
			b.same("archive of the archive", export(t, open()), first)
			b.same("latest", b.latest(), int64(len(first.Changes)))
			b.same("revision that follows the deleted", b.commit(put("k", "deleted", 0, ""))[0].Revision, int64(3))
			b.same("revision that follows the living", b.commit(put("k", "living", 2, ""))[0].Revision, int64(3))
			b.same("sequence that follows", b.latest(), int64(len(first.Changes))+2)
			b.same("repeated as-run", b.append(first.Entries...), make([]bool, len(first.Entries)))
			history, err := b.Audit(t.Context(), store.AuditQuery{Kind: "k", ID: "again"})
			if err != nil || len(history) != 3 {
				t.Fatalf("audit: %v, %v", history, err)
			}
		}
	})
	t.Run("TrimmedContentIsCarriedWhole", func(t *testing.T) {
		t.Parallel()
		source := from(t)()
		b := &bench{T: t, Store: source}
		fill(b)
		b.trim(100)
		b.forget("b", 1, 2)
		first := export(t, source)
		first.order(t)
		b.same("trimmed", first.Trimmed, int64(100))
		for _, place := range []func(t *testing.T) func() Archivable{to, from} {
			s := place(t)()
			if err := first.into(t.Context(), s); err != nil {
				t.Fatalf("import: %v", err)
			}
			b := &bench{T: t, Store: s}
			b.same("archive of the archive", export(t, s), first)
			b.same("revision that follows the deleted", b.commit(put("k", "deleted", 0, ""))[0].Revision, int64(3))
			if got, err := b.Changes(t.Context(), 99, 1); !fault.Is(err, fault.Gone) {
				t.Fatalf("changes after 99: %v, %v", got, err)
			}
			b.same("feed after the trimmed", b.feed(100, 1000)[0].Sequence, int64(101))
			b.trim(200)
		}
	})
	t.Run("OnlyAnEmptyStoreIsImportedInto", func(t *testing.T) {
		t.Parallel()
		source := from(t)()
		fill(&bench{T: t, Store: source})
		whole := export(t, source)
		for name, spoil := range map[string]func(b *bench){
			"document": func(b *bench) { b.commit(put("k", "i", 0, "")) },
			"change":   func(b *bench) { b.commit() },
			"as-run":   func(b *bench) { b.append(store.Entry{Station: "s"}) },
		} {
			target := to(t)()
			spoil(&bench{T: t, Store: target})
			before := export(t, target)
			if err := whole.into(t.Context(), target); !fault.Is(err, fault.Conflict) {
				t.Errorf("import over a %s: %v", name, err)
			}
			(&bench{T: t}).same("what was there", export(t, target), before)
		}
	})
	t.Run("FailedImportLeavesNothing", func(t *testing.T) {
		t.Parallel()
		source, target := from(t)(), to(t)
		fill(&bench{T: t, Store: source})
		whole := export(t, source)
		for name, spoil := range map[string]func(a *archive){
			"a missing change":             func(a *archive) { a.Changes = slices.Delete(slices.Clone(a.Changes), 3, 4) },
			"changes trimmed to their end": func(a *archive) { a.Trimmed = int64(len(a.Changes)) },
			"a change out of order": func(a *archive) {
				a.Changes = slices.Clone(a.Changes)
				a.Changes[0], a.Changes[1], a.Trimmed = a.Changes[1], a.Changes[0], 10
			},
			"a missing last":   func(a *archive) { a.Changes = a.Changes[:len(a.Changes)-1] },
			"a document twice": func(a *archive) { a.Documents = append(slices.Clone(a.Documents), a.Documents[0]) },
			"an entry twice":   func(a *archive) { a.Entries = append(slices.Clone(a.Entries), a.Entries[0]) },
			"an unknown document": func(a *archive) {
				a.Documents = append(slices.Clone(a.Documents), store.Document{Kind: "z", ID: "z", Revision: 1})
			},
			"a wrong revision":   func(a *archive) { a.Documents = slices.Clone(a.Documents); a.Documents[0].Revision++ },
			"a missing document": func(a *archive) { a.Documents = a.Documents[1:] },
			"a nameless document": func(a *archive) {
				a.Documents = append(slices.Clone(a.Documents),
					store.Document{Revision: 1})
			},
			"an entry of nobody's": func(a *archive) { a.Entries = append(slices.Clone(a.Entries), store.Entry{}) },
		} {
			spoiled := *whole
			spoil(&spoiled)
			s := target()
			if err := spoiled.into(t.Context(), s); !fault.Is(err, fault.Invalid) {
				t.Errorf("import with %s: %v", name, err)
			}
			(&bench{T: t}).same("left by an import with "+name, export(t, s), &archive{})
		}
		for part := range 3 {
			var ends [3]error
			ends[part] = errors.New("torn")
			s := target()
			if err := whole.into(t.Context(), s, ends[:]...); !errors.Is(err, ends[part]) {
				t.Errorf("import with part %d torn: %v", part, err)
			}
			(&bench{T: t}).same("left by a torn import", export(t, s), &archive{})
		}
		if err := whole.into(t.Context(), target()); err != nil {
			t.Errorf("import after all: %v", err)
		}
	})
	t.Run("ExportIsOfOneInstantUnderLoad", func(t *testing.T) {
		t.Parallel()
		s := from(t)()
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		defer all.Wait()
		defer stop()
		all.Go(func() {
			if err := Work(ctx, s, discard{}); err != nil {
				t.Errorf("work: %v", err)
			}
		})
		if err := s.Wait(ctx, 0); err != nil {
			t.Fatalf("wait: %v", err)
		}
		for range 5 {
			a := export(t, s)
			a.order(t)
			if err := a.into(t.Context(), to(t)()); err != nil {
				t.Errorf("import: %v", err)
			}
		}
	})
}

// fill creates content of every sort.
func fill(b *bench) {
	b.commit(put("k", "living", 0, "1"), put("k", "deleted", 0, "1"), put("종류", "한", 0, "\x00\xff"),
		put("k", "again", 0, "1"))
	b.commit(put("k", "living", 1, "2"), remove("k", "deleted", 1), remove("k", "again", 1))
	b.commit()
	b.commit(put("k", "again", 0, "3"))
	for n := range 40 {
		var writes []store.Write
		for i := range 40 {
			writes = append(writes, put(fmt.Sprint("kind ", n%3), fmt.Sprintf("%d-%d", n, i), 0, fmt.Sprint(n, i)))
		}
		b.commit(writes...)
		for _, station := range []string{"서울", "a", "b"} {
			b.append(store.Entry{Station: station, Sequence: int64(n), At: origin().At.Add(time.Duration(-n) * time.Minute),
				Body: []byte(`{"n": 1}`)})
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// archive is the whole content of a Store.
type archive struct {
	Trimmed   int64
	Documents []store.Document
	Changes   []store.Change
	Entries   []store.Entry
}

func export(t *testing.T, s Archivable) *archive {
	t.Helper()
	a := new(archive)
	err := s.Export(t.Context(),
		func(trimmed int64) error { a.Trimmed = trimmed; return nil },
		func(d store.Document) error { a.Documents = append(a.Documents, d); return nil },
		func(c store.Change) error { a.Changes = append(a.Changes, c); return nil },
		func(e store.Entry) error { a.Entries = append(a.Entries, e); return nil })
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	return a
}

func (a *archive) into(ctx context.Context, s Archivable, torn ...error) error {
	torn = append(torn, nil, nil, nil) // the error at the end of each part
	return s.Import(ctx, a.Trimmed, each(a.Documents, torn[0]), each(a.Changes, torn[1]), each(a.Entries, torn[2]))
}

func each[T any](all []T, fail error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
		if fail != nil {
			yield(*new(T), fail)
		}
	}
}

// order checks that equal content gives equal archives.
func (a *archive) order(t *testing.T) {
	t.Helper()
	documents := func(a, b store.Document) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) }
	changes := func(a, b store.Change) int { return cmp.Compare(a.Sequence, b.Sequence) }
	entries := func(a, b store.Entry) int {
		return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Sequence, b.Sequence))
	}
	if !slices.IsSortedFunc(a.Documents, documents) || !slices.IsSortedFunc(a.Changes, changes) ||
		!slices.IsSortedFunc(a.Entries, entries) {
		t.Error("the archive is not in order")
	}
}
