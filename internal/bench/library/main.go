//go:build unix

// Command library measures the segment library in memory: the memory of a segment, the cost of a page of a list and of
// a search compared with a scan of all segments, and the time from the service's start until it is ready, on SQLite and
// on Redis. The segments are generated.
//
//	go run ./internal/bench/library                   # 1,000, 10,000 and 100,000 segments
//	go run ./internal/bench/library -n 1000 -cold 0   # lists alone
//
// It needs redis-server.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/schedules"
)

func main() {
	sizes := flag.String("n", "1000,10000,100000", "library sizes for lists; empty: none")
	cold := flag.Int("cold", 100_000, "library size for starts; 0: none")
	rounds := flag.Int("rounds", 5, "starts of each kind")
	waveform := flag.Int("waveform", 10_000, "bytes of each recording's outline, which the store holds too")
	flag.Parse()
	fmt.Printf("%s %s/%s, GOMAXPROCS %d\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	if err := bench(*sizes, *cold, *rounds, *waveform); err != nil {
		fmt.Fprintln(os.Stderr, "library:", err)
		os.Exit(1)
	}
}

func bench(sizes string, cold, rounds, waveform int) error {
	ctx := context.Background()
	for size := range strings.FieldsFuncSeq(sizes, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		if err := lists(ctx, n); err != nil {
			return err
		}
	}
	if cold == 0 {
		return nil
	}
	return starts(ctx, cold, rounds, waveform)
}

// document returns a segment as the store has it.
func document(s schedules.Segment) (store.Document, error) {
	body, err := encode(s)
	return store.Document{Kind: "segment", ID: s.ID, Revision: 1, Body: body}, err
}

// invented generates the segments of a library.
func invented(n int) []schedules.Segment {
	out := make([]schedules.Segment, 0, n)
	for s := range harness.Segments(n) {
		out = append(out, s)
	}
	return out
}
