package schedules

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// tenMinutes is a satisfiable day of one ten-minute window at noon: an opening, and letters to the end.
func tenMinutes() Input {
	return Input{
		Station: Station{ID: "st", Name: "st", Timezone: "UTC", Languages: []string{"ko-KP"}, Windows: []Window{{ID: "noon", Clock: "c",
			Starts: Recurrence{Timezone: "UTC", RRule: "DTSTART:20230101T120000\nRRULE:FREQ=DAILY"}, Length: Ms(600_000), Tolerance: Ms(1000)}}},
		Date: Date{2023, 10, 2},
		Clocks: map[string]Clock{"c": {ID: "c", Length: Ms(600_000), Positions: []Position{
			{ID: "open", Segment: "open"}, {ID: "rest", Fill: &Selector{Kinds: []Kind{"letter"}}}}}},
	}
}

func letters() []Segment {
	out := []Segment{testSegment("open", "sign-on", 20_000), testSegment("ident-a", "ident", 10_000)}
	for i := range 12 {
		out = append(out, testSegment("letter-"+string(rune('a'+i)), "letter", 41_000+int64(i)*7_777))
	}
	return out
}

func ptr[T any](v T) *T { return &v }

// evening adds a second window of the same clock at 18:00.
func evening(in *Input) {
	w := in.Station.Windows[0]
	w.ID, w.Starts.RRule = "evening", "DTSTART:20230101T180000\nRRULE:FREQ=DAILY"
	in.Station.Windows = append(in.Station.Windows, w)
}

func positions(in *Input, p ...Position) {
	c := in.Clocks["c"]
	c.Positions = p
	in.Clocks["c"] = c
}

func rules(in *Input, r ...Rule) {
	c := in.Clocks["c"]
	c.Rules = append(c.Rules, r...)
	in.Clocks["c"] = c
}

var (
	openAt = Position{ID: "open", Segment: "open"}
	rest   = Position{ID: "rest", Fill: &Selector{Kinds: []Kind{"letter"}}}
	ident  = &Selector{Kinds: []Kind{"ident"}}
	noon   = At(time.Date(2023, 10, 2, 12, 0, 0, 0, time.UTC))
)

func pos(i int) string   { return "clocks[c].positions[" + itoa(i) + "]" }
func ruleN(i int) string { return "clocks[c].rules[" + itoa(i) + "]" }

// infeasible are instances with their known smallest conflicts. Each is named for what cannot be.
var infeasible = []struct {
	name string
	make func(in *Input, segments *[]Segment) []Script
	want []string // fields of the conflict
}{
	{"fixed segment that does not exist", func(in *Input, s *[]Segment) []Script {
		*s = (*s)[1:]
		return nil
	}, []string{pos(0)}},
	{"fixed segment recalled", func(in *Input, s *[]Segment) []Script {
		(*s)[0].State = Recalled
		return nil
	}, []string{pos(0)}},
	{"fixed segment not approved", func(in *Input, s *[]Segment) []Script {
		(*s)[0].State = Pending
		return nil
	}, []string{pos(0)}},
	{"fixed segment in a language the window does not allow", func(in *Input, s *[]Segment) []Script {
		(*s)[0].Language = "en"
		return nil
	}, []string{pos(0)}},
	{"pick of a kind that nobody has recorded", func(in *Input, s *[]Segment) []Script {
		positions(in, openAt, Position{ID: "news", Pick: &Selector{Kinds: []Kind{"news"}}}, rest)
		return nil
	}, []string{pos(1)}},
	{"pick whose only segment has expired", func(in *Input, s *[]Segment) []Script {
		(*s)[1].ValidUntil = noon
		positions(in, openAt, Position{ID: "id", Pick: ident}, rest)
		return nil
	}, []string{pos(1)}},
	{"pick whose only segment has lost its consent", func(in *Input, s *[]Segment) []Script {
		(*s)[1].Persons, (*s)[1].Consent = []string{"p1"}, &Consent{ExpiresAt: noon}
		positions(in, openAt, Position{ID: "id", Pick: ident}, rest)
		return nil
	}, []string{pos(1)}},
	{"pick whose only segment is not valid yet", func(in *Input, s *[]Segment) []Script {
		(*s)[1].ValidFrom = At(noon.Add(time.Hour))
		positions(in, openAt, Position{ID: "id", Pick: ident}, rest)
		return nil
	}, []string{pos(1)}},
	{"reading of a dead passage", func(in *Input, s *[]Segment) []Script {
		r := testSegment("reading-a", "reading", 60_000)
		r.Script = &ScriptRef{"appeal", 1, []int{1, 2}}
		*s = append(*s, r)
		positions(in, openAt, Position{ID: "read", Pick: &Selector{Kinds: []Kind{"reading"}}}, rest)
		return []Script{{ID: "appeal", Versions: []ScriptVersion{{1, []Passage{{Number: 1}, {Number: 2, Dead: true}}}}}}
	}, []string{pos(1)}},
	{"chain without its intro", func(in *Input, s *[]Segment) []Script {
		r := testSegment("reading-a", "reading", 60_000)
		r.Intro = "intro-lost"
		*s = append(*s, r)
		positions(in, openAt, Position{ID: "read", Pick: &Selector{Kinds: []Kind{"reading"}}, Chain: true}, rest)
		return nil
	}, []string{pos(1)}},
	{"expiry inside the item, at its only time", func(in *Input, s *[]Segment) []Script {
		(*s)[1].ValidUntil = At(noon.Add(305 * time.Second))
		positions(in, openAt, rest, Position{ID: "half", At: ptr(Ms(300_000)), Start: Hard, Pick: ident}, Position{ID: "rest2", Fill: rest.Fill})
		return nil
	}, []string{pos(2)}},
	{"opening longer than the window", func(in *Input, s *[]Segment) []Script {
		(*s)[0] = testSegment("open", "sign-on", 700_000)
		return nil
	}, []string{pos(0), "windows[0].length_ms"}},
	{"two items longer than the time before a post", func(in *Input, s *[]Segment) []Script {
		(*s)[0] = testSegment("open", "sign-on", 200_000)
		*s = append(*s, testSegment("long", "news", 150_000))
		positions(in, openAt, Position{ID: "long", Segment: "long"}, rest, Position{ID: "half", At: ptr(Ms(300_000)), Start: Hard, Pick: ident}, Position{ID: "rest2", Fill: rest.Fill})
		return nil
	}, []string{pos(0), pos(1), pos(3)}},
	{"clock without fill that falls short", func(in *Input, s *[]Segment) []Script {
		positions(in, openAt, Position{ID: "id", Pick: ident})
		return nil
	}, []string{pos(0), pos(1), "windows[0].length_ms"}},
	{"fill without any material", func(in *Input, s *[]Segment) []Script {
		positions(in, openAt, Position{ID: "rest", Fill: &Selector{Kinds: []Kind{"music"}}})
		return nil
	}, []string{pos(0), pos(1), "windows[0].length_ms"}},
	{"material too short when nothing may repeat", func(in *Input, s *[]Segment) []Script {
		*s = (*s)[:6]
		rules(in, Rule{AtMost: ptr(1), Per: "day", Of: Of{Each: "segment"}, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0), "windows[0].length_ms"}},
	{"material whose lengths cannot add up", func(in *Input, s *[]Segment) []Script {
		*s = []Segment{testSegment("open", "sign-on", 20_000), testSegment("letter-a", "letter", 70_000), testSegment("letter-b", "letter", 140_000)}
		return nil
	}, []string{pos(0), pos(1), "windows[0].length_ms"}},
	{"one ident, two posts too close", func(in *Input, s *[]Segment) []Script {
		positions(in, Position{ID: "one", At: ptr(Ms(0)), Start: Hard, Pick: ident}, rest,
			Position{ID: "two", At: ptr(Ms(300_000)), Start: Hard, Pick: ident}, Position{ID: "rest2", Fill: rest.Fill})
		rules(in, Rule{Separate: "segment", For: Ms(400_000), Only: ident, Hard: true})
		return nil
	}, []string{pos(0), pos(2), ruleN(0)}},
	{"two idents, three posts too close", func(in *Input, s *[]Segment) []Script {
		*s = append(*s, testSegment("ident-b", "ident", 12_000))
		positions(in, Position{ID: "one", At: ptr(Ms(0)), Start: Hard, Pick: ident}, rest,
			Position{ID: "two", At: ptr(Ms(200_000)), Start: Hard, Pick: ident}, Position{ID: "rest2", Fill: rest.Fill},
			Position{ID: "three", At: ptr(Ms(400_000)), Start: Hard, Pick: ident}, Position{ID: "rest3", Fill: rest.Fill})
		rules(in, Rule{Separate: "segment", For: Ms(450_000), Only: ident, Hard: true})
		return nil
	}, []string{pos(0), pos(2), pos(4), ruleN(0)}},
	{"what aired yesterday is too near", func(in *Input, s *[]Segment) []Script {
		in.History = []Airing{{Station: "st", SegmentID: "open", StartAt: At(noon.Add(-24 * time.Hour)), EndAt: At(noon.Add(-24*time.Hour + 20*time.Second))}}
		rules(in, Rule{Separate: "segment", For: Ms(30 * 3_600_000), Only: &Selector{Kinds: []Kind{"sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"what is published for tomorrow is too near", func(in *Input, s *[]Segment) []Script {
		in.History = []Airing{{Station: "st", SegmentID: "open", StartAt: At(noon.Add(24 * time.Hour)), EndAt: At(noon.Add(24*time.Hour + 20*time.Second))}}
		rules(in, Rule{Separate: "segment", For: Ms(30 * 3_600_000), Only: &Selector{Kinds: []Kind{"sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"at most once a day, but two windows air it", func(in *Input, s *[]Segment) []Script {
		evening(in)
		rules(in, Rule{AtMost: ptr(1), Per: "day", Of: Of{Match: map[string]string{"kind": "sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"at least three appeals, but only two places for them", func(in *Input, s *[]Segment) []Script {
		r := testSegment("reading-a", "reading", 60_000)
		r.Tags = []string{"appeal"}
		*s = append(*s, r)
		evening(in)
		positions(in, openAt, Position{ID: "read", Pick: &Selector{Kinds: []Kind{"reading"}}}, rest)
		rules(in, Rule{AtLeast: ptr(3), Per: "day", Of: Of{Match: map[string]string{"tag": "appeal"}}, Hard: true})
		return nil
	}, []string{pos(0), pos(1), pos(2), ruleN(0)}},
	{"at least and at most of the same", func(in *Input, s *[]Segment) []Script {
		of := Of{Match: map[string]string{"kind": "letter"}}
		rules(in, Rule{AtLeast: ptr(5), Per: "day", Of: of, Hard: true}, Rule{AtMost: ptr(4), Per: "day", Of: of, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0), ruleN(1)}},
	{"at least of one segment that must rest", func(in *Input, s *[]Segment) []Script {
		rules(in, Rule{AtLeast: ptr(4), Per: "day", Of: Of{Match: map[string]string{"segment": "letter-a"}}, Hard: true},
			Rule{Separate: "segment", For: Ms(300_000), Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0), ruleN(1)}},
	{"a post outside what its segment keeps to", func(in *Input, s *[]Segment) []Script {
		rules(in, Rule{Only: &Selector{Kinds: []Kind{"sign-on"}}, KeepTo: &Daypart{From: 14 * 60, Until: 16 * 60}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"more music asked than the clock leaves room for", func(in *Input, s *[]Segment) []Script {
		m := testSegment("music-a", "music", 30_000)
		*s = append(*s, m)
		(*s)[0] = testSegment("open", "sign-on", 400_000)
		positions(in, openAt, Position{ID: "rest", Fill: &Selector{Kinds: []Kind{"letter", "music"}}})
		rules(in, Rule{Share: &Share{Least: 0.5}, Per: "day", Of: Of{Match: map[string]string{"kind": "music"}}, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0)}},
	{"a share that the fixed part exceeds alone", func(in *Input, s *[]Segment) []Script {
		(*s)[0] = testSegment("open", "sign-on", 400_000)
		rules(in, Rule{Share: &Share{Most: 0.5}, Per: "day", Of: Of{Match: map[string]string{"kind": "sign-on"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"a follow-up with nothing to follow", func(in *Input, s *[]Segment) []Script {
		rules(in, Rule{Only: &Selector{Kinds: []Kind{"sign-on"}}, After: Of{Match: map[string]string{"kind": "letter"}}, Hard: true})
		return nil
	}, []string{pos(0), ruleN(0)}},
	{"a kept item that runs into a post", func(in *Input, s *[]Segment) []Script {
		positions(in, openAt, rest, Position{ID: "half", At: ptr(Ms(300_000)), Start: Hard, Pick: ident}, Position{ID: "rest2", Fill: rest.Fill})
		in.Keep = []Item{{ID: "k", Window: "noon", Position: "rest", SegmentID: "letter-a", StartAt: At(noon.Add(280 * time.Second)), Duration: Ms(41_000)}}
		return nil
	}, []string{pos(2), "keep[0]"}},
	{"two kept items that overlap", func(in *Input, s *[]Segment) []Script {
		in.Keep = []Item{{ID: "k", Window: "noon", Position: "rest", SegmentID: "letter-a", StartAt: At(noon.Add(280 * time.Second)), Duration: Ms(41_000)},
			{ID: "l", Window: "noon", Position: "rest", SegmentID: "letter-b", StartAt: At(noon.Add(300 * time.Second)), Duration: Ms(48_777)}}
		return nil
	}, []string{"keep[0]", "keep[1]"}},
	{"the same ident in two neighbouring places", func(in *Input, s *[]Segment) []Script {
		positions(in, Position{ID: "a", Pick: ident}, Position{ID: "b", Pick: ident}, rest)
		rules(in, Rule{Separate: "segment", Items: 1, Hard: true})
		return nil
	}, []string{pos(0), pos(1), ruleN(0)}},
	{"a campaign that nothing can air", func(in *Input, s *[]Segment) []Script {
		in.Campaigns = []Campaign{{ID: "help", Of: Selector{Kinds: []Kind{"promo"}}, AtLeast: 1, Hard: true}}
		return nil
	}, []string{"campaigns[help].at_least", pos(0), pos(1)}},
	{"a campaign's end before its only place", func(in *Input, s *[]Segment) []Script {
		in.Campaigns = []Campaign{{ID: "help", Of: Selector{Kinds: []Kind{"sign-on"}}, Until: At(noon.Add(10 * time.Second))}}
		return nil
	}, []string{pos(0)}},
}

func TestConflictsAreFoundAndIrreducible(t *testing.T) {
	var slowest time.Duration
	for _, c := range infeasible {
		t.Run(c.name, func(t *testing.T) {
			in, segments := tenMinutes(), letters()
			scripts := c.make(&in, &segments)
			in.Library = Prepare(segments, scripts)
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

// The proof is complete once the whole day is shown to be impossible: what is left of the budget only makes it smaller.
func TestAConflictIsAnsweredThoughTheBudgetEndsBeforeItIsSmallest(t *testing.T) {
	cut := 0
	for _, c := range infeasible {
		in, segments := tenMinutes(), letters()
		scripts := c.make(&in, &segments)
		in.Library = Prepare(segments, scripts)
		p, err := newPlanner(t.Context(), job{Input: in, catalogue: Compile(in.Library)})
		if err != nil {
			t.Fatal(err)
		}
		p.stretches = p.layout()
		p.openDemands()
		whole := p.relax()
		if whole.check() != impossible {
			continue // shown with kept items in place
		}
		x := p.relax()
		x.work -= whole.work // as much as that took
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
			if !strings.Contains(got.Message, "perhaps fewer of these are enough") {
				t.Errorf("%s: the conflict does not say that it may not be smallest: %s", c.name, got.Message)
			}
		}
	}
	if cut == 0 {
		t.Error("no budget ended early")
	}
}
