package replica_test

import (
	"fmt"
	"strings"
	"testing"

	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

// scoped is a replica with a network, segments in two languages, and persons of every scope.
func scoped(t *testing.T) *replica.Replica {
	t.Helper()
	m, err := replica.Open(t.Context(), memory.New(100), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	for id, clocks := range map[string][]string{"dawn": {"own", "shared"}, "dusk": {"shared"}} {
		st := schedules.Station{ID: id}
		for _, c := range clocks {
			st.Windows = append(st.Windows, schedules.Window{ID: c, Clock: c})
		}
		servicetest.Put(t, m, replica.KindStation, id, st)
	}
	for id, language := range map[string]string{"korean": "ko-KP", "chinese": "cmn", "music": "zxx"} {
		servicetest.Put(t, m, replica.KindSegment, id, schedules.Segment{ID: id, Language: language})
	}
	servicetest.Put(t, m, replica.KindScript, "appeal", script("안녕", "你好", 1))
	for id, stations := range map[string][]string{"dawns": {"dawn"}, "everyones": nil} {
		servicetest.Put(t, m, replica.KindCampaign, id, schedules.Campaign{ID: id, Stations: stations})
	}
	for id, p := range map[string]replica.Person{"ko": {Languages: []string{"ko"}}, "dawn": {Stations: []string{"dawn"}},
		"both": {Languages: []string{"ko"}, Stations: []string{"dawn"}}, "all": {}} {
		p.ID, p.Name, p.Roles = id, id, []string{"producer", "scheduler"}
		servicetest.Put(t, m, replica.KindPerson, id, p)
	}
	return m
}

func script(ko, zh string, number int) schedules.Script {
	passage := schedules.Passage{Number: number, Text: map[string]string{"ko": ko, "cmn": zh}}
	return schedules.Script{ID: "appeal", Languages: []string{"cmn", "ko"},
		Versions: []schedules.ScriptVersion{{Version: 1, Passages: []schedules.Passage{passage}}}}
}

func TestEveryWriteOfAPersonIsHeldToTheirLanguagesAndStations(t *testing.T) {
	segment := func(language string) any { return schedules.Segment{Language: language} }
	campaign := func(stations ...string) any { return schedules.Campaign{Stations: stations} }
	for _, c := range []struct {
		what, kind, id string
		body           any // nil: deleted
		refused        string
	}{
		{"a segment of the language", replica.KindSegment, "korean", segment("ko-KP"), ""},
		{"a new segment of the language", replica.KindSegment, "new", segment("ko"), ""},
		{"another language", replica.KindSegment, "chinese", segment("cmn"), "ko both"},
		{"a new segment in another language", replica.KindSegment, "new", segment("en"), "ko both"},
		{"into another language", replica.KindSegment, "korean", segment("cmn"), "ko both"},
		{"out of another language", replica.KindSegment, "chinese", segment("ko"), "ko both"},
		{"the deletion of another language", replica.KindSegment, "chinese", nil, "ko both"},
		{"a language that begins alike", replica.KindSegment, "new", segment("kok"), "ko both"},
		{"a recall in another language", replica.KindSegment, "chinese",
			schedules.Segment{Language: "cmn", State: schedules.Recalled}, ""},
		{"a recall into another language", replica.KindSegment, "korean",
			schedules.Segment{Language: "cmn", State: schedules.Recalled}, "ko both"},
		{"no language", replica.KindSegment, "music", segment("zxx"), ""},
		{"a script's text of the language", replica.KindScript, "appeal", script("여보세요", "你好", 1), ""},
		{"a script's other text", replica.KindScript, "appeal", script("안녕", "您好", 1), "ko both"},
		{"a script's numbers", replica.KindScript, "appeal", script("안녕", "你好", 2), "ko both"},
		{"a script's end", replica.KindScript, "appeal", nil, "ko both"},
		{"a new script in one language", replica.KindScript, "letter", schedules.Script{Languages: []string{"ko"}}, ""},
		{"the station", replica.KindStation, "dawn", schedules.Station{}, ""},
		{"another station", replica.KindStation, "dusk", schedules.Station{}, "dawn both"},
		{"a new station", replica.KindStation, "noon", schedules.Station{}, "dawn both"},
		{"a day of the station", replica.KindRundown, "dawn/2026-11-30", schedules.Rundown{}, ""},
		{"a day of another", replica.KindRundown, "dusk/2026-11-30", schedules.Rundown{}, "dawn both"},
		{"a station whose id begins alike", replica.KindQueue, "dawns/2026-11-30", schedules.Rundown{}, "dawn both"},
		{"a clock of the station", replica.KindClock, "own", schedules.Clock{}, ""},
		{"a clock of both", replica.KindClock, "shared", schedules.Clock{}, "dawn both"},
		{"a new clock", replica.KindClock, "new", schedules.Clock{}, ""},
		{"a campaign of the station", replica.KindCampaign, "dawns", campaign("dawn"), ""},
		{"a campaign for another too", replica.KindCampaign, "dawns", campaign("dawn", "dusk"), "dawn both"},
		{"a campaign for every station", replica.KindCampaign, "dawns", campaign(), "dawn both"},
		{"a campaign of every station", replica.KindCampaign, "everyones", campaign("dawn"), "dawn both"},
		{"the deletion of one of every station", replica.KindCampaign, "everyones", nil, "dawn both"},
	} {
		for _, person := range []string{"", "all", "ko", "dawn", "both", "unknown"} {
			m := scoped(t)
			w := store.Write{Kind: c.kind, ID: c.id, Delete: c.body == nil}
			if d, err := m.Store.Get(t.Context(), c.kind, c.id); err == nil {
				w.Expect = d.Revision
			}
			if c.body != nil {
				var err error
				if w.Body, err = replica.Encode(c.body); err != nil {
					t.Fatal(err)
				}
			}
			if c.kind == replica.KindQueue {
				w.Body = []byte(`{"payload":"e30=","signatures":[{"keyid":"k","sig":""}]}`)
			}
			err := m.Commit(t.Context(), store.Commit{Writes: []store.Write{w}, Origin: store.Origin{By: person,
				Person: person}})
			want := person != "" && strings.Contains(" "+c.refused+" ", " "+person+" ")
			if want != fault.Is(err, fault.Forbidden) || !want && c.kind != replica.KindQueue && err != nil {
				t.Errorf("%s by %q: %v", c.what, person, err)
			}
			if d, _ := m.Store.Get(t.Context(), c.kind, c.id); want && d.Revision != w.Expect {
				t.Errorf("%s by %q is stored", c.what, person)
			}
		}
	}
}

func TestWhatIsOutOfScopeIsRefusedWithTheReasonAndTheCure(t *testing.T) {
	m := scoped(t)
	for _, c := range []struct{ person, kind, id, says string }{
		{"ko", replica.KindSegment, "chinese",
			`segment "chinese" is in cmn, and ko works in ko only: ask a person who works in cmn`},
		{"dawn", replica.KindRundown, "dusk/2026-11-30",
			`rundown "dusk/2026-11-30" is of station dusk, and dawn works for dawn only: ask a person who works for dusk`},
		{"dawn", replica.KindCampaign, "everyones", "of every station"}} {
		err := m.Scope(c.person, store.Write{Kind: c.kind, ID: c.id, Delete: true})
		if !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%v", err)
		}
	}
}
