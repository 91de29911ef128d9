//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

func encode(v any) ([]byte, error) { return json.Marshal(v) }

// lists prints the memory of n segments, and the cost of pages of 50 of them.
func lists(ctx context.Context, n int) error {
	s := memory.New(1)
	segments := invented(n)
	for part := range slices.Chunk(segments, 500) {
		var c store.Commit
		for _, seg := range part {
			d, err := document(seg)
			if err != nil {
				return err
			}
			c.Writes = append(c.Writes, store.Write{Kind: d.Kind, ID: d.ID, Body: d.Body})
		}
		if _, err := s.Commit(ctx, c); err != nil {
			return err
		}
	}
	if _, err := replica.Open(ctx, s, kinds.All); err != nil { // the one-time cost of decoding, for any number
		return err
	}
	empty := heap()
	mirror, err := replica.Open(ctx, s, kinds.All)
	if err != nil {
		return err
	}
	copied := heap()
	prepared := schedules.Prepare(segments, nil)
	planned := heap()
	fmt.Printf("\n%d segments: %d bytes each in memory with the index (the bar is 2048); prepared for planning %d more\n",
		n, (copied-empty)/uint64(n), (planned-copied)/uint64(n))
	runtime.KeepAlive(prepared)

	lib := library.New(mirror, nil, nil, nil, time.Now, library.Limits{Concurrency: 1})
	fmt.Printf("%-44s %9s %12s %12s %10s\n", "page of 50, ns of processor time", "matches", "index", "scan", "scan/index")
	for _, a := range asked(segments) {
		a.filter.Limit = 50
		page, next := lib.Segments.List(a.filter)
		slow, slowNext := scan(segments, a.filter)
		if !slices.EqualFunc(page, slow, func(a, b schedules.Segment) bool { return a.ID == b.ID }) || next != slowNext {
			return fmt.Errorf("%s: the index finds %d, the scan %d", a.name, len(page), len(slow))
		}
		all := a.filter
		all.Limit = n
		matches, _ := lib.Segments.List(all)
		index, err := cost(func() { lib.Segments.List(a.filter) })
		if err != nil {
			return err
		}
		scanned, err := cost(func() { scan(segments, a.filter) })
		if err != nil {
			return err
		}
		fmt.Printf("%-44s %9d %12d %12d %10.1f\n", a.name, len(matches), index, scanned, float64(scanned)/float64(index))
	}
	return nil
}

type question struct {
	name   string
	filter library.SegmentFilter
}

// asked returns typical queries for a library. It leaves out queries that only a scan for substrings would answer.
func asked(segments []schedules.Segment) []question {
	middle := segments[len(segments)/2]
	return []question{
		{"the first page", library.SegmentFilter{}},
		{"a page in the middle", library.SegmentFilter{After: middle.ID}},
		{"a common word", library.SegmentFilter{Words: "series"}},
		{"a common word, from the middle", library.SegmentFilter{Words: "series", After: middle.ID}},
		{"a rare word", library.SegmentFilter{Words: fmt.Sprintf("%06d", len(segments)*3/4)}},
		{"a Korean word", library.SegmentFilter{Words: "호소문"}},
		{"a part of Chinese", library.SegmentFilter{Words: "祖母边境"}},
		{"the beginning of many words", library.SegmentFilter{Words: "0000"}},
		{"two words", library.SegmentFilter{Words: "grandmother snowfield"}},
		{"pending", library.SegmentFilter{State: schedules.Pending}},
		{"pending, and a word", library.SegmentFilter{State: schedules.Pending, Words: "lamp"}},
		{"a tag, a kind and a language", library.SegmentFilter{Tag: "tag-42", Kind: "music", Language: "ko-KP"}},
		{"expiring before an instant", library.SegmentFilter{ExpiringBefore: time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC)}},
		{"the hash of a recording", library.SegmentFilter{SHA256: middle.Recording.SHA256}},
	}
}

// scan lists as the library did before it had an index: it reads every segment until the page is full.
func scan(segments []schedules.Segment, f library.SegmentFilter) (out []schedules.Segment, next string) {
	words := strings.Fields(strings.ToLower(f.Words))
	start, found := slices.BinarySearchFunc(segments, f.After, func(s schedules.Segment, id string) int {
		return strings.Compare(s.ID, id)
	})
	if found {
		start++
	}
	for i := range segments[start:] {
		s := &segments[start+i]
		switch {
		case f.Kind != "" && s.Kind != f.Kind, f.Language != "" && s.Language != f.Language, f.State != "" &&
			s.State != f.State,
			f.SHA256 != "" && s.Recording.SHA256 != f.SHA256, f.Tag != "" && !slices.Contains(s.Tags, f.Tag),
			!f.ExpiringBefore.IsZero() && (s.ValidUntil.IsZero() || !s.ValidUntil.Before(f.ExpiringBefore)):
			continue
		}
		if len(words) > 0 {
			text := strings.ToLower(strings.Join(append([]string{s.ID, s.Title, s.Voice, s.Series}, s.Tags...), "\n"))
			if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
				continue
			}
		}
		if len(out) == f.Limit {
			return out, out[len(out)-1].ID
		}
		out = append(out, *s)
	}
	return out, ""
}

// cost returns the processor time of a call in nanoseconds: the mean over a fifth of a second of calls.
func cost(call func()) (int64, error) {
	for n := int64(1); ; n *= 2 {
		begun, err := used()
		if err != nil {
			return 0, err
		}
		for range n {
			call()
		}
		now, err := used()
		if took := now - begun; err != nil || took > 200*time.Millisecond {
			return took.Nanoseconds() / n, err
		}
	}
}

// used returns the processor time that the process has used.
func used() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// heap returns the size of the live heap.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // objects that the first run finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
