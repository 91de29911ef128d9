package planner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// tightStation returns a station of a small network: 12 to 60 segments of its language, one to three windows, and up to
// five rules in each clock. The same seed gives the same station.
func tightStation(seed uint64) schedules.Input {
	r := rand.New(rand.NewPCG(seed, 34))
	first := schedules.Date{Year: 2027, Month: time.Month(1 + r.IntN(12)), Day: 1 + r.IntN(28)}
	g := generator{r, map[string][]string{}, nil}
	kinds := slices.Clone(materialKinds)
	r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	g.kinds = kinds[:3+r.IntN(3)]
	segments := g.few(first)
	in := schedules.Input{Date: first, Clocks: map[string]schedules.Clock{}, Library: schedules.Prepare(segments,
		[]schedules.Script{{ID: "script", Versions: []schedules.ScriptVersion{{Version: 1,
			Passages: []schedules.Passage{{Number: 1}, {Number: 2}}}}}})}
	in.Station = schedules.Station{ID: "st", Name: "st", Timezone: g.one([]string{"Asia/Seoul", "Europe/Berlin", "UTC"}),
		Languages: []string{"ko-KR"}}
	for range r.IntN(3) {
		in.Station.Fallback = append(in.Station.Fallback, g.one(g.any(g.kinds...)))
	}
	minute := 10 + r.IntN(300)
	for k := range 1 + r.IntN(3) {
		length := []int{5, 10, 15, 20, 30}[r.IntN(5)]
		clock := schedules.Clock{ID: fmt.Sprintf("c%d", k), Length: schedules.Ms(int64(length) * 60_000)}
		g.positions(&clock, length)
		g.rules(&clock)
		in.Clocks[clock.ID] = clock
		in.Station.Windows = append(in.Station.Windows, schedules.Window{ID: fmt.Sprintf("w%d", k), Clock: clock.ID,
			Length: clock.Length, Tolerance: schedules.Ms([]int64{0, 100, 500, 1000, 1000, 2000, 5000}[r.IntN(7)]),
			Starts: schedules.Recurrence{Timezone: in.Station.Timezone,
				RRule: fmt.Sprintf("DTSTART:20261201T%02d%02d00\nRRULE:FREQ=DAILY", minute/60, minute%60)}})
		minute += length + 1 + r.IntN(240)
	}
	if r.IntN(3) == 0 {
		in.Campaigns = append(in.Campaigns, schedules.Campaign{ID: "camp", Of: schedules.Selector{Tags: []string{g.tag()}},
			AtLeast: 1 + r.IntN(3), Hard: r.IntN(2) == 0})
	}
	return in
}

// few returns the recordings of a small network.
func (g generator) few(first schedules.Date) (out []schedules.Segment) {
	add := func(kind, language string, ms int64) *schedules.Segment {
		out = append(out, plannertest.Segment(fmt.Sprintf("m%03d", len(out)), schedules.Kind(kind), language, ms))
		s := &out[len(out)-1]
		g.of[kind] = append(g.of[kind], s.ID)
		return s
	}
	for _, k := range []string{"sign-on", "sign-off", "ident"} {
		for range 2 {
			add(k, schedules.NoLanguage, 3000+g.Int64N(15_000))
		}
	}
	for range 2 {
		add("promo", "ko-KR", 10_000+g.Int64N(30_000))
	}
	for _, k := range []string{"intro", "back-announce"} {
		add(k, schedules.NoLanguage, 4000+g.Int64N(9000))
	}
	for n := range 12 + g.IntN(49) {
		ms := 20_000 + g.Int64N(100_000)
		if g.IntN(3) == 0 {
			ms = 60_000 + g.Int64N(220_000)
		}
		kind := g.kinds[n%len(g.kinds)]
		if n >= 2*len(g.kinds) {
			kind = g.one(g.kinds)
		}
		s := add(kind, "ko-KR", ms)
		s.Voice, s.Series = g.one([]string{"", "", "hana", "ruth", "min"}), g.one([]string{"", "", "s1", "s2", "s3"})
		if g.IntN(2) == 0 {
			s.Tags = []string{g.tag()}
		}
		if s.Series != "" {
			s.Episode = g.IntN(12)
		}
		if kind == "news" {
			s.ValidFrom = schedules.At(time.Date(first.Year, first.Month, first.Day-1+g.IntN(2), g.IntN(24), 0, 0, 0,
				time.UTC))
		}
		if kind == "reading" && g.IntN(2) == 0 {
			s.Script = &schedules.ScriptRef{ID: "script", Version: 1, Passages: []int{1 + g.IntN(2)}}
			s.Intro, s.BackAnnounce = g.one(g.of["intro"]), g.one(g.of["back-announce"])
		}
	}
	return out
}

// tightTally counts the outcomes of tight days.
type tightTally struct {
	days, planned, impossible, none int
	before                          int // planned without the search over whole days
	refused                         int // not found, though the solver finds a plan
	proved                          int // not found, and the solver shows that there is no plan
	worst                           time.Duration
}

// planTight plans three days of a station, each after the days before it, and audits the plans. It asks the solver
// about each day that has no plan.
func planTight(t *testing.T, seed uint64, sum *tightTally) {
	in := tightStation(seed)
	for range 3 {
		start := processor()
		plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
		sum.worst = max(sum.worst, processor()-start)
		sum.days++
		var impossible *planner.Unsatisfiable
		var none *planner.NotFound
		name := fmt.Sprintf("station %d on %s", seed, in.Date)
		switch {
		case err == nil:
			sum.planned++
			if hasNone(in) {
				t.Errorf("%s: the solver shows that there is no plan, though there is", name)
			}
			for _, v := range plannertest.Violations(t, in, plan.Rundown) {
				if v.Hard {
					t.Errorf("%s: %s: %s %s: %s", name, v.Rule, v.Window, v.Item, v.Message)
				}
			}
		case errors.As(err, &impossible):
			sum.impossible++
			if verdict := solve(in, seed); verdict == solved {
				t.Errorf("%s: the solver found a plan, though %v", name, err)
			}
		case errors.As(err, &none):
			sum.none++
			verdict := solve(in, seed)
			t.Logf("%s: %v (solver: %s)", name, err, verdict)
			switch verdict {
			case solved:
				sum.refused++
			case noPlan:
				sum.proved++
			}
		default:
			t.Errorf("%s: %v", name, err)
		}
		planner.WithoutImproving(func() {
			if _, err := planner.Compile(in.Library).Plan(context.Background(), in); err == nil {
				sum.before++
			}
		})
		if err == nil {
			in.History = append(in.History, plan.Rundown.Airings()...)
		}
		in.Date = in.Date.AddDays(1)
	}
}

// Small libraries, in which the stretches of a day compete for the same few segments, are planned or proved impossible.
// LIFELINE_PROVE=tight tests many stations; LIFELINE_INPUTS sets their number.
func TestTightDaysAreFoundOrProvedImpossible(t *testing.T) {
	longform.Only(t)
	stations := 10
	if os.Getenv("LIFELINE_PROVE") == "tight" {
		stations = longform.Inputs(t, 100)
	}
	first, _ := strconv.ParseUint(os.Getenv("LIFELINE_SEED"), 10, 64)
	var sum tightTally
	for seed := range uint64(stations) {
		planTight(t, first+seed, &sum)
	}
	t.Logf("%d station days: %d planned (%d without the search over whole days), %d proved impossible, %d not found "+
		"(%.1f%%); of those the solver found a plan for %d, proved %d impossible and did not decide %d; worst day %v",
		sum.days, sum.planned, sum.before, sum.impossible, sum.none, 100*float64(sum.none)/float64(sum.days),
		sum.refused, sum.proved, sum.none-sum.refused-sum.proved, sum.worst.Round(time.Millisecond))
	if sum.refused > 0 {
		t.Errorf("%d days were not found though they have a plan", sum.refused)
	}
}

// Each segment may air once a day, so that the stretches of the window must share the few segments out.
func TestAStationOfFewSegmentsIsPlannedWhereStretchesShareThem(t *testing.T) {
	in := tightStation(9)
	planner.WithoutImproving(func() {
		if _, err := planner.Compile(in.Library).Plan(context.Background(), in); err == nil {
			t.Error("the other passes find the day")
		}
	})
	a, b := plannertest.Audited(t, in), plannertest.Audited(t, in)
	if !reflect.DeepEqual(a, b) {
		t.Error("two plans of the same input differ")
	}
}
