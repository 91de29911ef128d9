package network_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// airing is a published station with eight windows a day, at each hour from 10 on.
func airing(t *testing.T) *guarded {
	g := newGuarded(t)
	g.replica.Guard = nil
	if err := g.station(access.System, func(st *schedules.Station) {
		st.Windows = nil
		for hour := 10; hour < 18; hour++ {
			st.Windows = append(st.Windows, schedules.Window{ID: fmt.Sprint("w", hour), Clock: "c",
				Length: schedules.Ms(60_000), Tolerance: schedules.Ms(1000), Starts: schedules.Recurrence{Timezone: "UTC",
					RRule: fmt.Sprintf("DTSTART:20261101T%d0000\nRRULE:FREQ=DAILY", hour)}})
		}
	}); err != nil {
		t.Fatal(err)
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-10-01", wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: schedules.DateOf(g.at.AddDate(0, -1, 0))})
	g.replica.Guard = g.waiting.Guard
	return g
}

// keep keeps the first windows of a station.
func (g *guarded) keep(a access.Actor, windows int) error {
	return g.station(a, func(st *schedules.Station) { st.Windows = st.Windows[:windows] })
}

func (g *guarded) mayKeep(a access.Actor, windows int) {
	g.t.Helper()
	if err := g.keep(a, windows); err != nil {
		g.t.Fatalf("%s keeps %d windows: %v", a.Name, windows, err)
	}
}

func TestNobodyAloneTakesTheAirTimeInSteps(t *testing.T) {
	g := airing(t)
	sora := access.Actor{Name: "Sora", Person: "sora", Role: access.SchedulerJob}
	g.mayKeep(ruth, 6)
	g.at = g.at.Add(2 * time.Hour)
	g.mayKeep(ruth, 4)
	g.waits("less than half, in steps", g.keep(ruth, 3))
	g.mayKeep(sora, 3) // who changed nothing before

	again := guardedOn(t, g.store) // a replica that starts
	again.at = g.at
	if err := again.station(ruth, func(st *schedules.Station) { st.Name = "other" }); err != nil {
		t.Errorf("what takes no air time waits: %v", err)
	}
	id := again.waits("after a restart", again.keep(ruth, 2))
	if _, err := again.waiting.Confirm(t.Context(), sora, id); err != nil {
		t.Fatal(err)
	}
	again.mayKeep(ruth, 1) // two persons agreed on the two that are left
	again.at = again.at.Add(time.Minute)
	if err := again.keep(ruth, 0); err == nil || !strings.Contains(err.Error(), "would air for 0s in place of 14m0s") {
		t.Errorf("the last one: %v", err)
	}

	g = airing(t)
	g.mayKeep(ruth, 4)
	g.at = g.at.Add(25 * time.Hour)
	g.mayKeep(ruth, 2)
}

func TestNobodyAloneMovesEveryStartInSteps(t *testing.T) {
	g := airing(t)
	move := func(from, to int) error {
		return g.station(ruth, func(st *schedules.Station) {
			st.Windows = slices.Clone(st.Windows)
			for i := from; i < to; i++ {
				st.Windows[i].Starts.RRule = strings.Replace(st.Windows[i].Starts.RRule, "0000\n", "3000\n", 1)
			}
		})
	}
	if err := move(0, 7); err != nil {
		t.Fatal(err)
	}
	g.waits("the last start", move(7, 8))
}

func TestNobodyTakesTheAirTimeInStepsByAccessThatTheyMade(t *testing.T) {
	g := airing(t)
	for _, id := range []string{"ada", "bea"} {
		g.person(replica.Person{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Roles: []string{"admin"}})
	}
	ada := g.holder(access.System, access.NewToken{Person: "ada", Role: access.Admin})
	bea := g.holder(ada, access.NewToken{Person: "bea", Role: access.Admin})
	g.mayKeep(ada, 4)
	g.waits("by a token that Ada made for Bea", g.keep(bea, 3))
}

// The audit keeps the former windows of a station for the first change of each hour: many changes do not fill it.
func TestAuditKeepsFormerWindowsOncePerHourAndPerson(t *testing.T) {
	g := airing(t)
	kept := func() (n int) {
		for _, c := range g.replica.Recent(time.Time{}) {
			if former, _ := replica.FormerOf(c); len(former) > 0 {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		by    access.Actor
		later time.Duration
		want  int
	}{{ruth, 0, 1}, {ruth, time.Minute, 1}, {hana, 0, 2}, {ruth, time.Hour, 3}} {
		g.at = g.at.Add(step.later)
		if err := g.station(step.by, func(st *schedules.Station) {
			st.Windows = slices.Clone(st.Windows)
			st.Windows[0].Tolerance.Duration += time.Second
		}); err != nil {
			t.Fatal(err)
		}
		if got := kept(); got != step.want {
			t.Errorf("%d changes keep the former windows, want %d", got, step.want)
		}
	}
}

func TestNobodyAloneLeavesAStationTooLittleFallback(t *testing.T) {
	second := func(sound time.Duration) func(*schedules.Segment) {
		return func(s *schedules.Segment) { // a minute on the air, of which the rest is silent
			s.Recording.Silences = []schedules.Silence{{Start: schedules.Millis{Duration: sound}, End: schedules.Ms(60_000)}}
		}
	}
	for _, c := range []struct {
		before, after []string
		two           bool
	}{
		{[]string{"m1", "m2", "m3"}, []string{"m3"}, false},
		{[]string{"m1", "m2", "m3"}, []string{"ten", "five"}, true},
		{[]string{"m1", "m2", "m3"}, []string{"ten", "fifty"}, false},
		{[]string{"m1"}, []string{"fifty"}, false},
		{[]string{"m1"}, []string{"ten", "fifteen"}, true},
		{[]string{"fifty"}, []string{"ten", "fifteen"}, true},
		{[]string{"fifteen"}, []string{"ten"}, false},
		{[]string{"fifteen"}, []string{"five"}, true},
		{[]string{"five"}, []string{"fifty"}, false},
	} {
		g := newGuarded(t)
		for id, sound := range map[string]time.Duration{"five": 5, "ten": 10, "fifteen": 15, "fifty": 50} {
			g.segment(t, id, second(sound*time.Second))
		}
		g.replica.Guard = nil
		set := func(list []string) error {
			return g.station(ruth, func(st *schedules.Station) { st.Fallback = list })
		}
		if err := set(c.before); err != nil {
			t.Fatal(err)
		}
		g.replica.Guard = g.waiting.Guard
		if err := set(c.after); c.two {
			g.waits(fmt.Sprintf("%v in place of %v", c.after, c.before), err)
		} else if err != nil {
			t.Errorf("%v in place of %v: %v", c.after, c.before, err)
		}
	}
	g := newGuarded(t)
	for _, id := range []string{"m1", "m2"} {
		if err := g.edit(hana, id, func(s *schedules.Segment) { s.Kind = "ident" }); err != nil {
			t.Fatal(err)
		}
	}
	g.segment(t, "five", second(5*time.Second))
	if err := g.station(hana, func(st *schedules.Station) { st.Fallback = append(st.Fallback, "five") }); err != nil {
		t.Fatal(err)
	}
	g.waits("an edit of all but five seconds", g.edit(hana, "m3", func(s *schedules.Segment) { s.Kind = "ident" }))
	if _, err := g.library.Recalls.Recall(t.Context(), named(access.Actor{Name: "Sora", Person: "sora",
		Role: access.Producer}), "m3", nil, "in danger"); err != nil {
		t.Errorf("a recall of all but five seconds waits: %v", err)
	}
}

// A later season was emptied by one person, since only the coming fourteen days were looked at.
func TestNobodyAloneEmptiesALaterSeason(t *testing.T) {
	g := airing(t)
	day := func(days int) *schedules.Date { d := schedules.DateOf(g.at.AddDate(0, 0, days)); return &d }
	seasons := func(change func(i int, w *schedules.Window)) error {
		return g.station(ruth, func(st *schedules.Station) {
			st.Windows = slices.Clone(st.Windows)
			for i := range st.Windows {
				change(i, &st.Windows[i])
			}
		})
	}
	ends := func(_ int, w *schedules.Window) { w.Starts.Until = day(60) }
	if err := seasons(ends); err == nil || !strings.Contains(err.Error(), "in the 14 days from 2026-12-28") {
		t.Errorf("all windows end after two months: %v", err)
	}
	if err := seasons(func(i int, w *schedules.Window) {
		if i < 4 {
			ends(i, w)
		}
	}); err != nil {
		t.Errorf("half of them end: %v", err)
	}
	g.waits("in steps", seasons(func(i int, w *schedules.Window) {
		if i < 5 {
			ends(i, w)
		}
	}))
	if err := seasons(func(i int, w *schedules.Window) { w.Starts.Until = day(500) }); err != nil {
		t.Errorf("what ends in more than a year: %v", err)
	}
}

func TestOneSeasonFollowsAnother(t *testing.T) {
	g := airing(t)
	turn := schedules.DateOf(g.at.AddDate(0, 0, 60))
	if err := g.station(ruth, func(st *schedules.Station) {
		next := slices.Clone(st.Windows)
		st.Windows = slices.Clone(st.Windows)
		for i := range next {
			st.Windows[i].Starts.Until, next[i].Starts.From = &turn, &turn
			next[i].ID += "-next"
		}
		st.Windows = append(st.Windows, next...)
	}); err != nil {
		t.Error(err)
	}
}

// cancel cancels all windows of the coming days.
func cancel(st *schedules.Station, from schedules.Date, days int) {
	for n := range days {
		st.Exceptions = append(st.Exceptions, schedules.Exception{Date: from.AddDays(n), Cancelled: true})
	}
}

func TestNobodyAloneTakesTheAirTimeByExceptions(t *testing.T) {
	g := airing(t)
	tomorrow := schedules.DateOf(g.at).AddDays(1)
	g.waits("most days at once", g.station(ruth, func(st *schedules.Station) { cancel(st, tomorrow, 9) }))
	for _, first := range []int{0, 3} {
		if err := g.station(ruth, func(st *schedules.Station) { cancel(st, tomorrow.AddDays(first), 3) }); err != nil {
			t.Fatal(err)
		}
		g.at = g.at.Add(2 * time.Hour)
	}
	g.waits("most days in steps", g.station(ruth, func(st *schedules.Station) { cancel(st, tomorrow.AddDays(6), 3) }))
	g.waits("days, and windows of the others", g.station(ruth, func(st *schedules.Station) {
		st.Windows = st.Windows[:5]
	}))
	sora := access.Actor{Name: "Sora", Person: "sora", Role: access.SchedulerJob}
	if err := g.station(sora, func(st *schedules.Station) {
		st.Exceptions = st.Exceptions[:5]
	}); err != nil {
		t.Fatal(err)
	}
}
