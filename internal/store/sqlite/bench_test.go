package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"lifeline/internal/store"
	"lifeline/internal/store/sqlite"
)

// The limit of the machine: one page appended and synced.
func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, "syncs/s")
}

func BenchmarkCommit(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "lifeline.db"))
	n := 0
	for b.Loop() {
		n++
		create(b, s, n)
	}
	perSecond(b, "commits/s")
}

// The load is sixteen concurrent commits.
func BenchmarkCommitBySixteen(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "lifeline.db"))
	var n atomic.Int64
	b.SetParallelism(8) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			create(b, s, int(n.Add(1)))
		}
	})
	perSecond(b, "commits/s")
}

func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "lifeline.db"))
	create(b, s, 1)
	for b.Loop() {
		if _, err := s.Get(b.Context(), "segment", "1"); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, "reads/s")
}

// A cold start reads all segments.
func BenchmarkListOf100000(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "lifeline.db"))
	body := make([]byte, 1000)
	for n := range 200 {
		writes := make([]store.Write, 500)
		for i := range writes {
			writes[i] = store.Write{Kind: "segment", ID: fmt.Sprintf("%06d", n*500+i), Body: body}
		}
		if _, err := s.Commit(b.Context(), store.Commit{Writes: writes}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		after, read := "", 0
		for {
			list, err := s.List(b.Context(), "segment", after, 1000)
			if err != nil {
				b.Fatal(err)
			}
			if read += len(list); len(list) < 1000 {
				break
			}
			after = list[len(list)-1].ID
		}
		if read != 100_000 {
			b.Fatal(read)
		}
	}
}

func create(b *testing.B, s *sqlite.Store, n int) {
	_, err := s.Commit(b.Context(), store.Commit{Writes: []store.Write{{Kind: "segment", ID: fmt.Sprint(n),
		Body: make([]byte, 500)}}})
	if err != nil {
		b.Error(err)
	}
}

func perSecond(b *testing.B, unit string) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
}
