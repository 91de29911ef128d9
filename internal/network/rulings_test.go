package network_test

import (
	"fmt"
	"testing"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Who rules that a passage may air no longer protects somebody; nobody lifts that alone.
func TestNobodyAloneLetsPassagesAirAgainOrLonger(t *testing.T) {
	g := airing(t)
	rule := func(a access.Actor, dead bool, until schedules.Instant) error {
		_, err := g.Network.Apply(t.Context(), a, wire.Apply{Scripts: []schedules.Script{{ID: "appeal", Title: "Appeal",
			Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{{Version: 1, Passages: []schedules.Passage{
				{Number: 1, Text: map[string]string{"ko-KP": "살려 주세요"}, Dead: dead, AirUntil: until}}}}}}}, nil, false)
		return err
	}
	alone := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	none, day := schedules.Instant{}, func(n int) schedules.Instant { return schedules.At(g.at.AddDate(0, 0, n)) }
	alone("a new script", rule(hana, true, none))
	alone("without readings", rule(hana, false, none))
	reading := g.theSegment("m1")
	reading.ID, reading.Script = "reading", &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1}}
	reading.Revision = 1
	servicetest.Put(t, g.replica, replica.KindSegment, "reading", reading)
	alone("an end", rule(hana, false, day(9)))
	alone("an earlier end", rule(hana, false, day(5)))
	g.waits("a later end", rule(hana, false, day(6)))
	g.waits("no end", rule(hana, false, none))
	alone("dead", rule(hana, true, none))
	id := g.waits("alive again", rule(hana, false, day(5)))
	if _, err := g.waiting.Confirm(t.Context(), ruth, id); err != nil {
		t.Error(err)
	}
	alone("as it is now", rule(hana, false, day(5)))
}

// A producer rules that passages of an appeal are dead, and all its readings leave the queues of every station.
func TestNobodyAloneRulesManyReadingsOffTheAir(t *testing.T) {
	g := airing(t)
	script := func(id string, passages int, change func(p *schedules.Passage)) schedules.Script {
		s := schedules.Script{ID: id, Title: id, Languages: []string{"ko-KP"},
			Versions: []schedules.ScriptVersion{{Version: 1}}}
		for n := range passages {
			p := schedules.Passage{Number: n + 1, Text: map[string]string{"ko-KP": "살려 주세요"}}
			change(&p)
			s.Versions[0].Passages = append(s.Versions[0].Passages, p)
		}
		return s
	}
	apply := func(a access.Actor, scripts ...schedules.Script) error {
		_, err := g.Network.Apply(t.Context(), a, wire.Apply{Scripts: scripts}, nil, false)
		return err
	}
	as := func(*schedules.Passage) {}
	dead := func(p *schedules.Passage) { p.Dead = true }
	ends := func(days int) func(p *schedules.Passage) {
		return func(p *schedules.Passage) { p.AirUntil = schedules.At(g.at.AddDate(0, 0, days)) }
	}
	err := apply(access.System, script("appeal", 4, as), script("letter", 4, as), script("unheard", 9, as))
	if err != nil {
		t.Fatal(err)
	}
	queue := wire.Queue{Schema: wire.QueueSchema, Station: "s", Date: g.day(1)}
	for id, passages := range map[string]int{"appeal": 4, "letter": 4, "unheard": 9} {
		for n := range passages {
			reading := g.theSegment("m1")
			reading.ID, reading.Revision = fmt.Sprint(id, n), 1
			reading.Script = &schedules.ScriptRef{ID: id, Version: 1, Passages: []int{n + 1}}
			servicetest.Put(t, g.replica, replica.KindSegment, reading.ID, reading)
			if at := schedules.At(g.at.AddDate(0, 0, 1)); id != "unheard" {
				queue.Items = append(queue.Items, wire.QueueItem{ID: reading.ID, SegmentID: reading.ID, StartAt: &at,
					Duration: schedules.Ms(1000)})
			}
		}
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/"+g.day(1).String(), queue)
	renumbered := script("letter", 4, as)
	renumbered.Versions[0].Version = 2
	g.waits("two scripts at once", apply(hana, script("appeal", 4, dead), script("letter", 4, dead)))
	g.waits("eight that end soon", apply(hana, script("appeal", 4, ends(3)), script("letter", 4, ends(3))))
	if err := apply(hana, script("appeal", 4, ends(60)), script("letter", 4, ends(60))); err != nil {
		t.Errorf("what airs for long enough: %v", err)
	}
	if err := apply(sora, script("unheard", 9, dead)); err != nil {
		t.Errorf("what no queue has: %v", err)
	}
	if err := apply(hana, script("appeal", 4, dead)); err != nil {
		t.Errorf("a handful: %v", err)
	}
	g.waits("another handful soon after", apply(hana, renumbered))
	if err := apply(ruth, script("letter", 4, func(p *schedules.Passage) {
		ends(60)(p)
		p.Dead = p.Number < 3
	})); err != nil {
		t.Errorf("by somebody else: %v", err)
	}
}

// The fallback of a station has nothing but readings, which a ruling ends after the times that are looked at.
func TestNobodyAloneEndsTheLastFallbackByRulings(t *testing.T) {
	g := airing(t)
	rule := func(a access.Actor, until schedules.Instant) error {
		_, err := g.Network.Apply(t.Context(), a, wire.Apply{Scripts: []schedules.Script{{ID: "appeal", Title: "Appeal",
			Languages: []string{"ko-KP"}, Versions: []schedules.ScriptVersion{{Version: 1, Passages: []schedules.Passage{
				{Number: 1, Text: map[string]string{"ko-KP": "살려 주세요"}, AirUntil: until}}}}}}}, nil, false)
		return err
	}
	if err := rule(access.System, schedules.Instant{}); err != nil {
		t.Fatal(err)
	}
	reading := g.theSegment("m1")
	reading.ID, reading.Script = "reading", &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1}}
	reading.Revision = 1
	servicetest.Put(t, g.replica, replica.KindSegment, "reading", reading)
	g.replica.Guard = nil
	if err := g.station(access.System, func(st *schedules.Station) { st.Fallback = []string{"reading"} }); err != nil {
		t.Fatal(err)
	}
	g.replica.Guard = g.waiting.Guard
	g.waits("an end in 20 days", rule(hana, schedules.At(g.at.AddDate(0, 0, 20))))
}
