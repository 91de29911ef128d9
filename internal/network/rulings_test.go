package network_test

import (
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
