package planner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// oneWindow returns a day, a Monday, with one window at noon whose length must be met to the millisecond.
func oneWindow(seconds int64, segments []schedules.Segment, clock schedules.Clock) schedules.Input {
	clock.ID, clock.Length = "c", schedules.Ms(seconds*1000)
	return schedules.Input{
		Station: schedules.Station{ID: "st", Name: "st", Timezone: "UTC", Languages: []string{"ko-KP"},
			Windows: []schedules.Window{{ID: "noon", Clock: "c", Length: clock.Length,
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230101T120000\nRRULE:FREQ=DAILY"}}}},
		Clocks: map[string]schedules.Clock{"c": clock}, Date: schedules.Date{Year: 2023, Month: 10, Day: 2},
		Library: schedules.Prepare(segments, nil),
	}
}

// lasting returns segments of a kind with the given lengths in seconds. Their ids are the kind and the seconds.
func lasting(kind schedules.Kind, seconds ...int64) (out []schedules.Segment) {
	for _, s := range seconds {
		out = append(out, plannertest.Segment(fmt.Sprintf("%s-%d", kind, s), kind, "ko-KP", s*1000))
	}
	return out
}

func kinds(k ...schedules.Kind) *schedules.Selector { return &schedules.Selector{Kinds: k} }

func ofKind(k string) schedules.Of { return schedules.Of{Match: map[string]string{"kind": k}} }

func aired(p planner.Plan) (out []string) {
	for _, i := range p.Rundown.Items {
		out = append(out, i.SegmentID)
	}
	return out
}

// With the music, 130 s are left, which no letters fill.
func TestASoftMinimumThatCannotBeMetLeavesItsFillPlannable(t *testing.T) {
	least := 1
	in := oneWindow(300, slices.Concat(lasting("music", 170), lasting("letter", 99, 100, 101)), schedules.Clock{
		Positions: []schedules.Position{{ID: "all", Fill: kinds("letter", "music")}},
		Rules: []schedules.Rule{{AtLeast: &least, Per: "day", Of: ofKind("music")},
			{Separate: "segment", For: schedules.Ms(600_000), Hard: true}}})
	plan := plannertest.Audited(t, in)
	if got := slices.Sorted(slices.Values(aired(plan))); !slices.Equal(got, []string{"letter-100", "letter-101",
		"letter-99"}) {
		t.Errorf("airs %v", got)
	}
	if !warned(plan.Rundown, "demand_unmet") {
		t.Errorf("nothing warns that the minimum is not met: %v", plan.Rundown.Warnings)
	}
}

// If every segment may air once, only 90 s and 60 s of letters with 150 s of music make five minutes with two letters.
func TestTwoOwedInOneFillOfFiveMinutesAreFound(t *testing.T) {
	two := 2
	in := oneWindow(300, slices.Concat(lasting("letter", 60, 77, 90), lasting("music", 150, 197, 250)), schedules.Clock{
		Positions: []schedules.Position{{ID: "all", Fill: kinds("letter", "music")}},
		Rules: []schedules.Rule{{AtLeast: &two, Per: "day", Of: ofKind("letter"), Hard: true},
			{Separate: "segment", For: schedules.Ms(600_000), Hard: true}}})
	if got := slices.Sorted(slices.Values(aired(plannertest.Audited(t, in)))); !slices.Equal(got,
		[]string{"letter-60", "letter-90", "music-150"}) {
		t.Errorf("airs %v", got)
	}
}

// After the post 240 s are left: 100 and 140, or 150 and 90, but never with the 110 s that the weekly minimum asks for.
func TestTwoPicksBehindAPostEndInTimeThoughASoftWeeklyMinimumWantsAnother(t *testing.T) {
	post, one := schedules.Ms(300_000), 7
	in := oneWindow(600, slices.Concat(lasting("letter", 140, 160, 170), lasting("ident", 60), lasting("news", 100, 110,
		150), lasting("promo", 90, 140)), schedules.Clock{
		Positions: []schedules.Position{{ID: "first", Fill: kinds("letter")}, {ID: "post", At: &post, Start: schedules.Hard,
			Segment: "ident-60"}, {ID: "a", Pick: kinds("news")}, {ID: "b", Pick: kinds("promo")}},
		Rules: []schedules.Rule{{AtLeast: &one, Per: "week",
			Of: schedules.Of{Match: map[string]string{"segment": "news-110"}}}}})
	got := aired(plannertest.Audited(t, in))
	if pair := got[len(got)-2:]; !slices.Equal(pair, []string{"news-100", "promo-140"}) &&
		!slices.Equal(pair, []string{"news-150", "promo-90"}) {
		t.Errorf("airs %v", got)
	}
}

// The promo at 5:00 must follow music immediately: 300 s of letters and music that end with music.
func TestAFillThatLeadsToAPostEndsWithWhatThePostMustFollow(t *testing.T) {
	post := schedules.Ms(300_000)
	in := oneWindow(600, slices.Concat(lasting("music", 70, 100), lasting("promo", 60), lasting("letter", 80, 110, 120,
		130)), schedules.Clock{
		Positions: []schedules.Position{{ID: "first", Fill: kinds("letter", "music")}, {ID: "post", At: &post,
			Start: schedules.Hard, Segment: "promo-60"}, {ID: "rest", Fill: kinds("letter")}},
		Rules: []schedules.Rule{{Only: kinds("promo"), After: ofKind("music"), Within: schedules.Ms(1000), Hard: true}}})
	got := aired(plannertest.Audited(t, in))
	if k := slices.Index(got, "promo-60"); k < 1 || got[k-1] != "music-70" && got[k-1] != "music-100" {
		t.Errorf("airs %v", got)
	}
}

func TestAHardCampaignOwesNothingToADayWithoutAWindow(t *testing.T) {
	in := oneWindow(300, lasting("letter", 100, 150),
		schedules.Clock{Positions: []schedules.Position{{ID: "all", Fill: kinds("letter")}}})
	in.Campaigns = []schedules.Campaign{{ID: "help", Of: schedules.Selector{Kinds: []schedules.Kind{"letter"}}, AtLeast: 2,
		Hard: true}}
	in.Station.Windows[0].Starts.RRule = "DTSTART:20230102T120000\nRRULE:FREQ=WEEKLY;BYDAY=MO"
	if got := aired(plannertest.Audited(t, in)); len(got) < 2 {
		t.Errorf("Monday airs %v", got)
	}
	in.Date = in.Date.AddDays(1)
	if got := aired(plannertest.Audited(t, in)); len(got) > 0 {
		t.Errorf("Tuesday has no window and airs %v", got)
	}
}

func TestAHardWeeklyMinimumIsOwedOnSaturdayWhereSundayHasNoWindow(t *testing.T) {
	one := 1
	in := oneWindow(300, slices.Concat(lasting("letter", 100, 150), lasting("music", 150)),
		schedules.Clock{Positions: []schedules.Position{{ID: "all", Fill: kinds("letter", "music")}},
			Rules: []schedules.Rule{{AtLeast: &one, Per: "week", Of: ofKind("music"), Hard: true}}})
	in.Station.Windows[0].Starts.RRule = "DTSTART:20230101T120000\nRRULE:FREQ=WEEKLY;BYDAY=MO,SA"
	in.Date = in.Date.AddDays(5)
	if got := aired(plannertest.Audited(t, in)); !slices.Contains(got, "music-150") {
		t.Errorf("Saturday airs %v", got)
	}
	clock := in.Clocks["c"]
	clock.Positions = []schedules.Position{{ID: "all", Fill: kinds("letter")}} // now no position can ever meet it
	in.Clocks["c"] = clock
	for _, day := range []int{0, -5} {
		refused := in
		refused.Date = in.Date.AddDays(day)
		var impossible *planner.Unsatisfiable
		if _, err := planner.Compile(refused.Library).Plan(context.Background(), refused); !errors.As(err, &impossible) {
			t.Errorf("%s: %v", refused.Date, err)
		}
	}
}

// smallNetwork returns a station of one or two windows with hard and soft rules, so small that it sometimes has no
// plan.
func smallNetwork(seed uint64) schedules.Input {
	g := generator{Rand: rand.New(rand.NewPCG(seed, 7))}
	var segments []schedules.Segment
	for i := range 6 + g.IntN(12) {
		s := plannertest.Segment(fmt.Sprintf("s%02d", i), schedules.Kind(g.one(smallKinds)), "ko-KP",
			int64(20+5*g.IntN(30))*1000)
		s.Voice, s.Tags = g.one([]string{"", "hana", "min"}), []string{g.tag()}
		segments = append(segments, s)
	}
	clock := schedules.Clock{}
	pick := func(p schedules.Position) schedules.Position {
		p.ID, p.Pick = fmt.Sprintf("p%d", len(clock.Positions)), kinds(schedules.Kind(g.one(smallKinds)))
		return p
	}
	fill := func() {
		some := slices.Clone(smallKinds)
		g.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		clock.Positions = append(clock.Positions, schedules.Position{ID: fmt.Sprintf("p%d", len(clock.Positions)),
			Fill: kinds(schedules.Kind(some[0]), schedules.Kind(some[1]), schedules.Kind(some[2]))})
	}
	if g.IntN(3) == 0 {
		clock.Positions = append(clock.Positions, pick(schedules.Position{}))
	}
	fill()
	minutes := int64(5 + g.IntN(6))
	if g.IntN(2) == 0 {
		at := schedules.Ms(minutes * 30_000)
		clock.Positions = append(clock.Positions, pick(schedules.Position{At: &at, Start: schedules.Hard}))
		if g.IntN(3) == 0 {
			clock.Positions = append(clock.Positions, pick(schedules.Position{}))
		}
		fill()
	}
	for range 1 + g.IntN(5) {
		n := 1 + g.IntN(3)
		of := ofKind(g.one(smallKinds))
		clock.Rules = append(clock.Rules, [...]schedules.Rule{
			{Separate: "segment", For: schedules.Ms(int64(n) * 120_000)},
			{Separate: g.one([]string{"voice", "tag", "kind"}), Items: n},
			{AtLeast: &n, Per: g.one([]string{"window", "day", "week"}), Of: of},
			{AtMost: &n, Per: g.one([]string{"window", "day"}), Of: of},
			{AtMost: &n, Per: "window", Of: schedules.Of{Each: "voice"}},
			{Only: kinds(schedules.Kind(g.one(smallKinds))), After: of, Within: schedules.Ms(int64(n) * 60_000)},
			{Share: &schedules.Share{Least: 0.2 * float64(n)}, Per: "window", Of: of},
			{Share: &schedules.Share{Most: 0.2 * float64(n)}, Per: "window", Of: of},
		}[g.IntN(8)])
		clock.Rules[len(clock.Rules)-1].Hard = g.IntN(3) == 0
	}
	in := oneWindow(minutes*60, segments, clock)
	in.Station.Windows[0].Tolerance = schedules.Ms([]int64{0, 1000, 5000}[g.IntN(3)])
	if g.IntN(2) == 0 {
		w := in.Station.Windows[0]
		w.ID, w.Starts.RRule = "evening", "DTSTART:20230101T180000\nRRULE:FREQ=DAILY"
		in.Station.Windows = append(in.Station.Windows, w)
	}
	return in
}

var smallKinds = []string{"music", "letter", "news", "promo"}

// A day that can be planned under its hard rules can be planned with the soft ones too: soft rules only choose.
// LIFELINE_PROVE=soft tests LIFELINE_INPUTS networks.
func TestASoftRuleNeverMakesADayUnplannable(t *testing.T) {
	networks := 40
	if os.Getenv("LIFELINE_PROVE") == "soft" {
		networks = longform.Inputs(t, 1000)
	}
	first, _ := strconv.ParseUint(os.Getenv("LIFELINE_SEED"), 10, 64)
	planned, only := 0, 0
	for seed := range uint64(networks) {
		in := smallNetwork(first + seed)
		hard := in
		clock := in.Clocks["c"]
		clock.Rules = slices.DeleteFunc(slices.Clone(clock.Rules), func(r schedules.Rule) bool { return !r.Hard })
		hard.Clocks = map[string]schedules.Clock{"c": clock}
		if _, err := planner.Compile(hard.Library).Plan(context.Background(), hard); err != nil {
			continue
		}
		planned++
		plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
		if err != nil {
			only++
			t.Errorf("network %d: %v", first+seed, err)
			continue
		}
		for _, v := range plannertest.Violations(t, in, plan.Rundown) {
			if v.Hard {
				t.Errorf("network %d: %s: %s", first+seed, v.Rule, v.Message)
			}
		}
	}
	t.Logf("%d networks: %d can be planned, %d of them only without their soft rules", networks, planned, only)
	if planned < networks/4 {
		t.Errorf("only %d of %d can be planned at all", planned, networks)
	}
}
