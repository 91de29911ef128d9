package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var documentRules = []rule{
	{"AbsentDocumentIsNotFound", func(b *bench) {
		b.commit(put("segment", "a", 0, "1"))
		b.lacks("segment", "b")
		b.lacks("station", "a")
		b.lacks("segment", "A")
		b.lacks("segment", "a ")
	}},
	{"DocumentsComeBackByteForByte", func(b *bench) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		bodies := map[string]string{
			"plain": `{"a":1}`, "평양/방송 第一": "한국어 中文 e\u0301 \u00e9 \U0001F4FB", "empty": "", "every byte": string(every),
			"\n": "newline", "a\nb": "two", "100%?#&=+": "like a URL", "'; drop table documents; --": "like SQL",
			"{braces}": "like a hash tag", "*[a-z]?": "like a glob", "\u200f\ufeff": "marks", "-": "-", "+": "+", "(": "(",
			"[": "[", "[a": "x", "(a": "y",
		}
		for id, body := range bodies {
			b.commit(put("종류 kind", id, 0, body))
		}
		for id, body := range bodies {
			b.holds("종류 kind", id, 1, body)
		}
		if got := b.list("종류 kind", 3); len(got) != len(bodies) {
			b.Fatalf("list has %d of %d documents", len(got), len(bodies))
		}
		for _, d := range b.list("종류 kind", 100) {
			if string(d.Body) != bodies[d.ID] {
				b.Fatalf("list: %s; want %q", brief(d), bodies[d.ID])
			}
		}
	}},
	{"ComposedAndDecomposedNamesDiffer", func(b *bench) {
		b.commit(put("segment", "\u00e9", 0, "composed"), put("segment", "e\u0301", 0, "decomposed"))
		b.holds("segment", "\u00e9", 1, "composed")
		b.holds("segment", "e\u0301", 1, "decomposed")
	}},
	{"BytesAreNeverShared", func(b *bench) {
		body := []byte("given")
		if _, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{{Kind: "k", ID: "i", Body: body}},
			Origin: origin()}); err != nil {
			b.Fatal(err)
		}
		copy(body, "XXXXX")
		for range 2 {
			d, err := b.Get(b.Context(), "k", "i")
			if err != nil || string(d.Body) != "given" {
				b.Fatalf("get: %s, %v", brief(d), err)
			}
			copy(d.Body, "YYYYY")
			l := b.list("k", 10)
			if string(l[0].Body) != "given" {
				b.Fatalf("list: %s", brief(l[0]))
			}
			copy(l[0].Body, "ZZZZZ")
		}
		changes := b.commit(put("k", "j", 0, ""))
		changes[0].ID = "scribbled"
		b.feed(0, 10)[0].ID = "scribbled"
		if got := b.feed(0, 10); got[0].ID != "i" || got[1].ID != "j" {
			b.Fatalf("changes: %v", got)
		}
	}},
	{"RevisionsCountUpAndSurviveDeletion", func(b *bench) {
		for want, w := range []store.Write{
			put("k", "i", 0, "a"), put("k", "i", 1, "b"), remove("k", "i", 2), put("k", "i", 0, "c"), remove("k", "i", 4),
			put("k", "i", 0, "d"), put("k", "i", 6, "e"),
		} {
			c := b.commit(w)
			if len(c) != 1 || c[0].Revision != int64(want)+1 || c[0].Deleted != w.Delete {
				b.Fatalf("write %d: %+v", want+1, c)
			}
			if w.Delete {
				b.lacks("k", "i")
				b.same("list of the deleted", len(b.list("k", 10)), 0)
			} else {
				b.holds("k", "i", int64(want)+1, string(w.Body))
			}
		}
	}},
	{"CommitIsAllOrNothing", func(b *bench) {
		changes := b.commit(put("a", "1", 0, "a1"), put("b", "1", 0, "b1"), put("a", "2", 0, "a2"))
		var want []store.Change
		for i, w := range [][2]string{{"a", "1"}, {"b", "1"}, {"a", "2"}} {
			want = append(want, store.Change{Sequence: int64(i) + 1, Kind: w[0], ID: w[1], Revision: 1, Origin: origin()})
		}
		b.same("changes in the order of the writes", changes, want)
		b.refuses(fault.Stale, put("a", "3", 0, "new"), put("a", "1", 1, "newer"), remove("b", "1", 1),
			put("a", "2", 7, "stale"))
		b.refuses(fault.Conflict, remove("b", "1", 1), put("a", "1", 1, "newer"), put("a", "2", 0, "taken"))
		b.holds("a", "1", 1, "a1")
		b.holds("a", "2", 1, "a2")
		b.holds("b", "1", 1, "b1")
		b.lacks("a", "3")
		b.same("feed", b.feed(0, 100), want)
		b.commit(put("a", "1", 1, "newer"), remove("b", "1", 1), put("a", "3", 0, "new"))
		b.holds("a", "1", 2, "newer")
		b.lacks("b", "1")
		b.holds("a", "3", 1, "new")
	}},
	{"CancelledCommitWritesNothing", func(b *bench) {
		gone, cancel := context.WithCancel(b.Context())
		cancel()
		late, stop := context.WithDeadline(b.Context(), time.Unix(0, 0))
		defer stop()
		for _, ctx := range []context.Context{gone, late} {
			if _, err := b.Commit(ctx, store.Commit{Writes: []store.Write{put("k", "i", 0, "x")},
				Origin: origin()}); err == nil || ctx.Err() == nil {
				b.Fatal("a cancelled commit succeeded")
			}
			if _, err := b.Append(ctx, []store.Entry{{Station: "s", Sequence: 1}}); err == nil {
				b.Fatal("a cancelled append succeeded")
			}
		}
		b.lacks("k", "i")
		b.same("latest", b.latest(), int64(0))
		read, err := b.Read(b.Context(), "s", time.Time{}, time.Now())
		if err != nil || len(read) != 0 {
			b.Fatalf("read: %v, %v", read, err)
		}
	}},
	{"CommitCancelledAtAnyMomentIsWholeOrAbsent", func(b *bench) {
		rnd := rand.New(rand.NewPCG(1, 1))
		made := 0
		for n := range 150 {
			left, right := fmt.Sprintf("%d left", n), fmt.Sprintf("%d right", n)
			ctx, cancel := context.WithCancel(b.Context())
			timer := time.AfterFunc(time.Duration(rnd.IntN(3000))*time.Microsecond, cancel)
			_, err := b.Commit(ctx, store.Commit{Writes: []store.Write{put("k", left, 0, "x"), put("k", right, 0, "x")},
				Origin: origin()})
			timer.Stop()
			cancel()
			_, first := b.Get(b.Context(), "k", left)
			_, second := b.Get(b.Context(), "k", right)
			if (first == nil) != (second == nil) || err == nil && first != nil {
				b.Fatalf("commit: %v; left: %v; right: %v", err, first, second)
			}
			if first == nil {
				made++
			}
		}
		b.same("documents", len(b.list("k", 1000)), 2*made)
		b.same("changes", len(b.feed(0, 1000)), 2*made)
	}},
	{"NonsenseIsInvalid", func(b *bench) {
		b.commit(put("k", "i", 0, ""))
		long := strings.Repeat("é", 256)
		b.commit(put(long, long, 0, "just short enough"))
		for _, w := range []store.Write{
			put("", "i", 0, ""), put("k", "", 0, ""), put("k", "\xff", 0, ""), put("k", "a\x00b", 0, ""),
			put("k", long+"x", 0, ""), put(long+"x", "i", 0, ""),
			put("k", "i", -1, ""), remove("k", "i", 0), remove("k", "j", 0),
		} {
			b.refuses(fault.Invalid, w)
		}
		b.refuses(fault.Invalid, put("k", "j", 0, ""), put("k", "j", 1, ""))
		b.refuses(fault.Invalid, put("k", "i", 1, ""), put("k", "i", 1, ""))
		b.same("latest", b.latest(), int64(2))
		for _, limit := range []int{0, -1} {
			if _, err := b.List(b.Context(), "k", "", limit); !fault.Is(err, fault.Invalid) {
				b.Fatalf("list of %d: %v", limit, err)
			}
			if _, err := b.Changes(b.Context(), 0, limit); !fault.Is(err, fault.Invalid) {
				b.Fatalf("changes of %d: %v", limit, err)
			}
		}
		if _, err := b.Audit(b.Context(), store.AuditQuery{Limit: -1}); !fault.Is(err, fault.Invalid) {
			b.Fatalf("audit: %v", err)
		}
		if _, err := b.Append(b.Context(), []store.Entry{{Station: "s", Sequence: 1}, {Sequence: 1}}); !fault.Is(err,
			fault.Invalid) {
			b.Fatalf("append: %v", err)
		}
	}},
	{"ReopeningFindsEverything", func(b *bench) {
		b.commit(put("k", "i", 0, "a"), put("k", "j", 0, "b"))
		b.commit(put("k", "i", 1, "c"), remove("k", "j", 1))
		b.append(store.Entry{Station: "s", Sequence: 9, At: origin().At, Body: []byte(`{}`)})
		feed := b.feed(0, 10)
		for range 3 {
			if err := b.Close(); err != nil {
				b.Fatalf("close: %v", err)
			}
			b.Store = b.open()
			if err := b.Ping(b.Context()); err != nil {
				b.Fatalf("ping: %v", err)
			}
			b.holds("k", "i", 2, "c")
			b.lacks("k", "j")
			b.same("feed", b.feed(0, 10), feed)
			b.same("as-run", len(b.read("s", time.Time{}, origin().At.Add(1))), 1)
		}
		b.same("revision after the deleted one", b.commit(put("k", "j", 0, "d"))[0].Revision, int64(3))
	}},
}
