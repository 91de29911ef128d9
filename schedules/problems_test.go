package schedules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeline/schedules"
	"lifeline/schedules/planner/plannertest"
)

func network() schedules.Network {
	in := plannertest.SmallStation(0)
	return schedules.Network{Stations: []schedules.Station{in.Station}, Clocks: []schedules.Clock{in.Clocks["hour-ko"]},
		Segments: in.Library.Segment}
}

func TestASoundNetworkHasNoProblems(t *testing.T) {
	if p := network().Problems(); len(p) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestEveryProblemIsNamedByItsPath(t *testing.T) {
	late := schedules.Ms(3_600_000)
	for name, c := range map[string]struct {
		harm  func(n *schedules.Network)
		field string
		says  string
	}{
		"a window of no length": {func(n *schedules.Network) { n.Stations[0].Windows[0].Length = schedules.Ms(0) },
			"stations[0].windows[0].length_ms", "more than 0"},
		"an unknown zone": {func(n *schedules.Network) { n.Stations[0].Timezone = "Mars/Base" },
			"stations[0].timezone", "not a known time zone"},
		"a machine's zone": {func(n *schedules.Network) { n.Stations[0].Timezone = "Local" }, "stations[0].timezone",
			"not a time zone"},
		"an unknown window zone": {func(n *schedules.Network) { n.Stations[0].Windows[0].Starts.Timezone = "X" },
			"stations[0].windows[0].starts.timezone", "not a known"},
		"an hourly rule": {func(n *schedules.Network) {
			n.Stations[0].Windows[0].Starts.RRule = "DTSTART:20230901T130000\nRRULE:FREQ=HOURLY"
		}, "stations[0].windows[0].starts.rrule", "FREQ=DAILY"},
		"many places in a year": {func(n *schedules.Network) {
			n.Stations[0].Windows[0].Starts.RRule = "DTSTART:20230901T130000\nRRULE:FREQ=YEARLY;BYDAY=MO;BYSETPOS=1"
			for place := range 31 {
				n.Stations[0].Windows[0].Starts.RRule += fmt.Sprint(",", place+2)
			}
		}, "stations[0].windows[0].starts.rrule", "32 different numbers in BYSETPOS: at most 31"},
		"count and until": {func(n *schedules.Network) {
			n.Stations[0].Windows[0].Starts.RRule = "DTSTART:20230901T130000\nRRULE:FREQ=DAILY;COUNT=3;UNTIL=20240101T000000Z"
		}, "stations[0].windows[0].starts.rrule", "COUNT and UNTIL"},
		"an unknown clock": {func(n *schedules.Network) { n.Stations[0].Windows[1].Clock = "lost" },
			"stations[0].windows[1].clock", "not known"},
		"windows that overlap": {func(n *schedules.Network) {
			n.Stations[0].Windows[1].Starts = n.Stations[0].Windows[0].Starts
		}, "stations[0].windows[1].starts", "overlap window evening"},
		"an unknown fallback": {func(n *schedules.Network) { n.Stations[0].Fallback = []string{"lost"} },
			"stations[0].fallback[0]", "not known"},
		"an unknown segment": {func(n *schedules.Network) { n.Clocks[0].Positions[0].Segment = "lost" },
			"clocks[0].positions[0].segment", "not known"},
		"an unknown kind": {func(n *schedules.Network) { n.Clocks[0].Positions[2].Fill.Kinds[0] = "jingle" },
			"clocks[0].positions[2].fill.kinds[0]", "not a kind"},
		"a post past the end": {func(n *schedules.Network) { n.Clocks[0].Positions[3].At = &late },
			"clocks[0].positions[3].at_ms", "within the clock"},
		"a position of two minds": {func(n *schedules.Network) { n.Clocks[0].Positions[0].Pick = &schedules.Selector{} },
			"clocks[0].positions[0]", "exactly one"},
		"a rule of nothing": {func(n *schedules.Network) { n.Clocks[0].Rules = []schedules.Rule{{Hard: true}} },
			"clocks[0].rules[0]", "exactly one"},
		"an unknown preference": {func(n *schedules.Network) { n.Clocks[0].Positions[2].Prefer = "latest" },
			"clocks[0].positions[2].prefer", "unexposed, newest, oldest or episode"},
		"a fill by episode": {func(n *schedules.Network) { n.Clocks[0].Positions[2].Prefer = schedules.ByEpisode },
			"clocks[0].positions[2].prefer", "make it a pick"},
		"an order of everything": {func(n *schedules.Network) {
			n.Clocks[0].Rules = []schedules.Rule{{InOrder: schedules.ByNewest}}
		}, "clocks[0].rules[0].only", "is missing"},
		"an unknown order": {func(n *schedules.Network) {
			n.Clocks[0].Rules = []schedules.Rule{{Only: &schedules.Selector{}, InOrder: schedules.ByOldest}}
		}, "clocks[0].rules[0].in_order", "newest or episode"},
		"a series across stations": {func(n *schedules.Network) {
			n.Clocks[0].Rules = []schedules.Rule{{Only: &schedules.Selector{}, InOrder: schedules.ByEpisode, Across: true}}
		}, "clocks[0].rules[0].across_stations", "own order"},
		"an age below 0": {func(n *schedules.Network) {
			n.Clocks[0].Rules = []schedules.Rule{{Only: &schedules.Selector{}, FreshFor: schedules.Ms(-1)}}
		}, "clocks[0].rules[0].fresh_for_ms", "366 days"},
		"an order and an age in one": {func(n *schedules.Network) {
			n.Clocks[0].Rules = []schedules.Rule{{Only: &schedules.Selector{}, FreshFor: schedules.Ms(1),
				InOrder: schedules.ByNewest}}
		}, "clocks[0].rules[0]", "exactly one"},
		"a clock that cannot stretch": {func(n *schedules.Network) {
			n.Clocks[0].Positions = n.Clocks[0].Positions[:1]
			n.Stations[0].Windows[0].Length = schedules.Ms(4_000_000)
		}, "stations[0].windows[0].length_ms", "no fill can stretch it"},
		"a clock without fill that cannot reach its length": {func(n *schedules.Network) {
			n.Clocks[0].Positions = n.Clocks[0].Positions[:1]
		}, "clocks[0].positions[0]", "cannot reach"},
		"an id twice": {func(n *schedules.Network) { n.Stations = append(n.Stations, n.Stations[0]) }, "stations[1].id",
			"twice"},
	} {
		n := network()
		c.harm(&n)
		found := false
		list := n.Problems()
		for _, p := range list {
			found = found || p.Field == c.field && strings.Contains(p.Message, c.says)
		}
		if !found {
			t.Errorf("%s: no problem at %s saying %q in %+v", name, c.field, c.says, list)
		}
	}
}

// Every plan reads whole definitions, so an unbounded list would slow down all plans.
func TestListsOfDefinitionsAreBounded(t *testing.T) {
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf("x%d", i)
	}
	segment := schedules.Segment{ID: "s", Kind: "music", Title: "s", Language: "zxx"}
	if p := segment.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	tagged, personal, reading := segment, segment, segment
	tagged.Tags, personal.Persons = many, many
	reading.Script = &schedules.ScriptRef{ID: "a", Version: 1, Passages: make([]int, 1001)}
	for field, problems := range map[string][]schedules.Problem{
		"tags": tagged.Problems(), "persons": personal.Problems(), "script.passages": reading.Problems(),
		"positions": schedules.Clock{ID: "c", Length: schedules.Ms(1), Positions: make([]schedules.Position,
			1001)}.Problems(),
		"rules": schedules.Clock{ID: "c", Length: schedules.Ms(1), Positions: make([]schedules.Position, 1),
			Rules: make([]schedules.Rule, 1001)}.Problems(),
		"languages": schedules.Station{ID: "s", Name: "s", Timezone: "UTC", Languages: many}.Problems(),
		"fallback":  schedules.Station{ID: "s", Name: "s", Timezone: "UTC", Languages: many[:1], Fallback: many}.Problems(),
		"windows": schedules.Station{ID: "s", Name: "s", Timezone: "UTC", Languages: many[:1],
			Windows: make([]schedules.Window, 1001)}.Problems(),
	} {
		if len(problems) != 1 || problems[0].Field != field || !strings.Contains(problems[0].Message, "at most 1000") {
			t.Errorf("%s: %.200s", field, fmt.Sprint(problems))
		}
	}
}

// A problem is shown as the name of its field and its message, which together are a sentence.
func TestTheMessageOfAProblemReadsOnAfterItsField(t *testing.T) {
	never := schedules.Window{ID: "w", Clock: "c", Length: schedules.Ms(3_600_000), Starts: schedules.Recurrence{
		Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY", Until: &schedules.Date{Year: 2026, Month: 1,
			Day: 1}}}
	noDay := never
	noDay.Starts.RRule = "DTSTART:20261101T130000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
	station := schedules.Station{ID: "a", Windows: []schedules.Window{never, noDay}}
	for want, list := range map[string][]schedules.Problem{
		"intro must be another segment: none":   schedules.Segment{ID: "a", Intro: "a"}.Problems(),
		"at_least must be 1 or more, unless":    schedules.Campaign{ID: "a"}.Problems(),
		"windows[0].starts.rrule never occurs:": station.Problems(),
		"windows[1].starts.rrule names a day":   station.Problems(),
	} {
		if !slices.ContainsFunc(list, func(p schedules.Problem) bool {
			return strings.HasPrefix(p.Field+" "+p.Message, want)
		}) {
			t.Errorf("no %q in %v", want, list)
		}
	}
}

func TestTheTermsOfAStarvedStationAreHeldToTheirBounds(t *testing.T) {
	of := func(terms schedules.Starved) string {
		var fields []string
		for _, p := range (schedules.Station{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko-KP"},
			Starved: terms}).Problems() {
			fields = append(fields, p.Field)
		}
		return strings.Join(fields, " ")
	}
	for want, all := range map[string][]schedules.Starved{
		"": {{}, {Policy: schedules.GoOn}, {Policy: schedules.DropSensitive, After: schedules.Ms(300_000)},
			{After: schedules.Ms(7 * 86_400_000)}},
		"starved.policy": {{Policy: "stop"}, {Policy: "GO_ON"}},
		"starved.after_ms": {{After: schedules.Ms(299_999)}, {After: schedules.Ms(-1)},
			{After: schedules.Ms(7*86_400_000 + 1)}},
		"starved.policy starved.after_ms": {{Policy: "stop", After: schedules.Ms(1)}},
	} {
		for _, terms := range all {
			if got := of(terms); got != want {
				t.Errorf("%+v: problems in %q, want %q", terms, got, want)
			}
		}
	}
}
