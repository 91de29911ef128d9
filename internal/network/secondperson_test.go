package network_test

import (
	"context"
	"fmt"
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

var (
	hana = access.Actor{Name: "Hana", Person: "hana", Role: access.Producer}
	ruth = access.Actor{Name: "Ruth", Person: "ruth", Role: access.SchedulerJob}
)

// named returns an actor who is named for what is sensitive.
func named(a access.Actor) access.Actor {
	a.Sensitive = true
	return a
}

// guarded is a service on the memory store in which some changes wait for a second person.
type guarded struct {
	*fixture
	t       *testing.T
	store   replica.Store
	library *library.Library
	waiting *access.Confirmations

	// meanwhile, if it is set, runs once: after the next commit of an act was decided on, and before it is stored
	meanwhile func()
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := guardedOn(t, memory.New(10_000))
	g.replica.Guard = nil
	for i := range 30 {
		g.segment(t, fmt.Sprint("m", i), func(*schedules.Segment) {})
	}
	n := servicetest.OneStation()
	n.Stations[0].Fallback = []string{"m1", "m2", "m3"}
	if _, err := g.Network.Apply(t.Context(), access.System, n, nil, false); err != nil {
		t.Fatal(err)
	}
	g.replica.Guard = g.waiting.Guard
	return g
}

// guardedOn returns a replica on a store.
func guardedOn(t *testing.T, s replica.Store) *guarded {
	t.Helper()
	g := &guarded{t: t, store: s}
	m, err := replica.Open(t.Context(), replica.Intercept(s, func(ctx context.Context, call *replica.Call,
		do func(context.Context) error) error {
		if act := g.meanwhile; act != nil && call.Commit != nil && len(call.Commit.Writes) > 0 {
			g.meanwhile = nil
			act()
		}
		return do(ctx)
	}), kinds.All)
	if err != nil {
		t.Fatal(err)
	}
	g.fixture = &fixture{replica: m, at: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return g.at }
	g.Scheduler = scheduling.New(m, record.NewRecords(m, m.Store, nil, now, 0), servicetest.Signer{}, now, "", time.Hour)
	g.library = library.New(m, nil, servicetest.Signer{}, nil, now, library.Limits{})
	g.waiting = access.NewConfirmations(m, g.Network.SecondPersons().Why, now)
	m.Guard = g.waiting.Guard
	return g
}

// edit edits a segment.
func (g *guarded) edit(a access.Actor, id string, patch library.SegmentPatch) error {
	g.t.Helper()
	g.catchUp()
	_, err := g.library.Segments.Edit(g.t.Context(), a, id, nil, patch)
	return err
}

// listed returns the changes that wait, as a person sees them who is not named for sensitive audio.
func (g *guarded) listed() []wire.Waiting {
	g.t.Helper()
	all, err := g.waiting.List(g.t.Context(), ruth)
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

func (g *guarded) catchUp() {
	g.t.Helper()
	if err := g.replica.CatchUp(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
}

// waits checks that an act was not done and waits, and returns the id under which it waits.
func (g *guarded) waits(what string, err error) string {
	g.t.Helper()
	for _, w := range g.listed() {
		if fault.Is(err, fault.Forbidden) && strings.Contains(err.Error(), "waits as "+w.ID) {
			return w.ID
		}
	}
	g.t.Fatalf("%s does not wait for a second person: %v", what, err)
	return ""
}

func (g *guarded) station(a access.Actor, change func(*schedules.Station)) error {
	g.t.Helper()
	g.catchUp()
	st, err := g.Network.Station("s")
	if err != nil {
		g.t.Fatal(err)
	}
	change(&st)
	_, err = g.Network.Apply(g.t.Context(), a, wire.Apply{Stations: []schedules.Station{st}}, nil, false)
	return err
}

func TestNobodyAloneMakesAStationInaudible(t *testing.T) {
	g := newGuarded(t)
	to := func(lufs float64) func(*schedules.Station) {
		return func(st *schedules.Station) { st.LoudnessTarget = &lufs }
	}
	for _, lufs := range []float64{-16, -31, -40} {
		if err := g.station(ruth, to(lufs)); err != nil {
			t.Fatalf("%g LUFS: %v", lufs, err)
		}
	}
	first := g.waits("-40.5 LUFS", g.station(ruth, to(-40.5)))
	second := g.station(ruth, to(-70))
	if g.waits("-70 LUFS", second); !strings.Contains(second.Error(), "It replaces "+first) || len(g.listed()) != 1 {
		t.Errorf("it does not say what it replaces: %v", second)
	}
	if err := g.station(ruth, func(st *schedules.Station) { st.LoudnessTarget = nil }); err != nil {
		t.Fatal(err)
	}
	id := g.waits("-70 LUFS in place of none", g.station(ruth, to(-70)))
	if _, err := g.waiting.Confirm(t.Context(), hana, id); err == nil {
		t.Error("a producer confirmed what schedulers decide on")
	}
}

func TestProtectingPersonsLessNeedsTwoPersons(t *testing.T) {
	given := schedules.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	consent := func(until int) *schedules.Consent {
		return &schedules.Consent{Reference: "r", GivenAt: given,
			ExpiresAt: schedules.At(time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC))}
	}
	for name, c := range map[string]struct{ before, less func(*schedules.Segment) }{
		"sensitive cleared": {func(s *schedules.Segment) { s.Sensitive = true },
			func(s *schedules.Segment) { s.Sensitive = false }},
		"a person removed": {func(s *schedules.Segment) { s.Persons = []string{"p1", "p2"} },
			func(s *schedules.Segment) { s.Persons = []string{"p2"} }},
		"a person replaced": {func(s *schedules.Segment) { s.Persons = []string{"p1"} },
			func(s *schedules.Segment) { s.Persons = []string{"p2"} }},
		"consent removed": {func(s *schedules.Segment) { s.Persons, s.Consent = []string{"p1"}, consent(2027) },
			func(s *schedules.Segment) { s.Consent = nil }},
		"consent made longer": {func(s *schedules.Segment) { s.Persons, s.Consent = []string{"p1"}, consent(2027) },
			func(s *schedules.Segment) { s.Consent = consent(2028) }},
		"consent without end": {func(s *schedules.Segment) { s.Persons, s.Consent = []string{"p1"}, consent(2027) },
			func(s *schedules.Segment) { s.Consent = &schedules.Consent{Reference: "r", GivenAt: given} }},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t)
			g.segment(t, "m9", c.before)
			before, _ := g.library.Segments.Get("m9")
			id := g.waits(name, g.edit(hana, "m9", c.less))
			if now, _ := g.library.Segments.Get("m9"); now.Revision != before.Revision {
				t.Fatal("it was changed before a second person confirmed it")
			}
			g.catchUp()
			if again := g.waits("asked again", g.edit(hana, "m9", c.less)); again != id || len(g.listed()) != 1 {
				t.Errorf("asked again, it waits twice: %+v", g.listed())
			}
			for _, same := range []access.Actor{hana, {Name: "HANA", Role: access.Admin}} {
				if _, err := g.waiting.Confirm(t.Context(), same, id); !fault.Is(err, fault.Forbidden) {
					t.Fatalf("%s confirmed it, who asked for it: %v", same.Name, err)
				}
			}
			if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); err != nil {
				t.Fatal(err)
			}
			now, _ := g.library.Segments.Get("m9")
			want := before
			c.less(&want)
			if now.Sensitive != want.Sensitive || len(now.Persons) != len(want.Persons) || now.Revision == before.Revision ||
				len(g.listed()) != 0 {
				t.Errorf("after the confirmation it is %+v, and %d wait", now, len(g.listed()))
			}
		})
	}
}

func TestWaitingChangeIsWithdrawnExpiresAndBecomesStale(t *testing.T) {
	g := newGuarded(t)
	clear := func(s *schedules.Segment) { s.Sensitive = false }
	for _, id := range []string{"m7", "m8", "m9"} {
		g.segment(t, id, func(s *schedules.Segment) { s.Sensitive = true })
	}
	id := g.waits("first", g.edit(hana, "m7", clear))
	if _, err := g.waiting.Withdraw(t.Context(), hana, id); err != nil || len(g.listed()) != 0 {
		t.Errorf("withdrawn: %v, %+v", err, g.listed())
	}
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("a withdrawn change was confirmed: %v", err)
	}
	id = g.waits("second", g.edit(hana, "m8", clear))
	g.segment(t, "m8", func(s *schedules.Segment) { s.Title = "other" })
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); !fault.Is(err, fault.Stale) {
		t.Errorf("a change of a segment that changed since was confirmed: %v", err)
	}
	g.at = g.at.Add(time.Second)
	id = g.waits("third", g.edit(hana, "m9", clear))
	g.at = g.at.Add(25 * time.Hour)
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("an expired change was confirmed: %v", err)
	}
	if err := g.waiting.Sweep(t.Context()); err != nil || len(g.listed()) != 0 {
		t.Errorf("after the sweep: %v, %+v", err, g.listed())
	}
	if docs, err := g.replica.Store.List(t.Context(), access.KindWaiting, "", 10); err != nil || len(docs) != 0 {
		t.Errorf("the store keeps %d changes that no longer wait (%v)", len(docs), err)
	}
}

func TestLastFallbackOfALanguageNeedsTwoPersons(t *testing.T) {
	soon := func(s *schedules.Segment) { s.ValidUntil = schedules.At(time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)) }
	edited := func(patch library.SegmentPatch) func(*guarded) error {
		return func(g *guarded) error { return g.edit(hana, "m3", patch) }
	}
	for name, last := range map[string]func(*guarded) error{
		"rejected": func(g *guarded) error {
			_, err := g.library.Approvals.Reject(g.t.Context(), hana, "m3", nil, "x")
			return err
		},
		"edited":           edited(func(s *schedules.Segment) { s.Kind = "ident" }),
		"shorter validity": edited(soon),
		"validity that ends after two weeks": edited(func(s *schedules.Segment) {
			s.ValidUntil = schedules.At(time.Date(2026, 11, 16, 10, 10, 0, 0, time.UTC))
		}),
		"other language": edited(func(s *schedules.Segment) { s.Language = "cmn" }),
		"sensitive":      edited(func(s *schedules.Segment) { s.Sensitive = true }),
		"list emptied": func(g *guarded) error {
			return g.station(hana, func(st *schedules.Station) { st.Fallback = nil })
		},
		"list of what cannot air": func(g *guarded) error {
			return g.station(hana, func(st *schedules.Station) { st.Fallback = []string{"m1"} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t)
			for _, id := range []string{"m1", "m2"} {
				if _, err := g.library.Approvals.Reject(t.Context(), hana, id, nil, "x"); err != nil {
					t.Fatalf("with another left, %s was not rejected: %v", id, err)
				}
			}
			err := last(g)
			if name == "sensitive" && fault.Is(err, fault.Invalid) {
				return // refused for any number of persons
			}
			g.waits(name, err)
			if list := g.Network.StationProblems.AirableFallback(g.theStation(), g.at); len(list) != 1 {
				t.Errorf("%d of the fallback are left", len(list))
			}
		})
	}
}

func (g *guarded) theStation() schedules.Station {
	g.t.Helper()
	st, err := g.Network.Station("s")
	if err != nil {
		g.t.Fatal(err)
	}
	return st
}

// issued returns the ids of the fallback list that the station gets now.
func (g *guarded) issued() (ids []string) {
	g.t.Helper()
	if err := g.Fallbacks.IssueAll(context.WithoutCancel(g.t.Context()), replica.NewWorkLock(g.replica, "one",
		time.Minute)); err != nil {
		g.t.Fatal(err)
	}
	f, err := g.Fallbacks.Fallback("s")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, it := range f.Value.Items {
		ids = append(ids, it.SegmentID)
	}
	return ids
}

func TestRecallOfTheLastFallbackIsInstantAndBringsNoSilence(t *testing.T) {
	g := newGuarded(t)
	for _, id := range []string{"m1", "m2", "m3"} {
		g.catchUp()
		if _, err := g.library.Recalls.Recall(t.Context(), hana, id, nil, "in danger"); err != nil {
			t.Fatalf("the recall of %s was not instant: %v", id, err)
		}
	}
	list := g.issued()
	if len(list) == 0 {
		t.Fatal("the station has no fallback left: it would be silent")
	}
	for _, id := range list {
		if id == "m1" || id == "m2" || id == "m3" {
			t.Errorf("%s is recalled and in the fallback", id)
		}
	}
	if _, err := g.library.Recalls.Undo(t.Context(), ruth, "Hana", time.Time{}, "a mistake"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"m1", "m2", "m3"} {
		if _, err := g.library.Approvals.Approve(t.Context(), access.Actor{Name: "Amos"}, id, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(g.issued(), " "); got != "m1 m2 m3" {
		t.Errorf("after the recalls were undone the fallback is %s", got)
	}
}

func TestMoreThanAHandfulOfRejectionsAndEditsNeedsASecondPerson(t *testing.T) {
	g := newGuarded(t)
	var items []wire.QueueItem
	for i := 4; i < 20; i++ {
		items = append(items, wire.QueueItem{ID: fmt.Sprint("i", i), SegmentID: fmt.Sprint("m", i),
			StartAt: new(schedules.At(g.at.Add(time.Hour))), Duration: schedules.Ms(60_000)})
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-11-03", wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: schedules.DateOf(g.at).AddDays(1), Items: items})
	done := 0
	for i := 4; i < 16; i++ {
		id := fmt.Sprint("m", i)
		var err error
		if g.catchUp(); i%2 == 0 {
			_, err = g.library.Approvals.Reject(t.Context(), hana, id, nil, "x")
		} else {
			err = g.edit(hana, id, func(s *schedules.Segment) { s.Title = "changed" })
		}
		if err == nil {
			done++
			continue
		}
		g.waits(id, err)
	}
	if done != library.Handful {
		t.Errorf("one person edited and rejected %d segments of a coming queue", done)
	}
	if err := g.edit(ruth, "m19", func(s *schedules.Segment) { s.Title = "by another" }); err != nil {
		t.Errorf("another person is held up: %v", err)
	}
	if err := g.edit(hana, "m25", func(s *schedules.Segment) { s.Title = "in no queue" }); err != nil {
		t.Errorf("a segment of no queue is held up: %v", err)
	}
	g.at = g.at.Add(library.Braking + time.Second)
	if err := g.edit(hana, "m18", func(s *schedules.Segment) { s.Title = "later" }); err != nil {
		t.Errorf("ten minutes later: %v", err)
	}
}

func TestWhatTakesEffectInAFrozenWindowNeedsTwoPersons(t *testing.T) {
	g := newGuarded(t)
	o := schedules.Slot{Occurrence: schedules.Occurrence{Window: "w", StartAt: schedules.At(g.at.Add(time.Hour)),
		EndAt: schedules.At(g.at.Add(2 * time.Hour))}}
	queue := wire.Queue{Schema: wire.QueueSchema, Station: "s", Date: schedules.DateOf(g.at), Windows: []schedules.Slot{o},
		Items: []wire.QueueItem{{ID: "i", SegmentID: "m5", StartAt: &o.StartAt, Duration: schedules.Ms(60_000)}}}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-11-02", queue)
	publish := func(by string, q wire.Queue) (string, time.Duration) {
		payload, err := replica.Encode(q)
		if err != nil {
			t.Fatal(err)
		}
		body, err := replica.Encode(map[string]any{"payload": payload})
		if err != nil {
			t.Fatal(err)
		}
		return g.Network.SecondPersons().Why(store.Commit{Origin: store.Origin{By: by},
			Writes: []store.Write{{Kind: replica.KindQueue, ID: "s/2026-11-02", Expect: 1, Body: body}}})
	}
	corrected := queue
	corrected.Items = []wire.QueueItem{queue.Items[0]}
	corrected.Items[0].SegmentID = "m6"
	turned := func(st *schedules.Station) { st.Fallback = []string{"m3", "m2", "m1"} }
	if why, _ := publish("Ruth", corrected); why != "" {
		t.Errorf("before the freeze: %s", why)
	}
	if err := g.station(hana, turned); err != nil {
		t.Errorf("before the freeze: %v", err)
	}
	if err := g.station(hana, func(st *schedules.Station) { st.Freeze = schedules.Ms(90 * 60_000) }); err != nil {
		t.Fatal(err)
	}
	if why, _ := publish("Ruth", corrected); !strings.Contains(why, "frozen") {
		t.Errorf("a correction in a frozen window waits for nobody: %q", why)
	}
	if why, _ := publish("Ruth", queue); why != "" {
		t.Errorf("what changes nothing in the frozen window waits: %s", why)
	}
	for name, change := range map[string]func(*schedules.Station){
		"the fallback": func(st *schedules.Station) { st.Fallback = []string{"m1", "m2"} },
		"the policy":   func(st *schedules.Station) { st.Starved.Policy = schedules.DropSensitive },
		"the freeze":   func(st *schedules.Station) { st.Freeze = schedules.Ms(0) },
	} {
		g.waits(name, g.station(hana, change))
	}
	if err := g.station(hana, func(st *schedules.Station) { st.Name = "other" }); err != nil {
		t.Errorf("the name: %v", err)
	}
}

func TestNobodyAloneTakesTheWindowsOrTheFreezeFromAPublishedStation(t *testing.T) {
	window := func(id, zone, rrule string) schedules.Window {
		return schedules.Window{ID: id, Clock: "c", Length: schedules.Ms(60_000), Tolerance: schedules.Ms(1000),
			Starts: schedules.Recurrence{Timezone: zone, RRule: rrule}}
	}
	two := []schedules.Window{window("w", "Asia/Seoul", "DTSTART:20261101T220000\nRRULE:FREQ=DAILY"),
		window("v", "Asia/Seoul", "DTSTART:20261101T233000\nRRULE:FREQ=DAILY")}
	over := schedules.DateOf(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
	for name, c := range map[string]struct {
		change func(*schedules.Station)
		two    bool
	}{
		"no windows": {func(st *schedules.Station) { st.Windows = nil }, true},
		"windows whose season is over": {func(st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].Starts.Until = &over
			}
		}, true},
		"windows that are over": {func(st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].Starts.RRule += ";COUNT=1"
			}
		}, true},
		"windows of half the days": {func(st *schedules.Station) {
			st.Windows = []schedules.Window{window("w", "Asia/Seoul", "DTSTART:20261103T220000\nRRULE:FREQ=WEEKLY")}
		}, true},
		"shorter windows": {func(st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].Length = schedules.Ms(20_000)
			}
		}, true},
		"all windows in another zone": {func(st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].Starts.Timezone = "Pacific/Auckland"
			}
		}, true},
		"another zone":          {func(st *schedules.Station) { st.Timezone = "Pacific/Auckland" }, true},
		"no freeze":             {func(st *schedules.Station) { st.Freeze = schedules.Ms(0) }, true},
		"a much shorter freeze": {func(st *schedules.Station) { st.Freeze = schedules.Ms(60_000) }, true},
		"a longer freeze":       {func(st *schedules.Station) { st.Freeze = schedules.Ms(7_200_000) }, false},
		"one window less":       {func(st *schedules.Station) { st.Windows = st.Windows[:1] }, true},
		"one window moved": {func(st *schedules.Station) {
			st.Windows[1].Starts.RRule = "DTSTART:20261101T230000\nRRULE:FREQ=DAILY"
		}, true},
		"a window more": {func(st *schedules.Station) {
			st.Windows = append(st.Windows, window("x", "UTC", "DTSTART:20261101T010000\nRRULE:FREQ=DAILY"))
		}, false},
	} {
		for _, published := range []bool{true, false} {
			g := newGuarded(t)
			if err := g.station(ruth, func(st *schedules.Station) {
				st.Windows, st.Freeze = slices.Clone(two), schedules.Ms(3_600_000)
			}); err != nil {
				t.Fatal(err)
			}
			if published {
				servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-10-01", wire.Queue{Schema: wire.QueueSchema,
					Station: "s", Date: schedules.DateOf(g.at.AddDate(0, -1, 0))})
			}
			err := g.station(ruth, func(st *schedules.Station) {
				st.Windows = slices.Clone(st.Windows)
				c.change(st)
			})
			if c.two && published {
				g.waits(name, err)
			} else if err != nil {
				t.Errorf("%s (published: %v): %v", name, published, err)
			}
		}
	}
}

func TestThiefWithOneTokenNeverSilencesAStationAndOneActUndoesTheRecalls(t *testing.T) {
	g := newGuarded(t)
	thief, began := ruth, g.at
	from, err := g.replica.Store.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for hour := range 3 {
		g.at = began.Add(time.Duration(hour) * time.Hour)
		for i := range 30 {
			id := fmt.Sprint("m", i)
			for _, act := range []func() error{
				func() error { _, err := g.library.Recalls.Recall(t.Context(), thief, id, nil, "x"); return err },
				func() error { _, err := g.library.Approvals.Reject(t.Context(), thief, id, nil, "x"); return err },
				func() error { return g.edit(thief, id, func(s *schedules.Segment) { s.Language = "cmn" }) },
				func() error {
					return g.edit(thief, id, func(s *schedules.Segment) { s.ValidUntil = schedules.At(g.at.Add(time.Minute)) })
				},
				func() error { return g.station(thief, func(st *schedules.Station) { st.Fallback = []string{id} }) },
				func() error { return g.station(thief, func(st *schedules.Station) { st.Fallback = nil }) },
			} {
				g.catchUp()
				_ = act() // refused, waiting or done: the station must air in any case
				if len(g.issued()) == 0 {
					t.Fatalf("hour %d, %s: the station has nothing left to air", hour, id)
				}
			}
		}
		for _, w := range g.listed() {
			if _, err := g.waiting.Confirm(t.Context(), thief, w.ID); !fault.Is(err, fault.Forbidden) {
				t.Fatalf("the thief confirmed %s alone: %v", w.Action, err)
			}
		}
	}
	changes, err := g.replica.Store.Changes(t.Context(), from, 5000)
	if err != nil {
		t.Fatal(err)
	}
	alarmed, recalls := false, 0
	for _, c := range changes {
		if c.Action == "segment.recall" && c.Kind == replica.KindSegment {
			recalls++
		}
		if name, _, told := kinds.All.Told(c); told && name == "alarm" && !alarmed {
			alarmed = true
			if recalls > library.Handful || c.At.Sub(began) > time.Second {
				t.Errorf("the alarm came after %d recalls, %s after they began", recalls, c.At.Sub(began))
			}
		}
	}
	if !alarmed {
		t.Errorf("%d recalls by one person were no alarm to webhooks and streams", recalls)
	}
	undone, err := g.library.Recalls.Undo(t.Context(), hana, "Ruth", time.Time{}, "her token was stolen")
	if err != nil || len(undone) == 0 {
		t.Fatalf("one act undid %d recalls: %v", len(undone), err)
	}
	for _, s := range replica.SegmentsIn(g.replica).All() {
		if s.State == schedules.Recalled {
			t.Errorf("%s is still recalled", s.ID)
		}
	}
}

func TestWhoEditsTheTextOfAScriptCannotApproveItsReadings(t *testing.T) {
	g := newGuarded(t)
	script := func(ko string) schedules.Script {
		return schedules.Script{ID: "appeal", Title: "Appeal", Languages: []string{"ko", "cmn"},
			Versions: []schedules.ScriptVersion{{Version: 1, Passages: []schedules.Passage{
				{Number: 1, Text: map[string]string{"ko": ko, "cmn": "你好"}},
				{Number: 2, Text: map[string]string{"ko": "둘", "cmn": "二"}}}}}}
	}
	apply := func(s schedules.Script) {
		t.Helper()
		g.catchUp()
		if _, err := g.Network.Apply(t.Context(), hana, wire.Apply{Scripts: []schedules.Script{s}}, nil, false); err != nil {
			t.Fatal(err)
		}
	}
	apply(script("안녕"))
	for id, c := range map[string]struct {
		language string
		passage  int
	}{"r1": {"ko-KP", 1}, "r2": {"ko-KP", 2}, "r3": {"cmn", 1}} {
		g.segment(t, id, func(s *schedules.Segment) {
			s.Kind, s.Language, s.State = "reading", c.language, schedules.Pending
			s.Script = &schedules.ScriptRef{ID: "appeal", Version: 1, Passages: []int{c.passage}}
		})
	}
	apply(script("안녕히"))
	g.catchUp()
	if _, err := g.library.Approvals.Approve(t.Context(), hana, "r1", nil, ""); !fault.Is(err, fault.Forbidden) {
		t.Errorf("who changed its text approved the reading: %v", err)
	}
	for _, id := range []string{"r2", "r3"} {
		if _, err := g.library.Approvals.Approve(t.Context(), hana, id, nil, ""); err != nil {
			t.Errorf("%s, whose text did not change: %v", id, err)
		}
	}
	if _, err := g.library.Approvals.Approve(t.Context(), ruth, "r1", nil, ""); err != nil {
		t.Errorf("another person: %v", err)
	}
}

// person stores a person in place of another state of the person.
func (g *guarded) person(p replica.Person) {
	g.t.Helper()
	servicetest.Put(g.t, g.replica, replica.KindPerson, p.ID, p)
}

func TestCorrectedRequestWaitsAnewWithAnotherID(t *testing.T) {
	g := newGuarded(t)
	g.segment(t, "m9", func(s *schedules.Segment) { s.Sensitive = true })
	titled := func(title string) func(*schedules.Segment) {
		return func(s *schedules.Segment) { s.Sensitive, s.Title = false, title }
	}
	first := g.waits("first", g.edit(hana, "m9", titled("wrong")))
	second := g.waits("corrected", g.edit(hana, "m9", titled("right")))
	if all := g.listed(); first == second || len(all) != 1 || all[0].ID != second {
		t.Fatalf("asked as %s, then as %s, and these wait: %+v", first, second, all)
	}
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), first); !fault.Is(err, fault.NotFound) {
		t.Errorf("the first content was confirmed: %v", err)
	}
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), second); err != nil {
		t.Fatal(err)
	}
	if now, _ := g.library.Segments.Get("m9"); now.Title != "right" {
		t.Errorf("confirmed is the title %q", now.Title)
	}
}

func TestWaitingChangeIsShownWithEveryFieldAndReason(t *testing.T) {
	g := newGuarded(t)
	g.segment(t, "m9", func(s *schedules.Segment) {
		s.Sensitive, s.Persons = true, []string{"p1", "p2"}
	})
	g.waits("edit", g.edit(hana, "m9", func(s *schedules.Segment) {
		s.Sensitive, s.Persons, s.Language = false, []string{"p2"}, "cmn"
	}))
	for _, c := range []struct {
		by     access.Actor
		hidden bool
	}{{ruth, true}, {named(ruth), false}} {
		all, err := g.waiting.List(t.Context(), c.by)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v (%v)", all, err)
		}
		for _, why := range []string{"no longer be sensitive", "no longer name all persons"} {
			if !strings.Contains(all[0].Why, why) {
				t.Errorf("the reason %q is missing from: %s", why, all[0].Why)
			}
		}
		got := map[string]wire.FieldChange{}
		for _, f := range all[0].Documents[0].Fields {
			got[f.Field] = f
		}
		persons := wire.FieldChange{Field: "persons", Hidden: true}
		if !c.hidden {
			persons = wire.FieldChange{Field: "persons", Before: `["p1","p2"]`, After: `["p2"]`}
		}
		if got["sensitive"].Before != "true" || got["language"].After != "cmn" || got["persons"] != persons {
			t.Errorf("hidden %v: %+v", c.hidden, all[0].Documents)
		}
	}
	g.segment(t, "m9", func(s *schedules.Segment) { s.Title = "other" })
	if d := g.listed()[0].Documents[0]; !d.Stale || len(d.Fields) != 0 {
		t.Errorf("after another change it is shown as %+v", d)
	}
}

// A day is published, so that what waits takes effect in a frozen window too; whoever confirms must see that first.
func TestAWaitingChangeIsJudgedAnewWhenItIsConfirmed(t *testing.T) {
	g := airing(t)
	if err := g.station(access.System, func(st *schedules.Station) {
		st.StandingOrder = &schedules.StandingOrder{PlanDays: 7, PublishDays: 3}
	}); err != nil {
		t.Fatal(err)
	}
	id := g.waits("less", g.station(ruth, func(st *schedules.Station) {
		st.StandingOrder, st.Windows = nil, st.Windows[1:]
		st.Starved.Policy = schedules.DropSensitive
	}))
	told := g.listed()[0].Why
	if !strings.Contains(told, "no longer air") || !strings.Contains(told, "publish no days by itself") ||
		strings.Contains(told, "frozen") {
		t.Errorf("the reasons are %s", told)
	}
	o := schedules.Slot{Occurrence: schedules.Occurrence{Window: "w10", StartAt: schedules.At(g.at),
		EndAt: schedules.At(g.at.Add(time.Hour))}}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-11-02", wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: schedules.DateOf(g.at), Windows: []schedules.Slot{o}})
	g.at = g.at.Add(17 * time.Second) // from when on nothing airs in the window of now is no other reason
	_, err := g.waiting.Confirm(t.Context(), sora, id)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "has begun or is frozen") ||
		!strings.Contains(err.Error(), "publish no days by itself") {
		t.Errorf("with a reason that nobody saw: %v", err)
	}
	if all := g.listed(); len(all) != 1 || all[0].ID != id || !strings.Contains(all[0].Why, "frozen") ||
		g.theStation().StandingOrder == nil {
		t.Fatalf("it waits as %+v", all)
	}
	g.at = g.at.Add(17 * time.Second)
	done, err := g.waiting.Confirm(t.Context(), sora, id)
	if err != nil || !strings.Contains(done.Why, "frozen") || g.theStation().StandingOrder != nil {
		t.Errorf("once it was seen: %+v, %v", done, err)
	}
}

func TestScopeHoldsForWhatWaits(t *testing.T) {
	g := newGuarded(t)
	for _, id := range []string{"m8", "m9"} {
		g.segment(t, id, func(s *schedules.Segment) { s.Sensitive = true })
	}
	scoped := func(languages ...string) {
		g.person(replica.Person{ID: "hana", Name: "Hana", Roles: []string{"producer"}, Languages: languages})
	}
	clear := func(s *schedules.Segment) { s.Sensitive = false }
	language := g.theSegment("m9").Language
	scoped(language)
	id := g.waits("in scope", g.edit(hana, "m9", clear))
	scoped("cmn")
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); !fault.Is(err, fault.Forbidden) {
		t.Errorf("confirmed, though who asked may no longer change it: %v", err)
	}
	row, _ := replica.SegmentsIn(g.replica).Get("m8")
	less := row.Value
	less.Sensitive = false
	body, err := replica.Encode(less)
	if err != nil {
		t.Fatal(err)
	}
	err = g.replica.Commit(t.Context(), store.Commit{Origin: hana.Origin(g.at, "segment.edit", ""),
		Writes: []store.Write{{Kind: replica.KindSegment, ID: "m8", Expect: row.Revision, Body: body}}})
	if !fault.Is(err, fault.Forbidden) || strings.Contains(err.Error(), "waits as") || len(g.listed()) != 1 {
		t.Errorf("what is out of scope waits for a second person: %v", err)
	}
}

func (g *guarded) theSegment(id string) schedules.Segment {
	g.t.Helper()
	s, err := g.library.Segments.Get(id)
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

func TestOnlyWhoSeesAllThatAChangeChangesConfirmsIt(t *testing.T) {
	for name, c := range map[string]struct{ before, change func(*schedules.Segment) }{
		"sensitive": {func(s *schedules.Segment) { s.Sensitive = true },
			func(s *schedules.Segment) { s.Sensitive = false }},
		"persons": {func(s *schedules.Segment) { s.Persons = []string{"p1", "p2"} },
			func(s *schedules.Segment) { s.Persons = []string{"p2"} }},
		"a text, too": {func(s *schedules.Segment) { s.Persons = []string{"p1"} },
			func(s *schedules.Segment) { s.Persons, s.Title = nil, "other" }},
	} {
		g := newGuarded(t)
		g.segment(t, "m9", c.before)
		id := g.waits(name, g.edit(named(hana), "m9", c.change))
		admin := access.Actor{Name: "Ada", Person: "ada", Role: access.Admin}
		for _, a := range []access.Actor{ruth, admin} {
			if _, err := g.waiting.Confirm(t.Context(), a, id); !fault.Is(err, fault.Forbidden) ||
				!strings.Contains(err.Error(), "people set") {
				t.Errorf("%s: %s, who is not named for it, confirmed it: %v", name, a.Name, err)
			}
		}
		if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecallThatProtectsPersonsIsConfirmedByWhoDoesNotSeeThem(t *testing.T) {
	g := newGuarded(t)
	g.segment(t, "m9", func(s *schedules.Segment) { s.Sensitive, s.Persons = true, []string{"p1"} })
	g.waiting = access.NewConfirmations(g.replica, func(store.Commit) (string, time.Duration) { return "each", time.Hour },
		func() time.Time { return g.at })
	g.replica.Guard = g.waiting.Guard
	g.catchUp()
	_, err := g.library.Recalls.Recall(t.Context(), hana, "m9", nil, "in danger")
	if _, err := g.waiting.Confirm(t.Context(), ruth, g.waits("the recall", err)); err != nil {
		t.Errorf("the recall waits for a person who is named for what is sensitive: %v", err)
	}
}

func TestWhatWasAskedForInARoleNeedsThatRoleStill(t *testing.T) {
	g := newGuarded(t)
	cleared := func(s *schedules.Segment) { s.Sensitive = false }
	emptied := func(st *schedules.Station) { st.Fallback = nil }
	asking := replica.Person{ID: "ruth", Name: "Ruth", Roles: []string{"scheduler"}, Sensitive: true}
	g.person(asking)
	g.segment(t, "m9", func(s *schedules.Segment) { s.Sensitive = true })
	segment, station := g.waits("edit", g.edit(named(ruth), "m9", cleared)), g.waits("station", g.station(ruth, emptied))
	amos := access.Actor{Name: "Amos", Person: "amos", Role: access.Admin, Sensitive: true}
	for _, c := range []struct {
		roles     []string
		sensitive bool
		id        string
	}{{[]string{"viewer"}, true, segment}, {[]string{"viewer"}, true, station}, {[]string{"producer"}, true, station},
		{[]string{"scheduler"}, false, segment}} {
		asking.Roles, asking.Sensitive = c.roles, c.sensitive
		g.person(asking)
		g.catchUp()
		if _, err := g.waiting.Confirm(t.Context(), amos, c.id); !fault.Is(err, fault.Forbidden) ||
			!strings.Contains(err.Error(), "any more") {
			t.Errorf("asked by a scheduler who is now %v (named: %v), it was confirmed: %v", c.roles, c.sensitive, err)
		}
	}
	asking.Roles, asking.Sensitive = []string{"admin"}, true
	g.person(asking)
	g.catchUp()
	for _, id := range []string{segment, station} {
		if _, err := g.waiting.Confirm(t.Context(), amos, id); err != nil {
			t.Errorf("asked by who is an administrator now: %v", err)
		}
	}
}

func TestWhatAnEndedPersonAskedForIsNotConfirmed(t *testing.T) {
	g := newGuarded(t)
	g.segment(t, "m9", func(s *schedules.Segment) { s.Sensitive = true })
	p := replica.Person{ID: "hana", Name: "Hana", Roles: []string{"producer"}}
	g.person(p)
	id := g.waits("edit", g.edit(hana, "m9", func(s *schedules.Segment) { s.Sensitive = false }))
	p.EndedAt = schedules.At(g.at)
	g.person(p)
	if _, err := g.waiting.Confirm(t.Context(), named(ruth), id); !fault.Is(err, fault.Forbidden) ||
		!strings.Contains(err.Error(), "was ended") {
		t.Errorf("the change of an ended person was confirmed: %v", err)
	}
}

func TestOnlySchedulersDecideOnChangesOfStations(t *testing.T) {
	g := newGuarded(t)
	id := g.waits("list emptied", g.station(ruth, func(st *schedules.Station) { st.Fallback = nil }))
	amos := access.Actor{Name: "Amos", Person: "amos", Role: access.Viewer}
	for _, a := range []access.Actor{hana, amos} {
		if _, err := g.waiting.Withdraw(t.Context(), a, id); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("%s withdrew it: %v", a.Role, err)
		}
		if _, err := g.waiting.Confirm(t.Context(), a, id); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("%s confirmed it: %v", a.Role, err)
		}
	}
	amos.Role, amos.Roles = access.Producer, []access.Role{access.Producer, access.SchedulerJob}
	if _, err := g.waiting.Confirm(t.Context(), amos, id); err != nil {
		t.Errorf("a producer who is a scheduler too: %v", err)
	}
}

// holder returns the holder of a token that somebody makes.
func (g *guarded) holder(by access.Actor, n access.NewToken) access.Actor {
	g.t.Helper()
	tokens := access.New(g.replica, func() time.Time { return g.at })
	made, err := tokens.Create(g.t.Context(), by, n)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := tokens.Authenticate(made.Secret)
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// Ada is an administrator: she asks as Bea, whose token she made, or as a machine, and decides as herself.
func TestOneAdministratorsTokenNeitherConfirmsNorApprovesWhatItAskedByAnother(t *testing.T) {
	g := newGuarded(t)
	for _, id := range []string{"ada", "bea", "cem"} {
		g.person(replica.Person{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Roles: []string{"admin"},
			Sensitive: true})
	}
	ada := g.holder(access.System, access.NewToken{Person: "ada", Role: access.Admin})
	cem := g.holder(access.System, access.NewToken{Person: "cem", Role: access.Admin})
	machine := g.holder(access.System, access.NewToken{Name: "console", Role: access.Admin})
	clear := func(s *schedules.Segment) { s.Sensitive = false }
	for i, other := range []access.Actor{g.holder(ada, access.NewToken{Person: "bea", Role: access.Admin}),
		g.holder(ada, access.NewToken{Name: "ingest", Role: access.Admin})} {
		for j, pair := range [][2]access.Actor{{ada, other}, {other, ada}, {cem, machine}} {
			id := fmt.Sprintf("m%d", 10+3*i+j)
			g.segment(t, id, func(s *schedules.Segment) { s.Sensitive = true })
			waits := g.waits("cleared", g.edit(pair[0], id, clear))
			if _, err := g.waiting.Confirm(t.Context(), pair[1], waits); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s confirmed what %s asked for: %v", pair[1].Name, pair[0].Name, err)
			}
			if _, err := g.waiting.Confirm(t.Context(), cem, waits); err != nil && j < 2 {
				t.Errorf("a person whose token was made on the machine: %v", err)
			}
			g.catchUp()
		}
		g.segment(t, "pending", func(s *schedules.Segment) {
			s.State, s.UploadedBy, s.UploadedByID = schedules.Pending, other.Name, other.Person
			s.Edits = []schedules.Edited{{By: other.Name, ByID: other.Person, At: schedules.At(g.at), Fields: []string{"audio"}}}
		})
		if _, err := g.library.Approvals.Approve(t.Context(), ada, "pending", nil, ""); !fault.Is(err, fault.Forbidden) ||
			!strings.Contains(err.Error(), "Ada made access of") {
			t.Errorf("Ada approved what %s uploaded: %v", other.Name, err)
		}
		if _, err := g.library.Approvals.Approve(t.Context(), cem, "pending", nil, ""); err != nil {
			t.Errorf("another approves it: %v", err)
		}
	}
}

// Ada edits as Bea, whose token she made. The token ends, and Bea edits the segment herself later.
func TestALaterEditDoesNotHideWhoMayHaveMadeTheFirst(t *testing.T) {
	g := newGuarded(t)
	for _, id := range []string{"ada", "bea"} {
		g.person(replica.Person{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Roles: []string{"admin"}})
	}
	ada := access.Actor{Name: "Ada", Person: "ada", Role: access.Admin, Session: "of Ada"}
	bea := access.Actor{Name: "Bea", Person: "bea", Role: access.Admin, Session: "of Bea"}
	tokens := access.New(g.replica, func() time.Time { return g.at })
	made, err := tokens.Create(t.Context(), ada, access.NewToken{Person: "bea", Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	as, err := tokens.Authenticate(made.Secret)
	if err != nil {
		t.Fatal(err)
	}
	retitled := func(by access.Actor, title string) {
		t.Helper()
		if err := g.edit(by, "m9", func(s *schedules.Segment) { s.Title = title }); err != nil {
			t.Fatal(err)
		}
		g.at = g.at.Add(time.Hour)
	}
	retitled(as, "what Ada wants")
	if err := tokens.Revoke(t.Context(), ada, made.ID); err != nil {
		t.Fatal(err)
	}
	g.at = g.at.Add(time.Hour)
	for _, title := range []string{"a comma", "another", "a third"} {
		retitled(bea, title)
	}
	g.segment(t, "m9", func(s *schedules.Segment) { s.State = schedules.Pending })
	g.catchUp()
	if _, err := g.library.Approvals.Approve(t.Context(), ada, "m9", nil, ""); !fault.Is(err, fault.Forbidden) ||
		!strings.Contains(err.Error(), "Ada made access of Bea") {
		t.Errorf("Ada approved what she changed as Bea: %v", err)
	}
	if s, _ := g.library.Segments.Get("m9"); len(s.Edits) != 2 {
		t.Errorf("the edits of one person are %+v", s.Edits)
	}
	if _, err := g.library.Approvals.Approve(t.Context(), hana, "m9", nil, ""); err != nil {
		t.Errorf("another approves it: %v", err)
	}
}

func TestADryRunSaysThatAChangeWouldWaitOrIsOutOfScope(t *testing.T) {
	g := newGuarded(t)
	n := servicetest.OneStation()
	n.Clocks, n.Stations[0].Fallback = nil, nil
	n.Stations[0].Revision = 0
	would, err := g.Network.Apply(t.Context(), ruth, n, nil, true)
	if err != nil || !strings.Contains(would.Waits, "nothing in ko-KP to fill a gap with") || len(g.listed()) != 0 {
		t.Errorf("it says %q, %v, and %d changes wait", would.Waits, err, len(g.listed()))
	}
	servicetest.Put(t, g.replica, replica.KindPerson, "elsewhere", replica.Person{ID: "elsewhere", Name: "Eun",
		Roles: []string{"scheduler"}, Stations: []string{"another"}})
	eun := access.Actor{Name: "Eun", Person: "elsewhere", Role: access.SchedulerJob}
	_, err = g.Network.Apply(t.Context(), eun, n, nil, true)
	if !fault.Is(err, fault.Forbidden) {
		t.Errorf("out of scope: %v", err)
	}
	n.Stations[0].Fallback = []string{"m1"}
	if would, err = g.Network.Apply(t.Context(), ruth, n, nil, true); err != nil || would.Waits != "" {
		t.Errorf("what would not wait: %q, %v", would.Waits, err)
	}
}

func TestWhoeverFirstSetsAStandingOrderIsNotToldThatNobodyDid(t *testing.T) {
	g := newGuarded(t)
	n := servicetest.OneStation()
	n.Clocks, n.Stations[0].Revision = nil, 0
	n.Stations[0].StandingOrder = &schedules.StandingOrder{PlanDays: 7, PublishDays: 3}
	servicetest.Put(t, g.replica, replica.KindPerson, ruth.Person, replica.Person{ID: ruth.Person, Name: ruth.Name,
		Roles: []string{"scheduler"}})
	for _, dry := range []bool{true, false} {
		done, err := g.Network.Apply(t.Context(), ruth, n, nil, dry)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range done.Problems[n.Stations[0].ID] {
			if p.Field == "standing_order" {
				t.Errorf("dry run %t: %s", dry, p.Message)
			}
		}
	}
}
