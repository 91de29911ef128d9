package planner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
	"lifeline/schedules/planner"
	"lifeline/schedules/planner/plannertest"
)

// nightInput returns a station in New York with the given number of windows a day, with posts on the half hours of a
// long clock.
func nightInput(windows int, date schedules.Date) schedules.Input {
	in := plannertest.SmallStation(0)
	length := 24 * time.Hour / time.Duration(windows)
	in.Station.Timezone, in.Station.Windows = "America/New_York", nil
	for n := range windows {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * length)
		in.Station.Windows = append(in.Station.Windows, schedules.Window{ID: fmt.Sprintf("w%02d", n),
			Length: schedules.Millis{Duration: length}, Tolerance: schedules.Ms(1000), Clock: "c",
			Starts: schedules.Recurrence{Timezone: "America/New_York", RRule: start.Format("DTSTART:20060102T150405") +
				"\nRRULE:FREQ=DAILY"}})
	}
	clock := schedules.Clock{ID: "c", Length: schedules.Millis{Duration: length},
		Positions: []schedules.Position{{ID: "open", Segment: "sign-on-ko"}}}
	fill := func(id string) schedules.Position {
		return schedules.Position{ID: id, Fill: &schedules.Selector{Kinds: []schedules.Kind{"letter", "music"}},
			FadeMax: schedules.Ms(60_000), Near: schedules.Ms(60_000)}
	}
	for at := 30 * time.Minute; at < length; at += 30 * time.Minute {
		post := schedules.Millis{Duration: at}
		clock.Positions = append(clock.Positions, fill(fmt.Sprintf("fill-%d", int(at.Minutes()))),
			schedules.Position{ID: fmt.Sprintf("post-%d", int(at.Minutes())), At: &post, Start: "hard",
				Pick: &schedules.Selector{Kinds: []schedules.Kind{"ident"}}})
	}
	clock.Positions = append(clock.Positions, fill("rest"), schedules.Position{ID: "close", AtEnd: true,
		Segment: "sign-off-ko"})
	clock.Rules = []schedules.Rule{{Separate: "segment", For: schedules.Ms(1000)}}
	in.Clocks = map[string]schedules.Clock{"c": clock}
	in.Date, in.Owed, in.Campaigns, in.History = date, nil, nil, nil
	return in
}

func TestANightOfAClockChangeIsPlannedWithoutAHole(t *testing.T) {
	for _, c := range []struct {
		windows int
		date    schedules.Date
		hours   int
		says    []string
	}{
		{24, schedules.Date{Year: 2027, Month: time.March, Day: 14}, 23, []string{"w02: The window of 02:00:00 does not " +
			"air: its time does not exist that night, because clocks go forward by 1:00:00 to 03:00:00 on " +
			"2027-03-14"}},
		{4, schedules.Date{Year: 2027, Month: time.March, Day: 14}, 23, []string{"w00: The window of 00:00:00 is " +
			"shortened: it lasts 5:00:00, not 6:00:00"}},
		{1, schedules.Date{Year: 2027, Month: time.March, Day: 14}, 23, []string{"w00: The window of 00:00:00 is " +
			"shortened: it lasts 23:00:00, not 24:00:00"}},
		{24, schedules.Date{Year: 2027, Month: time.November, Day: 7}, 25, []string{"w01: The window of 01:00:00 is " +
			"lengthened: it lasts 2:00:00, not 1:00:00, because clocks go back by 1:00:00 to 01:00:00 on 2027-11-07"}},
		{4, schedules.Date{Year: 2027, Month: time.November, Day: 7}, 25, []string{"w00: The window of 00:00:00 is " +
			"lengthened: it lasts 7:00:00, not 6:00:00"}},
		{24, schedules.Date{Year: 2027, Month: time.November, Day: 8}, 24, nil},
	} {
		in := nightInput(c.windows, c.date)
		n := schedules.Network{Stations: []schedules.Station{in.Station}, Clocks: []schedules.Clock{in.Clocks["c"]},
			Segments: in.Library.Segment}
		for _, p := range n.Problems() {
			t.Errorf("%d windows cannot be stored: %+v", c.windows, p)
		}
		plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
		if err != nil {
			t.Errorf("%s, %d windows: %v", c.date, c.windows, err)
			continue
		}
		for _, v := range plannertest.Violations(t, in, plan.Rundown) {
			if v.Hard {
				t.Errorf("%s, %d windows: %+v", c.date, c.windows, v)
			}
		}
		start, end, _ := in.Station.DayBounds(c.date)
		at := start
		for _, w := range plan.Rundown.Windows {
			if !w.StartAt.Equal(at) {
				t.Errorf("%s: from %s to %s there is no window", c.date, at, w.StartAt)
			}
			at = w.EndAt.Time
		}
		if !at.Equal(end) || at.Sub(start) != time.Duration(c.hours)*time.Hour {
			t.Errorf("%s: the windows end at %s, the day of %s at %s", c.date, at, end.Sub(start), end)
		}
		var said []string
		for _, w := range plan.Rundown.Warnings {
			if w.Code == "clock_change" {
				said = append(said, w.Window+": "+w.Message)
			}
		}
		if len(said) != len(c.says) || len(said) > 0 && !strings.HasPrefix(said[0], c.says[0]) {
			t.Errorf("%s, %d windows: %q", c.date, c.windows, said)
		}
		closes := 0
		for _, i := range plan.Rundown.Items {
			if i.Position == "close" {
				closes++
			}
		}
		if closes != len(plan.Rundown.Windows) {
			t.Errorf("%s: %d windows, %d of them closed", c.date, len(plan.Rundown.Windows), closes)
		}
	}
}

// A clock without a fill, or without one after its last post, gets one in the added hour.
func TestAnAddedHourIsFilledWhereTheClockHasNoFill(t *testing.T) {
	in := nightInput(24, schedules.Date{Year: 2027, Month: time.November, Day: 7})
	clock := in.Clocks["c"]
	half := schedules.Ms(30 * 60_000)
	clock.Positions = []schedules.Position{clock.Positions[1], {ID: "half", At: &half, Start: "hard",
		Segment: "half-hour"}}
	in.Clocks["c"] = clock
	long := plannertest.Segment("half-hour", "news", "ko-KP", 30*60_000)
	in.Library = schedules.Prepare(append(in.Library.Segments(), long), nil)
	plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range plannertest.Violations(t, in, plan.Rundown) {
		if v.Hard {
			t.Errorf("%+v", v)
		}
	}
	if !slices.ContainsFunc(plan.Rundown.Items, func(i schedules.Item) bool { return i.Position == "more-fill-30" }) {
		t.Error("nothing fills the added hour")
	}
}

// The auditor detects by itself that a window should be longer or shorter.
func TestTheAuditorFindsAWrongLengthInANightOfAClockChange(t *testing.T) {
	in := nightInput(24, schedules.Date{Year: 2027, Month: time.November, Day: 8})
	plan, err := planner.Compile(in.Library).Plan(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Station.Windows[3].Length.Duration -= time.Minute
	found := false
	for _, v := range plannertest.Violations(t, in, plan.Rundown) {
		found = found || v.Hard && v.Rule == "window" && v.Window == "w03"
	}
	if !found {
		t.Error("a window of another length on an ordinary day is not found")
	}
}

func TestADefinitionThatCannotBePlannedIsNamed(t *testing.T) {
	for name, harm := range map[string]func(*schedules.Input){
		"windows w00 and w01 overlap at 2027-11-08 01:00:00 EST": func(in *schedules.Input) {
			in.Station.Windows[0].Length.Duration *= 2
		},
		`clock "c", which is not known`:  func(in *schedules.Input) { in.Clocks = nil },
		`not a known time zone`:          func(in *schedules.Input) { in.Station.Windows[0].Starts.Timezone = "Mars/Base" },
		`has the line "X", which is not`: func(in *schedules.Input) { in.Station.Windows[0].Starts.RRule = "X" },
	} {
		in := nightInput(24, schedules.Date{Year: 2027, Month: time.November, Day: 8})
		harm(&in)
		_, err := planner.Compile(in.Library).Plan(context.Background(), in)
		var definition *schedules.DefinitionError
		if !errors.As(err, &definition) || !strings.Contains(definition.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
