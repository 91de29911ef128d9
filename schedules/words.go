package schedules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// The words of a recurrence: at, days and every say what its lines say. InLines reads them, and InWords writes them.

// weekdays are the names of days in words, as rrule numbers them.
var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// weekdayNames are the days' whole names, which are read too.
var weekdayNames = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// ordinals are the names of a weekday's place in the month.
var ordinals = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}

// sinceEver is the day from which a recurrence without a first day comes.
var sinceEver = Date{1970, time.January, 1}

// worded reports whether the recurrence has words.
func (r Recurrence) worded() bool {
	return r.Zone != "" || r.At != "" || len(r.Days) > 0 || r.Every != ""
}

// WithoutWords returns the recurrence without its words.
func (r Recurrence) WithoutWords() Recurrence {
	r.Zone, r.At, r.Days, r.Every = "", "", nil, ""
	return r
}

// InLines returns the recurrence as lines alone, which is how it is stored. Words without lines make them: From is then
// the day from which the weeks count, and becomes the DTSTART. Words beside lines must say what the lines say.
func (r Recurrence) InLines() (Recurrence, []Problem) {
	if !r.worded() {
		return r, nil
	}
	p := &problems{}
	out := r.WithoutWords()
	out.Timezone = cmp.Or(r.Timezone, r.Zone)
	if r.Zone != "" && r.Zone != out.Timezone {
		p.add("zone", "is %s, and timezone is %s: leave one of them out", r.Zone, r.Timezone)
	}
	if r.RRule != "" {
		said := out.InWords()
		wall := p.timeOfDay(r)
		shown, _ := wallTime(said.At)
		days := p.days(r)
		own := (&problems{}).days(said)
		every, unit := p.every(r, len(days) > 0)
		n, of := (&problems{}).every(said, len(own) > 0)
		switch {
		case len(p.list) > 0:
		case r.At == "" && len(r.Days) == 0 && r.Every == "": // zone alone
		case said.At == "" || wall != shown || !slices.Equal(days, own) || every != n || unit != of:
			p.add("rrule", "tells other times than at, days and every: leave out the one or the others")
		}
		return out, p.list
	}
	wall := p.timeOfDay(r)
	if r.At == "" {
		p.add("at", "is missing: write the time of day, such as 13:00")
	}
	days := p.days(r)
	every, unit := p.every(r, len(days) > 0)
	from := sinceEver
	if r.From != nil {
		from = *r.From
	} else if every > 1 {
		p.add("from", "is missing: it says in which %s the first one is", unit+"s")
	}
	if len(p.list) > 0 {
		return out, p.list
	}
	out.From = nil
	out.RRule = "DTSTART:" + from.utc().Add(wall).Format(rrule.LocalDateTimeFormat) + "\nRRULE:FREQ=" +
		map[string]string{"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}[unit]
	if every > 1 {
		out.RRule += ";INTERVAL=" + strconv.Itoa(every)
	}
	if len(days) > 0 {
		by := make([]string, len(days))
		for n, d := range days {
			by[n] = d.String()
		}
		out.RRule += ";BYDAY=" + strings.Join(by, ",")
	}
	return out, nil
}

// wallTime reads HH:MM or HH:MM:SS as the time since midnight.
func wallTime(s string) (time.Duration, bool) {
	form := "15:04"
	if len(s) == len(time.TimeOnly) {
		form = time.TimeOnly
	}
	t, err := time.Parse(form, s)
	if err != nil || len(s) != len(form) {
		return 0, false
	}
	return t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), true
}

// timeOfDay reads the time of day of the words; midnight if they have none.
func (p *problems) timeOfDay(r Recurrence) time.Duration {
	wall, ok := wallTime(r.At)
	if r.At != "" && !ok {
		p.add("at", "%q is not a time of day: write it such as 13:00 or 13:00:30", r.At)
	}
	return wall
}

// days reads the days of the words, in the order of the week. Every day is no day.
func (p *problems) days(r Recurrence) (out []rrule.Weekday) {
	if len(r.Days) > MaxOfMonth {
		p.add("days", "has %d entries: at most %d are taken", len(r.Days), MaxOfMonth)
		return nil
	}
	for i, said := range r.Days {
		words := strings.Fields(strings.ToLower(said))
		n, of := 0, len(words) == 1
		if len(words) == 2 {
			n, of = ordinals[words[0]]
		}
		day := -1
		if of {
			day = max(slices.Index(weekdays, words[len(words)-1]), slices.Index(weekdayNames, words[len(words)-1]))
		}
		if day < 0 {
			p.add(fmt.Sprintf("days[%d]", i), "%q is not a day: write sat, or first sat or last sat of the month", said)
			return nil
		}
		d := []rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}[day]
		if n != 0 {
			d = d.Nth(n)
		}
		if i > 0 && (n != 0) != (out[0].N() != 0) {
			p.add(fmt.Sprintf("days[%d]", i), "%q must be a day of the week, or else of the month, as the others are", said)
			return nil
		}
		out = append(out, d)
	}
	return inOrder(out)
}

// MaxOfMonth is the most days that words name: each of the week, five times and as the last.
const MaxOfMonth = 42

// inOrder sorts days and removes repeated ones. All days of the week are none.
func inOrder(days []rrule.Weekday) []rrule.Weekday {
	slices.SortFunc(days, func(a, b rrule.Weekday) int { return cmp.Or(a.N()-b.N(), a.Day()-b.Day()) })
	days = slices.Compact(days)
	if len(days) == len(weekdays) && days[0].N() == 0 && days[6].N() == 0 {
		return nil
	}
	return days
}

// every reads how often: "2 weeks" is 2 and "week".
func (p *problems) every(r Recurrence, onDays bool) (n int, unit string) {
	ofMonth := onDays && slices.ContainsFunc(r.Days, func(d string) bool { return len(strings.Fields(d)) == 2 })
	words := strings.Fields(strings.ToLower(r.Every))
	n = 1
	switch {
	case len(words) == 0 && ofMonth:
		return 1, "month"
	case len(words) == 0 && onDays:
		return 1, "week"
	case len(words) == 0:
		return 1, "day"
	case len(words) == 1:
		unit = words[0]
	case len(words) == 2:
		var err error
		if n, err = strconv.Atoi(words[0]); err == nil && n >= 1 && n <= 1000 {
			unit = strings.TrimSuffix(words[1], "s")
		}
	}
	switch {
	case unit != "day" && unit != "week" && unit != "month":
		p.add("every", "%q is not understood: write day, week, 2 weeks, month, or the like", r.Every)
	case unit == "week" && n == 1 && !onDays && len(r.Days) > 0: // all days of the week
		return 1, "day"
	case unit == "day" && onDays:
		p.add("every", "must be in weeks, or months, where days are named")
	case unit == "week" && !onDays:
		p.add("days", "must name the days of the week, such as [sat, sun]")
	case unit == "month" && !ofMonth:
		p.add("days", "must name days of the month, such as [first sat] or [last sun]")
	case unit == "week" && ofMonth:
		p.add("every", "must be in months, since the days are days of the month")
	}
	return n, unit
}

// InWords returns a recurrence of lines with its words beside them. It returns the lines alone where words cannot say
// them: those with COUNT or UNTIL, additions, exceptions, several times a day, or parts other than days.
func (r Recurrence) InWords() Recurrence {
	r = r.WithoutWords()
	p, err := r.parse()
	if err != nil || p.option == nil || len(p.additions) > 0 || len(p.exceptions) > 0 {
		return r
	}
	o := p.option
	if o.Count != 0 || !o.Until.IsZero() || len(o.Bymonth)+len(o.Bymonthday)+len(o.Byyearday)+len(o.Byweekno)+
		len(o.Bysetpos)+len(o.Byhour)+len(o.Byminute)+len(o.Bysecond) > 0 {
		return r
	}
	every, unit := max(o.Interval, 1), ""
	if o.Wkst.Day() != rrule.MO.Day() && every > 1 && o.Freq == rrule.WEEKLY {
		return r
	}
	days := slices.Clone(o.Byweekday)
	ofMonth := func(d rrule.Weekday) bool { return d.N() != 0 }
	outside := func(d rrule.Weekday) bool { return d.N() < -1 || d.N() == 0 || d.N() > 5 }
	switch {
	case o.Freq == rrule.DAILY && len(days) == 0:
		unit = "day"
	case o.Freq == rrule.DAILY && every == 1 && !slices.ContainsFunc(days, ofMonth):
		unit = "week"
	case o.Freq == rrule.WEEKLY && !slices.ContainsFunc(days, ofMonth):
		unit = "week"
		if len(days) == 0 {
			days = []rrule.Weekday{weekdayOf(p.start)}
		}
	case o.Freq == rrule.MONTHLY && len(days) > 0 && !slices.ContainsFunc(days, outside):
		unit = "month"
	default:
		return r
	}
	if len(days) > 0 {
		if days = inOrder(days); len(days) == 0 {
			if every > 1 {
				return r // every day of every second week
			}
			unit = "day"
		}
	}
	r.At = strings.TrimSuffix(p.start.Format(time.TimeOnly), ":00")
	for _, d := range days {
		r.Days = append(r.Days, dayInWords(d))
	}
	r.Every = unit
	if every > 1 {
		r.Every = fmt.Sprintf("%d %ss", every, unit)
	}
	return r
}

// weekdayOf returns the weekday of a time.
func weekdayOf(t time.Time) rrule.Weekday {
	return []rrule.Weekday{rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA}[t.Weekday()]
}

func dayInWords(d rrule.Weekday) string {
	for name, n := range ordinals {
		if n == d.N() {
			return name + " " + weekdays[d.Day()]
		}
	}
	return weekdays[d.Day()]
}

// InWordsAlone returns the recurrence as words without lines where they make exactly its lines, and else as lines.
func (r Recurrence) InWordsAlone() Recurrence {
	r = r.WithoutWords()
	words := r.InWords()
	if words.At == "" || r.From != nil {
		return r
	}
	p, err := r.parse()
	if err != nil {
		return r
	}
	words.Zone, words.Timezone, words.RRule = r.Timezone, "", ""
	if from := DateOf(p.start); from != sinceEver {
		words.From = &from
	}
	if again, wrong := words.InLines(); len(wrong) > 0 || again.RRule != r.RRule {
		return r
	}
	return words
}

// InLines returns the station with the starts of its windows in lines, and what is wrong with their words.
func (s Station) InLines() (Station, []Problem) {
	p := &problems{}
	s.Windows = slices.Clone(s.Windows)
	for i := range s.Windows {
		lines, wrong := s.Windows[i].Starts.InLines()
		s.Windows[i].Starts = lines
		for _, problem := range wrong {
			p.add(fmt.Sprintf("windows[%d].starts.%s", i, problem.Field), "%s", problem.Message)
		}
	}
	return s, p.list
}

// InWords returns the station with words beside the lines of its windows.
func (s Station) InWords() Station {
	s.Windows = slices.Clone(s.Windows)
	for i := range s.Windows {
		s.Windows[i].Starts = s.Windows[i].Starts.InWords()
	}
	return s
}

// InWordsAlone returns the station with the starts of its windows in words, where these say all.
func (s Station) InWordsAlone() Station {
	s.Windows = slices.Clone(s.Windows)
	for i := range s.Windows {
		s.Windows[i].Starts = s.Windows[i].Starts.InWordsAlone()
	}
	return s
}
