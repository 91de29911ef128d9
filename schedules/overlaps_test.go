package schedules

import (
	"strings"
	"testing"
	"time"
)

func overlapping(windows ...Window) []Problem {
	for i := range windows {
		windows[i].ID, windows[i].Clock = string(rune('a'+i)), "c"
	}
	n := Network{Stations: []Station{{ID: "s", Name: "s", Timezone: "Asia/Tashkent", Languages: []string{"ko"},
		Windows: windows}},
		Clocks: []Clock{{ID: "c", Length: Ms(3_570_000), Positions: []Position{{ID: "f", Fill: &Selector{}}}}}}
	return n.Problems()
}

func during(zone, lines string) Window {
	return Window{Starts: Recurrence{Timezone: zone, RRule: lines}, Length: Millis{59*time.Minute + 30*time.Second}}
}

func TestOverlapsAreFoundInEverySeason(t *testing.T) {
	for name, c := range map[string]struct {
		windows []Window
		want    string // empty: none
	}{
		"in this season, while another begins in the next": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY;UNTIL=20270320T235959Z"),
			during("UTC", "DTSTART:20261101T133000\nRRULE:FREQ=DAILY;UNTIL=20270320T235959Z"),
			during("UTC", "DTSTART:20270328T200000\nRRULE:FREQ=DAILY")},
			"window b overlap window a at 2026-11-01 18:30:00 +05"},
		"in the season after next alone": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY"),
			during("UTC", "DTSTART:20311101T133000\nRRULE:FREQ=DAILY;COUNT=3"),
			during("UTC", "DTSTART:20401101T200000\nRRULE:FREQ=DAILY")}, "window b overlap window a at 2031-11-01"},
		"of a window that comes once in years": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=WEEKLY;BYDAY=MO"),
			during("UTC", "DTSTART:20270101T133000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")},
			"window b overlap window a at 2044-02-29"},
		"of two that come every month": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=MONTHLY;BYDAY=2FR"),
			during("UTC", "DTSTART:20261101T133000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=13")},
			"window b overlap window a at 2026-11-13"},
		"of a single addition": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY"),
			during("UTC", "DTSTART:20251101T180000\nRDATE:20290704T125900")}, "window b overlap window a at 2029-07-04"},
		"by the season's days": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY"),
			{Length: Millis{time.Minute}, Starts: Recurrence{Timezone: "UTC", RRule: "DTSTART:20201101T131000\nRRULE:FREQ=DAILY",
				From: &Date{2035, time.May, 1}, Until: &Date{2035, time.May, 2}}}},
			"window b overlap window a at 2035-05-01"},
		"in summer alone, of two zones": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY"),
			during("Europe/Berlin", "DTSTART:20261101T153000\nRRULE:FREQ=DAILY")}, "window b overlap window a at 2027-03-28"},
		"of itself": {[]Window{during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY;BYHOUR=13;BYMINUTE=0,30")},
			"window a overlap: "},
		"none where the season ends before": {[]Window{
			during("UTC", "DTSTART:20261101T130000\nRRULE:FREQ=DAILY;UNTIL=20270320T235959Z"),
			during("UTC", "DTSTART:20270321T133000\nRRULE:FREQ=DAILY")}, ""},
		"none where both are over": {[]Window{
			{Length: Millis{time.Hour}, Starts: Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T130000",
				Until: &Date{2026, time.January, 1}}}}, "never occurs"},
	} {
		list := overlapping(c.windows...)
		for i := range list {
			if !strings.Contains(list[i].Message, c.want) || c.want == "" {
				t.Errorf("%s: %+v", name, list)
			}
		}
		if len(list) == 0 && c.want != "" {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestOverlapsThatAreOverAreNotLookedFor(t *testing.T) {
	n := Network{From: Date{2028, time.January, 1}, Clocks: []Clock{{ID: "c", Length: Ms(3_570_000),
		Positions: []Position{{ID: "f", Fill: &Selector{}}}}}}
	st := Station{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko"}}
	for _, start := range []string{"130000", "133000"} {
		w := during("UTC", "DTSTART:20261101T"+start+"\nRRULE:FREQ=DAILY;UNTIL=20271231T235959Z")
		w.ID, w.Clock = "w"+start, "c"
		st.Windows = append(st.Windows, w)
	}
	n.Stations = []Station{st}
	if list := n.Problems(); len(list) > 0 {
		t.Errorf("%+v", list)
	}
	n.From = Date{2027, time.December, 31}
	if list := n.Problems(); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}
