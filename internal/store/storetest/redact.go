package storetest

import (
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/store"
)

var redactRules = []rule{
	{"RedactReplacesTextsInPlace", func(b *bench) {
		said := put("k", "b", 0, "1")
		said.Fields = "title was …"
		b.commit(put("k", "a", 0, "1"), said)
		b.commit(put("k", "a", 1, "2"))
		at := origin().At
		b.append(store.Entry{Station: "서울", Sequence: 1, At: at, Body: []byte("said")},
			store.Entry{Station: "서울", Sequence: 2, At: at, Body: []byte("kept")})
		before, follower := b.feed(0, 10), b.open()
		clean := store.Origin{By: "–", Action: "segment.approve", Reason: "(erased)"}
		want := before[1]
		want.Origin, want.Fields = clean, "–"
		want.At = before[1].At
		err := b.Redact(b.Context(), []store.Change{{Sequence: 2, Origin: clean, Fields: "–"}, {Sequence: 99, Origin: clean}},
			[]store.Entry{{Station: "서울", Sequence: 1, Body: []byte("{}")}, {Station: "nobody", Sequence: 1}})
		if err != nil {
			b.Fatalf("redact: %v", err)
		}
		b.same("feed", b.feed(0, 10), []store.Change{before[0], want, before[2]})
		audited, err := b.Audit(b.Context(), store.AuditQuery{Kind: "k", ID: "b"})
		if err != nil {
			b.Fatalf("audit: %v", err)
		}
		b.same("audit", audited, []store.Change{want})
		b.same("entries", b.read("서울", at, at.Add(time.Millisecond)), []store.Entry{
			{Station: "서울", Sequence: 1, At: at, Body: []byte("{}")},
			{Station: "서울", Sequence: 2, At: at, Body: []byte("kept")}})
		b.same("documents", b.list("k", 10), []store.Document{{Kind: "k", ID: "a", Revision: 2, Body: []byte("2")},
			{Kind: "k", ID: "b", Revision: 1, Body: []byte("1")}})
		b.commit(put("k", "a", 2, "3"))
		if err := follower.Wait(b.Context(), 3); err != nil {
			b.Fatalf("wait: %v", err)
		}
		b.same("next", b.latest(), int64(4))
		b.sound()
	}},
	{"PurgeKeepsWhatIsStored", func(b *bench) {
		b.commit(put("k", "a", 0, "1"), put("k", "b", 0, "1"))
		b.commit(remove("k", "b", 1))
		if err := b.Purge(b.Context()); err != nil && !fault.Is(err, fault.Unsupported) {
			b.Fatalf("purge: %v", err)
		}
		b.holds("k", "a", 1, "1")
		b.commit(put("k", "b", 0, "3"))
		b.same("feed", len(b.feed(0, 10)), 4)
		b.sound()
	}},
}
