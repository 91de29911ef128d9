package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"

	"lifeline/internal/text"
	"lifeline/schedules"
)

// The bounds of a calendar of holidays.
const (
	maxCalendar = 4 << 20 // bytes
	maxEvents   = 5000
	maxDays     = 31 // of one event
	maxPeriod   = 2 * 366
	maxLine     = 8 << 10 // bytes of one property: the parser's time grows with their square
	maxHolidays = 2000
	maxName     = 200 // characters
)

// Holidays returns the days in [from, to] that a calendar names, by date and name: those of its events without a time
// of day. An event of several days names each of them. Repetitions are expanded.
func Holidays(b []byte, from, to schedules.Date) ([]schedules.Holiday, error) {
	if len(b) > maxCalendar {
		return nil, fmt.Errorf("the calendar has %d bytes, and at most %d are read", len(b), maxCalendar)
	}
	if to.Before(from) || from.AddDays(maxPeriod).Before(to) {
		return nil, fmt.Errorf("the period must have from one day to %d days", maxPeriod)
	}
	if n := longLine(b); n > 0 {
		return nil, fmt.Errorf("line %d of the calendar and those that continue it have more than %d bytes", n, maxLine)
	}
	c, err := ics.ParseCalendar(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("this is no calendar in the form of iCalendar (.ics): %w", err)
	}
	events := c.Events()
	if len(events) > maxEvents {
		return nil, fmt.Errorf("the calendar has %d events, and at most %d are read", len(events), maxEvents)
	}
	moved := map[string]bool{} // repetitions of which the calendar has another version
	for _, e := range events {
		if at := valueOf(e, ics.ComponentPropertyRecurrenceId); at != "" {
			moved[e.Id()+"\n"+at] = true
		}
	}
	var out []schedules.Holiday
	whole := 0
	for _, e := range events {
		start := valueOf(e, ics.ComponentPropertyDtStart)
		if strings.Contains(start, "T") || valueOf(e, ics.ComponentPropertyStatus) == "CANCELLED" {
			continue
		}
		whole++
		name := text.Clean(valueOf(e, ics.ComponentPropertySummary))
		days, length, err := daysOf(e, start, from, to)
		if err == nil && utf8.RuneCountInString(name) > maxName {
			err = fmt.Errorf("its name has more than %d characters", maxName)
			name = string([]rune(name)[:maxName]) + "…"
		}
		if err == nil && len(out)+len(days)*length > maxHolidays {
			err = fmt.Errorf("with it, the calendar names more than %d days: ask for a shorter period", maxHolidays)
		}
		if err != nil {
			return nil, fmt.Errorf("event %q: %w", name, err)
		}
		for _, first := range days {
			if moved[e.Id()+"\n"+basic(first)] && valueOf(e, ics.ComponentPropertyRecurrenceId) == "" {
				continue
			}
			for n := range length {
				if d := first.AddDays(n); !d.Before(from) && !to.Before(d) {
					out = append(out, schedules.Holiday{Date: d, Name: name})
				}
			}
		}
	}
	if whole == 0 {
		return nil, errors.New("the calendar has no event of whole days")
	}
	slices.SortFunc(out, func(a, b schedules.Holiday) int {
		if n := a.Date.Compare(b.Date); n != 0 {
			return n
		}
		return strings.Compare(a.Name, b.Name)
	})
	return slices.Compact(out), nil
}

// longLine returns the number of a line that, with those that continue it, is longer than maxLine; 0: none is.
func longLine(b []byte) int {
	begun, length, n := 0, 0, 0
	for line := range bytes.Lines(b) {
		n++
		if line[0] != ' ' && line[0] != '\t' {
			begun, length = n, 0
		}
		if length += len(line); length > maxLine {
			return max(begun, 1)
		}
	}
	return 0
}

func valueOf(e *ics.VEvent, property ics.ComponentProperty) string {
	if p := e.GetProperty(property); p != nil {
		return strings.TrimSpace(p.Value)
	}
	return ""
}

// basic returns a date as iCalendar writes it.
func basic(d schedules.Date) string { return strings.ReplaceAll(d.String(), "-", "") }

// dateOf parses a date of iCalendar.
func dateOf(value string) (schedules.Date, error) {
	t, err := time.Parse("20060102", value)
	if err != nil {
		return schedules.Date{}, fmt.Errorf("%q is not a date such as 20261225", value)
	}
	return schedules.DateOf(t), nil
}

// daysOf returns the first days of an event's repetitions that touch [from, to], and how many days each has.
func daysOf(e *ics.VEvent, start string, from, to schedules.Date) (first []schedules.Date, length int, err error) {
	begin, err := dateOf(start)
	if err != nil {
		return nil, 0, err
	}
	if length, err = lengthOf(e, begin); err != nil {
		return nil, 0, err
	}
	lines := []string{"DTSTART:" + basic(begin) + midnight}
	for _, property := range []ics.ComponentProperty{ics.ComponentPropertyRrule, ics.ComponentPropertyRdate,
		ics.ComponentPropertyExdate} {
		for _, p := range e.GetProperties(property) {
			lines = append(lines, p.IANAToken+":"+dates.ReplaceAllString(strings.TrimSpace(p.Value), "${1}${2}"+midnight))
		}
	}
	if len(lines) == 1 {
		return []schedules.Date{begin}, length, nil
	}
	r := schedules.Recurrence{Timezone: "UTC", RRule: strings.Join(lines, "\n")}
	low, _ := from.AddDays(1 - length).Bounds(time.UTC)
	_, high := to.Bounds(time.UTC)
	repetition, err := r.Repetition(low, high)
	if err != nil {
		return nil, 0, fmt.Errorf("its repetition %w", err)
	}
	for _, t := range repetition.Starts {
		first = append(first, schedules.DateOf(t))
	}
	return first, length, nil
}

// midnight makes a date a date with time, which schedules.Recurrence takes.
const midnight = "T000000"

// dates matches the dates without a time in the value of RRULE, RDATE or EXDATE.
var dates = regexp.MustCompile(`(^|,|UNTIL=)(\d{8})\b`)

// wholeDays matches a duration of days or weeks.
var wholeDays = regexp.MustCompile(`^\+?P(\d{1,4})([DW])$`)

// lengthOf returns the days of an event: to DTEND, which does not belong to it, or of DURATION, or one.
func lengthOf(e *ics.VEvent, begin schedules.Date) (int, error) {
	length := 1
	if end := valueOf(e, ics.ComponentPropertyDtEnd); end != "" {
		last, err := dateOf(end)
		if err != nil {
			return 0, err
		}
		for length = 0; begin.AddDays(length).Before(last) && length <= maxDays; {
			length++
		}
		length = max(length, 1) // some programs write the same day as the end
	} else if said := valueOf(e, ics.ComponentPropertyDuration); said != "" {
		m := wholeDays.FindStringSubmatch(said)
		if m == nil {
			return 0, fmt.Errorf("its duration %q is not of whole days", said)
		}
		length, _ = strconv.Atoi(m[1])
		if m[2] == "W" {
			length *= 7
		}
		length = max(length, 1)
	}
	if length > maxDays {
		return 0, fmt.Errorf("it has more than %d days", maxDays)
	}
	return length, nil
}
