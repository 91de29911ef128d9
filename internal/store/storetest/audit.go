package storetest

import (
	"fmt"
	"time"

	"lifeline/internal/store"
)

var auditRules = []rule{
	{"ChangesKeepTheirFields", func(b *bench) {
		edit := put("segment", "a", 0, "{}")
		edit.Fields = `{"fields":[{"field":"제목","after":"\u0001\n\"two\""}]}`
		all, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{edit, put("segment", "b", 0, "{}")},
			Origin: origin(), Fields: "not of a commit with writes"})
		if err != nil {
			b.Fatal(err)
		}
		note, err := b.Commit(b.Context(), store.Commit{Origin: origin(), Fields: `{"kind":"segment","id":"a"}`})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, note...)
		for i, want := range []string{edit.Fields, "", `{"kind":"segment","id":"a"}`} {
			if all[i].Fields != want {
				b.Errorf("change %d has the fields %q, want %q", i, all[i].Fields, want)
			}
		}
		audited, err := b.Audit(b.Context(), store.AuditQuery{})
		if err != nil {
			b.Fatal(err)
		}
		b.same("audit", audited, all)
		b.same("feed", b.feed(0, 10), all)
	}},
	{"AuditSelects", func(b *bench) {
		hour := func(n int) time.Time { return origin().At.Add(time.Duration(n) * time.Hour) }
		var all []store.Change
		record := func(at time.Time, by string, writes ...store.Write) {
			changes, err := b.Commit(b.Context(), store.Commit{Writes: writes, Origin: store.Origin{At: at, By: by,
				Action: "test"}})
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, changes...)
		}
		record(hour(0), "anna", put("segment", "a", 0, ""), put("segment", "b", 0, ""))
		record(hour(1), "boris", put("segment", "a", 1, ""))
		record(hour(3), "anna")
		record(hour(2), "system", remove("segment", "a", 2), put("station", "a", 0, ""))
		record(hour(4), "anna", put("segment", "a", 0, ""), put("segment", "aa", 0, ""))
		for _, c := range []struct {
			name string
			q    store.AuditQuery
			want []int
		}{
			{"all", store.AuditQuery{}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
			{"kind", store.AuditQuery{Kind: "segment"}, []int{0, 1, 2, 4, 6, 7}},
			{"id", store.AuditQuery{ID: "a"}, []int{0, 2, 4, 5, 6}},
			{"document", store.AuditQuery{Kind: "segment", ID: "a"}, []int{0, 2, 4, 6}},
			{"document after", store.AuditQuery{Kind: "segment", ID: "a", After: all[2].Sequence}, []int{4, 6}},
			{"document by", store.AuditQuery{Kind: "segment", ID: "a", By: "anna"}, []int{0, 6}},
			{"by", store.AuditQuery{By: "anna"}, []int{0, 1, 3, 6, 7}},
			{"from", store.AuditQuery{From: hour(2)}, []int{3, 4, 5, 6, 7}},
			{"to", store.AuditQuery{To: hour(2)}, []int{0, 1, 2}},
			{"from to", store.AuditQuery{From: hour(1), To: hour(3)}, []int{2, 4, 5}},
			{"from to by", store.AuditQuery{From: hour(1), To: hour(4), By: "anna"}, []int{3}},
			{"after", store.AuditQuery{After: all[5].Sequence}, []int{6, 7}},
			{"limit", store.AuditQuery{Limit: 3}, []int{0, 1, 2}},
			{"limit after by", store.AuditQuery{Limit: 1, After: 1, By: "anna"}, []int{1}},
			{"before", store.AuditQuery{Before: all[2].Sequence}, []int{0, 1}},
			{"newest", store.AuditQuery{Newest: true}, []int{7, 6, 5, 4, 3, 2, 1, 0}},
			{"newest limit", store.AuditQuery{Newest: true, Limit: 2}, []int{7, 6}},
			{"newest limit before by", store.AuditQuery{Newest: true, Limit: 2, Before: all[7].Sequence, By: "anna"},
				[]int{6, 3}},
			{"newest between", store.AuditQuery{Newest: true, After: all[1].Sequence, Before: all[5].Sequence}, []int{4, 3, 2}},
			{"newest of a document", store.AuditQuery{Newest: true, Kind: "segment", ID: "a"}, []int{6, 4, 2, 0}},
			{"newest of a document before", store.AuditQuery{Newest: true, Kind: "segment", ID: "a", Before: all[6].Sequence,
				Limit: 2}, []int{4, 2}},
			{"newest of a document from to", store.AuditQuery{Newest: true, Kind: "segment", ID: "a", From: hour(1),
				To: hour(3)}, []int{4, 2}},
			{"none", store.AuditQuery{Kind: "nothing"}, nil},
		} {
			got, err := b.Audit(b.Context(), c.q)
			if err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			var want []store.Change
			for _, i := range c.want {
				want = append(want, all[i])
			}
			b.same(c.name, got, want)
		}
	}},
	{"AuditIsLimited", func(b *bench) {
		writes := make([]store.Write, 600)
		for i := range writes {
			writes[i] = put("k", fmt.Sprint(i), 0, "")
		}
		b.commit(writes...)
		for limit, want := range map[int]int{0: 50, 1: 1, 500: 500, 501: 500, 1 << 40: 500} {
			for _, q := range []store.AuditQuery{{Limit: limit}, {Limit: limit, By: origin().By}, {Limit: limit, Newest: true}} {
				got, err := b.Audit(b.Context(), q)
				if err != nil || len(got) != want {
					b.Fatalf("limit %d: %d changes, %v; want %d", limit, len(got), err, want)
				}
			}
		}
	}},
}
