package network_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/kinds"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fixture is a scheduler on the memory store, with one station, one clock and a few segments.
type fixture struct {
	*scheduling.Scheduler
	replica *replica.Replica
	at      time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	m, err := replica.Open(t.Context(), memory.New(100), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	o := &fixture{replica: m, at: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)}
	o.Scheduler = scheduling.New(m, record.NewRecords(m, m.Store, nil, func() time.Time { return o.at }, 0),
		servicetest.Signer{}, func() time.Time { return o.at }, "", time.Hour)
	for _, id := range []string{"m1", "m2", "m3"} {
		o.segment(t, id, func(*schedules.Segment) {})
	}
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, servicetest.OneStation(), nil, false); err != nil {
		t.Fatal(err)
	}
	return o
}

// segment stores a segment of a minute, modified by change.
func (o *fixture) segment(t *testing.T, id string, change func(*schedules.Segment)) {
	t.Helper()
	servicetest.ChangeSegment(t, o.replica, id, change)
}

// second returns a network with one more station, valid by itself.
func second() wire.Apply {
	n := servicetest.OneStation()
	n.Clocks = nil
	n.Stations[0].ID, n.Stations[0].Fallback = "other", []string{"m2"}
	return n
}

func codes(list []schedules.StationProblem) (out string) {
	for _, p := range list {
		out += p.Code + " "
	}
	return strings.TrimSpace(out)
}

func TestAPresentProblemKeepsNoOtherChangeFromBeingMade(t *testing.T) {
	o := newFixture(t)
	o.segment(t, "m1", func(s *schedules.Segment) { s.Language = "en" })
	applied, err := o.Network.Apply(t.Context(), access.Actor{}, second(), nil, false)
	if err != nil {
		t.Fatalf("another station is refused: %v, %+v", err, fault.FieldsOf(err))
	}
	if got := codes(applied.Problems["s"]); !strings.Contains(got, "no_fallback") {
		t.Errorf("the answer says %q of the station without a fallback", got)
	}
	same := servicetest.OneStation()
	same.Stations[0].Name = "renamed"
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, same, nil, false); err != nil {
		t.Errorf("the station itself cannot be changed: %+v", fault.FieldsOf(err))
	}
	same.Stations[0].Fallback = []string{"m1", "lost"}
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, same, nil, false); len(fault.FieldsOf(err)) != 1 ||
		fault.FieldsOf(err)[0].Field != "stations[0].fallback[1]" {
		t.Errorf("a problem that the change brings: %v %+v", err, fault.FieldsOf(err))
	}
}

// The stored network has a zone that a new database lacks, an overlap, and a clock that was stored long ago.
func TestAStationThatBecameInvalidBlocksNoOther(t *testing.T) {
	o := newFixture(t)
	row, _ := replica.StationsIn(o.replica).Get("s")
	bad := row.Value
	bad.Timezone, bad.Revision = "Mars/Base", row.Revision+1
	body, err := replica.Encode(bad)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindStation, ID: "s",
		Expect: row.Revision, Body: body}},
		Origin: access.System.Origin(o.at, "test", "")}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Network.Apply(t.Context(), access.Actor{}, second(), nil, false); err != nil {
		t.Errorf("%+v", fault.FieldsOf(err))
	}
	if got := codes(o.Network.StationProblems.Of("s")); got != "definition" {
		t.Errorf("%q stands against the station", got)
	}
}

// A list of a station's problems shows messages alone, so each is a sentence that names its field.
func TestAProblemOfAStationsDefinitionNamesItsField(t *testing.T) {
	o := newFixture(t)
	row, _ := replica.StationsIn(o.replica).Get("s")
	bad := row.Value
	bad.Languages, bad.Windows = nil, slices.Clone(bad.Windows)
	bad.Windows[0].Clock, bad.Revision = "gone", row.Revision+1
	body, err := replica.Encode(bad)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.replica.Commit(t.Context(), store.Commit{Writes: []store.Write{{Kind: replica.KindStation, ID: "s",
		Expect: row.Revision, Body: body}}, Origin: access.System.Origin(o.at, "test", "")}); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, p := range o.Network.StationProblems.Of("s") {
		if p.Code == "definition" {
			said = append(said, p.Message)
		}
	}
	for _, want := range []string{"languages must name at least one language",
		"window " + bad.Windows[0].ID + `, clock "gone" is not known`} {
		if !slices.Contains(said, want) {
			t.Errorf("no %q in %q", want, said)
		}
	}
}

func TestAStationWithoutAnAirableFallbackHasAProblem(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*schedules.Segment)
		want   string
		says   string
	}{
		"as it should be":    {func(*schedules.Segment) {}, "", ""},
		"recalled":           {func(s *schedules.Segment) { s.State = schedules.Recalled }, "no_fallback", `Segment "m1"`},
		"no longer approved": {func(s *schedules.Segment) { s.State = schedules.Pending }, "no_fallback", `Segment "m1"`},
		"expired": {func(s *schedules.Segment) {
			s.ValidUntil = schedules.At(time.Date(2026, 11, 1, 0, 0, 0, 0,
				time.UTC))
		}, "no_fallback", `Segment "m1"`},
		"soon expired": {func(s *schedules.Segment) {
			s.ValidUntil = schedules.At(time.Date(2026, 11, 4, 0, 0, 0, 0,
				time.UTC))
		}, "fallback_ends", "2026-11-04 09:00:00 KST"},
		"consent soon at its end": {func(s *schedules.Segment) {
			s.Consent = &schedules.Consent{ExpiresAt: schedules.At(time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC))}
		}, "fallback_ends", "KST"},
		"sensitive": {func(s *schedules.Segment) { s.Sensitive = true }, "no_fallback", "sensitive"},
	} {
		o := newFixture(t)
		for _, id := range []string{"m2", "m3"} { // otherwise a reserve
			o.segment(t, id, func(s *schedules.Segment) { s.State = schedules.Pending })
		}
		o.segment(t, "m1", c.change)
		var list []schedules.StationProblem
		for _, p := range o.Network.StationProblems.Of("s") {
			if p.Code != "definition" {
				list = append(list, p)
			}
		}
		if codes(list) != c.want || len(list) > 0 && !strings.Contains(list[0].Message, c.says) {
			t.Errorf("%s: %+v", name, list)
		}
		if losing := o.Network.StationProblems.LosingFallback("m1")["s"]; codes(losing) != c.want {
			t.Errorf("%s: who changed it is told %+v", name, losing)
		}
	}
	o := newFixture(t)
	empty := servicetest.OneStation()
	empty.Stations[0].Fallback = nil
	applied, err := o.Network.Apply(t.Context(), access.Actor{}, empty, nil, true)
	if err != nil || codes(applied.Problems["s"]) != "no_fallback" {
		t.Errorf("an empty fallback: %v %+v", err, applied.Problems)
	}
}

// Where a reserve from the library makes up for the named fallback, the station is not silent, and nobody is told so.
func TestAReserveInPlaceOfTheNamedFallbackIsNoSilence(t *testing.T) {
	o := newFixture(t)
	o.segment(t, "m1", func(s *schedules.Segment) { s.State = schedules.Recalled })
	st, _ := replica.StationsIn(o.replica).Get("s")
	if n := len(o.Network.StationProblems.Fillers(st.Value, o.at)); n != 2 {
		t.Fatalf("the reserve has %d", n)
	}
	got := o.Network.StationProblems.LosingFallback("m1")["s"]
	if codes(got) != "fallback_reserve" || !strings.Contains(got[0].Message, "a reserve of 2 segments") ||
		!strings.Contains(got[0].Message, `Segment "m1"`) || strings.Contains(got[0].Message, "silent") {
		t.Errorf("%+v", got)
	}
}

func TestAStationIsWarnedBeforeItsLastAccessTokenExpires(t *testing.T) {
	o := newFixture(t)
	tokens := access.New(o.replica, func() time.Time { return o.at })
	give := func(life time.Duration, endless bool) string {
		t.Helper()
		made, err := tokens.Create(t.Context(), access.System, access.NewToken{Name: "s", Role: access.StationJob,
			Station: "s", Life: life, Endless: endless})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	says := func(when string, want ...string) {
		t.Helper()
		var got string
		for _, p := range o.Network.StationProblems.Of("s") {
			if p.Code == "token_ends" {
				got += p.Message
			}
		}
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %q does not say %q", when, got, part)
			}
		}
		if len(want) == 0 && got != "" {
			t.Errorf("%s: %q", when, got)
		}
	}
	says("without a token")
	give(10*24*time.Hour, false)
	says("ten days before", "expires at 2026-11-12", "lifeline station enrol s")
	later := give(90*24*time.Hour, false)
	says("with a later one")
	o.at = o.at.AddDate(0, 0, 100)
	says("after both", "expired at 2027-01-31")
	give(0, true)
	says("with one that does not expire")
	if err := tokens.Revoke(t.Context(), access.System, later); err != nil {
		t.Fatal(err)
	}
	says("with one revoked")
}

func TestApplyNamesThePublishedDaysThatItLeavesBehind(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*schedules.Station)
		says   string
	}{
		"moved": {func(s *schedules.Station) { s.Windows[0].Starts.RRule = "DTSTART:20261101T230000\nRRULE:FREQ=DAILY" },
			"window w is published from 2026-11-02 22:00:00 KST to 2026-11-02 22:01:00 KST and defined from 2026-11-02 " +
				"23:00:00 KST"},
		"longer": {func(s *schedules.Station) {
			s.Windows[0].Length = schedules.Ms(61_000)
			s.Windows[0].Tolerance = schedules.Ms(2000)
		}, "defined from 2026-11-02 22:00:00 KST to 2026-11-02 22:01:01 KST"},
		"removed": {func(s *schedules.Station) { s.Windows = nil }, "is no longer defined"},
		"zone": {func(s *schedules.Station) { s.Timezone = "UTC"; s.Windows[0].Starts.Timezone = "UTC" },
			"defined from 2026-11-02 22:00:00 UTC"},
		"only new": {func(s *schedules.Station) {
			w := s.Windows[0]
			w.ID, w.Starts.RRule = "v", "DTSTART:20261101T200000\nRRULE:FREQ=DAILY"
			s.Windows = append(s.Windows, w)
		}, "window v from 2026-11-02 20:00:00 KST to 2026-11-02 20:01:00 KST is defined and not published"},
		"cancelled on the day": {func(s *schedules.Station) {
			s.Exceptions = []schedules.Exception{{Date: schedules.Date{Year: 2026, Month: time.November, Day: 2},
				Cancelled: true}}
		}, "is no longer defined"},
		"in another language on the day": {func(s *schedules.Station) {
			s.Exceptions = []schedules.Exception{{Date: schedules.Date{Year: 2026, Month: time.November, Day: 2}, Window: "w",
				Languages: []string{"en"}}}
		}, "and by an exception follows clock"},
	} {
		o := newFixture(t)
		day := schedules.Date{Year: 2026, Month: time.November, Day: 2}
		if _, err := o.Drafts.Plan(t.Context(), access.Actor{}, "s", day, scheduling.PlanOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Publisher.Publish(t.Context(), access.Actor{}, "s", day, scheduling.PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		if list := o.Network.StationProblems.Of("s"); len(list) > 0 {
			t.Fatalf("%+v", list)
		}
		n := servicetest.OneStation()
		c.change(&n.Stations[0])
		for _, dry := range []bool{true, false} {
			applied, err := o.Network.Apply(t.Context(), access.Actor{}, n, nil, dry)
			if err != nil {
				t.Fatalf("%s: %v %+v", name, err, fault.FieldsOf(err))
			}
			list := applied.Problems["s"]
			if codes(list) != "left_behind" || *list[0].Date != day || !strings.Contains(list[0].Message, c.says) {
				t.Errorf("%s: %+v", name, list)
			}
		}
		if codes(o.Network.StationProblems.Of("s")) != "left_behind" {
			t.Errorf("%s: %+v", name, o.Network.StationProblems.Of("s"))
		}
		o.at = o.at.Add(48 * time.Hour)
		if list := o.Network.StationProblems.Of("s"); len(list) > 0 {
			t.Errorf("%s: of a day that is over it says %+v", name, list)
		}
	}
}

// Marking the last fallback segment sensitive causes the problem and is refused. Where the problem exists, other
// changes are allowed.
func TestASegmentThatIsSensitiveAlreadyCanStillBeEdited(t *testing.T) {
	o := newFixture(t)
	row, _ := replica.SegmentsIn(o.replica).Get("m1")
	s := row.Value
	s.Sensitive = true
	l, same := library.New(o.replica, nil, servicetest.Signer{}, nil, nil, library.Limits{Concurrency: 1}),
		func(*schedules.Segment) {}
	if list := fault.FieldsOf(l.Segments.CheckEdit(s, same)); len(list) != 1 {
		t.Errorf("marking it: %+v", list)
	}
	o.segment(t, "m1", func(s *schedules.Segment) { s.Sensitive = true })
	s.Title = "another title"
	if list := fault.FieldsOf(l.Segments.CheckEdit(s, same)); len(list) > 0 {
		t.Errorf("another title: %+v", list)
	}
}

// The error for a missing document lists the existing ones.
func TestAMissingStationIsToldWithThoseThatThereAre(t *testing.T) {
	o := newFixture(t)
	if _, err := o.Network.Station("t"); err == nil || !strings.HasSuffix(err.Error(), `"t": the stations are s`) {
		t.Error(err)
	}
	if err := access.StationKnown(t.Context(), o.replica.Store, "t"); !fault.Is(err, fault.NotFound) ||
		!strings.Contains(err.Error(), `station "t" does not exist: the stations are s,`) {
		t.Errorf("a token for a station that is misspelt: %v", err)
	}
	if err := access.StationKnown(t.Context(), o.replica.Store, "s"); err != nil {
		t.Errorf("a token for a station that is there: %v", err)
	}
	if err := access.StationKnown(t.Context(), memory.New(10), "s"); err != nil {
		t.Errorf("a token before the network is applied: %v", err)
	}
}

// A campaign also names stations: the field of a wrong name is the campaign's own, not that of the station with the
// same index.
func TestAWrongStationOfACampaignIsToldByTheCampaignsField(t *testing.T) {
	err := newFixture(t).Network.Check(t.Context(), wire.Apply{Campaigns: []schedules.Campaign{{ID: "c", Title: "c",
		AtLeast: 1,
		Of:      schedules.Selector{Kinds: []schedules.Kind{"letter"}}, Stations: []string{"nowhere"}}}})
	if fields := fault.FieldsOf(err); len(fields) != 1 || fields[0].Field != "campaigns[0].stations[0]" {
		t.Errorf("%+v", fields)
	}
}

func TestWrongWordsOfStartsHideNoOtherProblem(t *testing.T) {
	o, n := newFixture(t), second()
	w := &n.Stations[0].Windows[0]
	w.Starts = schedules.Recurrence{Timezone: "{", At: "noon", Days: []string{"0"}}
	w.Length = schedules.Millis{Duration: schedules.MaxWindow + time.Millisecond}
	n.Stations[0].Freeze = schedules.Millis{Duration: -1}
	var got []string
	for _, f := range fault.FieldsOf(o.Network.Check(t.Context(), n)) {
		got = append(got, strings.TrimPrefix(f.Field, "stations[0]."))
	}
	slices.Sort(got)
	want := []string{"freeze_ms", "windows[0].length_ms", "windows[0].starts.at", "windows[0].starts.days[0]",
		"windows[0].starts.timezone"}
	if !slices.Equal(got, want) {
		t.Errorf("problems with %v, not with %v", got, want)
	}
}
