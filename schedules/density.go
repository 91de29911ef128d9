package schedules

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

// tooManyStarts says which bound the starts of all windows together exceed: those of one day, or those that an
// expansion reads one by one. It is empty if they exceed none.
func tooManyStarts(windows []Window) string {
	counted, dates := 0, 0
	var changes []densityChange
	for i := range windows {
		r, err := windows[i].Starts.parse()
		if err != nil {
			continue // reported elsewhere
		}
		if r.option != nil {
			counted += r.option.Count
		}
		dates += len(r.additions) + len(r.exceptions)
		changes = append(changes, r.density()...)
	}
	if counted > MaxCounted {
		return fmt.Sprintf("have %d as the sum of their COUNTs: at most %d are taken. Give UNTIL, or no end", counted,
			MaxCounted)
	}
	if dates > MaxDates {
		return fmt.Sprintf("have %d dates in RDATE and EXDATE: at most %d are taken", dates, MaxDates)
	}
	if day, n := busiest(changes); n > MaxStartsADay {
		return fmt.Sprintf("start %d times on a day such as %s: at most %d are taken, one every %s", n,
			day.Format(time.DateOnly), MaxStartsADay, FormatLength(24*time.Hour/MaxStartsADay))
	}
	return ""
}

// densityChange adds so many starts to each of some weekdays from a wall time on; a negative number takes them away.
type densityChange struct {
	at       time.Time
	weekdays [7]bool // by time.Weekday
	starts   int
}

// density returns how many starts the recurrence has at most on a day, and when. It ignores intervals and exceptions.
func (p *recurrence) density() []densityChange {
	var out []densityChange
	during := func(from, until time.Time, weekdays [7]bool, starts int) {
		out = append(out, densityChange{from.Truncate(24 * time.Hour), weekdays, starts})
		if !until.IsZero() {
			out = append(out, densityChange{until.Add(24*time.Hour - 1).Truncate(24 * time.Hour), weekdays, -starts})
		}
	}
	once := p.additions
	if p.option == nil {
		once = append(slices.Clone(once), p.start)
	}
	for _, t := range once {
		if p.inSeason(t) {
			var weekday [7]bool
			weekday[t.Weekday()] = true
			during(t, t.Add(time.Second), weekday, 1)
		}
	}
	if p.option == nil {
		return out
	}
	from, until := p.start, p.until
	if from.Before(p.from) {
		from = p.from
	}
	if u := p.option.Until; !u.IsZero() && (until.IsZero() || u.Before(until)) {
		until = u.Add(time.Second) // UNTIL is the last one
	}
	if until.IsZero() || from.Before(until) {
		during(from, until, p.weekdays(), startsADay(p.option))
	}
	return out
}

// weekdays returns the days of the week on which the rule can fall.
func (p *recurrence) weekdays() (out [7]bool) {
	o := p.option
	switch {
	case len(o.Byweekday) > 0:
		for _, w := range o.Byweekday {
			out[(w.Day()+1)%7] = true // the library begins with Monday
		}
		return out
	case o.Freq == rrule.WEEKLY:
		out[p.start.Weekday()] = true
		return out
	}
	return [7]bool{true, true, true, true, true, true, true}
}

// busiest returns the largest number of starts on one day, and such a day.
func busiest(changes []densityChange) (day time.Time, most int) {
	slices.SortFunc(changes, func(a, b densityChange) int { return cmp.Or(a.at.Compare(b.at), a.starts-b.starts) })
	var now [7]int
	for i, c := range changes {
		for d, on := range c.weekdays {
			if on {
				now[d] += c.starts
			}
		}
		if i+1 < len(changes) && changes[i+1].at.Equal(c.at) {
			continue
		}
		for d, n := range now {
			if n > most {
				most, day = n, c.at.AddDate(0, 0, (d-int(c.at.Weekday())+7)%7)
			}
		}
	}
	return day, most
}
