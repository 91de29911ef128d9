package audio

import (
	"strings"
	"testing"
)

func TestEvaluateHoldsEachFactAgainstEachLimit(t *testing.T) {
	facts := func(lufs, peak float64) Facts {
		lra := 5.0
		return Facts{IntegratedLUFS: &lufs, TruePeakDBTP: &peak, RangeLU: &lra, SampleRate: 44100, Channels: 1,
			BitrateKbps: 64}
	}
	for _, c := range []struct {
		profile    string
		lufs, peak float64
		want       Outcome
		says       string
	}{
		{"broadcast-r128", -23.1, -3, Pass, ""},
		{"broadcast-r128", -22.6, -3, Warn, "integrated_lufs is -22.6, wanted -23.2 to -22.8 LUFS"},
		{"broadcast-r128", -22.4, -3, Failure, "integrated_lufs is -22.4, wanted -23.5 to -22.5 LUFS"},
		{"broadcast-r128", -23, -0.9, Failure, "true_peak_dbtp is -0.9, wanted at most -1 dBTP"},
		{"podcast", -16, -1, Pass, ""},
		{"podcast", -14.5, -1, Warn, "-17 to -15"},
		{"shortwave-speech", -16, -1.5, Pass, ""},
		{"shortwave-speech", -23, -1.5, Failure, "-21 to -13"},
	} {
		for _, p := range Profiles() {
			if p.Name != c.profile {
				continue
			}
			v, err := Evaluate(facts(c.lufs, c.peak), p)
			if err != nil {
				t.Fatal(err)
			}
			if v.Outcome != c.want || len(v.Checks) != len(p.Limits) {
				t.Errorf("%s at %v LUFS, %v dBTP: %s with %d checks, want %s", c.profile, c.lufs, c.peak, v.Outcome, len(v.Checks),
					c.want)
			}
			var said []string
			for _, k := range v.Checks {
				if k.Outcome != Pass {
					said = append(said, k.Message)
				}
			}
			if all := strings.Join(said, "; "); !strings.Contains(all, c.says) || (c.says == "") != (all == "") {
				t.Errorf("%s: %q, want %q", c.profile, all, c.says)
			}
		}
	}
}

func TestEvaluateFailsWhatCannotBeMeasured(t *testing.T) {
	for _, p := range Profiles() {
		if v, err := Evaluate(Facts{SampleRate: 48000, Channels: 1}, p); err != nil || v.Outcome != Failure {
			t.Errorf("%s: silence is a %s, %v", p.Name, v.Outcome, err)
		}
	}
	if _, err := Evaluate(Facts{}, Profile{Limits: []Limit{{Fact: "beauty"}}}); err == nil {
		t.Error("a profile with an unknown fact was used")
	}
}
