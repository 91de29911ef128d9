package library

import (
	"slices"
	"testing"

	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/schedules"
)

func TestALanguageAirsOnTheStationsWithAWindowThatAllowsIt(t *testing.T) {
	d := newFixture(t, servicetest.Heard)
	for _, s := range []schedules.Station{
		{ID: "dawn", Languages: []string{"ko-KP"}, Windows: []schedules.Window{{ID: "a"}}},
		{ID: "broad", Languages: []string{"en"}, Windows: []schedules.Window{{ID: "a"},
			{ID: "b", Languages: []string{"ko"}}}},
		{ID: "narrow", Languages: []string{"ko"}, Windows: []schedules.Window{{ID: "a", Languages: []string{"cmn-Hans"}}}},
		{ID: "idle", Languages: []string{"ko"}},
		{ID: "open", Windows: []schedules.Window{{ID: "a"}}},
	} {
		replica.StationsIn(d.replica).Put(s.ID, replica.Row[schedules.Station]{Revision: 1, Value: s})
	}
	for language, want := range map[string][]string{
		"ko-KP": {"broad", "dawn", "open"}, "ko": {"broad", "open"}, "ko-KR": {"broad", "open"}, "en-GB": {"broad", "open"},
		"cmn-Hans": {"narrow", "open"}, "cmn": {"open"}, "zxx": {"broad", "dawn", "narrow", "open"}, "kok": {"open"},
	} {
		if got := d.library.Segments.AirableOn(language); !slices.Equal(got, want) {
			t.Errorf("%s airs on %v, not %v", language, got, want)
		}
	}
	if got := newFixture(t, servicetest.Heard).library.Segments.AirableOn("ko"); got == nil || len(got) > 0 {
		t.Errorf("without stations: %v", got)
	}
}
