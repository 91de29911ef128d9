package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

const composedHana, decomposedHana = "하나", "\u1112\u1161\u1102\u1161"

func TestStoredNamesThatLookTheSameCompareEqual(t *testing.T) {
	s := memory.New(100)
	var writes []store.Write
	keep := func(kind, id string, v any) {
		body, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, store.Write{Kind: kind, ID: id, Body: body})
	}
	for id, voice := range map[string]string{"a": composedHana, "b": decomposedHana, "c": " " + composedHana + "\u00a0", "d": decomposedHana + "\u200b"} {
		keep(kindSegment, id, schedules.Segment{ID: id, Kind: "letter", Title: "t", Language: "KO-kp", Voice: voice, Tags: []string{voice}, Persons: []string{decomposedHana}})
	}
	keep(kindStation, "s", schedules.Station{ID: "s", Languages: []string{"KOR"}})
	keep(kindClock, "c", schedules.Clock{ID: "c", Positions: []schedules.Position{{Pick: &schedules.Selector{Voice: decomposedHana, Language: "ko_KP"}}},
		Rules: []schedules.Rule{{Of: schedules.Of{Match: map[string]string{"voice": decomposedHana}}}}})
	if _, err := s.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	m, err := NewMirror(t.Context(), s, AllKinds)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLibrary(m, nil, plainSeal{}, nil, nil, LibraryLimits{Concurrency: 1})
	found, _ := l.Segments(SegmentFilter{Tag: composedHana, Limit: 10})
	if len(found) != 4 {
		t.Errorf("%d segments have the tag", len(found))
	}
	for _, seg := range found {
		if seg.Voice != composedHana || seg.Language != "ko-KP" || !slices.Equal(seg.Persons, []string{composedHana}) {
			t.Errorf("%+q %s %+q", seg.Voice, seg.Language, seg.Persons)
		}
	}
	c, _ := clocksIn(m).get("c")
	pick := c.value.Positions[0].Pick
	if !pick.Matches(&found[0]) || c.value.Rules[0].Of.Match["voice"] != composedHana {
		t.Errorf("%+v", c.value)
	}
	st, _ := stationsIn(m).get("s")
	if !schedules.Speaks("ko-KP", st.value.Languages) {
		t.Errorf("%v", st.value.Languages)
	}
}

func TestOnePersonIsNotTwoByTheFormOfTheName(t *testing.T) {
	m, err := NewMirror(t.Context(), memory.New(100), AllKinds)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, heard)
	a := NewAccess(m, d.library.now)
	for _, name := range []string{decomposedHana, composedHana + " "} {
		made, err := a.Create(t.Context(), System, NewToken{Name: name, Role: Producer})
		if err != nil || made.Name != composedHana {
			t.Errorf("%+q is %+q, %v", name, made.Name, err)
		}
	}
	if _, err := a.Create(t.Context(), System, NewToken{Name: "Ha\x1bna", Role: Producer}); err == nil {
		t.Error("a name with an escape is taken")
	}
}

func TestAReportWithABadDetailIsRejectedByItself(t *testing.T) {
	docs := memory.New(100)
	m, err := NewMirror(t.Context(), docs, AllKinds)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	s := NewScheduler(m, docs, plainSeal{}, now, "http://x", time.Minute)
	log := NewLogbook(m, NewRecords(m, docs, nil, now, 0), s, now)
	entry := func(sequence int64, detail string) schedules.AsRun {
		return schedules.AsRun{Sequence: sequence, SegmentID: "a", Outcome: schedules.Skipped, Detail: detail}
	}
	got, err := log.Report(t.Context(), "relay", []schedules.AsRun{entry(1, "red \x1b[31m"), entry(2, "one\ntwo"), entry(3, "\xff")})
	if err != nil || got[0].Status != "rejected" || !strings.Contains(got[0].Message, "U+001B") || got[1].Status != "accepted" || got[2].Status != "rejected" {
		t.Errorf("%+v, %v", got, err)
	}
	kept, err := log.AsRun(t.Context(), "relay", now().Add(-time.Hour), now().Add(time.Hour))
	if err != nil || len(kept) != 1 || kept[0].Detail != "one two" {
		t.Errorf("%+v, %v", kept, err)
	}
}
