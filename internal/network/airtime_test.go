package network_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/harness/longform"
	"lifeline/internal/replica"
	"lifeline/internal/servicetest"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

var sora = access.Actor{Name: "Sora", Person: "sora", Role: access.SchedulerJob}

// airing is a published station with eight windows a day, at each hour from 10 on, on two frequencies. It has clocks of
// a minute, of half a minute, and one that no segment fits.
func airing(t *testing.T) *guarded {
	t.Helper()
	g := newGuarded(t)
	g.replica.Guard = nil
	clock := func(id string, ms int64, kind schedules.Kind) schedules.Clock {
		return schedules.Clock{ID: id, Length: schedules.Ms(ms), Positions: []schedules.Position{{ID: "f",
			Fill: &schedules.Selector{Kinds: []schedules.Kind{kind}}}}}
	}
	if _, err := g.Network.Apply(t.Context(), access.System, wire.Apply{Clocks: []schedules.Clock{
		clock("half", 30_000, "music"), clock("mute", 60_000, "testimony")}}, nil, false); err != nil {
		t.Fatal(err)
	}
	if err := g.station(access.System, func(st *schedules.Station) {
		st.Windows, st.Languages = nil, []string{"ko-KP", "ru"}
		for hour := 10; hour < 18; hour++ {
			st.Windows = append(st.Windows, schedules.Window{ID: fmt.Sprint("w", hour), Clock: "c",
				Length: schedules.Ms(60_000), Tolerance: schedules.Ms(1000), FrequencyKHz: 9467, AlsoKHz: []int{1233},
				Starts: schedules.Recurrence{Timezone: "UTC", RRule: fmt.Sprintf("DTSTART:20261101T%d0000\nRRULE:FREQ=DAILY",
					hour)}})
		}
	}); err != nil {
		t.Fatal(err)
	}
	servicetest.PutSigned(t, g.replica, replica.KindQueue, "s/2026-10-01", wire.Queue{Schema: wire.QueueSchema,
		Station: "s", Date: schedules.DateOf(g.at.AddDate(0, -1, 0))})
	g.replica.Guard = g.waiting.Guard
	return g
}

// day returns a day of the station, counted from the present one.
func (g *guarded) day(n int) schedules.Date { return schedules.DateOf(g.at).AddDays(n) }

// windows changes the windows of a station.
func (g *guarded) windows(a access.Actor, change func(i int, w *schedules.Window)) error {
	return g.station(a, func(st *schedules.Station) {
		st.Windows = slices.Clone(st.Windows)
		for i := range st.Windows {
			change(i, &st.Windows[i])
		}
	})
}

// special adds exceptions, each on its day.
func (g *guarded) special(a access.Actor, e schedules.Exception, days ...int) error {
	return g.station(a, func(st *schedules.Station) {
		st.Exceptions = slices.Clone(st.Exceptions)
		for _, n := range days {
			e.Date = g.day(n)
			st.Exceptions = append(st.Exceptions, e)
		}
	})
}

// One person moved all starts but one in two weeks to hours at which nobody listens, or to another frequency.
func TestNobodyAloneTakesAwayWhatListenersWouldHear(t *testing.T) {
	longform.Only(t) // one goroutine computes
	rule := func(lines string) func(*guarded) error {
		return func(g *guarded) error {
			return g.windows(ruth, func(_ int, w *schedules.Window) {
				w.Starts.RRule = strings.Replace(w.Starts.RRule, "RRULE:FREQ=DAILY", lines, 1)
			})
		}
	}
	windows := func(change func(i int, w *schedules.Window)) func(*guarded) error {
		return func(g *guarded) error { return g.windows(ruth, change) }
	}
	special := func(e schedules.Exception, days ...int) func(*guarded) error {
		return func(g *guarded) error { return g.special(ruth, e, days...) }
	}
	for name, take := range map[string]func(*guarded) error{
		"all starts but one in two weeks": func(g *guarded) error {
			return g.station(ruth, func(st *schedules.Station) {
				kept, moved := st.Windows[0], slices.Clone(st.Windows)
				kept.ID, kept.Starts.RRule = "kept", "DTSTART:20261109T100000\nRRULE:FREQ=WEEKLY;INTERVAL=2"
				for i := range moved {
					moved[i].Starts.RRule = strings.Replace(moved[i].Starts.RRule, "0000\n", "3000\n", 1)
				}
				st.Windows = append(moved, kept)
			})
		},
		"a half-hour of one window": windows(func(i int, w *schedules.Window) {
			if i == 3 {
				w.Starts.RRule = strings.Replace(w.Starts.RRule, "0000\n", "3000\n", 1)
			}
		}),
		"one second of each": windows(func(_ int, w *schedules.Window) { w.Length = schedules.Ms(59_000) }),
		"one window": func(g *guarded) error {
			return g.station(ruth, func(st *schedules.Station) { st.Windows = st.Windows[1:] })
		},
		"the only frequency":   windows(func(_ int, w *schedules.Window) { w.FrequencyKHz, w.AlsoKHz = 531, nil }),
		"one frequency of two": windows(func(_ int, w *schedules.Window) { w.AlsoKHz = nil }),
		"the language": func(g *guarded) error {
			return g.station(ruth, func(st *schedules.Station) { st.Languages = []string{"ko-KP"} })
		},
		"the language of a window":    windows(func(_ int, w *schedules.Window) { w.Languages = []string{"ru"} }),
		"what fits the clock":         windows(func(_ int, w *schedules.Window) { w.Clock = "mute" }),
		"another zone":                windows(func(_ int, w *schedules.Window) { w.Starts.Timezone = "Europe/Berlin" }),
		"every second day":            rule("RRULE:FREQ=DAILY;INTERVAL=2"),
		"what is after twenty months": rule("RRULE:FREQ=DAILY;UNTIL=20280701T000000Z"),
		"what is after eight years":   rule("RRULE:FREQ=DAILY;COUNT=2500"),
		"a day of a rule":             rule("RRULE:FREQ=DAILY\nEXDATE:20261224T120000"),
		"every second week, by words": windows(func(i int, w *schedules.Window) {
			w.Starts = schedules.Recurrence{Zone: "UTC", At: fmt.Sprintf("%d:00", 10+i), Every: "2 weeks",
				Days: []string{"mon"}, From: new(schedules.DateOf(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)))}
		}),
		"a month in a year and a half": func(g *guarded) error {
			return g.station(ruth, func(st *schedules.Station) {
				next := slices.Clone(st.Windows)
				st.Windows = slices.Clone(st.Windows)
				for i := range next {
					st.Windows[i].Starts.Until, next[i].Starts.From = new(g.day(550)), new(g.day(580))
					next[i].ID += "-next"
				}
				st.Windows = append(st.Windows, next...)
			})
		},
		"two special days":              special(schedules.Exception{Cancelled: true}, 5, 6),
		"two special days in two weeks": special(schedules.Exception{Cancelled: true}, 5, 18),
		"two moved special days":        special(schedules.Exception{Window: "w12", At: "12:00"}, 5, 6),
		"the frequency of special days": special(schedules.Exception{FrequencyKHz: 531}, 5, 6),
		"the clock of special days":     special(schedules.Exception{Clock: "mute"}, 5, 6),
		"the language of special days":  special(schedules.Exception{Languages: []string{"ru"}}, 5, 6),
		"a window of each of two days":  special(schedules.Exception{Window: "w10", Cancelled: true}, 5, 6),
		"the station": func(g *guarded) error {
			return g.replica.Commit(t.Context(), store.Commit{Origin: ruth.Origin(g.at, "station.remove", ""),
				Writes: []store.Write{{Kind: replica.KindStation, ID: "s", Delete: true,
					Expect: replica.StationsIn(g.replica).Revision("s")}}})
		},
		"what fits its clock": func(g *guarded) error {
			row, _ := replica.ClocksIn(g.replica).Get("c")
			row.Value.Positions = []schedules.Position{{ID: "f", Fill: &schedules.Selector{Language: "ru"}}}
			_, err := g.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{row.Value}}, nil, false)
			return err
		},
		"all but a tone, again and again": func(g *guarded) error {
			g.segment(t, "tone", func(s *schedules.Segment) {
				s.Recording.Duration, s.Recording.CueOut, s.Tags = schedules.Ms(6000), schedules.Ms(6000), []string{"tone"}
			})
			row, _ := replica.ClocksIn(g.replica).Get("c")
			row.Value.Positions = []schedules.Position{{ID: "f", Fill: &schedules.Selector{Tags: []string{"tone"}}}}
			_, err := g.Network.Apply(t.Context(), ruth, wire.Apply{Clocks: []schedules.Clock{row.Value}}, nil, false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := airing(t)
			err := take(g)
			g.waits(name, err)
			if _, err := g.waiting.Confirm(t.Context(), sora, g.listed()[0].ID); err != nil {
				t.Errorf("another confirms it: %v", err)
			}
		})
	}
}

func TestOnePersonChangesWhatTakesNothingFromListeners(t *testing.T) {
	longform.Only(t) // one goroutine computes
	for name, change := range map[string]func(*guarded, *schedules.Station){
		"a window is divided": func(_ *guarded, st *schedules.Station) {
			second := st.Windows[0]
			st.Windows[0].Length, st.Windows[0].Clock = schedules.Ms(30_000), "half"
			second.ID, second.Length, second.Clock = "second", schedules.Ms(30_000), "half"
			second.Starts.RRule = strings.Replace(second.Starts.RRule, "0000\n", "0030\n", 1)
			st.Windows = append(st.Windows, second)
		},
		"windows have other ids": func(_ *guarded, st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].ID = fmt.Sprint("other", i)
			}
		},
		"one season follows another": func(g *guarded, st *schedules.Station) {
			next := slices.Clone(st.Windows)
			for i := range next {
				st.Windows[i].Starts.Until, next[i].Starts.From = new(g.day(60)), new(g.day(60))
				next[i].ID += "-next"
			}
			st.Windows = append(st.Windows, next...)
		},
		"a rule is said otherwise": func(_ *guarded, st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].Starts = schedules.Recurrence{Zone: "UTC", At: fmt.Sprintf("%d:00", 10+i)}
			}
		},
		"a zone has the same time": func(_ *guarded, st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].Starts.Timezone = "Africa/Abidjan"
			}
		},
		"a window more": func(_ *guarded, st *schedules.Station) {
			more := st.Windows[0]
			more.ID, more.Starts.RRule = "more", "DTSTART:20261101T200000\nRRULE:FREQ=DAILY"
			st.Windows = append(st.Windows, more)
		},
		"a frequency more": func(_ *guarded, st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].AlsoKHz = []int{531, 1233}
			}
		},
		"frequencies in another order": func(_ *guarded, st *schedules.Station) {
			for i := range st.Windows {
				st.Windows[i].FrequencyKHz, st.Windows[i].AlsoKHz = 1233, []int{9467}
			}
		},
		"a wider language": func(_ *guarded, st *schedules.Station) { st.Languages = []string{"ko", "ru"} },
		"a special day": func(g *guarded, st *schedules.Station) {
			st.Exceptions = []schedules.Exception{{Date: g.day(5), Cancelled: true}}
		},
		"special days two weeks apart": func(g *guarded, st *schedules.Station) {
			st.Exceptions = []schedules.Exception{{Date: g.day(5), Cancelled: true}, {Date: g.day(19), FrequencyKHz: 531}}
		},
		"an extra window on each of two days": func(g *guarded, st *schedules.Station) {
			st.Exceptions = []schedules.Exception{{Date: g.day(5), Window: "w10", Extra: true, At: "06:00"},
				{Date: g.day(6), Window: "w10", Extra: true, At: "06:00"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := airing(t)
			if err := g.station(ruth, func(st *schedules.Station) {
				st.Windows = slices.Clone(st.Windows)
				change(g, st)
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsTooMuchToCompareNeedsTwoPersons(t *testing.T) {
	longform.Only(t) // one goroutine computes
	g := airing(t)
	g.replica.Guard = nil
	if err := g.station(access.System, func(st *schedules.Station) {
		w := st.Windows[0]
		w.Length, w.Clock = schedules.Ms(30_000), "half"
		st.Windows = nil
		for n := range 288 { // one every five minutes
			w.ID, w.Starts.RRule = fmt.Sprint("w", n), fmt.Sprintf("DTSTART:20261101T%02d%02d00\nRRULE:FREQ=DAILY", n/12, n%12*5)
			st.Windows = append(st.Windows, w)
		}
	}); err != nil {
		t.Fatal(err)
	}
	g.replica.Guard = g.waiting.Guard
	longer := func(windows int) error {
		return g.windows(ruth, func(n int, w *schedules.Window) {
			if n < windows {
				w.Length, w.Clock = schedules.Ms(60_000), "c"
			}
		})
	}
	if err := longer(2); err != nil {
		t.Errorf("two of them: %v", err)
	}
	if err := longer(288); err == nil || !strings.Contains(err.Error(), "too many windows to compare") {
		t.Errorf("all of them: %v", err)
	}
}

// A thief cancelled one day after the other, each when the one before was over.
func TestNobodyAloneTakesDayAfterDay(t *testing.T) {
	g := airing(t)
	off := schedules.Exception{Cancelled: true}
	if err := g.special(ruth, off, 1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.at = g.at.Add(4 * 24 * time.Hour)
		g.waits("the next day", g.special(ruth, off, 1))
		g.waits("the next day, in place of the one before", g.station(ruth, func(st *schedules.Station) {
			st.Exceptions = []schedules.Exception{{Date: g.day(1), Cancelled: true}}
		}))
		g.waits("the day before is forgotten", g.station(ruth, func(st *schedules.Station) { st.Exceptions = nil }))
		g.waits("by another person", g.special(sora, off, 1))
	}
	g.at = g.at.Add(3 * 24 * time.Hour)
	if err := g.station(ruth, func(st *schedules.Station) { st.Exceptions = nil }); err != nil {
		t.Errorf("two weeks later the day is forgotten: %v", err)
	}
	if err := g.special(ruth, off, 1); err != nil {
		t.Errorf("two weeks later another day: %v", err)
	}
}

func TestWhoJustAddedAWindowCorrectsItAlone(t *testing.T) {
	more := func(g *guarded, a access.Actor, hour int) error {
		return g.station(a, func(st *schedules.Station) {
			w := st.Windows[0]
			w.ID, w.Starts.RRule = "more", fmt.Sprintf("DTSTART:20261101T%02d0000\nRRULE:FREQ=DAILY", hour)
			st.Windows = append(slices.Clone(st.Windows[:8]), w)
		})
	}
	must := func(g *guarded, a access.Actor, hour int) {
		t.Helper()
		if err := more(g, a, hour); err != nil {
			t.Fatal(err)
		}
	}
	g := airing(t)
	must(g, ruth, 20)
	must(g, ruth, 21)
	g.at = g.at.Add(2 * time.Hour)
	again := guardedOn(t, g.store) // a replica that starts
	again.at = g.at
	must(again, ruth, 22)
	again.waits("another person", more(again, sora, 20))
	again.waits("what was there before", again.station(ruth, func(st *schedules.Station) { st.Windows = st.Windows[1:] }))
	again.at = again.at.Add(25 * time.Hour)
	again.waits("a day later", more(again, ruth, 20))

	g = airing(t)
	must(g, ruth, 20)
	if err := g.station(sora, func(st *schedules.Station) { st.Name = "other" }); err != nil {
		t.Fatal(err)
	}
	g.waits("after another's change", more(g, ruth, 21))
}

// What an author adds to the air time that listeners know does not excuse the loss of it.
func TestAnAdditionOfItsAuthorExcusesNoLossOfWhatWasThereBefore(t *testing.T) {
	for name, add := range map[string]func(g *guarded) error{
		"a frequency": func(g *guarded) error {
			return g.station(ruth, func(st *schedules.Station) {
				st.Windows = slices.Clone(st.Windows)
				for i := range st.Windows {
					st.Windows[i].AlsoKHz = append(slices.Clone(st.Windows[i].AlsoKHz), 15000)
				}
			})
		},
		"a language": func(g *guarded) error {
			return g.station(ruth, func(st *schedules.Station) {
				st.Languages = append(slices.Clone(st.Languages), "en")
			})
		},
	} {
		g := airing(t)
		if err := add(g); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		g.waits(name, g.station(ruth, func(st *schedules.Station) { st.Windows = st.Windows[1:] }))
	}
}

func TestNobodyAloneTakesTheStandingOrderOfAPublishedStation(t *testing.T) {
	g := airing(t)
	set := func(o *schedules.StandingOrder) error {
		return g.station(ruth, func(st *schedules.Station) { st.StandingOrder = o })
	}
	for name, o := range map[string]*schedules.StandingOrder{
		"none": nil, "only without warnings": {PlanDays: 7, PublishDays: 3, Publish: schedules.PublishUnwarned},
		"no repeats": {PlanDays: 7, PublishDays: 3, Otherwise: schedules.StandInFallback},
		"fewer days": {PlanDays: 7, PublishDays: 2}, "fewer plans": {PlanDays: 3, PublishDays: 3},
		"repeats later": {PlanDays: 7, PublishDays: 3, By: 18 * 60},
	} {
		if err := set(&schedules.StandingOrder{PlanDays: 7, PublishDays: 3}); err != nil {
			t.Fatal(err)
		}
		g.waits(name, set(o))
	}
	if err := set(&schedules.StandingOrder{PlanDays: 14, PublishDays: 4}); err != nil {
		t.Error(err)
	}
}
