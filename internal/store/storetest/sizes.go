package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"lifeline/internal/store"
)

var sizeRules = []rule{
	{"LargeValuesAreKept", func(b *bench) {
		body := make([]byte, 8<<20)
		rand.NewChaCha8([32]byte{7}).Read(body)
		large := store.Write{Kind: "k", ID: "large", Body: body}
		if _, err := b.Commit(b.Context(), store.Commit{Writes: []store.Write{large, put("k", "small", 0, "")},
			Origin: origin()}); err != nil {
			b.Fatal(err)
		}
		d, err := b.Get(b.Context(), "k", "large")
		if err != nil || !bytes.Equal(d.Body, body) {
			b.Fatalf("get: %s, %v", brief(d), err)
		}
		if got := b.list("k", 2); len(got) != 2 || !bytes.Equal(got[0].Body, body) {
			b.Fatalf("list: %d documents", len(got))
		}
	}},
	{"LargeListsAreKept", func(b *bench) {
		const count = 3000
		var writes []store.Write
		var entries []store.Entry
		for i := range count {
			writes = append(writes, put("k", fmt.Sprintf("%06d", i), 0, fmt.Sprint(i)))
			entries = append(entries, store.Entry{Station: "s", Sequence: int64(i),
				At: origin().At.Add(time.Duration(i) * time.Second), Body: []byte(`{}`)})
		}
		b.commit(writes...)
		for _, page := range []int{100, count} {
			list := b.list("k", page)
			b.same("listed", len(list), count)
			for i, d := range list {
				if d.ID != writes[i].ID || string(d.Body) != fmt.Sprint(i) {
					b.Fatalf("document %d: %s", i, brief(d))
				}
			}
		}
		b.same("changes", len(b.feed(0, count)), count)
		for i, fresh := range b.append(entries...) {
			if !fresh {
				b.Fatalf("entry %d is not fresh", i)
			}
		}
		b.same("entries", b.read("s", origin().At, origin().At.Add(count*time.Second)), entries)
	}},
}
