package scheduling

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
	"lifeline/schedules"
)

// planningRoom is a scheduler over the memory store. Its one station has a window a day of a sign-on and a fill.
type planningRoom struct {
	t         *testing.T
	replica   *replica.Replica
	scheduler *Scheduler
	now       time.Time
	today     schedules.Date
}

// plannerActor plans and publishes in these tests.
var plannerActor = access.Actor{Name: "Ruth", Role: access.Admin}

func newPlanningRoom(t *testing.T, segments int, rules ...schedules.Rule) *planningRoom {
	t.Helper()
	docs := memory.New(1000)
	m, err := replica.Open(t.Context(), docs, testKinds)
	if err != nil {
		t.Fatal(err)
	}
	d := &planningRoom{t: t, replica: m, now: time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)}
	d.today = schedules.DateOf(d.now)
	d.scheduler = newScheduler(m, docs, servicetest.Signer{}, func() time.Time { return d.now }, "http://x", time.Minute)
	fill := &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}
	d.put(replica.KindClock, "hour", schedules.Clock{ID: "hour", Revision: 1, Length: schedules.Ms(600_000), Rules: rules,
		Positions: []schedules.Position{{ID: "sign-on", Segment: "ident"}, {ID: "body", Fill: fill}}})
	d.station("relay", "Asia/Seoul")
	d.segment("ident", "ident", 6_000)
	for n := range segments {
		d.segment(fmt.Sprintf("letter-%02d", n), "testimony", 99_000)
	}
	return d
}

func (d *planningRoom) put(kind, id string, v any) {
	d.t.Helper()
	body, err := replica.Encode(v)
	if err == nil {
		err = d.replica.Commit(d.t.Context(), store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Body: body}},
			Origin: access.System.Origin(d.now, "test", "")})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *planningRoom) station(id, zone string) {
	d.put(replica.KindStation, id, schedules.Station{ID: id, Revision: 1, Name: id, Timezone: zone,
		Languages: []string{"ko"}, Windows: []schedules.Window{{ID: "evening",
			Starts: schedules.Recurrence{Timezone: zone, RRule: "DTSTART:20260101T200000\nRRULE:FREQ=DAILY"},
			Length: schedules.Ms(600_000), Tolerance: schedules.Ms(1000), Clock: "hour"}}})
}

func (d *planningRoom) segment(id string, kind schedules.Kind, ms int64) {
	d.put(replica.KindSegment, id, schedules.Segment{ID: id, Revision: 1, Kind: kind, Title: id, Language: "ko",
		State: schedules.Approved,
		Recording: &schedules.Recording{SHA256: fmt.Sprintf("%064x", len(id)*1000+int(id[len(id)-1])), Bytes: 1,
			ContentType: "audio/mpeg", Duration: schedules.Ms(ms), CueOut: schedules.Ms(ms)}})
}

func (d *planningRoom) plan(station string, date schedules.Date) schedules.Rundown {
	d.t.Helper()
	r, err := d.scheduler.Drafts.Plan(d.t.Context(), plannerActor, station, date, PlanOptions{})
	if err != nil {
		d.t.Fatalf("plan %s %s: %v", station, date, err)
	}
	return r
}

func (d *planningRoom) publish(station string, date schedules.Date) schedules.Rundown {
	d.t.Helper()
	r, err := d.scheduler.Publisher.Publish(d.t.Context(), plannerActor, station, date, PublishOptions{})
	if err != nil {
		d.t.Fatalf("publish %s %s: %v", station, date, err)
	}
	return r
}

// aired returns the segments of a day in order, except for the clock's ident.
func aired(r schedules.Rundown) string {
	var out []string
	for _, i := range r.Items {
		if i.SegmentID != "ident" {
			out = append(out, i.SegmentID)
		}
	}
	return strings.Join(out, " ")
}

func hasWarning(r schedules.Rundown, code string) bool {
	return slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool { return w.Code == code })
}

func TestDraftedDaysCountForTheDaysAfterThem(t *testing.T) {
	d := newPlanningRoom(t, 24)
	var drafted []string
	seen := map[string]bool{}
	for n := range 4 { // six a day: each of the 24 once
		r := d.plan("relay", d.today.AddDays(n))
		for _, i := range r.Items {
			if i.SegmentID != "ident" && seen[i.SegmentID] {
				t.Errorf("%s airs %s again before the others have had their turn", r.Date, i.SegmentID)
			}
			seen[i.SegmentID] = true
		}
		drafted = append(drafted, aired(r))
	}
	other := newPlanningRoom(t, 24)
	for n := range 4 {
		r := other.plan("relay", other.today.AddDays(n))
		other.publish("relay", r.Date)
		if aired(r) != drafted[n] {
			t.Errorf("%s: drafted ahead it is\n%s\nafter what was published\n%s", r.Date, drafted[n], aired(r))
		}
	}
}

func TestPlanningADayAgainGivesTheSameWhateverIsDraftedAround(t *testing.T) {
	d := newPlanningRoom(t, 24)
	var first []string
	for n := range 5 {
		first = append(first, aired(d.plan("relay", d.today.AddDays(n))))
	}
	for _, n := range []int{2, 0, 4, 1, 3, 3} {
		if again := aired(d.plan("relay", d.today.AddDays(n))); again != first[n] {
			t.Errorf("day %d:\n%s\nagain:\n%s", n, first[n], again)
		}
	}
	d.publish("relay", d.today.AddDays(3))
	if again := aired(d.plan("relay", d.today.AddDays(1))); again != first[1] {
		t.Errorf("a later day was published, and day 1 is\n%s\nnot\n%s", again, first[1])
	}
}

func TestNewDraftCountsInThePlaceOfWhatIsPublished(t *testing.T) {
	d := newPlanningRoom(t, 24)
	monday, tuesday := d.today, d.today.AddDays(1)
	r := d.plan("relay", monday)
	d.publish("relay", monday)
	was := aired(d.plan("relay", tuesday))
	taken := strings.Fields(was)[0]
	edits := []schedules.Edit{{Op: "replace", Item: r.Items[1].ID, Segment: taken}}
	if _, err := d.scheduler.Drafts.Edit(t.Context(), plannerActor, "relay", monday, nil, edits); err != nil {
		t.Fatal(err)
	}
	if now := aired(d.plan("relay", tuesday)); strings.Contains(now, taken) {
		t.Errorf("Monday's draft took %s over, and Tuesday airs it too: %s", taken, now)
	}
}

// A draft of a past day did not air.
func TestDraftOfADayThatIsOverCountsForNothing(t *testing.T) {
	d := newPlanningRoom(t, 24)
	first := aired(d.plan("relay", d.today))
	d.now = d.now.AddDate(0, 0, 2)
	r := d.plan("relay", d.today.AddDays(2))
	if aired(r) != first {
		t.Errorf("it never aired:\n%s\nand the next day airs\n%s", first, aired(r))
	}
	if hasWarning(r, "same_day") {
		t.Errorf("it never aired, and is a neighbour: %+v", r.Warnings)
	}
}

func TestDayThatEqualsANeighbourIsWarnedOf(t *testing.T) {
	d := newPlanningRoom(t, 1) // every day airs it six times
	if r := d.plan("relay", d.today); hasWarning(r, "same_day") {
		t.Errorf("it has no neighbour: %+v", r.Warnings)
	}
	r := d.plan("relay", d.today.AddDays(1))
	if last := len(r.Warnings) - 1; !hasWarning(r, "same_day") || !strings.Contains(r.Warnings[last].Message,
		"the same 6 items in the same order as "+d.today.String()) {
		t.Errorf("planned: %+v", r.Warnings)
	}
	d.publish("relay", d.today)
	if r := d.publish("relay", d.today.AddDays(1)); !hasWarning(r, "same_day") {
		t.Errorf("published: %+v", r.Warnings)
	}
}

func TestDraftsOfLaterDaysThatDoNotKnowADayAreNamed(t *testing.T) {
	d := newPlanningRoom(t, 24)
	wednesday := d.today.AddDays(2)
	d.plan("relay", wednesday)
	tuesday := d.plan("relay", d.today.AddDays(1))
	if !hasWarning(tuesday, "later_days") || !hasWarning(tuesday, "same_day") {
		t.Errorf("Wednesday was drafted first: %+v", tuesday.Warnings)
	}
	d.publish("relay", tuesday.Date)
	if r := d.publish("relay", wednesday); !hasWarning(r, "outdated") {
		t.Errorf("Wednesday is published as it is: %+v", r.Warnings)
	}
	d = newPlanningRoom(t, 24)
	d.plan("relay", d.today)
	d.plan("relay", d.today.AddDays(1))
	if r := d.plan("relay", d.today); hasWarning(r, "later_days") {
		t.Errorf("the first day is as it was: %+v", r.Warnings)
	}
	d.publish("relay", d.today)
	if r := d.publish("relay", d.today.AddDays(1)); len(r.Warnings) > 0 {
		t.Errorf("nothing has changed: %+v", r.Warnings)
	}
}

func TestRulesAcrossStationsSeeTheirDraftsOfTheDay(t *testing.T) {
	rest := schedules.Rule{ID: "rest", Separate: "segment", For: schedules.Ms(3_600_000), Hard: true, Across: true,
		Only: &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}}
	d := newPlanningRoom(t, 24, rest)
	d.station("relay-2", "Asia/Seoul")
	first, second := d.plan("relay", d.today), d.plan("relay-2", d.today)
	for _, i := range second.Items {
		if i.SegmentID != "ident" && strings.Contains(aired(first), i.SegmentID) {
			t.Errorf("both air %s at once", i.SegmentID)
		}
	}
}

// Drafts that a request does not store count for its later days like stored ones.
func TestDraftsThatAreNotStoredCountWithinTheirRequest(t *testing.T) {
	stored, dry := newPlanningRoom(t, 24), newPlanningRoom(t, 24)
	var drafts []schedules.Rundown
	for n := range 4 {
		date := stored.today.AddDays(n)
		r, err := dry.scheduler.Drafts.Plan(t.Context(), plannerActor, "relay", date, PlanOptions{DryRun: true,
			Drafts: drafts})
		if err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, r)
		if want := stored.plan("relay", date); aired(r) != aired(want) {
			t.Errorf("%s: tried it is\n%s\nstored\n%s", date, aired(r), aired(want))
		}
	}
	if _, err := dry.scheduler.Rundowns.Rundown(t.Context(), "relay", dry.today, 0); err == nil {
		t.Error("a trial was stored")
	}
}
