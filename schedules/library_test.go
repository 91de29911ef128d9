package schedules_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

// Adding segments one by one gives the same library as Prepare: the same segments with the same lives.
func TestALibraryWithChangesIsTheOnePreparedAnew(t *testing.T) {
	script := schedules.Script{ID: "p", Versions: []schedules.ScriptVersion{{Version: 1, Passages: []schedules.Passage{
		{Number: 1}, {Number: 2, Dead: true}, {Number: 3, AirUntil: schedules.At(time.Unix(3, 0))}}}}}
	rapid.Check(t, func(t *rapid.T) {
		one := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "of") }
		segments := map[string]schedules.Segment{}
		l := schedules.Prepare(nil, []schedules.Script{script})
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			s := plannertest.Segment(one("a", "b", "c", "d"), schedules.Kind(one("reading", "intro", "music")), "ko", 1000)
			s.Intro, s.State = one("", "a", "z"), schedules.State(one("approved", "recalled"))
			if one("", "1") != "" {
				s.Script = &schedules.ScriptRef{ID: one("p", "q"), Version: 1, Passages: []int{rapid.IntRange(1, 4).Draw(t,
					"passage")}}
			}
			segments[s.ID] = s
			l = l.With(s)
			anew := schedules.Prepare(slices.Collect(maps.Values(segments)), []schedules.Script{script})
			if !reflect.DeepEqual(l.Segments(), anew.Segments()) {
				t.Fatalf("%+v\nnot\n%+v", l.Segments(), anew.Segments())
			}
			for i, e := range anew.Entries() {
				at, ok := l.Index(e.ID)
				if got := l.Entries()[i]; !ok || int(at) != i || got.Life != e.Life || got.Fit != e.Fit {
					t.Fatalf("%s at %d lives %+v (%v), not at %d %+v (%v)", e.ID, at, got.Life, got.Fit, i, e.Life, e.Fit)
				}
			}
		}
	})
}

func TestWhatMayNotAirSaysByWhichRule(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	place := schedules.Place{Languages: []string{"ko"}, StartAt: noon, EndAt: noon.Add(time.Minute)}
	for rule, harm := range map[string]func(s *schedules.Segment, p *schedules.Place){
		"":          func(*schedules.Segment, *schedules.Place) {},
		"state":     func(s *schedules.Segment, _ *schedules.Place) { s.State = schedules.Recalled },
		"recording": func(s *schedules.Segment, _ *schedules.Place) { s.Recording = nil },
		"hash":      func(_ *schedules.Segment, p *schedules.Place) { p.SHA256 = "another" },
		"language":  func(s *schedules.Segment, _ *schedules.Place) { s.Language = "en" },
		"validity":  func(s *schedules.Segment, _ *schedules.Place) { s.ValidFrom = schedules.At(noon.Add(time.Second)) },
		"expiry": func(s *schedules.Segment, _ *schedules.Place) {
			s.Consent = &schedules.Consent{ExpiresAt: schedules.At(noon.Add(time.Second))}
		},
		"script": func(s *schedules.Segment, _ *schedules.Place) {
			s.Script = &schedules.ScriptRef{ID: "lost", Version: 1, Passages: []int{1}}
		},
	} {
		s, p := plannertest.Segment("letter", "letter", "ko", 60_000), place
		harm(&s, &p)
		u := schedules.Prepare([]schedules.Segment{s}, nil).Airable("letter", p)
		if got := rule; u == nil && rule != "" || u != nil && (u.Rule != got || !strings.HasPrefix(u.Error(), "letter: ")) {
			t.Errorf("%q: %v", rule, u)
		}
	}
	if u := schedules.Prepare(nil, nil).Airable("letter", place); u == nil || u.Rule != "unknown" {
		t.Errorf("%v", u)
	}
}

// A passage whose text has changed must be read again in each language of its script.
func TestMissingNamesThePassagesThatNobodyReadsAsTheyAre(t *testing.T) {
	text := func(s string) map[string]string { return map[string]string{"ko": s} }
	script := schedules.Script{ID: "appeal", Languages: []string{"ko", "en"}, Versions: []schedules.ScriptVersion{
		{Version: 1, Passages: []schedules.Passage{{Number: 1, Text: text("one")}, {Number: 2, Text: text("two")},
			{Number: 3}}},
		{Version: 2, Passages: []schedules.Passage{{Number: 1, Text: text("one")}, {Number: 2, Text: text("changed")},
			{Number: 3, Dead: true}}}}}
	reading := plannertest.Segment("reading", "reading", "ko", 60_000)
	reading.Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1, 2, 3}}
	got := schedules.Prepare([]schedules.Segment{reading}, []schedules.Script{script}).Missing()
	want := []schedules.ToRecord{{Script: "appeal", Version: 2, Passage: 2, Language: "ko",
		Why: "it reads version 1, and the text has changed since"},
		{Script: "appeal", Version: 2, Passage: 1, Language: "en", Why: "nobody has read it"}, {Script: "appeal", Version: 2,
			Passage: 2, Language: "en", Why: "nobody has read it"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestExposuresTellWhichPassageWasHeardWhereAndHowOften(t *testing.T) {
	reading := plannertest.Segment("reading", "reading", "ko", 60_000)
	reading.Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1, 2}}
	l := schedules.Prepare([]schedules.Segment{reading, plannertest.Segment("song", "music", "zxx", 1000)}, nil)
	at := func(hour int) schedules.Instant {
		return schedules.At(time.Date(2026, 11, 30, hour, 0, 0, 0, time.UTC))
	}
	got := l.Exposures([]schedules.Airing{{Station: "b", SegmentID: "reading", StartAt: at(9)},
		{Station: "a", SegmentID: "reading", StartAt: at(8)},
		{Station: "a", SegmentID: "reading", StartAt: at(7)}, {Station: "a", SegmentID: "song", StartAt: at(6)},
		{Station: "a", SegmentID: "gone", StartAt: at(6)}})
	var said []string
	for _, e := range got {
		said = append(said, e.Script, string(rune('0'+e.Passage)), e.Station, e.Language, e.Airings[0].String()[11:13],
			string(rune('0'+len(e.Airings))))
	}
	if want := "appeal 1 a ko 07 2 appeal 1 b ko 09 1 appeal 2 a ko 07 2 appeal 2 b ko 09 1"; strings.Join(said,
		" ") != want {
		t.Error(said)
	}
}
