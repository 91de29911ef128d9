package network_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// The audit keeps the former windows of a station for the first change of each hour: many changes do not fill it.
func TestAuditKeepsFormerWindowsOncePerHourAndPerson(t *testing.T) {
	g := airing(t)
	kept := func() (n int) {
		for _, c := range g.replica.Recent(time.Time{}) {
			if former, _ := replica.FormerOf(c); len(former) > 0 {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		by    access.Actor
		later time.Duration
		want  int
	}{{ruth, 0, 1}, {ruth, time.Minute, 1}, {hana, 0, 2}, {ruth, time.Hour, 3}} {
		g.at = g.at.Add(step.later)
		if err := g.station(step.by, func(st *schedules.Station) {
			st.Windows = slices.Clone(st.Windows)
			st.Windows[0].Tolerance.Duration += time.Second
		}); err != nil {
			t.Fatal(err)
		}
		if got := kept(); got != step.want {
			t.Errorf("%d changes keep the former windows, want %d", got, step.want)
		}
	}
}

func TestNobodyAloneLeavesAStationTooLittleFallback(t *testing.T) {
	second := func(sound time.Duration) func(*schedules.Segment) {
		return func(s *schedules.Segment) { // a minute on the air, of which the rest is silent
			s.Recording.Silences = []schedules.Silence{{Start: schedules.Millis{Duration: sound}, End: schedules.Ms(60_000)}}
		}
	}
	for _, c := range []struct {
		before, after []string
		two           bool
	}{
		{[]string{"m1", "m2", "m3"}, []string{"m3"}, false},
		{[]string{"m1", "m2", "m3"}, []string{"ten", "five"}, true},
		{[]string{"m1", "m2", "m3"}, []string{"ten", "fifty"}, false},
		{[]string{"m1"}, []string{"fifty"}, false},
		{[]string{"m1"}, []string{"ten", "fifteen"}, true},
		{[]string{"fifty"}, []string{"ten", "fifteen"}, true},
		{[]string{"fifteen"}, []string{"ten"}, false},
		{[]string{"fifteen"}, []string{"five"}, true},
		{[]string{"five"}, []string{"fifty"}, false},
	} {
		g := newGuarded(t)
		for id, sound := range map[string]time.Duration{"five": 5, "ten": 10, "fifteen": 15, "fifty": 50} {
			g.segment(t, id, second(sound*time.Second))
		}
		g.replica.Guard = nil
		set := func(list []string) error {
			return g.station(ruth, func(st *schedules.Station) { st.Fallback = list })
		}
		if err := set(c.before); err != nil {
			t.Fatal(err)
		}
		g.replica.Guard = g.waiting.Guard
		if err := set(c.after); c.two {
			g.waits(fmt.Sprintf("%v in place of %v", c.after, c.before), err)
		} else if err != nil {
			t.Errorf("%v in place of %v: %v", c.after, c.before, err)
		}
	}
	g := newGuarded(t)
	for _, id := range []string{"m1", "m2"} {
		if err := g.edit(hana, id, func(s *schedules.Segment) { s.Kind = "ident" }); err != nil {
			t.Fatal(err)
		}
	}
	g.segment(t, "five", second(5*time.Second))
	if err := g.station(hana, func(st *schedules.Station) { st.Fallback = append(st.Fallback, "five") }); err != nil {
		t.Fatal(err)
	}
	g.waits("an edit of all but five seconds", g.edit(hana, "m3", func(s *schedules.Segment) { s.Kind = "ident" }))
	if _, err := g.library.Recalls.Recall(t.Context(), named(access.Actor{Name: "Sora", Person: "sora",
		Role: access.Producer}), "m3", nil, "in danger"); err != nil {
		t.Errorf("a recall of all but five seconds waits: %v", err)
	}
}

func TestAllLanguagesThatLoseTheirFallbackAreTold(t *testing.T) {
	g := newGuarded(t)
	for id, l := range map[string]string{"russian": "ru", "chinese": "cmn-CN", "little": "cmn-CN"} {
		g.segment(t, id, func(s *schedules.Segment) {
			if s.Language = l; id == "little" {
				s.Recording.Silences = []schedules.Silence{{Start: schedules.Ms(9000), End: schedules.Ms(60_000)}}
			}
		})
	}
	g.replica.Guard = nil
	set := func(list ...string) error {
		return g.station(ruth, func(st *schedules.Station) {
			st.Fallback, st.Languages = list, []string{"ko-KP", "ru", "cmn-CN"}
		})
	}
	if err := set("m1", "russian", "chinese"); err != nil {
		t.Fatal(err)
	}
	g.replica.Guard = g.waiting.Guard
	err := set("little")
	if g.waits("three languages", err); !strings.Contains(err.Error(),
		"would have only 9s of sound in cmn-CN and nothing in ko-KP and nothing in ru to fill a gap with") {
		t.Errorf("it tells %v", err)
	}
}
