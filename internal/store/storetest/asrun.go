package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/internal/store"
)

var asrunRules = []rule{
	{"AsRunIsReadBackExactly", func(b *bench) {
		at := origin().At
		first := store.Entry{Station: "평양 1", Sequence: 1, At: at,
			Body: json.RawMessage("{\"note\": \"한 \\u0000\",\n \"n\": 1e2 }")}
		second := store.Entry{Station: "평양 1", Sequence: 2, At: at.Add(time.Millisecond), Body: json.RawMessage("null")}
		b.same("fresh", b.append(first, second), []bool{true, true})
		b.same("read", b.read("평양 1", at, at.Add(time.Hour)), []store.Entry{first, second})
		b.same("another station", len(b.read("평양", at, at.Add(time.Hour))), 0)
		b.same("nothing", len(b.append()), 0)
	}},
	{"AsRunIsReadBySequenceInAHalfOpenTime", func(b *bench) {
		at := func(n int) time.Time { return origin().At.Add(time.Duration(n) * time.Millisecond) }
		for _, e := range []struct{ sequence, at int }{{10, 0}, {9, 3}, {100, 1}, {-5, 2}, {2, 5}} {
			b.append(store.Entry{Station: "s", Sequence: int64(e.sequence), At: at(e.at)})
		}
		for _, c := range []struct {
			from, to int
			want     []int64
		}{{0, 6, []int64{-5, 2, 9, 10, 100}}, {0, 5, []int64{-5, 9, 10, 100}}, {1, 3, []int64{-5, 100}}, {4, 5, nil},
			{5, 5, nil}, {3, 0, nil}} {
			var got []int64
			for _, e := range b.read("s", at(c.from), at(c.to)) {
				got = append(got, e.Sequence)
			}
			b.same(fmt.Sprintf("sequences of [%d, %d)", c.from, c.to), got, c.want)
		}
		b.same("since ever", len(b.read("s", time.Time{}, at(100))), 5)
	}},
	{"RepeatedAsRunKeepsTheFirst", func(b *bench) {
		at := origin().At
		entry := func(station string, sequence int64, body string) store.Entry {
			return store.Entry{Station: station, Sequence: sequence, At: at, Body: json.RawMessage(body)}
		}
		b.same("one twice in a call", b.append(entry("s", 1, `1`), entry("s", 2, `2`), entry("s", 1, `"other"`),
			entry("t", 1, `3`)), []bool{true, true, false, true})
		b.same("again", b.append(entry("s", 2, `2`), entry("s", 3, `4`), entry("t", 1, `3`)), []bool{false, true, false})
		later := entry("s", 3, `"other"`)
		later.At = at.Add(time.Hour)
		b.same("with another body and time", b.append(later), []bool{false})
		b.same("station s", b.read("s", at, at.Add(2*time.Hour)), []store.Entry{entry("s", 1, `1`), entry("s", 2, `2`),
			entry("s", 3, `4`)})
		b.same("station t", b.read("t", at, at.Add(2*time.Hour)), []store.Entry{entry("t", 1, `3`)})
	}},
	{"AsRunSentBySixteenAtOnceIsFreshOnce", func(b *bench) {
		var all sync.WaitGroup
		var fresh atomic.Int64
		other := b.open()
		for n := range 16 {
			all.Go(func() {
				var entries []store.Entry
				for i := range int64(20) {
					entries = append(entries, store.Entry{Station: "s", Sequence: i + int64(n%4), At: origin().At})
				}
				got, err := []Store{b.Store, other}[n%2].Append(b.Context(), entries)
				if err != nil {
					b.Errorf("append: %v", err)
				}
				for _, f := range got {
					if f {
						fresh.Add(1)
					}
				}
			})
		}
		all.Wait()
		b.same("fresh", fresh.Load(), int64(23))
		b.same("read", len(b.read("s", time.Time{}, origin().At.Add(1))), 23)
	}},
	{"AsRunIsNoChange", func(b *bench) {
		b.append(store.Entry{Station: "s", Sequence: 1})
		b.same("latest", b.latest(), int64(0))
	}},
}

func (b *bench) append(entries ...store.Entry) []bool {
	b.Helper()
	fresh, err := b.Append(b.Context(), entries)
	if err != nil {
		b.Fatalf("append: %v", err)
	}
	return fresh
}

func (b *bench) read(station string, from, to time.Time) []store.Entry {
	b.Helper()
	read, err := b.Read(b.Context(), station, from, to)
	if err != nil {
		b.Fatalf("read %s: %v", station, err)
	}
	return read
}
