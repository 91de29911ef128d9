package schedules_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
)

// said returns the problems of a definition as "field: message".
func said(list []schedules.Problem) (out []string) {
	for _, p := range list {
		out = append(out, p.Field+": "+p.Message)
	}
	return out
}

func TestEveryProblemOfSegmentsScriptsAndCampaignsIsNamedByItsPath(t *testing.T) {
	at := func(day int) schedules.Instant { return schedules.At(time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)) }
	segment := schedules.Segment{ID: "No", Kind: "jingle", Language: "Korean language", Voice: strings.Repeat("x", 501),
		Series: "a b", Tags: []string{"x", "x"},
		Intro: "No", BackAnnounce: "_", ValidFrom: at(2), ValidUntil: at(1), Script: &schedules.ScriptRef{ID: "p",
			Passages: []int{0, 1, 1}},
		Consent: &schedules.Consent{GivenAt: at(2), ExpiresAt: at(1)}}
	script := schedules.Script{ID: "p", Languages: []string{"ko", "ko"}, Versions: []schedules.ScriptVersion{{},
		{Version: 1, Passages: []schedules.Passage{
			{}, {Number: 1}, {Number: 1, Text: map[string]string{"en": "x"}}}}, {Version: 1, Passages: make([]schedules.Passage,
			1)}}}
	campaign := schedules.Campaign{ID: "c", Stations: []string{"No"}, From: at(2), Until: at(1), AtLeast: -1,
		Dayparts: []schedules.CampaignPart{{Daypart: schedules.Daypart{From: -1, Until: 2000}}}}
	for name, c := range map[string]struct {
		problems []schedules.Problem
		fields   string
	}{
		"segment": {segment.Problems(), "id kind title voice language series tags[1] script.version script.passages[0] " +
			"script.passages[2] intro back_announce valid_until consent consent.expires_at"},
		"script": {script.Problems(), "languages[1] versions[0].version versions[0].passages " +
			"versions[1].passages[0].number versions[1].passages[2].number " +
			"versions[1].passages[2].text versions[2].version versions[2].passages[0].number"},
		"campaign": {campaign.Problems(), "stations[0] until at_least dayparts[0].from dayparts[0].until " +
			"dayparts[0].at_least"},
		"idle campaign": {schedules.Campaign{ID: "c"}.Problems(), "at_least"},
		"no language":   {schedules.Script{ID: "p"}.Problems(), "languages"},
		"no passage": {schedules.Segment{ID: "s", Kind: "music", Title: "s", Language: "zxx",
			Script: &schedules.ScriptRef{ID: "p", Version: 1}}.Problems(), "script.passages"},
		"an episode of no series": {schedules.Segment{ID: "s", Kind: "music", Title: "s", Language: "zxx",
			Episode: 1}.Problems(), "episode"},
		"an episode below the first": {schedules.Segment{ID: "s", Kind: "music", Title: "s", Language: "zxx", Series: "a",
			Episode: -1}.Problems(), "episode"},
		"an episode of a series": {schedules.Segment{ID: "s", Kind: "music", Title: "s", Language: "zxx", Series: "a",
			Episode: 1}.Problems(), ""},
		"sound, in Korean": {schedules.Segment{ID: "s", Kind: "music", Title: "노래", Language: "ko-KP",
			Tags: []string{"이름"}}.Problems(), ""},
	} {
		var fields []string
		for _, p := range c.problems {
			fields = append(fields, p.Field)
		}
		if got := strings.Join(fields, " "); got != c.fields {
			t.Errorf("%s: %s\nnot %s\n%s", name, got, c.fields, strings.Join(said(c.problems), "\n"))
		}
	}
}

func TestARuleIsNamedByWhatItSays(t *testing.T) {
	n := 3
	letters, voice := schedules.Of{Match: map[string]string{"tag": "short", "kind": "letter"}}, schedules.Of{Each: "voice"}
	for want, r := range map[string]schedules.Rule{
		"mine":                               {ID: "mine", Separate: "voice", Items: 1},
		"separate voice by 5m0s and 2 items": {Separate: "voice", For: schedules.Ms(300_000), Items: 2},
		"separate voice by 2 items":          {Separate: "voice", Items: 2},
		"separate tag by 1m0s":               {Separate: "tag", For: schedules.Ms(60_000)},
		"at most 3 of each voice per day":    {AtMost: &n, Of: voice, Per: "day"},
		"at least 3 of kind letter and tag short per daypart 06:00-12:00": {AtLeast: &n, Of: letters, Per: "daypart",
			Daypart: &schedules.Daypart{From: 360, Until: 720}},
		"share of each voice per window":              {Share: &schedules.Share{Most: 0.5}, Of: voice, Per: "window"},
		"after kind letter and tag short":             {After: letters},
		"after kind letter and tag short within 1m0s": {After: letters, Within: schedules.Ms(60_000)},
		"keep to 22:00-24:00":                         {KeepTo: &schedules.Daypart{From: 22 * 60, Until: 24 * 60}},
		"fresh for 6h0m0s":                            {FreshFor: schedules.Ms(6 * 3_600_000)},
		"in order: newest":                            {InOrder: schedules.ByNewest},
		"empty rule":                                  {},
	} {
		if got := r.Name(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestASelectorSaysInWordsWhatItAsksFor(t *testing.T) {
	s := &schedules.Selector{Kinds: []schedules.Kind{"letter", "names"}, Language: "ko", Tags: []string{"a", "b"},
		Script: "p", Voice: "v", Series: "s",
		Min: schedules.Ms(61_500), Max: schedules.Ms(3_723_000)}
	if got, want := s.String(), "letter or names in ko tagged a and b reading script p by voice v of series s of at "+
		"least 1:01.500 of at most 1:02:03"; got != want {
		t.Errorf("%q", got)
	}
	for _, s := range []*schedules.Selector{nil, {}} {
		if s.String() != "anything" || !s.Matches(&schedules.Segment{}) {
			t.Errorf("%v", s)
		}
	}
}

func TestTimesOfDayAreReadAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{`"00:00"`, `"06:30"`, `"24:00"`} {
		var at schedules.TimeOfDay
		if err := json.Unmarshal([]byte(text), &at); err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(at); err != nil || string(b) != text {
			t.Errorf("%s became %s, %v", text, b, err)
		}
	}
	for _, text := range []string{`"24:01"`, `"6:30"`, `"noon"`} {
		var at schedules.TimeOfDay
		if err := json.Unmarshal([]byte(text), &at); err == nil {
			t.Errorf("%s is %v", text, at)
		}
	}
}

func TestGainHasBounds(t *testing.T) {
	for db, want := range map[float64]float64{40: schedules.MostGain, -100: schedules.LeastGain, 3: 3} {
		if got := schedules.BoundGain(db); got != want {
			t.Errorf("%v dB become %v", db, got)
		}
	}
	if got := schedules.BoundGain(math.NaN()); got != 0 {
		t.Errorf("no number becomes %v", got)
	}
}

func TestOverlapsNameTheWindowsOfOneStation(t *testing.T) {
	n := network()
	st := n.Stations[0]
	if p := n.Overlaps(st); len(p) != 0 {
		t.Errorf("%+v", p)
	}
	st.Windows = slices.Clone(st.Windows)
	st.Windows[1].Starts = st.Windows[0].Starts
	if p := n.Overlaps(st); len(p) != 1 || p[0].Field != "windows[1].starts" {
		t.Errorf("%+v", p)
	}
}

// Another program receives the rule of a recurrence, and its starts without the excluded ones.
func TestARepetitionIsTheRuleWithItsStarts(t *testing.T) {
	r := schedules.Recurrence{Timezone: "Asia/Seoul",
		RRule: "DTSTART:20261101T200000\nRRULE:FREQ=DAILY;COUNT=5\nEXDATE:20261102T200000"}
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	got, err := r.Repetition(from, from.AddDate(0, 0, 4))
	if err != nil {
		t.Fatal(err)
	}
	if got.Location.String() != "Asia/Seoul" || got.Rule != "FREQ=DAILY" || len(got.Ruled) != 4 || len(got.Starts) != 3 ||
		!got.Starts[1].Equal(from.AddDate(0, 0, 2).Add(11*time.Hour)) {
		t.Errorf("%+v", got)
	}
	if _, err := (schedules.Recurrence{Timezone: "Mars/Base"}).Repetition(from, from); err == nil {
		t.Error("a zone that is not known has starts")
	}
}

func TestAChangeOfClocksIsToldInTheTimeOfTheWindow(t *testing.T) {
	loc, err := schedules.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC) // 01:30, and clocks go to 03:00 half an hour later
	c := schedules.ClockChange{Shift: schedules.Ms(3_600_000), At: schedules.At(start.Add(30 * time.Minute)),
		Ordinary: schedules.At(start.Add(time.Hour)), Zone: loc, Wall: start.Add(time.Hour)}
	c.StartAt, c.EndAt = schedules.At(start), schedules.At(start.Add(45*time.Minute))
	if got := c.Say(loc); got != "The window of 01:30:00 is shortened: it lasts 45:00, not 1:00:00, because clocks "+
		"go forward by 1:00:00 to 03:00:00 on 2026-03-29" {
		t.Error(got)
	}
	c.EndAt = c.StartAt
	if got := c.Say(loc); !strings.HasPrefix(got, "The window of 01:30:00 does not air") {
		t.Error(got)
	}
	c.EndAt, c.Shift = schedules.At(start.Add(2*time.Hour)), schedules.Ms(-3_600_000)
	if got := c.Say(loc); !strings.Contains(got,
		"is lengthened: it lasts 2:00:00, not 1:00:00, because clocks go back") {
		t.Error(got)
	}
}
