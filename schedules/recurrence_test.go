package schedules

import (
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
)

func repeating(start, text string) Recurrence {
	r := Recurrence{Timezone: "Europe/Berlin", RRule: "DTSTART:" + start}
	if text != "" {
		r.RRule += "\nRRULE:" + text
	}
	return r
}

func TestRulesThatNeverComeAreRefused(t *testing.T) {
	day := Date{2026, time.November, 1}
	for _, r := range []Recurrence{
		repeating("20261101T130000", "FREQ=MONTHLY;BYDAY=2TU;BYSETPOS=2"),
		repeating("20261101T130000", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6"),
		repeating("20261101T130000", "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO"),
		repeating("20261101T130000", "FREQ=MONTHLY;BYDAY=6SU"),
		repeating("20261101T130000", "FREQ=DAILY;INTERVAL=7;BYDAY=MO"), // a Sunday
		repeating("20260215T130000", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30"),
		repeating("20270101T130000", "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29"),
		repeating("21900101T130000", "FREQ=MONTHLY;BYDAY=6SU"),
		repeating("20261101T130000", "FREQ=DAILY;UNTIL=20261031T000000"),
		{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20261101T130000,20261102T130000"},
		{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY;COUNT=2", From: &Date{2027, time.January, 1}},
		{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY", Until: &day},
	} {
		st := Station{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko"},
			Windows: []Window{{ID: "w", Clock: "c", Starts: r, Length: Ms(60_000)}}}
		list := st.Problems()
		if len(list) != 1 || list[0].Field != "windows[0].starts.rrule" ||
			!strings.Contains(list[0].Message, "never occurs") {
			t.Errorf("%s: %+v", r.RRule, list)
		}
		if o, err := st.Occurrences(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0,
			time.UTC)); err != nil || len(o) != 0 && r.From == nil && r.Until == nil {
			t.Errorf("%s: %v, %v", r.RRule, o, err)
		}
	}
}

func TestRulesThatComeSeldomAreTaken(t *testing.T) {
	for _, r := range []Recurrence{
		repeating("20261101T130000", ""),
		repeating("20270101T130000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
		repeating("20270101T130000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"), // 2044
		repeating("20261101T130000", "FREQ=YEARLY;BYWEEKNO=53"),
		repeating("20261101T130000", "FREQ=MONTHLY;BYDAY=5SU"),
		repeating("20261101T130000", "FREQ=DAILY;INTERVAL=7;BYDAY=SU"),
		repeating("19700101T130000", "FREQ=DAILY;UNTIL=19700101"),
		repeating("22000101T130000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
	} {
		p := &problems{}
		if p.window("w", &Window{ID: "w", Clock: "c", Starts: r, Length: Ms(60_000)}); len(p.list) > 0 {
			t.Errorf("%s: %+v", r.RRule, p.list)
		}
	}
}

func TestRulesThatComeOnlyAfterDecadesAreRefused(t *testing.T) {
	far := Date{2526, time.January, 1}
	for _, c := range []struct {
		starts Recurrence
		want   string
	}{
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=DAILY", From: &far},
			"must occur earlier than 2526-01-01, 500 years after its DTSTART"},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:20261101T130000\nRRULE:FREQ=MONTHLY;BYDAY=6SU\nRDATE:30000101T000000"},
			"must occur earlier than 3000-01-01, 974 years after its DTSTART"},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:21261101T130000\nRRULE:FREQ=DAILY"},
			"must occur earlier than 2126-11-01, in 100 years"},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:19700101T130000\nRRULE:FREQ=DAILY"}, ""},
		{Recurrence{Timezone: "UTC", RRule: "DTSTART:20760101T130000\nRRULE:FREQ=DAILY"}, ""},
	} {
		n := Network{From: Date{2026, time.November, 1},
			Clocks: []Clock{{ID: "c", Length: Ms(60_000), Positions: []Position{{ID: "f", Fill: &Selector{}}}}},
			Stations: []Station{{ID: "s", Name: "s", Timezone: "UTC", Languages: []string{"ko"},
				Windows: []Window{{ID: "w", Clock: "c", Starts: c.starts, Length: Ms(60_000)}}}}}
		list := n.Problems()
		if c.want == "" && len(list) == 0 {
			continue
		}
		if len(list) != 1 || c.want == "" || !strings.Contains(list[0].Message, c.want) {
			t.Errorf("%s: %+v", c.starts.RRule, list)
		}
	}
}

// The start in a late year gives the same days as the real one.
func TestRulesGiveTheSameDaysFromALateStart(t *testing.T) {
	for y := 1970; y <= 2200; y++ {
		start := time.Date(y, 1, 1, 13, 0, 0, 0, time.UTC)
		late := sameDaysLate(start)
		for _, text := range []string{"FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "FREQ=MONTHLY;BYDAY=5SU",
			"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"} {
			o, err := rrule.StrToROption(text)
			if err != nil {
				t.Fatal(err)
			}
			o.Count = 5
			o.Dtstart = start
			a, err := rrule.NewRRule(*o)
			if err != nil {
				t.Fatal(err)
			}
			o.Dtstart = late
			b, err := rrule.NewRRule(*o)
			if err != nil {
				t.Fatal(err)
			}
			was, is := a.All(), b.All()
			for i := range is {
				if !is[i].Equal(was[i].AddDate(late.Year()-y, 0, 0)) {
					t.Fatalf("%d %s: %s, and from %s %s", y, text, was[i], late, is[i])
				}
			}
		}
	}
}
