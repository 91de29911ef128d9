package hfcc

import (
	"slices"
	"time"

	"lifeline/schedules"
)

// Rows returns the rows of a station's windows in a season's schedule. Each row copies the fields that a window does
// not have from like. Times are in whole minutes; a minute that a window uses in part counts in full. A window that
// changes its UTC time or days of the week during the season becomes several rows, linked by their notes. A window
// without a frequency has no row. A season is that of ordinary days: exceptions of single days are no rows. Rows fails
// if a recurrence is invalid.
func Rows(st schedules.Station, season Season, like Row) ([]Row, error) {
	st = st.Ordinary()
	first, last := season.First(), season.Next().First()
	occurrences, err := st.Occurrences(instant(first, -24*time.Hour), instant(last, 48*time.Hour))
	if err != nil {
		return nil, err
	}
	var out []Row
	for _, w := range st.Windows {
		if w.FrequencyKHz == 0 {
			continue
		}
		var rows []Row
		for _, t := range times(w.ID, occurrences) {
			r := like
			r.Start, r.Stop = t.start, t.stop
			r.Language = codes(st.Allowed(w), hfccs.width("LANGUAGE"))
			low, high := first, last
			if r.early() { // the season's first day still belongs to the previous season
				low, high = first.AddDays(1), last.AddDays(1)
			}
			if w.Starts.Timezone == "UTC" { // in another zone these are other days
				if from := w.Starts.From; from != nil && low.Before(*from) {
					low = *from
				}
				if until := w.Starts.Until; until != nil && until.Before(high) {
					high = *until
				}
			}
			days := slices.DeleteFunc(t.days, func(d schedules.Date) bool { return d.Before(low) || !d.Before(high) })
			for len(days) > 0 {
				n, from, until, on := regular(days, low, high)
				r.Days = on
				r.setSpan(from, until)
				rows = append(rows, r)
				if days = days[n:]; len(days) > 0 {
					low = days[0]
				}
			}
		}
		for _, r := range rows {
			for _, f := range append([]int{w.FrequencyKHz}, w.AlsoKHz...) {
				r.FrequencyKHz, r.Notes = f, "@"+w.ID
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func (l layout) width(name string) int {
	span, _ := l.at(name)
	return span[1] - span[0]
}

func instant(d schedules.Date, after time.Duration) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Add(after)
}

// at is a time of day, to the minute, and the days on which a window is on the air at that time.
type at struct {
	start, stop time.Duration
	days        []schedules.Date
}

// times returns the times of day of a window, in order of first occurrence. A row lasts at most 24 hours: in a night of
// 25 hours, the rest of a window that lasts all day is a separate time.
func times(window string, occurrences []schedules.Occurrence) (out []at) {
	for _, o := range occurrences {
		if o.Window != window {
			continue
		}
		end := o.EndAt.Add(time.Minute - 1).Truncate(time.Minute)
		for from := o.StartAt.UTC().Truncate(time.Minute); from.Before(end); from = from.Add(24 * time.Hour) {
			day := schedules.DateOf(from)
			start := from.Sub(instant(day, 0))
			stop := start + min(24*time.Hour, end.Sub(from))
			n := slices.IndexFunc(out, func(a at) bool { return a.start == start && a.stop == stop })
			if n < 0 {
				n = len(out)
				out = append(out, at{start: start, stop: stop})
			}
			out[n].days = append(out[n].days, day)
		}
	}
	return out
}

// regular takes as many of the ascending days as are exactly all occurrences of some days of the week within [from,
// until). It extends that interval to low and high if this selects no additional days.
func regular(days []schedules.Date, low, high schedules.Date) (n int, from, until schedules.Date, on Days) {
	for n = len(days); ; n-- {
		on = Days{}
		for _, d := range days[:n] {
			on[weekday(d)] = true
		}
		end := days[n-1].AddDays(1)
		ends := []schedules.Date{end}
		if n == len(days) {
			ends = []schedules.Date{high, end}
		}
		for _, until := range ends {
			for _, from := range []schedules.Date{low, days[0]} {
				if count(from, until, on) == n {
					return n, from, until, on
				}
			}
		}
	}
}

// count returns how many days of [from, until) are in on.
func count(from, until schedules.Date, on Days) (n int) {
	for d := from; d.Before(until); d = d.AddDays(1) {
		if on[weekday(d)] {
			n++
		}
	}
	return n
}
