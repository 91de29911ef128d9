package schedules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// numbersBelow lists the numbers from 0.
func numbersBelow(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return strings.Join(list, ",")
}

// everySecond is a rule of 350 bytes that starts at each second of each day.
var everySecond = "DTSTART:20230901T000000\nRRULE:FREQ=DAILY;BYHOUR=" + numbersBelow(24) + ";BYMINUTE=" +
	numbersBelow(60) + ";BYSECOND=" + numbersBelow(60)

func TestRuleThatStartsTooOftenIsRefusedBeforeItIsExpanded(t *testing.T) {
	station := stationWith(everySecond)
	allocated := testing.AllocsPerRun(1, func() { station.Problems() })
	if problems := station.Problems(); len(problems) != 1 || problems[0].Field != "windows[0].starts.rrule" ||
		!strings.Contains(problems[0].Message, "86400 starts a day") || !strings.Contains(problems[0].Message, "288") {
		t.Errorf("%+v", problems)
	}
	if allocated > 1000 {
		t.Errorf("%.0f allocations for what was refused", allocated)
	}
	if _, err := station.OccurrencesOn(Date{2026, 12, 1}); err == nil || !strings.Contains(err.Error(), "288") {
		t.Error("a stored rule was expanded:", err)
	}
}

func TestRepeatedPartsOfARuleAreReadOnce(t *testing.T) {
	station := stationWith("DTSTART:20230901T000000\nRRULE:FREQ=DAILY;BYHOUR=" + strings.Repeat("1,", 4000) +
		"1;BYMINUTE=" + strings.Repeat("0,", 4000) + "0")
	if problems := station.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	if list, err := station.OccurrencesOn(Date{2026, 12, 1}); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}

func TestWindowsOfAStationTogetherStartAtMostSoOften(t *testing.T) {
	quarter := func(at, until string) string {
		return "DTSTART:" + at + "T000000\nRRULE:FREQ=WEEKLY;BYDAY=MO;BYHOUR=" + numbersBelow(24) +
			";BYMINUTE=0,15,30,45" + until
	}
	times := func(n int, rule string) []string { return slices.Repeat([]string{rule}, n) }
	ends, begins := quarter("20230904", ";UNTIL=20240108"), quarter("20240108", "")
	for name, c := range map[string]struct {
		rules   []string
		problem string
	}{
		"three of 96 on one weekday": {times(3, quarter("20230904", "")), ""},
		"four of 96 on one weekday": {times(4, quarter("20230904", "")),
			"start 384 times on a day such as 2023-09-04: at most 288"},
		"seasons after one another": {append(times(2, strings.ReplaceAll(ends, "0108", "0107")), times(2, begins)...), ""},
		"seasons that share a day": {append(times(2, ends), times(2, begins)...),
			"start 384 times on a day such as 2024-01-08"},
		"weekdays apart": {append(times(2, begins), times(2, strings.ReplaceAll(begins, "=MO", "=TU"))...), ""},
		"dates of one day": {[]string{"DTSTART:20230904T000000\nRDATE:" + strings.Repeat("20230904T010000,", 300) +
			"20230904T010000"}, "start 302 times on a day such as 2023-09-04"},
		"too many counts": {[]string{"DTSTART:20230904T000000\nRRULE:FREQ=DAILY;COUNT=20001"},
			"20001 as the sum of their COUNTs"},
		"too many dates": {times(5, "DTSTART:20230904T000000\nEXDATE:"+dates(1001)), "5005 dates"},
		"a text of too many dates": {[]string{"DTSTART:20230904T000000\nEXDATE:" + dates(1251)},
			"is longer than 20000 characters: it has"},
	} {
		station := stationWith(c.rules...)
		var got []string
		for _, p := range station.Problems() {
			got = append(got, p.Field+" "+p.Message)
		}
		if all := strings.Join(got, "\n"); c.problem == "" && all != "" || !strings.Contains(all, c.problem) {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// dates lists n days.
func dates(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = time.Date(2030, 1, 1+i, 0, 0, 0, 0, time.UTC).Format("20060102T150405")
	}
	return strings.Join(list, ",")
}

func TestOldRuleFromTheEndOfAMonthIsNotReadFromItsStart(t *testing.T) {
	station := stationWith("DTSTART:19700131T000000\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=" +
		numbersBelow(24) + ";BYMINUTE=0,5,10,15,20,25,30,35,40,45,50,55")
	var list []Occurrence
	allocated := testing.AllocsPerRun(1, func() { list, _ = station.OccurrencesOn(Date{2026, 12, 31}) })
	if len(list) != MaxStartsADay || allocated > 20_000 {
		t.Errorf("%d occurrences, %.0f allocations", len(list), allocated)
	}
}

func TestStartsOfOneCheckAreSearchedUpToABound(t *testing.T) {
	n := Network{Searches: 1000, Clocks: []Clock{{ID: "c", Length: Millis{time.Minute}}}}
	for i := range 5 {
		s := stationWith("DTSTART:20230901T130000\nRRULE:FREQ=DAILY")
		s.ID = fmt.Sprint("station-", i)
		n.Stations = append(n.Stations, s)
	}
	told := 0
	for _, p := range n.Problems() {
		if strings.Contains(p.Message, "at most") || strings.Contains(p.Message, "fewer stations at a time") {
			told++
		}
	}
	if told != 1 {
		t.Error(n.Problems())
	}
	n.Cancelled = func() bool { return true }
	for _, p := range n.Problems() {
		if strings.Contains(p.Message, "fewer stations") {
			t.Error("the search went on after the caller had left")
		}
	}
}

// stationWith has a window for each rule.
func stationWith(rules ...string) Station {
	s := Station{ID: "s", Name: "S", Timezone: "UTC", Languages: []string{"en"}}
	for i, rule := range rules {
		s.Windows = append(s.Windows, Window{ID: fmt.Sprint("w", i), Clock: "c", Length: Millis{time.Minute},
			Starts: Recurrence{Timezone: "UTC", RRule: rule}})
	}
	return s
}
