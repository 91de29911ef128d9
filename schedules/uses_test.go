package schedules_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lifeline/schedules"
)

func TestUsesAreFoundInEveryPlace(t *testing.T) {
	by := &schedules.Selector{Script: "appeal"}
	subject := schedules.Of{Match: map[string]string{"script": "appeal", "segment": "ident"}}
	n := schedules.Network{
		Stations: []schedules.Station{{ID: "coast", Fallback: []string{"song", "ident"},
			Windows: []schedules.Window{{ID: "evening", Clock: "hour"}, {ID: "night", Clock: "other"}},
			Exceptions: []schedules.Exception{{Date: schedules.Date{Year: 2026, Month: time.December, Day: 25},
				Window: "night", Clock: "hour"}}}},
		Clocks: []schedules.Clock{
			{ID: "hour", Positions: []schedules.Position{{ID: "open", Segment: "ident"}, {ID: "read", Pick: by},
				{ID: "rest", Fill: by}}, Rules: []schedules.Rule{{Only: by, Of: subject}, {After: subject}}},
			{ID: "other", Positions: []schedules.Position{{ID: "open", Pick: &schedules.Selector{Script: "another"}}}}},
		Campaigns: []schedules.Campaign{{ID: "daily", Of: *by}, {ID: "songs"}}}
	for name, c := range map[string]struct{ got, want []string }{
		"a clock": {places(n.ClockUses("hour")), []string{"windows[evening].clock of station coast",
			"exceptions[2026-12-25].clock of station coast"}},
		"a script": {places(n.ScriptUses("appeal")), []string{"positions[read].pick of clock hour",
			"positions[rest].fill of clock hour", "rules[0].only of clock hour", "rules[0].of of clock hour",
			"rules[1].after of clock hour", "of of campaign daily"}},
		"a segment": {places(n.SegmentUses("ident")), []string{"fallback[1] of station coast",
			"positions[open].segment of clock hour", "rules[0].of of clock hour", "rules[1].after of clock hour"}},
		"nothing": {places(slices.Concat(n.ClockUses("none"), n.ScriptUses("none"), n.SegmentUses("none"))), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s is used by %q, want %q", name, c.got, c.want)
		}
	}
}

func places(uses []schedules.Reference) (out []string) {
	for _, u := range uses {
		out = append(out, fmt.Sprint(u))
	}
	return out
}
