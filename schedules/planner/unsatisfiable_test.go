package planner

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
)

// tenMinutes returns a satisfiable day with one ten-minute window at noon: an opening, and letters to the end.
func tenMinutes() schedules.Input {
	return schedules.Input{
		Station: schedules.Station{ID: "st", Name: "st", Timezone: "UTC", Languages: []string{"ko-KP"},
			Windows: []schedules.Window{{ID: "noon", Clock: "c",
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230101T120000\nRRULE:FREQ=DAILY"},
				Length: schedules.Ms(600_000), Tolerance: schedules.Ms(1000)}}},
		Date: schedules.Date{Year: 2023, Month: 10, Day: 2},
		Clocks: map[string]schedules.Clock{"c": {ID: "c", Length: schedules.Ms(600_000), Positions: []schedules.Position{
			{ID: "open", Segment: "open"}, {ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}}}}},
	}
}

func letters() []schedules.Segment {
	out := []schedules.Segment{testSegment("open", "sign-on", 20_000), testSegment("ident-a", "ident", 10_000)}
	for i := range 12 {
		out = append(out, testSegment("letter-"+string(rune('a'+i)), "letter", 41_000+int64(i)*7_777))
	}
	return out
}

func ptr[T any](v T) *T { return &v }

// evening adds a second window of the same clock at 18:00.
func evening(in *schedules.Input) {
	w := in.Station.Windows[0]
	w.ID, w.Starts.RRule = "evening", "DTSTART:20230101T180000\nRRULE:FREQ=DAILY"
	in.Station.Windows = append(in.Station.Windows, w)
}

func positions(in *schedules.Input, p ...schedules.Position) {
	c := in.Clocks["c"]
	c.Positions = p
	in.Clocks["c"] = c
}

func rules(in *schedules.Input, r ...schedules.Rule) {
	c := in.Clocks["c"]
	c.Rules = append(c.Rules, r...)
	in.Clocks["c"] = c
}

var (
	openAt = schedules.Position{ID: "open", Segment: "open"}
	rest   = schedules.Position{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}}
	ident  = &schedules.Selector{Kinds: []schedules.Kind{"ident"}}
	noon   = schedules.At(time.Date(2023, 10, 2, 12, 0, 0, 0, time.UTC))
)

func pos(i int) string   { return "clocks[c].positions[" + strconv.Itoa(i) + "]" }
func ruleN(i int) string { return "clocks[c].rules[" + strconv.Itoa(i) + "]" }

// infeasible lists instances with their known minimal conflicts. Each is named for the impossible demand.
var infeasible = []struct {
	name string
	make func(in *schedules.Input, segments *[]schedules.Segment) []schedules.Script
	want []string // fields of the conflict
}{
	{"fixed segment that does not exist", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		*s = (*s)[1:]
		return nil
	}, []string{pos(0)}},
	{"fixed segment recalled", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[0].State = schedules.Recalled
		return nil
	}, []string{pos(0)}},
	{"fixed segment not approved", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[0].State = schedules.Pending
		return nil
	}, []string{pos(0)}},
	{"fixed segment in a language the window does not allow", func(in *schedules.Input,
		s *[]schedules.Segment) []schedules.Script {
		(*s)[0].Language = "en"
		return nil
	}, []string{pos(0)}},
	{"pick of a kind that nobody has recorded", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		positions(in, openAt, schedules.Position{ID: "news", Pick: &schedules.Selector{Kinds: []schedules.Kind{"news"}}},
			rest)
		return nil
	}, []string{pos(1)}},
	{"pick whose only segment has expired", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[1].ValidUntil = noon
		positions(in, openAt, schedules.Position{ID: "id", Pick: ident}, rest)
		return nil
	}, []string{pos(1)}},
	{"pick whose only segment has lost its consent", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[1].Persons, (*s)[1].Consent = []string{"p1"}, &schedules.Consent{ExpiresAt: noon}
		positions(in, openAt, schedules.Position{ID: "id", Pick: ident}, rest)
		return nil
	}, []string{pos(1)}},
	{"pick whose only segment is not valid yet", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[1].ValidFrom = schedules.At(noon.Add(time.Hour))
		positions(in, openAt, schedules.Position{ID: "id", Pick: ident}, rest)
		return nil
	}, []string{pos(1)}},
	{"reading of a dead passage", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		r := testSegment("reading-a", "reading", 60_000)
		r.Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{1, 2}}
		*s = append(*s, r)
		positions(in, openAt, schedules.Position{ID: "read", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}},
			rest)
		return []schedules.Script{{ID: "appeal", Versions: []schedules.ScriptVersion{{Version: 1,
			Passages: []schedules.Passage{{Number: 1}, {Number: 2, Dead: true}}}}}}
	}, []string{pos(1)}},
	{"chain without its intro", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		r := testSegment("reading-a", "reading", 60_000)
		r.Intro = "intro-lost"
		*s = append(*s, r)
		positions(in, openAt, schedules.Position{ID: "read", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}},
			Chain: true}, rest)
		return nil
	}, []string{pos(1)}},
	{"expiry inside the item, at its only time", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[1].ValidUntil = schedules.At(noon.Add(305 * time.Second))
		positions(in, openAt, rest, schedules.Position{ID: "half", At: ptr(schedules.Ms(300_000)), Start: schedules.Hard,
			Pick: ident}, schedules.Position{ID: "rest2", Fill: rest.Fill})
		return nil
	}, []string{pos(2)}},
	{"opening longer than the window", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[0] = testSegment("open", "sign-on", 700_000)
		return nil
	}, []string{pos(0), "windows[0].length_ms"}},
	{"two items longer than the time before a post", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[0] = testSegment("open", "sign-on", 200_000)
		*s = append(*s, testSegment("long", "news", 150_000))
		positions(in, openAt, schedules.Position{ID: "long", Segment: "long"}, rest, schedules.Position{ID: "half",
			At: ptr(schedules.Ms(300_000)), Start: schedules.Hard, Pick: ident}, schedules.Position{ID: "rest2",
			Fill: rest.Fill})
		return nil
	}, []string{pos(0), pos(1), pos(3)}},
	{"opening longer than an extra window", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		w := in.Station.Windows[0]
		in.Station.Windows = nil
		in.Station.Exceptions = []schedules.Exception{{Date: in.Date, Window: "extra", Extra: true, At: "12:00",
			Length: &w.Length, Clock: w.Clock}}
		(*s)[0] = testSegment("open", "sign-on", 700_000)
		return nil
	}, []string{pos(0), "exceptions[0].length_ms"}},
	{"clock without fill that falls short", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		positions(in, openAt, schedules.Position{ID: "id", Pick: ident})
		return nil
	}, []string{pos(0), pos(1), "windows[0].length_ms"}},
	{"fill without any material", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		positions(in, openAt, schedules.Position{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"music"}}})
		return nil
	}, []string{pos(0), pos(1), "windows[0].length_ms"}},
	{"material too short when nothing may repeat", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		*s = (*s)[:6]
		rules(in, schedules.Rule{AtMost: ptr(1), Per: "day", Of: schedules.Of{Each: "segment"}, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0), "windows[0].length_ms"}},
	{"material whose lengths cannot add up", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		*s = []schedules.Segment{testSegment("open", "sign-on", 20_000), testSegment("letter-a", "letter", 70_000),
			testSegment("letter-b", "letter", 140_000)}
		return nil
	}, []string{pos(0), pos(1), "windows[0].length_ms"}},
	{"one ident, two posts too close", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		positions(in, schedules.Position{ID: "one", At: ptr(schedules.Ms(0)), Start: schedules.Hard, Pick: ident}, rest,
			schedules.Position{ID: "two", At: ptr(schedules.Ms(300_000)), Start: schedules.Hard, Pick: ident},
			schedules.Position{ID: "rest2", Fill: rest.Fill})
		rules(in, schedules.Rule{Separate: "segment", For: schedules.Ms(400_000), Only: ident, Hard: true})
		return nil
	}, []string{pos(0), pos(2), ruleN(0)}},
	{"two idents, three posts too close", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		*s = append(*s, testSegment("ident-b", "ident", 12_000))
		positions(in, schedules.Position{ID: "one", At: ptr(schedules.Ms(0)), Start: schedules.Hard, Pick: ident}, rest,
			schedules.Position{ID: "two", At: ptr(schedules.Ms(200_000)), Start: schedules.Hard, Pick: ident},
			schedules.Position{ID: "rest2", Fill: rest.Fill},
			schedules.Position{ID: "three", At: ptr(schedules.Ms(400_000)), Start: schedules.Hard, Pick: ident},
			schedules.Position{ID: "rest3", Fill: rest.Fill})
		rules(in, schedules.Rule{Separate: "segment", For: schedules.Ms(450_000), Only: ident, Hard: true})
		return nil
	}, []string{pos(0), pos(2), pos(4), ruleN(0)}},
	{"what aired yesterday is too near", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		in.History = []schedules.Airing{{Station: "st", SegmentID: "open", StartAt: schedules.At(noon.Add(-24 * time.Hour)),
			EndAt: schedules.At(noon.Add(-24*time.Hour + 20*time.Second))}}
		rules(in, schedules.Rule{Separate: "segment", For: schedules.Ms(30 * 3_600_000),
			Only: &schedules.Selector{Kinds: []schedules.Kind{"sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"what is published for tomorrow is too near", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		in.History = []schedules.Airing{{Station: "st", SegmentID: "open", StartAt: schedules.At(noon.Add(24 * time.Hour)),
			EndAt: schedules.At(noon.Add(24*time.Hour + 20*time.Second))}}
		rules(in, schedules.Rule{Separate: "segment", For: schedules.Ms(30 * 3_600_000),
			Only: &schedules.Selector{Kinds: []schedules.Kind{"sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"at most once a day, but two windows air it", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		evening(in)
		rules(in, schedules.Rule{AtMost: ptr(1), Per: "day", Of: schedules.Of{Match: map[string]string{"kind": "sign-on"}},
			Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"at least three appeals, but only two places for them", func(in *schedules.Input,
		s *[]schedules.Segment) []schedules.Script {
		r := testSegment("reading-a", "reading", 60_000)
		r.Tags = []string{"appeal"}
		*s = append(*s, r)
		evening(in)
		positions(in, openAt, schedules.Position{ID: "read", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"}}},
			rest)
		rules(in, schedules.Rule{AtLeast: ptr(3), Per: "day", Of: schedules.Of{Match: map[string]string{"tag": "appeal"}},
			Hard: true})
		return nil
	}, []string{pos(0), pos(1), pos(2), ruleN(0)}},
	{"at least and at most of the same", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		of := schedules.Of{Match: map[string]string{"kind": "letter"}}
		rules(in, schedules.Rule{AtLeast: ptr(5), Per: "day", Of: of, Hard: true}, schedules.Rule{AtMost: ptr(4), Per: "day",
			Of: of, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0), ruleN(1)}},
	{"at least of one segment that must rest", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		rules(in, schedules.Rule{AtLeast: ptr(4), Per: "day",
			Of: schedules.Of{Match: map[string]string{"segment": "letter-a"}}, Hard: true},
			schedules.Rule{Separate: "segment", For: schedules.Ms(300_000), Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0), ruleN(1)}},
	{"a post outside what its segment keeps to", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		rules(in, schedules.Rule{Only: &schedules.Selector{Kinds: []schedules.Kind{"sign-on"}},
			KeepTo: &schedules.Daypart{From: 14 * 60, Until: 16 * 60}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"more music asked than the clock leaves room for", func(in *schedules.Input,
		s *[]schedules.Segment) []schedules.Script {
		m := testSegment("music-a", "music", 30_000)
		*s = append(*s, m)
		(*s)[0] = testSegment("open", "sign-on", 400_000)
		positions(in, openAt, schedules.Position{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter",
			"music"}}})
		rules(in, schedules.Rule{Share: &schedules.Share{Least: 0.5}, Per: "day",
			Of: schedules.Of{Match: map[string]string{"kind": "music"}}, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0)}},
	{"a share that the fixed part exceeds alone", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		(*s)[0] = testSegment("open", "sign-on", 400_000)
		rules(in, schedules.Rule{Share: &schedules.Share{Most: 0.5}, Per: "day",
			Of: schedules.Of{Match: map[string]string{"kind": "sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"a follow-up with nothing to follow", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		rules(in, schedules.Rule{Only: &schedules.Selector{Kinds: []schedules.Kind{"sign-on"}},
			After: schedules.Of{Match: map[string]string{"kind": "letter"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"a kept item that runs into a post", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		positions(in, openAt, rest, schedules.Position{ID: "half", At: ptr(schedules.Ms(300_000)), Start: schedules.Hard,
			Pick: ident}, schedules.Position{ID: "rest2", Fill: rest.Fill})
		in.Keep = []schedules.Item{{ID: "k", Window: "noon", Position: "rest", SegmentID: "letter-a",
			StartAt: schedules.At(noon.Add(280 * time.Second)), Duration: schedules.Ms(41_000)}}
		return nil
	}, []string{pos(2), "keep[0]"}},
	{"two kept items that overlap", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		in.Keep = []schedules.Item{{ID: "k", Window: "noon", Position: "rest", SegmentID: "letter-a",
			StartAt: schedules.At(noon.Add(280 * time.Second)), Duration: schedules.Ms(41_000)},
			{ID: "l", Window: "noon", Position: "rest", SegmentID: "letter-b",
				StartAt: schedules.At(noon.Add(300 * time.Second)), Duration: schedules.Ms(48_777)}}
		return nil
	}, []string{"keep[0]", "keep[1]"}},
	{"the same ident in two neighbouring places", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		positions(in, schedules.Position{ID: "a", Pick: ident}, schedules.Position{ID: "b", Pick: ident}, rest)
		rules(in, schedules.Rule{Separate: "segment", Items: 1, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0)}},
	{"a campaign that nothing can air", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		in.Campaigns = []schedules.Campaign{{ID: "help", Of: schedules.Selector{Kinds: []schedules.Kind{"promo"}}, AtLeast: 1,
			Hard: true}}
		return nil
	}, []string{"campaigns[help].at_least", pos(0), pos(1)}},
	{"a campaign's end before its only place", func(in *schedules.Input, s *[]schedules.Segment) []schedules.Script {
		in.Campaigns = []schedules.Campaign{{ID: "help", Of: schedules.Selector{Kinds: []schedules.Kind{"sign-on"}},
			Until: schedules.At(noon.Add(10 * time.Second))}}
		return nil
	}, []string{pos(0)}},
}

func TestConflictsAreFoundAndIrreducible(t *testing.T) {
	var slowest time.Duration
	for _, c := range infeasible {
		t.Run(c.name, func(t *testing.T) {
			in, segments := tenMinutes(), letters()
			scripts := c.make(&in, &segments)
			in.Library = schedules.Prepare(segments, scripts)
			start := time.Now()
			_, err := Compile(in.Library).Plan(context.Background(), in)
			took := time.Since(start)
			slowest = max(slowest, took)
			var u *Unsatisfiable
			if !errors.As(err, &u) {
				t.Fatalf("no proof: %v", err)
			}
			var got []string
			for _, p := range u.Conflicts[0].Parts {
				got = append(got, p.Field)
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(c.want))
			if !slices.Equal(got, want) {
				t.Errorf("conflict %v, want %v\n%s", got, want, u.Conflicts[0].Message)
			}
			t.Logf("%s in %s", u.Conflicts[0].Message, took.Round(time.Microsecond))
		})
	}
	t.Logf("%d kinds, the slowest in %s", len(infeasible), slowest)
}

// The proof is complete once the whole day is shown to be impossible. The rest of the budget only reduces the conflict.
func TestAConflictIsAnsweredThoughTheBudgetEndsBeforeItIsSmallest(t *testing.T) {
	cut := 0
	for _, c := range infeasible {
		in, segments := tenMinutes(), letters()
		scripts := c.make(&in, &segments)
		in.Library = schedules.Prepare(segments, scripts)
		p, err := newPlanner(t.Context(), job{Input: in, catalogue: Compile(in.Library)})
		if err != nil {
			t.Fatal(err)
		}
		p.stretches = layoutPass{p}.layout()
		demandPass{p}.openDemands()
		whole := relax(p)
		if whole.check() != impossible {
			continue // shown with kept items in place
		}
		x := relax(p)
		x.work -= whole.work // the work that this took
		got, ok := x.proof()
		if !ok {
			t.Errorf("%s: no conflict", c.name)
			continue
		}
		for _, field := range c.want {
			if !slices.ContainsFunc(got.Parts, func(p ConflictPart) bool { return p.Field == field }) {
				t.Errorf("%s: %s is not in the conflict: %s", c.name, field, got.Message)
			}
		}
		if len(got.Parts) > len(c.want) {
			cut++
			if !strings.Contains(got.Message, "Some of these may not matter") {
				t.Errorf("%s: the conflict does not say that it may not be smallest: %s", c.name, got.Message)
			}
		}
	}
	if cut == 0 {
		t.Error("no budget ended early")
	}
}

// relaxedCheck returns the answer of the proof for a day as a whole.
func relaxedCheck(t *testing.T, in schedules.Input, segments []schedules.Segment) answer {
	t.Helper()
	in.Library = schedules.Prepare(segments, nil)
	p, err := newPlanner(t.Context(), job{Input: in, catalogue: Compile(in.Library)})
	if err != nil {
		t.Fatal(err)
	}
	p.stretches = layoutPass{p}.layout()
	demandPass{p}.openDemands()
	return relax(p).check()
}

// The letter of 284 seconds ends 4 seconds after the post's instant, for which the post waits.
func TestAPostThatWaitsLengthensTheTimeBeforeIt(t *testing.T) {
	in := tenMinutes()
	in.Station.Windows[0].Tolerance = schedules.Millis{}
	at := schedules.Ms(300_000)
	news := &schedules.Selector{Kinds: []schedules.Kind{"news"}}
	segments := []schedules.Segment{testSegment("open", "sign-on", 20_000), testSegment("ident-a", "ident", 10_000),
		testSegment("letter", "letter", 284_000), testSegment("news", "news", 286_000)}
	for grace, want := range map[int64]answer{5000: possible, 3000: impossible} {
		post := schedules.Position{ID: "post", At: &at, Start: schedules.Soft, Grace: schedules.Ms(grace), Segment: "ident-a"}
		positions(&in, openAt, rest, post, schedules.Position{ID: "news", Fill: news})
		if got := relaxedCheck(t, in, segments); got != want {
			t.Errorf("grace of %d ms: %v, want %v", grace, got, want)
		}
	}
}

// Twelve letters of 41 to 127 seconds may air once each. They last too briefly for both halves of the window,
// though long enough for either.
func TestStretchesOfAWindowDoNotAirTheSameSegmentsTwice(t *testing.T) {
	in := tenMinutes()
	in.Station.Windows[0].Length = schedules.Ms(1_400_000)
	at := schedules.Ms(700_000)
	positions(&in, openAt, rest, schedules.Position{ID: "post", At: &at, Segment: "ident-a"},
		schedules.Position{ID: "more", Fill: rest.Fill})
	if got := relaxedCheck(t, in, letters()); got != possible {
		t.Errorf("without a separation: %v", got)
	}
	rules(&in, schedules.Rule{Separate: "segment", For: schedules.Ms(3_600_000), Hard: true,
		Only: &schedules.Selector{Kinds: []schedules.Kind{"letter"}}})
	if got := relaxedCheck(t, in, letters()); got != impossible {
		t.Errorf("with a separation: %v", got)
	}
}
