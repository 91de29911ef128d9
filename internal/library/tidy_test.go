package library

import (
	"slices"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

const composedHana, decomposedHana = "하나", "\u1112\u1161\u1102\u1161"

func TestStoredNamesThatLookTheSameCompareEqual(t *testing.T) {
	s := memory.New(100)
	var writes []store.Write
	keep := func(kind, id string, v any) {
		body, err := replica.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, store.Write{Kind: kind, ID: id, Body: body})
	}
	for id, voice := range map[string]string{"a": composedHana, "b": decomposedHana, "c": " " + composedHana + "\u00a0",
		"d": decomposedHana + "\u200b"} {
		keep(replica.KindSegment, id, schedules.Segment{ID: id, Kind: "letter", Title: "t", Language: "KO-kp", Voice: voice,
			Tags: []string{voice}, Persons: []string{decomposedHana}})
	}
	keep(replica.KindStation, "s", schedules.Station{ID: "s", Languages: []string{"KOR"}})
	keep(replica.KindClock, "c", schedules.Clock{ID: "c",
		Positions: []schedules.Position{{Pick: &schedules.Selector{Voice: decomposedHana, Language: "ko_KP"}}},
		Rules:     []schedules.Rule{{Of: schedules.Of{Match: map[string]string{"voice": decomposedHana}}}}})
	if _, err := s.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
		t.Fatal(err)
	}
	m, err := replica.Open(t.Context(), s, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	l := New(m, nil, servicetest.Signer{}, nil, nil, Limits{Concurrency: 1})
	found, _ := l.Segments.List(SegmentFilter{Tag: composedHana, Limit: 10})
	if len(found) != 4 {
		t.Errorf("%d segments have the tag", len(found))
	}
	for _, seg := range found {
		if seg.Voice != composedHana || seg.Language != "ko-KP" || !slices.Equal(seg.Persons, []string{composedHana}) {
			t.Errorf("%+q %s %+q", seg.Voice, seg.Language, seg.Persons)
		}
	}
	c, _ := replica.ClocksIn(m).Get("c")
	pick := c.Value.Positions[0].Pick
	if !pick.Matches(&found[0]) || c.Value.Rules[0].Of.Match["voice"] != composedHana {
		t.Errorf("%+v", c.Value)
	}
	st, _ := replica.StationsIn(m).Get("s")
	if !schedules.Speaks("ko-KP", st.Value.Languages) {
		t.Errorf("%v", st.Value.Languages)
	}
}

func TestOnePersonIsNotTwoByTheFormOfTheName(t *testing.T) {
	m, err := replica.Open(t.Context(), memory.New(100), testKinds)
	if err != nil {
		t.Fatal(err)
	}
	d := newFixture(t, servicetest.Heard)
	a := access.New(m, d.library.Segments.now)
	for _, name := range []string{decomposedHana, composedHana + " "} {
		made, err := a.Create(t.Context(), access.System, access.NewToken{Name: name, Role: access.Producer})
		if err != nil || made.Name != composedHana {
			t.Errorf("%+q is %+q, %v", name, made.Name, err)
		}
	}
	if _, err := a.Create(t.Context(), access.System, access.NewToken{Name: "Ha\x1bna",
		Role: access.Producer}); err == nil {
		t.Error("a name with an escape is taken")
	}
}
