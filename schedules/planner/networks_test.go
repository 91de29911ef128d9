package planner_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// randomised is a random network: stations in unusual zones, with their definitions and library.
type randomised struct {
	stations  []schedules.Station
	clocks    map[string]schedules.Clock
	library   *schedules.Library
	campaigns []schedules.Campaign
	first     schedules.Date
}

// randomNetwork returns stations with every kind of clock and every kind of rule, and a library of a few hundred
// recordings. The same seed gives the same network.
func randomNetwork(seed uint64) randomised {
	r := rand.New(rand.NewPCG(seed, 21))
	g := generator{r, map[string][]string{}, materialKinds}
	n := randomised{clocks: map[string]schedules.Clock{}, first: schedules.Date{Year: 2027,
		Month: time.Month(1 + r.IntN(12)), Day: 1 + r.IntN(28)}}
	segments := g.segments(n.first)
	n.library = schedules.Prepare(segments,
		[]schedules.Script{{ID: "script", Versions: []schedules.ScriptVersion{{Version: 1,
			Passages: []schedules.Passage{{Number: 1}, {Number: 2}}}}}})
	zones := []string{"Asia/Seoul", "Asia/Kathmandu", "Australia/Lord_Howe", "Antarctica/Troll", "America/St_Johns",
		"Pacific/Apia", "Etc/GMT+12", "Europe/Berlin", "Pacific/Chatham", "UTC"}
	for i := range 3 {
		id := fmt.Sprintf("st%d", i)
		st := schedules.Station{ID: id, Name: id, Timezone: zones[r.IntN(len(zones))], Languages: [][]string{{"ko-KR"},
			{"en"}, {"ko-KR", "en"}}[r.IntN(3)]}
		for range r.IntN(5) {
			st.Fallback = append(st.Fallback, g.one(g.any("music", "evergreen", "letter")))
		}
		minute := 10 + r.IntN(300)
		for k := range 1 + r.IntN(4) {
			length := []int{5, 10, 15, 15, 20, 28, 30, 30, 59}[r.IntN(9)]
			if r.IntN(5) == 0 {
				minute = max(minute, 24*60-r.IntN(length)) // across midnight
			}
			if minute >= 24*60 {
				break
			}
			clock := schedules.Clock{ID: fmt.Sprintf("c%d-%d", i, k), Length: schedules.Ms(int64(length) * 60_000)}
			g.positions(&clock, length)
			g.rules(&clock)
			n.clocks[clock.ID] = clock
			repeat := []string{"DAILY", "DAILY", "DAILY", "DAILY", "WEEKLY;BYDAY=MO,WE,FR", "WEEKLY;BYDAY=TU,SA,SU",
				"DAILY;INTERVAL=2"}[r.IntN(7)]
			st.Windows = append(st.Windows, schedules.Window{ID: fmt.Sprintf("w%d", k), Clock: clock.ID, Length: clock.Length,
				Tolerance: schedules.Ms([]int64{0, 100, 500, 1000, 1000, 2000, 5000}[r.IntN(7)]),
				Starts: schedules.Recurrence{Timezone: st.Timezone,
					RRule: fmt.Sprintf("DTSTART:%s01T%02d%02d%02d\nRRULE:FREQ=%s", strings.ReplaceAll(n.first.String(), "-", "")[:6],
						minute/60, minute%60, 30*r.IntN(2), repeat)}})
			minute += length + 1 + r.IntN(240)
		}
		n.stations = append(n.stations, st)
	}
	for i := range r.IntN(3) {
		c := schedules.Campaign{ID: fmt.Sprintf("camp%d", i), Of: schedules.Selector{Tags: []string{g.tag()}},
			AtLeast: 1 + r.IntN(3), Hard: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			c.From = schedules.At(time.Date(n.first.Year, n.first.Month, n.first.Day+r.IntN(5), r.IntN(24), 0, 0, 0, time.UTC))
		}
		if r.IntN(4) == 0 {
			c.Dayparts = []schedules.CampaignPart{{Daypart: schedules.Daypart{From: 6 * 60, Until: 18 * 60}, AtLeast: 1}}
		}
		n.campaigns = append(n.campaigns, c)
	}
	return n
}

type generator struct {
	*rand.Rand
	of    map[string][]string // kind -> ids
	kinds []string            // of the material
}

func (g generator) one(list []string) string { return list[g.IntN(len(list))] }

func (g generator) tag() string { return g.one([]string{"appeal", "short", "winter", "river"}) }

func (g generator) any(kinds ...string) (out []string) {
	for _, k := range kinds {
		out = append(out, g.of[k]...)
	}
	return out
}

var materialKinds = []string{"music", "reading", "news", "testimony", "letter", "promo", "commentary", "evergreen",
	"interview", "names"}

func (g generator) segments(first schedules.Date) (out []schedules.Segment) {
	add := func(kind string, ms int64) *schedules.Segment {
		s := plannertest.Segment(fmt.Sprintf("m%03d", len(out)), schedules.Kind(kind),
			g.one([]string{"ko-KR", "ko-KR", "en", "zxx"}), ms)
		g.of[kind] = append(g.of[kind], s.ID)
		out = append(out, s)
		return &out[len(out)-1]
	}
	for _, k := range []string{"sign-on", "sign-off", "ident", "time-signal"} {
		for range 6 {
			add(k, 3000+g.Int64N(15_000))
			out[len(out)-1].Language = schedules.NoLanguage
		}
	}
	for _, k := range []string{"intro", "back-announce"} {
		for range 3 {
			add(k, 4000+g.Int64N(9000)).Language = schedules.NoLanguage
		}
	}
	for range 150 + g.IntN(250) {
		ms := 9000 + g.Int64N(80_000)
		if g.IntN(3) == 0 {
			ms = 60_000 + g.Int64N(220_000)
		}
		s := add(g.one(append([]string{"music", "reading", "testimony", "news"}, materialKinds...)), ms)
		s.Voice, s.Series = g.one([]string{"", "", "hana", "ruth", "min"}), g.one([]string{"", "s1", "s2", "s3"})
		if g.IntN(2) == 0 {
			s.Tags = []string{g.tag()}
		}
		if s.Series != "" {
			s.Episode = g.IntN(20)
		}
		switch {
		case s.Kind == "news" && g.IntN(2) == 0:
			s.ValidFrom = schedules.At(time.Date(first.Year, first.Month, first.Day-3+g.IntN(6), g.IntN(24), 0, 0, 0, time.UTC))
		case g.IntN(15) == 0:
			s.ValidUntil = schedules.At(time.Date(first.Year, first.Month, first.Day+g.IntN(14), g.IntN(24), 0, 0, 0, time.UTC))
		case g.IntN(15) == 0:
			s.ValidFrom = schedules.At(time.Date(first.Year, first.Month, first.Day+g.IntN(10), g.IntN(24), 0, 0, 0, time.UTC))
		}
		if s.Kind == "reading" && g.IntN(2) == 0 {
			s.Script = &schedules.ScriptRef{ID: "script", Version: 1, Passages: []int{1 + g.IntN(2)}}
			if g.IntN(2) == 0 {
				s.Intro = g.one(g.of["intro"])
			}
			if g.IntN(2) == 0 {
				s.BackAnnounce = g.one(g.of["back-announce"])
			}
		}
	}
	return out
}

func (g generator) selector(least, most int) *schedules.Selector {
	kinds := slices.Clone(g.kinds)
	g.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	s := &schedules.Selector{}
	for _, k := range kinds[:min(least+g.IntN(most-least+1), len(kinds))] {
		s.Kinds = append(s.Kinds, schedules.Kind(k))
	}
	slices.Sort(s.Kinds)
	return s
}

func (g generator) positions(c *schedules.Clock, minutes int) {
	add := func(p schedules.Position) {
		p.ID = fmt.Sprintf("p%d", len(c.Positions)+1)
		c.Positions = append(c.Positions, p)
	}
	fill := func() {
		p := schedules.Position{Fill: g.selector(3, 7), Chain: g.IntN(8) == 0}
		switch g.IntN(4) {
		case 0:
			p.FadeMax = schedules.Ms(1000 + g.Int64N(5000))
		case 1:
			p.Near = schedules.Ms([]int64{20, 500, 2000}[g.IntN(3)])
		}
		add(p)
	}
	pick := func() {
		add(schedules.Position{Pick: g.selector(1, 3), Chain: g.IntN(3) == 0, Optional: g.IntN(4) == 0,
			Prefer: g.one(append([]string{"", "", ""}, schedules.Preferences...))})
	}
	if g.IntN(3) > 0 {
		add(schedules.Position{Segment: g.one(g.of["sign-on"])})
	}
	for range g.IntN(3) {
		pick()
	}
	fill()
	if minutes >= 10 && g.IntN(2) == 0 {
		at := schedules.Ms(int64(minutes) * 30_000)
		post := schedules.Position{At: &at, Start: schedules.Hard, Segment: g.one(g.of["ident"])}
		if g.IntN(2) == 0 {
			post.Start, post.Grace = schedules.Soft, schedules.Ms([]int64{5000, 15_000, 60_000}[g.IntN(3)])
		}
		if g.IntN(3) == 0 {
			post.Segment, post.Pick = "", &schedules.Selector{Kinds: []schedules.Kind{"promo"}}
		}
		add(post)
		for range g.IntN(3) {
			pick()
		}
		fill()
	}
	if g.IntN(2) == 0 {
		add(schedules.Position{AtEnd: true, Segment: g.one(g.of["sign-off"])})
	}
}

// rules gives the clock up to five rules of random kinds, each hard or soft.
func (g generator) rules(c *schedules.Clock) {
	material := &schedules.Selector{}
	for _, k := range g.kinds {
		material.Kinds = append(material.Kinds, schedules.Kind(k))
	}
	kind := func() schedules.Of { return schedules.Of{Match: map[string]string{"kind": g.one(g.kinds)}} }
	number := func(least, most int) *int { n := least + g.IntN(most-least+1); return &n }
	each := schedules.Of{Each: "segment"}
	if g.IntN(3) > 0 {
		c.Rules = append(c.Rules, schedules.Rule{Separate: "segment", For: schedules.Ms([]int64{300, 600, 900, 1800,
			3600}[g.IntN(5)] * 1000), Only: material, Hard: g.IntN(3) > 0})
	}
	for range g.IntN(5) {
		var r schedules.Rule
		switch g.IntN(19) {
		case 0:
			r = schedules.Rule{Separate: "segment", Items: *number(1, 5)}
		case 1:
			r = schedules.Rule{Separate: "voice", Items: 1}
		case 2:
			r = schedules.Rule{Separate: g.one([]string{"tag", "series", "script"}), For: schedules.Ms(60_000)}
		case 3:
			r = schedules.Rule{Separate: "segment", For: schedules.Ms(3_600_000), Across: true, Only: g.selector(2, 3)}
		case 4:
			r = schedules.Rule{AtMost: number(1, 3), Per: "window", Of: each, Only: material}
		case 5:
			r = schedules.Rule{AtMost: number(2, 4), Per: "day", Of: each}
		case 6:
			r = schedules.Rule{AtMost: number(8, 20), Per: "week", Of: each, Only: material}
		case 7:
			r = schedules.Rule{AtMost: number(3, 9), Per: "window", Of: kind()}
		case 8:
			r = schedules.Rule{AtMost: number(1, 2), Per: "daypart", Daypart: &schedules.Daypart{From: 6 * 60, Until: 12 * 60},
				Of: each, Only: material}
		case 9:
			r = schedules.Rule{AtLeast: number(1, 2), Per: "window", Of: kind()}
		case 10:
			r = schedules.Rule{AtLeast: number(1, 3), Per: "day", Of: kind()}
		case 11:
			r = schedules.Rule{AtLeast: number(1, 4), Per: "week", Of: schedules.Of{Match: map[string]string{"tag": g.tag()}}}
		case 12:
			r = schedules.Rule{Share: &schedules.Share{Least: 0.1 * float64(g.IntN(3))}, Per: g.one([]string{"window", "day"}),
				Of: kind()}
		case 13:
			r = schedules.Rule{Share: &schedules.Share{Most: 0.4 + 0.2*float64(g.IntN(3))},
				Per: g.one([]string{"window", "day"}), Of: kind()}
		case 14:
			r = schedules.Rule{Only: &schedules.Selector{Kinds: []schedules.Kind{"promo"}},
				After:  schedules.Of{Match: map[string]string{"kind": g.one([]string{"music", "reading", "news"})}},
				Within: schedules.Ms([]int64{0, 600_000, 1_800_000}[g.IntN(3)])}
		case 15:
			r = schedules.Rule{Only: &schedules.Selector{Tags: []string{g.tag()}}, KeepTo: &schedules.Daypart{From: 5 * 60,
				Until: 23 * 60}}
		case 16:
			r = schedules.Rule{Only: &schedules.Selector{Kinds: []schedules.Kind{"news"}},
				FreshFor: schedules.Ms([]int64{6, 24, 72}[g.IntN(3)] * 3_600_000)}
		case 17:
			r = schedules.Rule{Only: &schedules.Selector{Kinds: []schedules.Kind{"news"}}, InOrder: schedules.ByNewest,
				Across: g.IntN(2) == 0}
		case 18:
			r = schedules.Rule{Only: &schedules.Selector{Series: g.one([]string{"s1", "s2", "s3"})},
				InOrder: schedules.ByEpisode}
		}
		r.Hard = g.IntN(5) < 2
		c.Rules = append(c.Rules, r)
	}
}

// tallyOf counts the outcomes of a network's days.
type tallyOf struct {
	days, planned, impossible, none, refuted, slow int
	cpu, worst                                     time.Duration
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// planNetwork plans the days of every station, each after the days before it, and audits them. If no plan was found,
// the naive search must not find one either.
func planNetwork(t *testing.T, seed uint64, days, tries int, sum *tallyOf) {
	n := randomNetwork(seed)
	var history []schedules.Airing
	for day := range days {
		for _, st := range n.stations {
			in := schedules.Input{Station: st, Date: n.first.AddDays(day), Clocks: n.clocks, Library: n.library,
				History: history, Campaigns: n.campaigns}
			name := fmt.Sprintf("network %d, %s on %s", seed, st.ID, in.Date)
			before := processor()
			plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
			took := processor() - before
			sum.days++
			sum.cpu += took
			sum.worst = max(sum.worst, took)
			if took > 5*time.Second {
				sum.slow++
			}
			var impossible *planner.Unsatisfiable
			var none *planner.NotFound
			switch {
			case errors.As(err, &impossible):
				sum.impossible++
			case errors.As(err, &none):
				sum.none++
			case err != nil:
				t.Errorf("%s: %v", name, err)
				continue
			}
			if err != nil {
				found, ok := naivePlan(in, rand.New(rand.NewPCG(seed, uint64(day))), tries)
				t.Logf("%s: %v (naive search: %v)", name, err, ok)
				if ok {
					sum.refuted++
					history = append(history, found.Airings()...)
				}
				continue
			}
			sum.planned++
			for _, v := range plannertest.Violations(t, in, plan.Rundown) {
				if v.Hard {
					t.Errorf("%s: %s: %s %s: %s", name, v.Rule, v.Window, v.Item, v.Message)
				}
			}
			for _, x := range plan.Explanations {
				if aired, err := planner.Replay(x); err != nil || aired != x.SegmentID && len(x.Chain) == 0 {
					t.Errorf("%s: %s: replayed as %s: %v", name, x.SegmentID, aired, err)
				}
			}
			history = append(history, plan.Rundown.Airings()...)
		}
	}
}

// The planner finds a plan for every day for which a naive search finds one. LIFELINE_PROVE=networks tests many
// networks of fourteen days; LIFELINE_INPUTS sets their number.
func TestNoDayIsNotFoundForWhichANaiveSearchFindsAPlan(t *testing.T) {
	longform.Only(t)
	networks, days, tries := 3, 2, 8
	if os.Getenv("LIFELINE_PROVE") == "networks" {
		networks, days, tries = longform.Inputs(t, 30), 14, 100
	}
	first, _ := strconv.ParseUint(os.Getenv("LIFELINE_SEED"), 10, 64)
	var sum tallyOf
	for seed := range uint64(networks) {
		planNetwork(t, first+seed, days, tries, &sum)
	}
	t.Logf("%d networks: %d station days, %d planned, %d proved impossible, %d not found (%.1f%%); %d refused days for "+
		"which the naive search found a plan; %v of processor, worst day %v, %d days over 5 s",
		networks, sum.days, sum.planned, sum.impossible, sum.none, 100*float64(sum.none)/float64(sum.days), sum.refuted,
		sum.cpu.Round(time.Millisecond), sum.worst.Round(time.Millisecond), sum.slow)
	if sum.refuted > 0 {
		t.Errorf("%d days were refused though they have a plan", sum.refuted)
	}
}

// plannerCase reads a day of testdata/days.
func plannerCase(t testing.TB, name string) schedules.Input {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "days", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Station   schedules.Station    `json:"station"`
		Date      schedules.Date       `json:"date"`
		Clocks    []schedules.Clock    `json:"clocks"`
		Scripts   []schedules.Script   `json:"scripts"`
		Campaigns []schedules.Campaign `json:"campaigns"`
		Segments  []schedules.Segment  `json:"segments"`
		History   []struct {
			schedules.Airing
			Ms schedules.Millis `json:"ms"`
		} `json:"history"`
	}
	if err := json.NewDecoder(z).Decode(&c); err != nil {
		t.Fatal(err)
	}
	in := schedules.Input{Station: c.Station, Date: c.Date, Clocks: map[string]schedules.Clock{}, Campaigns: c.Campaigns,
		Library: schedules.Prepare(c.Segments, c.Scripts)}
	for _, k := range c.Clocks {
		in.Clocks[k.ID] = k
	}
	for _, h := range c.History {
		h.Airing.EndAt = schedules.At(h.StartAt.Add(h.Ms.Duration))
		in.History = append(in.History, h.Airing)
	}
	return in
}

func TestDaysThatWereNotFoundArePlanned(t *testing.T) {
	for _, name := range []string{"not-found-1", "not-found-2", "not-found-3", "not-found-minimal", "impossible-1"} {
		t.Run(name, func(t *testing.T) { plannertest.Audited(t, plannerCase(t, name)) })
	}
}
