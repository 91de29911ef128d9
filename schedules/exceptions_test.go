package schedules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// coast has a window each evening in its own zone, one each dawn in UTC, and one on Sundays.
func coast(exceptions ...Exception) Station {
	window := func(id, zone, lines string) Window {
		return Window{ID: id, Starts: Recurrence{Timezone: zone, RRule: lines}, Length: Ms(1_800_000), Clock: "half"}
	}
	return Station{ID: "coast", Name: "Coast", Timezone: "Asia/Seoul", Languages: []string{"ko-KP"},
		Windows: []Window{window("evening", "Asia/Seoul", "DTSTART:20261101T210000\nRRULE:FREQ=DAILY"),
			window("dawn", "UTC", "DTSTART:20261101T190000\nRRULE:FREQ=DAILY"),
			window("sunday", "Asia/Seoul", "DTSTART:20261101T100000\nRRULE:FREQ=WEEKLY")},
		Exceptions: exceptions}
}

func halfHours(clocks ...string) (out []Clock) {
	for _, id := range append(clocks, "half") {
		out = append(out, Clock{ID: id, Length: Ms(1_800_000), Positions: []Position{{ID: "f", Fill: &Selector{}}}})
	}
	return out
}

var christmas = Date{2026, time.December, 25}

// airs writes the air times of three days around the day in the station's time.
func airs(t *testing.T, s Station) string {
	t.Helper()
	loc, _ := Zone(s.Timezone)
	var out []string
	for d := christmas.AddDays(-1); d.Before(christmas.AddDays(2)); d = d.AddDays(1) {
		list, err := s.AirTimesOn(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			out = append(out, fmt.Sprintf("%s %s %s %s %s", a.StartAt.In(loc).Format("02T15:04"), a.Terms.ID,
				FormatLength(a.EndAt.Sub(a.StartAt.Time)), a.Terms.Clock, strings.Join(s.Allowed(*a.Terms), " ")))
		}
	}
	return strings.Join(out, "\n")
}

func TestExceptionsChangeTheWindowsOfTheirDay(t *testing.T) {
	next := christmas.AddDays(1)
	quarter := Ms(900_000)
	ordinary := []string{"24T04:00 dawn 30:00 half ko-KP", "24T21:00 evening 30:00 half ko-KP",
		"25T04:00 dawn 30:00 half ko-KP", "25T21:00 evening 30:00 half ko-KP",
		"26T04:00 dawn 30:00 half ko-KP", "26T21:00 evening 30:00 half ko-KP"}
	with := func(lost []int, more ...string) string {
		var out []string
		for i, l := range ordinary {
			if !slices.Contains(lost, i) {
				out = append(out, l)
			}
		}
		out = append(out, more...)
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	for name, c := range map[string]struct {
		exceptions []Exception
		want       string
	}{
		"none":      {nil, with(nil)},
		"cancelled": {[]Exception{{Date: christmas, Window: "evening", Cancelled: true}}, with([]int{3})},
		"of the whole station": {[]Exception{{Date: christmas, Cancelled: true}},
			with([]int{2, 3})},
		"of the whole station, but for one window": {[]Exception{{Date: christmas, Cancelled: true},
			{Date: christmas, Window: "dawn", Clock: "feast"}}, with([]int{2, 3}, "25T04:00 dawn 30:00 feast ko-KP")},
		"moved within the day": {[]Exception{{Date: christmas, Window: "dawn", At: "22:15"}},
			with([]int{2}, "25T22:15 dawn 30:00 half ko-KP")},
		"moved to another day": {[]Exception{{Date: christmas, Window: "evening", To: &next, At: "09:00"}},
			with([]int{3}, "26T09:00 evening 30:00 half ko-KP")},
		"moved to another day at its own time": {[]Exception{{Date: christmas, Window: "dawn", To: &next},
			{Date: next, Window: "dawn", Cancelled: true}}, with([]int{2, 4}, "26T04:00 dawn 30:00 half ko-KP")},
		"of another length, clock and language": {[]Exception{{Date: christmas, Window: "evening", Length: &quarter,
			Clock: "feast", Languages: []string{"en"}}}, with([]int{3}, "25T21:00 evening 15:00 feast en")},
		"an extra airing": {[]Exception{{Date: christmas, Window: "evening", Extra: true, At: "12:00"}},
			with(nil, "25T12:00 evening 30:00 half ko-KP")},
		"an extra window": {[]Exception{{Date: christmas, Window: "mass", Extra: true, At: "23:00", Length: &quarter,
			Clock: "feast"}}, with(nil, "25T23:00 mass 15:00 feast ko-KP")},
	} {
		s := coast(c.exceptions...)
		if got := airs(t, s); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		if list := (Network{Stations: []Station{s}, Clocks: halfHours("feast")}).Problems(); len(list) > 0 &&
			!strings.Contains(name, "length") && name != "an extra window" {
			t.Errorf("%s: %+v", name, list)
		}
		for _, d := range []Date{christmas.AddDays(-1), christmas, next} { // whatever part of the time is asked for
			slots, err := s.Slots(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, slot := range slots {
				if w := s.TermsOf(slot.Occurrence); w.Clock != slot.Clock {
					t.Errorf("%s: %+v has %+v", name, slot, w)
				}
			}
		}
	}
}

func TestWhatExceptionsCollideWithIsSaid(t *testing.T) {
	next := christmas.AddDays(1)
	hour, none, far, wrong := Ms(3_600_000), Ms(0), Date{2300, time.January, 1}, Date{2025, time.December, 26}
	for _, c := range []struct {
		e           Exception
		field, want string
	}{
		{Exception{Date: christmas, Window: "dawn", At: "21:10"}, "exceptions[0]",
			"makes window dawn overlap window evening at 2026-12-25 21:10"},
		{Exception{Date: christmas, Window: "evening", Extra: true, At: "20:40"}, "exceptions[0]", "overlap window evening"},
		{Exception{Date: christmas, Window: "evening", To: &next}, "exceptions[0]", "overlap window evening at 2026-12-26"},
		{Exception{Date: christmas, Window: "evening", Length: &hour}, "exceptions[0].length_ms", "no fill can stretch it"},
		{Exception{Date: christmas, Clock: "short"}, "exceptions[0].length_ms", "no fill can stretch it"},
		{Exception{Date: christmas, Window: "dawn", Tolerance: &hour}, "exceptions[0].tolerance_ms", "half the window"},
		{Exception{Date: christmas, Window: "dawn", To: &far}, "exceptions[0].to", "1970 to 2200"},
		{Exception{Date: christmas, Window: "dawn", To: &wrong}, "exceptions[0].to", "at most 183 days from date"},
		{Exception{Date: christmas, Window: "night", Cancelled: true}, "exceptions[0].window", `"night" is not known`},
		{Exception{Date: christmas, Window: "sunday", Cancelled: true}, "exceptions[0].date", "does not start on 2026-12-25"},
		{Exception{Date: christmas, Window: "dawn"}, "exceptions[0]", "must say what is different"},
		{Exception{Date: christmas, At: "12:00"}, "exceptions[0].at", "must be of one window"},
		{Exception{Date: christmas, Window: "dawn", Cancelled: true, At: "12:00"}, "exceptions[0].cancelled", "alone"},
		{Exception{Date: christmas, Window: "mass", Extra: true, At: "12:00"}, "exceptions[0].window", "needs length_ms"},
		{Exception{Date: christmas, Window: "dawn", Extra: true}, "exceptions[0].at", "is missing"},
		{Exception{Date: christmas, Window: "dawn", At: "noon"}, "exceptions[0].at", "is not a time of day"},
		{Exception{Date: christmas, Window: "dawn", Clock: "none"}, "exceptions[0].clock", `"none" is not known`},
		{Exception{Date: christmas, Window: "dawn", Length: &none}, "exceptions[0].length_ms", "must be more than 0"},
	} {
		clocks := append(halfHours(), Clock{ID: "short", Length: Ms(900_000), Positions: []Position{{ID: "s", Segment: "s"}}})
		clocks[0].Positions = []Position{{ID: "s", Segment: "s"}}
		n := Network{Stations: []Station{coast(c.e)}, Clocks: clocks, From: Date{2026, time.December, 1}}
		list := n.Problems()
		if len(list) == 0 || list[0].Field != "stations[0]."+c.field || !strings.Contains(list[0].Message, c.want) {
			t.Errorf("%+v: %+v", c.e, list)
		}
	}
	for what, fits := range map[string]Station{ // none of which is refused
		"a longer window":            coast(Exception{Date: christmas, Window: "evening", Length: &hour, Clock: "long"}),
		"another clock of the day":   coast(Exception{Date: christmas, Clock: "half"}),
		"a day that is over":         coast(Exception{Date: Date{2026, time.November, 5}, Window: "gone", Cancelled: true}),
		"a clock of a day then over": coast(Exception{Date: Date{2026, time.November, 5}, Window: "dawn", Clock: "gone"}),
	} {
		fits.Windows[2].Length, fits.Windows[2].Clock = hour, "long" // it does not start on that day
		n := Network{Stations: []Station{fits}, Clocks: append(halfHours(), Clock{ID: "long", Length: hour,
			Positions: []Position{{ID: "s", Segment: "s"}}}), From: Date{2026, time.December, 1}}
		if list := n.Problems(); len(list) > 0 {
			t.Errorf("%s: %+v", what, list)
		}
	}
	gone := Network{Stations: []Station{coast(Exception{Date: christmas, Window: "evening", Cancelled: true})},
		Clocks: halfHours()}
	gone.Stations[0].Windows = gone.Stations[0].Windows[1:]
	if list := gone.Problems(); len(list) != 1 || !strings.Contains(list[0].Message, `"evening" is not known`) {
		t.Errorf("an exception of a removed window: %+v", list)
	}
	twice := coast(Exception{Date: christmas, Window: "dawn", Cancelled: true},
		Exception{Date: christmas, Window: "dawn", At: "12:00"})
	if list := twice.Problems(); len(list) != 1 || !strings.Contains(list[0].Message, "has two exceptions") {
		t.Errorf("%+v", list)
	}
}

// In the night of a change of clocks, a window that would absorb the repeated hour does so only if the next one airs.
func TestExceptionsHoldInTheNightWhenClocksChange(t *testing.T) {
	night := Date{2026, time.November, 1}
	s := Station{ID: "ny", Name: "ny", Timezone: "America/New_York", Languages: []string{"en"},
		Windows:    []Window{newYork("a", "010000", time.Hour), newYork("b", "020000", time.Hour)},
		Exceptions: []Exception{{Date: night, Window: "b", At: "04:00"}}}
	list, err := s.AirTimesOn(night)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if got := list[0].EndAt.Sub(list[0].StartAt.Time); got != time.Hour || list[1].StartAt.UTC().Hour() != 9 {
		t.Errorf("%s, then %s", got, list[1].StartAt)
	}
}
