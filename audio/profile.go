package audio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Outcome is the result of checking a fact or a file against a profile.
type Outcome string

// The outcomes, from good to bad.
const (
	Pass    Outcome = "pass"
	Warn    Outcome = "warning"
	Failure Outcome = "failure"
)

// Range is a closed interval of a fact's values; a nil end is open.
type Range struct {
	Least, Most *float64
}

func (r Range) holds(v float64) bool {
	return (r.Least == nil || v >= *r.Least) && (r.Most == nil || v <= *r.Most)
}

func (r Range) String() string {
	switch {
	case r.Least != nil && r.Most != nil:
		return fmt.Sprintf("%g to %g", *r.Least, *r.Most)
	case r.Least != nil:
		return fmt.Sprintf("at least %g", *r.Least)
	case r.Most != nil:
		return fmt.Sprintf("at most %g", *r.Most)
	}
	return "anything"
}

// Limit is a profile's requirement on one fact: a value outside Must is a failure, outside Should a warning.
type Limit struct {
	Fact         string // a name of measures
	Must, Should Range
}

// Profile is a delivery specification, as data.
type Profile struct {
	Name   string
	Title  string
	Limits []Limit
}

// Check is the result of one limit.
type Check struct {
	Fact    string
	Unit    string
	Value   *float64 // nil if it could not be measured
	Limit   Limit
	Outcome Outcome
	Message string // with the numbers
}

// Verdict is the result of checking a file against a profile. Its outcome is the worst outcome of its checks.
type Verdict struct {
	Profile string
	Outcome Outcome
	Checks  []Check
}

func between(least, most float64) Range { return Range{&least, &most} }
func atMost(v float64) Range            { return Range{Most: &v} }
func atLeast(v float64) Range           { return Range{Least: &v} }

// Profiles returns the built-in profiles.
func Profiles() []Profile {
	clean := []Limit{
		{Fact: "silent_frames", Must: atMost(0)},
		{Fact: "clipped_runs", Should: atMost(0)},
		{Fact: "head_silence_ms", Should: atMost(500)},
		{Fact: "tail_silence_ms", Should: atMost(1000)},
		{Fact: "dead_channels", Must: atMost(0)},
		{Fact: "correlation", Should: atLeast(-0.3)},
	}
	return []Profile{
		{"broadcast-r128", "EBU R 128: -23 LUFS within half a LU, -1 dBTP", append([]Limit{
			{"integrated_lufs", between(-23.5, -22.5), between(-23.2, -22.8)},
			{"true_peak_dbtp", atMost(-1), Range{}},
			{"range_lu", Range{}, atMost(20)},
			{"sample_rate_hz", Range{}, atLeast(32000)},
		}, clean...)},
		{"shortwave-speech", "Speech for shortwave: dense, mono, with little dynamic range", append([]Limit{
			{"integrated_lufs", between(-21, -13), between(-18, -15)},
			{"true_peak_dbtp", atMost(-1), Range{}},
			{"range_lu", atMost(12), atMost(7)},
			{"channels", Range{}, atMost(1)},
			{"sample_rate_hz", atLeast(11025), atLeast(16000)},
			{"inner_silence_ms", Range{}, atMost(2000)},
		}, clean...)},
		{"podcast", "Podcasts: -16 LUFS within one LU, -1 dBTP", append([]Limit{
			{"integrated_lufs", between(-18, -14), between(-17, -15)},
			{"true_peak_dbtp", atMost(-1), Range{}},
			{"range_lu", Range{}, atMost(15)},
			{"sample_rate_hz", atLeast(22050), atLeast(44100)},
			{"bitrate_kbps", Range{}, atLeast(48)},
		}, clean...)},
	}
}

// measure is a fact as a number, with its unit.
type measure struct {
	unit  string
	value func(Facts) *float64
}

// measures returns the facts that a limit can name.
func measures() map[string]measure {
	number := func(v float64) *float64 { return &v }
	return map[string]measure{
		"integrated_lufs":     {"LUFS", func(f Facts) *float64 { return f.IntegratedLUFS }},
		"range_lu":            {"LU", func(f Facts) *float64 { return f.RangeLU }},
		"max_short_term_lufs": {"LUFS", func(f Facts) *float64 { return f.MaxShortTermLUFS }},
		"max_momentary_lufs":  {"LUFS", func(f Facts) *float64 { return f.MaxMomentaryLUFS }},
		"true_peak_dbtp":      {"dBTP", func(f Facts) *float64 { return f.TruePeakDBTP }},
		"sample_peak_dbfs":    {"dBFS", func(f Facts) *float64 { return f.SamplePeakDBFS }},
		"sample_rate_hz":      {"Hz", func(f Facts) *float64 { return number(float64(f.SampleRate)) }},
		"channels":            {"channels", func(f Facts) *float64 { return number(float64(f.Channels)) }},
		"bitrate_kbps":        {"kb/s", func(f Facts) *float64 { return number(float64(f.BitrateKbps)) }},
		"duration_ms":         {"ms", func(f Facts) *float64 { return number(float64(f.Duration.Milliseconds())) }},
		"silent_frames":       {"frames", func(f Facts) *float64 { return number(float64(f.Damage.Frames)) }},
		"clipped_runs":        {"places", func(f Facts) *float64 { return number(float64(f.Clipping.Runs)) }},
		"head_silence_ms":     {"ms", func(f Facts) *float64 { return number(f.silence(true, false)) }},
		"tail_silence_ms":     {"ms", func(f Facts) *float64 { return number(f.silence(false, true)) }},
		"inner_silence_ms":    {"ms", func(f Facts) *float64 { return number(f.silence(false, false)) }},
		"dead_channels": {"channels", func(f Facts) *float64 {
			if f.Stereo == nil || f.Stereo.DeadChannel == "" {
				return number(0)
			}
			return number(1)
		}},
		"correlation": {"", func(f Facts) *float64 {
			if f.Stereo == nil {
				return number(1)
			}
			return number(f.Stereo.Correlation)
		}},
	}
}

// silence returns the longest silence, in milliseconds, at the head, at the tail, or elsewhere if both are false.
func (f Facts) silence(head, tail bool) float64 {
	longest := 0.0
	for _, s := range f.Silences {
		if (s.Start == 0) == head && (s.End == f.Duration) == tail {
			longest = max(longest, (s.End-s.Start).Seconds()*1000)
		}
	}
	return longest
}

// Evaluate checks facts against a profile. A fact that could not be measured fails if the profile requires it. Evaluate
// fails if the profile names an unknown fact.
func Evaluate(f Facts, p Profile) (Verdict, error) {
	v := Verdict{Profile: p.Name, Outcome: Pass}
	all := measures()
	for _, l := range p.Limits {
		m, ok := all[l.Fact]
		if !ok {
			return Verdict{}, fmt.Errorf("audio: profile %s: there is no fact %q", p.Name, l.Fact)
		}
		c := l.check(m, f)
		v.Checks = append(v.Checks, c)
		v.Outcome = worse(v.Outcome, c.Outcome)
	}
	return v, nil
}

func (l Limit) check(m measure, f Facts) Check {
	c := Check{Fact: l.Fact, Unit: m.unit, Value: m.value(f), Limit: l, Outcome: Pass}
	must := l.Must.Least != nil || l.Must.Most != nil
	if c.Value == nil {
		if c.Outcome = Warn; must {
			c.Outcome = Failure
		}
		c.Message = l.Fact + " could not be measured"
		return c
	}
	wanted := l.Should
	switch {
	case !l.Must.holds(*c.Value):
		c.Outcome, wanted = Failure, l.Must
	case !l.Should.holds(*c.Value):
		c.Outcome = Warn
	case l.Should == Range{}:
		wanted = l.Must
	}
	c.Message = strings.TrimSpace(fmt.Sprintf("%s is %.5g, wanted %s %s", l.Fact, *c.Value, wanted, m.unit))
	return c
}

func worse(a, b Outcome) Outcome {
	order := []Outcome{Pass, Warn, Failure}
	return slices.MaxFunc([]Outcome{a, b}, func(x, y Outcome) int {
		return cmp.Compare(slices.Index(order, x), slices.Index(order, y))
	})
}
