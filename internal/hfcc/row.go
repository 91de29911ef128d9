package hfcc

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lifeline/schedules"
)

// Row is one line of a schedule: one transmission on its days. All times are UTC.
type Row struct {
	Line         int // line number in the file, from 1; 0 means none
	FrequencyKHz int
	Start        time.Duration // time since the start of the day
	Stop         time.Duration // likewise; later than Start by at most 24 hours, so it may lie in the next day
	Days         Days          // the days on which it starts
	From, To     schedules.Date
	Language     string // codes of three letters, with commas between them
	Broadcaster  string
	FMO          string // the organisation that manages its frequencies
	ADM          string // the responsible administration
	Location     string // code of the site
	Zones        string // target CIRAF zones
	Power        string // kW
	Notes        string
	Rest         [10]string // the columns of rest, in that order
}

// rest lists the columns that a window has no field for. They are kept unchanged.
var rest = [10]string{"AZIMUTH", "SLW", "ANT", "MOD", "AFRQ", "REQ#", "OLD", "ALT1", "ALT2", "ALT3"}

// Days is a set of days of the week, indexed by time.Weekday.
type Days [7]bool

// String formats the days as HFCC writes them, with 1 for Sunday.
func (d Days) String() string {
	out := ""
	for n, on := range d {
		if on {
			out += strconv.Itoa(n + 1)
		}
	}
	return out
}

// everyDay contains all seven days.
var everyDay = Days{true, true, true, true, true, true, true}

// change is the time (UTC) on its first day at which a season begins: transmissions that are over by then belong to the
// previous season.
const change = time.Hour

func (r Row) early() bool { return r.Stop <= change }

// span returns the days [from, until) on which the row's transmissions start. TDATE is the last of them, unless it is
// the first day of the next season, which belongs to that season.
func (r Row) span() (from, until schedules.Date) {
	from, until = r.From, r.To.AddDays(1)
	if begins(r.To) && r.From.Before(r.To) {
		until = r.To
		if r.early() {
			until = r.To.AddDays(1)
		}
	}
	if begins(r.From) && r.early() {
		from = r.From.AddDays(1)
	}
	return from, until
}

// setSpan writes the days [from, until), which must lie in one season, so that span returns them.
func (r *Row) setSpan(from, until schedules.Date) {
	r.From, r.To = from, until.AddDays(-1)
	if r.early() && (begins(from.AddDays(-1)) || begins(from)) {
		r.From = from.AddDays(-1)
	}
	if !r.early() && begins(until) {
		r.To = until
	}
}

// first returns the first day of the row's transmissions; ok is false if there is none.
func (r Row) first() (d schedules.Date, ok bool) {
	from, until := r.span()
	for n := 0; n < 7; n++ {
		if d := from.AddDays(n); d.Before(until) && r.Days[weekday(d)] {
			return d, true
		}
	}
	return d, false
}

// problem is a fault in a column of a line.
type problem struct{ column, says string }

// row parses a line.
func (l layout) row(line []rune) (r Row, wrong []problem) {
	get := func(name string) string { return l.field(line, name) }
	note := func(column, format string, args ...any) {
		wrong = append(wrong, problem{column, fmt.Sprintf(format, args...)})
	}
	var err error
	if r.FrequencyKHz, err = strconv.Atoi(get("FREQ")); err != nil || r.FrequencyKHz < 1 || r.FrequencyKHz > 30_000 {
		note("FREQ", "%q is not a frequency in kHz", get("FREQ"))
	}
	start, ok := timeOfDay(get("STRT"))
	if !ok || start == 24*time.Hour {
		note("STRT", "%q is not a time of day such as 1300", get("STRT"))
	}
	stop, ok := timeOfDay(get("STOP"))
	if !ok {
		note("STOP", "%q is not a time of day such as 1400 or 2400", get("STOP"))
	}
	if stop <= start {
		stop += 24 * time.Hour // past midnight; an equal time means a whole day
	}
	r.Start, r.Stop = start, stop
	days := get("DAYS")
	for _, c := range days {
		if c < '1' || c > '7' || r.Days[c-'1'] {
			days = ""
			break
		}
		r.Days[c-'1'] = true
	}
	if days == "" {
		note("DAYS", "%q is not days of the week, from 1 for Sunday to 7 for Saturday", get("DAYS"))
	}
	if r.From, ok = date(get("FDATE")); !ok {
		note("FDATE", "%q is not a date such as 290326 for the 29th of March 2026", get("FDATE"))
	}
	if r.To, ok = date(get("TDATE")); !ok {
		note("TDATE", "%q is not a date such as 251026 for the 25th of October 2026", get("TDATE"))
	}
	r.Language, r.Broadcaster, r.FMO, r.ADM = get("LANGUAGE"), get("BRC"), get("FMO"), get("ADM")
	r.Location, r.Zones, r.Power, r.Notes = get("LOC"), get("CIRAF"), get("POWR"), get("NOTES")
	for n, name := range rest {
		r.Rest[n] = get(name)
	}
	if len(wrong) == 0 && r.To.Before(r.From) {
		note("TDATE", "lies before FDATE")
	}
	if _, ok := r.first(); len(wrong) == 0 && !ok {
		note("DAYS", "none of the days lies between FDATE and TDATE")
	}
	return r, wrong
}

// timeOfDay parses a time of day from 0000 to 2400.
func timeOfDay(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || len(s) != 4 || n > 2400 || n%100 > 59 {
		return 0, false
	}
	return time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute, true
}

// date parses a date of six digits: day, month, year.
func date(s string) (schedules.Date, bool) {
	t, err := time.Parse("020106", s)
	if err != nil || strings.TrimLeft(s, "0123456789") != "" {
		return schedules.Date{}, false
	}
	if t.Year() < 2000 {
		t = t.AddDate(100, 0, 0)
	}
	return schedules.DateOf(t), true
}

func dateText(d schedules.Date) string {
	return fmt.Sprintf("%02d%02d%02d", d.Day, d.Month, d.Year%100)
}
