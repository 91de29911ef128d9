package calendar

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeline/schedules"
)

func day(year int, month time.Month, d int) schedules.Date {
	return schedules.Date{Year: year, Month: month, Day: d}
}

func calendarOf(events ...string) []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n")
	for i, e := range events {
		if !strings.Contains(e, "UID:") {
			e = fmt.Sprintf("UID:%d\n", i) + e
		}
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\n%s\r\nEND:VEVENT\r\n",
			strings.ReplaceAll(e, "\n", "\r\n"))
	}
	return []byte(b.String() + "END:VCALENDAR\r\n")
}

// on returns an event of whole days with further properties.
func on(start, name string, more ...string) string {
	return "DTSTART;VALUE=DATE:" + start + "\n" + strings.Join(append(more, "SUMMARY:"+name), "\n")
}

// The dates of the lunar new year and of Chuseok in 2027 are the almanac's.
func TestHolidaysAreTheWholeDaysOfACalendar(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		want   string
	}{
		"one day":            {[]string{on("20261225", "성탄절")}, "2026-12-25 성탄절"},
		"the end is outside": {[]string{on("20270206", "설날", "DTEND;VALUE=DATE:20270208")}, "2027-02-06 설날, 2027-02-07 설날"},
		"a length in days":   {[]string{on("20270914", "추석", "DURATION:P2D")}, "2027-09-14 추석, 2027-09-15 추석"},
		"every year":         {[]string{on("20100301", "삼일절", "RRULE:FREQ=YEARLY")}, "2027-03-01 삼일절"},
		"every year until then": {[]string{on("20100301", "a", "RRULE:FREQ=YEARLY;UNTIL=20260301"), on("20261201", "b")},
			"2026-12-01 b"},
		"but not this year": {[]string{on("20100301", "a", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20270301"),
			on("20261201", "b")}, "2026-12-01 b"},
		"another day this year": {[]string{on("20100301", "a", "UID:x", "RRULE:FREQ=YEARLY"),
			on("20270302", "a", "UID:x", "RECURRENCE-ID;VALUE=DATE:20270301")}, "2027-03-02 a"},
		"a meeting is none":    {[]string{"DTSTART:20261225T090000\nSUMMARY:meeting", on("20261226", "b")}, "2026-12-26 b"},
		"cancelled":            {[]string{on("20261225", "a", "STATUS:CANCELLED"), on("20261226", "b")}, "2026-12-26 b"},
		"the end is the start": {[]string{on("20261225", "a", "DTEND;VALUE=DATE:20261225")}, "2026-12-25 a"},
		"twice in the file":    {[]string{on("20261225", "a"), on("20261225", "a")}, "2026-12-25 a"},
		"from before on":       {[]string{on("20261129", "a", "DTEND;VALUE=DATE:20261203")}, "2026-12-01 a, 2026-12-02 a"},
		"signs in the name":    {[]string{on("20261225", "a\\, b\\; c\\nd\x1b[2J")}, "2026-12-25 a, b; c d[2J"},
		"folded":               {[]string{on("20261225", "a b\n  c")}, "2026-12-25 a b c"},
	} {
		days, err := Holidays(calendarOf(c.events...), day(2026, 12, 1), day(2027, 11, 30))
		var got []string
		for _, d := range days {
			got = append(got, d.Date.String()+" "+d.Name)
		}
		if err != nil || strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, %v; want %q", name, strings.Join(got, ", "), err, c.want)
		}
	}
}

func TestACalendarThatNamesNoDayIsRefusedInWords(t *testing.T) {
	many := make([]string, maxEvents+1)
	for i := range many {
		many[i] = on("20261225", "a")
	}
	from, to := day(2026, 12, 1), day(2027, 11, 30)
	for says, b := range map[string][]byte{
		"no calendar in the form of iCalendar": []byte("<html>"),
		"no event of whole days":               calendarOf("DTSTART:20261225T090000Z\nSUMMARY:a"),
		`event "a": "2026" is not a date`:      calendarOf(on("2026", "a")),
		"more than 31 days":                    calendarOf(on("20261201", "a", "DTEND;VALUE=DATE:20371201")),
		"is not of whole days":                 calendarOf(on("20261201", "a", "DURATION:PT5H")),
		"its repetition":                       calendarOf(on("20261201", "a", "RRULE:FREQ=SECONDLY")),
		"line 8 of the calendar and those": calendarOf(on("20261225", "a",
			"X"+strings.Repeat(";A=b", maxLine/4)+":c")),
		"line 14 of the calendar and those": calendarOf(on("20261226", "b"),
			on("20261225", "a", "X:b"+strings.Repeat("\n c", maxLine/3))),
		"its name has more than 200": calendarOf(on("20261225", strings.Repeat("가", 201))),
		"names more than 2000 days": calendarOf(slices.Repeat([]string{on("20261201", "a",
			"RRULE:FREQ=DAILY")}, 6)...),
		"has 5001 events":          calendarOf(many...),
		"at most 4194304 are read": make([]byte, maxCalendar+1),
	} {
		if days, err := Holidays(b, from, to); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v", says, days, err)
		}
	}
	if _, err := Holidays(calendarOf(on("20261225", "a")), from, day(2036, 1, 1)); err == nil {
		t.Error("a period of ten years is read")
	}
}

func FuzzHolidays(f *testing.F) {
	f.Add(calendarOf(on("20100301", "a", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")))
	f.Add(calendarOf(on("20261225", "a", "DTEND;VALUE=DATE:20261227", "EXDATE:20261225", "RDATE:20270101,20270102")))
	f.Fuzz(func(t *testing.T, b []byte) {
		from, to := day(2026, 12, 1), day(2027, 11, 30)
		days, err := Holidays(b, from, to)
		for i, d := range days {
			if err != nil || d.Date.Before(from) || to.Before(d.Date) || i > 0 && d.Date.Before(days[i-1].Date) {
				t.Errorf("%v, %v", d, err)
			}
		}
	})
}
