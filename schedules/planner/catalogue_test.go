package planner

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/schedules"
)

// described returns everything that planning asks of a catalogue, with attributes by their values.
func described(l *Catalogue, selectors []*schedules.Selector) (out []string) {
	names := map[int32]string{0: ""}
	for v, n := range l.values.of {
		names[n] = v.attribute.String() + " " + v.value
	}
	for i, e := range l.entries {
		var values []string
		for _, n := range slices.Concat(e.attrs[:], e.tags) {
			values = append(values, names[n])
		}
		at, ok := l.index(e.ID)
		out = append(out, fmt.Sprintf("%d %v %d %v %+v %d %d %d %d %v %q", at, ok, i, e.Segment, e.Life, e.ms, e.from, e.till,
			e.idHash, e.Fit, values))
	}
	out = append(out, fmt.Sprint(l.rotation))
	for _, s := range selectors {
		out = append(out, fmt.Sprint(classKey(s), l.class(s, []string{"ko", "en"}), l.class(s, []string{"ko"}), l.members(s)))
	}
	return out
}

func drawnSegment(t *rapid.T) schedules.Segment {
	pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "of") }
	s := schedules.Segment{ID: pick("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
		Kind: schedules.Kind(pick("reading", "intro", "back-announce", "music")), Language: pick("ko", "ko", "en"),
		State: schedules.State(pick("approved", "approved", "pending", "recalled")), Voice: pick("", "hana", "min"),
		Series: pick("", "s1"), Intro: pick("", "a", "b", "z"),
		BackAnnounce: pick("", "", "a", "c"), Tags: rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 2).Draw(t,
			"tags")}
	length := schedules.Ms(rapid.Int64Range(1, 5).Draw(t, "length") * 1000)
	s.Recording = &schedules.Recording{SHA256: "aa", Duration: length, CueOut: length}
	if pick("", "", "1") != "" {
		s.ValidUntil = schedules.At(time.Unix(rapid.Int64Range(1, 5).Draw(t, "until"), 0))
	}
	if pick("", "", "1") != "" {
		s.Script = &schedules.ScriptRef{ID: pick("p", "q"), Version: 1, Passages: []int{rapid.IntRange(1, 3).Draw(t,
			"passage")}}
	}
	return s
}

func drawnSelectors() (out []*schedules.Selector) {
	for _, kind := range []schedules.Kind{"", "reading", "intro", "music"} {
		for _, tag := range []string{"", "x"} {
			s := &schedules.Selector{}
			if kind != "" {
				s.Kinds = []schedules.Kind{kind}
			}
			if tag != "" {
				s.Tags = []string{tag}
			}
			out = append(out, s)
		}
	}
	return out
}

// One change or several lead to the same catalogue as compiling from scratch, whatever was asked of the catalogues in
// between.
func TestACatalogueThatFollowsIsTheOneCompiledAnew(t *testing.T) {
	script := schedules.Script{ID: "p", Versions: []schedules.ScriptVersion{{Version: 1,
		Passages: []schedules.Passage{{Number: 1}, {Number: 2, Dead: true},
			{Number: 3, AirUntil: schedules.At(time.Unix(3, 0))}}}}}
	selectors := drawnSelectors()
	rapid.Check(t, func(t *rapid.T) {
		all := map[string]schedules.Segment{}
		for range rapid.IntRange(0, 8).Draw(t, "at first") {
			s := drawnSegment(t)
			all[s.ID] = s
		}
		prepared := func() *schedules.Library {
			return schedules.Prepare(slices.Collect(maps.Values(all)), []schedules.Script{script})
		}
		l := prepared()
		c := Compile(l)
		for n := range rapid.IntRange(1, 12).Draw(t, "changes") {
			before, said := c, described(c, nil)
			if n%2 == 0 { // classes already computed are carried over
				described(c, selectors[:n%len(selectors)])
			}
			s := drawnSegment(t)
			all[s.ID] = s
			if l = l.With(s); n%3 == 2 { // the next step applies two changes
				continue
			}
			c = c.Follow(l)
			if got := described(before, nil); !slices.Equal(got, said) {
				t.Fatalf("the catalogue before has changed:\n%q\n%q", got, said)
			}
			got, want := described(c, selectors), described(Compile(prepared()), selectors)
			for k := range want {
				if k >= len(got) || got[k] != want[k] {
					t.Fatalf("with %+v line %d of %d is\n%s\nnot\n%s", s, k, len(got), got[min(k, len(got)-1)], want[k])
				}
			}
		}
	})
}

// The number of segments exceeds the bits in a word of a set, and the number of additions after which a map is rebuilt.
func TestACatalogueGrowsSegmentBySegment(t *testing.T) {
	selectors := drawnSelectors()
	c := Compile(schedules.Prepare(nil, nil))
	var all []schedules.Segment
	for n := range 336 {
		s := schedules.Segment{ID: fmt.Sprintf("%03d", n*7919%997), Kind: []schedules.Kind{"music", "reading"}[n%2],
			Language: "ko", State: schedules.Approved, Title: fmt.Sprint(n), Voice: fmt.Sprint(n),
			Recording: &schedules.Recording{CueOut: schedules.Ms(1000)}}
		all = append(all, s)
		described(c, selectors[:2])
		c = c.Follow(c.Library().With(s))
	}
	if got, want := described(c, selectors), described(Compile(schedules.Prepare(all, nil)), selectors); !slices.Equal(got,
		want) {
		t.Error("it is not the one prepared at once")
	}
}

// BenchmarkOneChangedSegment compares following one changed segment with preparing and compiling the library from
// scratch.
func BenchmarkOneChangedSegment(b *testing.B) {
	const size = 100_000
	kinds := []schedules.Kind{"reading", "music", "intro", "testimony"}
	segments := make([]schedules.Segment, size)
	for n := range segments {
		length := schedules.Ms(int64(30_000 + n%90_000))
		segments[n] = schedules.Segment{ID: fmt.Sprintf("segment-%06d", n), Kind: kinds[n%len(kinds)],
			Title: fmt.Sprintf("Title %d", n), Language: "ko-KP", State: schedules.Approved,
			Voice: fmt.Sprintf("voice %d", n%50), Series: fmt.Sprintf("series-%d", n%20),
			Tags:      []string{fmt.Sprintf("tag-%d", n%30)},
			Recording: &schedules.Recording{SHA256: fmt.Sprintf("%064x", n), Duration: length, CueOut: length}}
	}
	begun := time.Now()
	c := Compile(schedules.Prepare(segments, nil))
	anew := time.Since(begun)
	for _, kind := range kinds {
		s := &schedules.Selector{Kinds: []schedules.Kind{kind}}
		c.class(s, []string{"ko-KP"})
		c.members(s)
	}
	for _, change := range []struct {
		name string
		of   func(n int) schedules.Segment
	}{{"replaced", func(n int) schedules.Segment {
		s := segments[n*7919%size]
		s.State = []schedules.State{schedules.Approved, schedules.Recalled}[n%2]
		return s
	}}, {"added", func(n int) schedules.Segment {
		s := segments[n*7919%size]
		s.ID += "b"
		return s
	}}} {
		b.Run(change.name, func(b *testing.B) {
			c, n := c, 0
			for b.Loop() {
				c = c.Follow(c.Library().With(change.of(n)))
				n++
			}
			b.ReportMetric(float64(anew)/(float64(b.Elapsed())/float64(n)), "times-faster")
		})
	}
}
