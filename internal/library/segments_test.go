package library

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"lifeline/audio"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

// selects is the reference implementation of a filter: it reports whether the filter selects a segment.
func (f SegmentFilter) selects(s schedules.Segment) bool {
	pieces := func(text string) []string {
		return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
			return !unicode.IsLetter(r) &&
				!unicode.IsDigit(r)
		})
	}
	have := pieces(strings.Join(append([]string{s.ID, s.Title, s.Voice, s.Series}, s.Tags...), " "))
	for _, want := range pieces(f.Words) {
		if !slices.ContainsFunc(have, func(word string) bool {
			if unicode.Is(unicode.Hangul, []rune(want)[0]) {
				return strings.Contains(word, want)
			}
			return strings.HasPrefix(word, want)
		}) {
			return false
		}
	}
	expires, _ := s.ExpiresAt()
	return (f.Kind == "" || s.Kind == f.Kind) && (f.Language == "" || strings.EqualFold(s.Language, f.Language)) &&
		(f.State == "" || s.State == f.State) && (f.Script == "" || s.Script != nil && s.Script.ID == f.Script) &&
		(f.Tag == "" || slices.Contains(s.Tags, f.Tag)) && (f.SHA256 == "" || s.Recording != nil &&
		s.Recording.SHA256 == f.SHA256) &&
		(f.ExpiringBefore.IsZero() || !expires.IsZero() && expires.Before(f.ExpiringBefore)) && s.ID > f.After
}

// pages returns all segments that a filter selects, page by page.
func pages(l *Library, f SegmentFilter) iter.Seq[schedules.Segment] {
	return func(yield func(schedules.Segment) bool) {
		for {
			page, next := l.Segments.List(f)
			for _, s := range page {
				if !yield(s) {
					return
				}
			}
			if next == "" {
				return
			}
			f.After = next
		}
	}
}

func drawSegment(t *rapid.T, id string) schedules.Segment {
	word := rapid.SampledFrom([]string{"River", "rivers", "Ruth", "호소문을", "호소", "소문", "2031"})
	name := rapid.SampledFrom([]string{"a", "b", "river"})
	s := schedules.Segment{ID: id, Title: strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "title"), " "),
		Voice: word.Draw(t, "voice"),
		Kind:  rapid.SampledFrom(schedules.Kinds[:3]).Draw(t, "kind"), Language: rapid.SampledFrom([]string{"ko-KP",
			"en"}).Draw(t, "language"),
		State: rapid.SampledFrom([]schedules.State{schedules.Pending, schedules.Approved, schedules.Recalled}).Draw(t,
			"state"),
		Tags: rapid.SliceOfNDistinct(name, 0, 2, rapid.ID).Draw(t, "tags"), Persons: rapid.SliceOfNDistinct(name, 0, 2,
			rapid.ID).Draw(t, "persons")}
	if rapid.Bool().Draw(t, "reads") {
		s.Script = &schedules.ScriptRef{ID: name.Draw(t, "script")}
	}
	if rapid.Bool().Draw(t, "ends") {
		s.ValidUntil = schedules.At(time.Date(2026, 1, rapid.IntRange(1, 5).Draw(t, "day"), 0, 0, 0, 0, time.UTC))
	}
	if rapid.Bool().Draw(t, "consents") {
		s.Consent = &schedules.Consent{ExpiresAt: schedules.At(time.Date(2026, 1, rapid.IntRange(1, 5).Draw(t, "consent"), 0,
			0, 0, 0, time.UTC))}
	}
	if rapid.Bool().Draw(t, "sounds") {
		s.Recording = &schedules.Recording{SHA256: name.Draw(t, "hash"), AnalysisVersion: rapid.IntRange(audio.Version-1,
			audio.Version).Draw(t, "version")}
		s.Previous = rapid.SliceOfN(name, 0, 1).Draw(t, "previous")
	}
	return s
}

func drawFilter(t *rapid.T) SegmentFilter {
	maybe := func(label string, values ...string) string {
		return rapid.SampledFrom(append([]string{"", "", ""}, values...)).Draw(t, label)
	}
	f := SegmentFilter{Words: maybe("words", "r", "RIV", "rivers", "river ru", "소문", "문을", "호소문", "x1", "20"),
		Kind:     schedules.Kind(maybe("kind", "reading")),
		Language: maybe("language", "KO-kp", "fr"), State: schedules.State(maybe("state", "pending")), Script: maybe("script",
			"a"), Tag: maybe("tag", "a", "c"),
		SHA256: maybe("hash", "b"), After: maybe("after", "x05", "x1"), Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
	if rapid.IntRange(0, 3).Draw(t, "bounded") == 0 {
		f.ExpiringBefore = time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	}
	return f
}

// Every listing equals the result of a full scan, ordered by id, after any creations, changes and deletions; so do the
// service's own queries.
func TestSegmentsAreFoundAsAScanWouldFindThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, err := replica.Open(t.Context(), memory.New(100), testKinds)
		if err != nil {
			t.Fatal(err)
		}
		l := New(m, nil, servicetest.Signer{}, nil, time.Now, Limits{Concurrency: 1})
		now := map[string]replica.Row[schedules.Segment]{}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				id := fmt.Sprintf("x%02d", rapid.IntRange(0, 15).Draw(t, "id"))
				s, before := drawSegment(t, id), now[id]
				w := store.Write{Kind: replica.KindSegment, ID: id, Expect: before.Revision}
				if before.Deleted {
					w.Expect = 0
				}
				if !before.Deleted && before.Revision > 0 && rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
					w.Delete = true
				} else if w.Body, err = replica.Encode(s); err != nil {
					t.Fatal(err)
				}
				if err := m.Commit(t.Context(), store.Commit{Writes: []store.Write{w}}); err != nil {
					t.Fatal(err)
				}
				now[id] = replica.Row[schedules.Segment]{Value: s, Revision: before.Revision + 1, Deleted: w.Delete}
			},
			"": func(t *rapid.T) {
				f := drawFilter(t)
				var want []string
				named, speaks, behind := map[string]bool{}, []string(nil), []string(nil)
				for _, id := range slices.Sorted(maps.Keys(now)) {
					row := now[id]
					s := row.Value
					if row.Deleted {
						continue
					}
					if f.selects(s) {
						want = append(want, id)
					}
					if slices.Contains(s.Persons, "a") {
						speaks = append(speaks, id)
					}
					if s.Recording != nil {
						named[s.Recording.SHA256] = true
						if s.Recording.AnalysisVersion < audio.Version {
							behind = append(behind, id)
						}
					}
					for _, sha256 := range s.Previous {
						named[sha256] = true
					}
				}
				if got := idsOf(pages(l, f)); !slices.Equal(got, want) {
					t.Fatalf("%+v: %v, want %v", f, got, want)
				}
				rows, err := m.Naming("a")
				var got []string
				for _, row := range rows {
					got = append(got, row.Value.ID)
				}
				if !slices.Equal(got, speaks) || (err != nil) != (len(speaks) == 0) {
					t.Fatalf("%v name the person, want %v", got, speaks)
				}
				if got := l.Recordings.outdated(); !slices.Equal(got, behind) {
					t.Fatalf("%v are to be analysed, want %v", got, behind)
				}
				for _, sha256 := range []string{"a", "b", "c"} {
					if got := l.Recordings.Named()(sha256); got != named[sha256] {
						t.Fatalf("%s is named: %v", sha256, got)
					}
				}
			},
		})
	})
}

func idsOf(segments iter.Seq[schedules.Segment]) (ids []string) {
	for s := range segments {
		ids = append(ids, s.ID)
	}
	return ids
}

// While others write, a reader of pages sees every segment that exists throughout exactly once and in order, and none
// that does not match. Two replicas follow one store, and one of them also writes.
func TestPagesAreStableUnderConcurrentWrites(t *testing.T) {
	s := memory.New(1000)
	writer, err := replica.Open(t.Context(), s, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	put := func(id string, expect int64, state schedules.State) error {
		body, err := replica.Encode(schedules.Segment{ID: id, Kind: "music", Title: "the river of " + id, Language: "en",
			State: state})
		if err != nil {
			return err
		}
		return writer.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindSegment, ID: id,
			Expect: expect, Body: body}}})
	}
	var steady []string
	for i := range 300 {
		id := fmt.Sprintf("%03d-steady", i)
		steady = append(steady, id)
		if err := put(id, 0, schedules.Approved); err != nil {
			t.Fatal(err)
		}
	}
	follower, err := replica.Open(t.Context(), s, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	var writers, readers sync.WaitGroup
	over := make(chan struct{})
	for w := range 4 {
		writers.Go(func() {
			for i := range 300 {
				id := fmt.Sprintf("%03d-%d", (i*7)%300, w)
				state := []schedules.State{schedules.Approved, schedules.Pending}[i%2]
				err := errors.Join(put(id, 0, state), put(id, 1, schedules.Approved),
					writer.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindSegment, ID: id, Expect: 2,
						Delete: true}}}))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, m := range []*replica.Replica{writer, follower} {
		l := New(m, nil, servicetest.Signer{}, nil, time.Now, Limits{Concurrency: 1})
		readers.Go(func() {
			for rounds := 0; ; rounds++ {
				select {
				case <-over:
					if rounds < 2 {
						t.Errorf("only %d rounds were read while others wrote", rounds)
					}
					return
				default:
				}
				if err := m.CatchUp(t.Context()); err != nil && !fault.Is(err, fault.Gone) {
					t.Error(err)
				}
				f := SegmentFilter{Words: "riv", State: schedules.Approved, Limit: 7}
				var got []string
				for s := range pages(l, f) {
					if s.State != schedules.Approved {
						t.Errorf("%s is %s", s.ID, s.State)
					}
					got = append(got, s.ID)
				}
				if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
					t.Errorf("not in order, each once: %v", got)
				}
				there := slices.DeleteFunc(got, func(id string) bool { return !strings.HasSuffix(id, "steady") })
				if !slices.Equal(there, steady) {
					t.Errorf("%d of the %d that are there all the time", len(there), len(steady))
				}
			}
		})
	}
	writers.Wait()
	close(over)
	readers.Wait()
	if err := follower.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*replica.Replica{writer, follower} {
		if got := replica.SegmentsIn(m).Living(); !slices.Equal(got, steady) {
			t.Errorf("in the end %d are there", len(got))
		}
	}
}

// A segment with all facts of an analysis takes less than 2 KiB, including its index entries. With more segments each
// takes less, because words repeat.
func TestSegmentTakesLessThan2KiB(t *testing.T) {
	const n = 5000
	s := memory.New(10)
	var writes []store.Write
	for seg := range harness.Segments(n) {
		body, err := replica.Encode(seg)
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, store.Write{Kind: replica.KindSegment, ID: seg.ID, Body: body})
	}
	if _, err := s.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	writes = nil
	open := func() *replica.Replica {
		m, err := replica.Open(t.Context(), s, testKinds)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	open() // what the first replica of a process makes is no part of a segment
	empty := heap()
	m := open()
	copied := heap()
	planning := NewPlanning(m)
	planning.Library()
	got := (copied - empty) / n
	t.Logf("%d bytes in the copy, %d more when it is prepared for planning", got, (heap()-copied)/n)
	if got > 2048 || got < 500 {
		t.Errorf("%d bytes for a segment", got)
	}
	runtime.KeepAlive(planning)
	runtime.KeepAlive(s)
}

// heap returns the memory in use after garbage collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // frees the objects that the first run finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
