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

// MaxSpan is the longest interval for which one call expands occurrences.
const MaxSpan = 3 * 366 * 24 * time.Hour

// recurrence is a parsed Recurrence. Its times are floating: wall times written as if they were UTC.
type recurrence struct {
	loc         *time.Location
	start       time.Time
	option      *rrule.ROption // nil if there is only the start, or only additions
	additions   []time.Time
	exceptions  map[int64]bool
	from, until time.Time // the season, floating; zero means open
}

// parse parses the lines DTSTART, RRULE, RDATE and EXDATE. It rejects values without a clear meaning in wall time:
// frequencies below a day, COUNT together with UNTIL, and zones inside the lines.
func (r Recurrence) parse() (*recurrence, error) {
	loc, err := Zone(r.Timezone)
	if err != nil {
		return nil, err
	}
	p := &recurrence{loc: loc, exceptions: map[int64]bool{}}
	rule := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.TrimSpace(r.RRule), "\r\n", "\n"), "\n") {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			return nil, fmt.Errorf("has the line %q, which is not of the form RRULE:FREQ=DAILY", line)
		}
		switch strings.ToUpper(name) {
		case "DTSTART":
			if !p.start.IsZero() {
				return nil, fmt.Errorf("has more than one DTSTART")
			}
			if p.start, err = p.floating(value); err != nil {
				return nil, err
			}
		case "RRULE":
			if rule != "" {
				return nil, fmt.Errorf("has more than one RRULE")
			}
			rule = value
		case "RDATE", "EXDATE":
			for v := range strings.SplitSeq(value, ",") {
				t, err := p.floating(v)
				if err != nil {
					return nil, err
				}
				if strings.EqualFold(name, "RDATE") {
					p.additions = append(p.additions, t)
				} else {
					p.exceptions[t.Unix()] = true
				}
			}
		default:
			return nil, fmt.Errorf("has %q, which is not understood: use DTSTART, RRULE, RDATE and EXDATE, with the zone in the "+
				"field timezone", name)
		}
	}
	if y := p.start.Year(); !p.start.IsZero() && (y < 1970 || y > 2200) {
		return nil, fmt.Errorf("must have a DTSTART in the years 1970 to 2200")
	}
	if p.start.IsZero() {
		return nil, fmt.Errorf("must have a DTSTART line, such as DTSTART:20230901T130000")
	}
	if rule != "" {
		if p.option, err = p.rule(rule); err != nil {
			return nil, err
		}
	}
	if r.From != nil {
		p.from = r.From.utc()
	}
	if r.Until != nil {
		p.until = r.Until.utc()
	}
	return p, nil
}

// floating parses a date with time. With the suffix Z it converts the UTC time to the zone's wall time.
func (p *recurrence) floating(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(rrule.LocalDateTimeFormat, s); err == nil {
		return t, nil
	}
	t, err := time.Parse(rrule.DateTimeFormat, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("has %q, which is not a date with time such as 20230901T130000", s)
	}
	return asWall(t, p.loc), nil
}

// asWall returns the wall time that clocks in loc show at t, written as UTC.
func asWall(t time.Time, loc *time.Location) time.Time {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

func (p *recurrence) rule(value string) (*rrule.ROption, error) {
	var parts []string
	var until time.Time
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.ToUpper(value), ";") {
		name, v, _ := strings.Cut(part, "=")
		if seen[name] {
			return nil, fmt.Errorf("has %s twice", name)
		}
		seen[name] = true
		switch name {
		case "UNTIL":
			t, err := time.Parse(rrule.DateFormat, v)
			if err == nil {
				t = t.Add(24*time.Hour - time.Second) // a day includes its last second
			} else if t, err = p.floating(v); err != nil {
				return nil, err
			}
			until = t
			continue
		case "FREQ":
			if v == "HOURLY" || v == "MINUTELY" || v == "SECONDLY" {
				return nil, fmt.Errorf("has FREQ=%s, which does not follow a wall clock: use FREQ=DAILY with BYHOUR and "+
					"BYMINUTE", v)
			}
		case "INTERVAL", "COUNT":
			if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 100_000 {
				return nil, fmt.Errorf("must have a whole number from 1 to 100000 as %s", name)
			}
		}
		parts = append(parts, part)
	}
	if !seen["FREQ"] {
		return nil, fmt.Errorf("must have FREQ, such as FREQ=DAILY")
	}
	if seen["COUNT"] && seen["UNTIL"] {
		return nil, fmt.Errorf("must not have both COUNT and UNTIL")
	}
	o, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return nil, fmt.Errorf("is not understood: %w", err)
	}
	if err := checkRule(o, seen); err != nil {
		return nil, err
	}
	withoutRepetition(o)
	if n := startsADay(o); n > MaxStartsADay {
		return nil, fmt.Errorf("has %d starts a day by its BYHOUR, BYMINUTE and BYSECOND: at most %d are taken, one every "+
			"%s", n, MaxStartsADay, FormatLength(24*time.Hour/MaxStartsADay))
	}
	if n := len(o.Bysetpos); n > MaxSetPositions {
		return nil, fmt.Errorf("has %d different numbers in BYSETPOS: at most %d are taken", n, MaxSetPositions)
	}
	o.Dtstart, o.Until = p.start, until
	if _, err := rrule.NewRRule(*o); err != nil {
		return nil, fmt.Errorf("is not understood: %w", err)
	}
	return o, nil
}

// withoutRepetition removes repeated entries, for which the library would work again and again.
func withoutRepetition(o *rrule.ROption) {
	for _, list := range []*[]int{&o.Bysetpos, &o.Bymonth, &o.Bymonthday, &o.Byyearday, &o.Byweekno, &o.Byhour,
		&o.Byminute, &o.Bysecond} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	slices.SortFunc(o.Byweekday, func(a, b rrule.Weekday) int { return cmp.Or(a.Day()-b.Day(), a.N()-b.N()) })
	o.Byweekday = slices.Compact(o.Byweekday)
}

// startsADay returns the number of starts on a day of the rule.
func startsADay(o *rrule.ROption) int {
	return max(1, len(o.Byhour)) * max(1, len(o.Byminute)) * max(1, len(o.Bysecond))
}

// checkRule rejects rules that RFC 5545 forbids, and days that no year has, because the library would search for one
// until the year 9999.
func checkRule(o *rrule.ROption, seen map[string]bool) error {
	days := o.Freq == rrule.DAILY || o.Freq == rrule.WEEKLY
	switch {
	case seen["BYEASTER"]:
		return fmt.Errorf("has BYEASTER, which is not part of RFC 5545")
	case seen["BYYEARDAY"] && o.Freq != rrule.YEARLY, seen["BYWEEKNO"] && o.Freq != rrule.YEARLY:
		return fmt.Errorf("must have FREQ=YEARLY with BYYEARDAY or BYWEEKNO")
	case seen["BYMONTHDAY"] && o.Freq == rrule.WEEKLY:
		return fmt.Errorf("must not have BYMONTHDAY with FREQ=WEEKLY")
	case seen["BYSETPOS"] && days:
		return fmt.Errorf("must have FREQ=MONTHLY or FREQ=YEARLY with BYSETPOS")
	}
	if len(o.Bymonth) == 0 || len(o.Bymonthday) == 0 {
		return nil
	}
	for _, month := range o.Bymonth {
		length := time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		for _, day := range o.Bymonthday {
			if day != 0 && day <= length && -day <= length {
				return nil
			}
		}
	}
	return fmt.Errorf("names a day that no year has")
}

// between lists the instants in [from, to) in ascending order, without repetition.
func (p *recurrence) between(from, to time.Time) ([]time.Time, error) {
	if err := withinSpan(from, to); err != nil {
		return nil, err
	}
	starts, err := p.starts(from, to)
	if err != nil {
		return nil, err
	}
	var out []time.Time
	for _, s := range starts {
		out = append(out, s.at)
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal), nil
}

func withinSpan(from, to time.Time) error {
	if to.Sub(from) > MaxSpan {
		return fmt.Errorf("cannot be expanded for more than %d days at once", MaxSpan/(24*time.Hour))
	}
	return nil
}

// starts lists the starts whose instants lie in [from, to), ordered by wall time, without repetition.
func (p *recurrence) starts(from, to time.Time) ([]wallStart, error) {
	walls, err := p.ruled(from, to)
	if err != nil {
		return nil, err
	}
	walls = append(walls, p.additions...)
	if p.option == nil {
		walls = append(walls, p.start)
	}
	out := make([]wallStart, 0, len(walls))
	var steady steadyInterval
	for _, w := range walls {
		if p.exceptions[w.Unix()] || !p.inSeason(w) {
			continue
		}
		s := wallStart{wall: w, steady: true}
		if !steady.contains(w) {
			s.at = Resolve(w, p.loc)
			steady = steadyAround(s.at, p.loc)
			s.steady = steady.contains(w)
		} else {
			s.at = w.Add(-steady.offset)
		}
		if !s.at.Before(from) && s.at.Before(to) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b wallStart) int { return a.wall.Compare(b.wall) })
	return slices.CompactFunc(out, func(a, b wallStart) bool { return a.wall.Equal(b.wall) }), nil
}

// ruled lists the wall times of the rule that can fall in [from, to), including excluded ones. It relies on maxOffset
// as the largest offset of any zone.
func (p *recurrence) ruled(from, to time.Time) ([]time.Time, error) {
	if p.option == nil {
		return nil, nil
	}
	low, high := from.UTC().Add(-2*maxOffset), to.UTC().Add(2*maxOffset)
	o := *p.option
	if !everOccurs(o) {
		return nil, nil
	}
	o = bringForward(o, low)
	r, err := rrule.NewRRule(o)
	if err != nil {
		return nil, fmt.Errorf("is not understood: %w", err)
	}
	var walls []time.Time
	for next := r.Iterator(); ; {
		t, ok := next()
		if !ok || t.After(high) {
			return walls, nil
		}
		if !t.Before(low) {
			walls = append(walls, t)
		}
	}
}

func (p *recurrence) inSeason(wall time.Time) bool {
	return !wall.Before(p.from) && (p.until.IsZero() || wall.Before(p.until))
}

// everOccurs reports whether the rule gives any time in the half century after its start, ignoring UNTIL. The library
// searches for one until the year 9999, which takes it most of a second. So everOccurs moves the start to shortly
// before that year, to a year in which the same weekdays fall on the same days.
func everOccurs(o rrule.ROption) bool {
	o.Dtstart, o.Until, o.Count = sameDaysLate(o.Dtstart), time.Time{}, 0
	r, err := rrule.NewRRule(o)
	if err != nil {
		return true // the caller that expands the rule reports the error
	}
	_, ok := r.Iterator()()
	return ok
}

// sameDaysLate returns the corresponding time in a late year whose calendar, and that of the following years, equals
// t's. Calendars repeat after 28 years if no century lies between, and always after 400.
func sameDaysLate(t time.Time) time.Time {
	const last, span = 9999, 48
	y := t.Year()
	if y+span >= 2100 {
		return t.AddDate(400*((last-span-y)/400), 0, 0)
	}
	newYear := func(y int) time.Weekday { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC).Weekday() }
	late := last - span
	for late%4 != y%4 || newYear(late) != newYear(y) {
		late--
	}
	return t.AddDate(late-y, 0, 0)
}

// first returns the first wall time of the recurrence, given its exceptions and season. ok is false if there is none.
func (p *recurrence) first() (wall time.Time, ok bool) {
	take := func(t time.Time) {
		if !p.exceptions[t.Unix()] && p.inSeason(t) && (!ok || t.Before(wall)) {
			wall, ok = t, true
		}
	}
	for _, t := range p.additions {
		take(t)
	}
	if p.option == nil {
		take(p.start)
		return wall, ok
	}
	if !everOccurs(*p.option) {
		return wall, ok
	}
	o := *p.option
	if !p.from.IsZero() {
		o = bringForward(o, p.from)
	}
	r, err := rrule.NewRRule(o)
	if err != nil {
		return wall, ok
	}
	next := r.Iterator()
	for range len(p.exceptions) + maxSkipped {
		t, more := next()
		if !more || !p.until.IsZero() && !t.Before(p.until) {
			break
		}
		if take(t); ok {
			break
		}
	}
	return wall, ok
}

// maxSkipped is the largest number of times before the season that first examines.
const maxSkipped = 100_000

// bringForward returns a rule that repeats without end with its start moved by whole periods to just before low, so
// that expanding an old rule does not iterate over past years. The times from low on stay the same.
func bringForward(o rrule.ROption, low time.Time) rrule.ROption {
	every := max(o.Interval, 1)
	switch {
	case o.Count != 0 || low.Before(o.Dtstart):
		return o
	case o.Freq == rrule.WEEKLY || o.Freq == rrule.DAILY:
		if o.Freq == rrule.WEEKLY {
			every *= 7
		}
		period := time.Duration(every) * 24 * time.Hour
		o.Dtstart = o.Dtstart.Add(max(0, low.Sub(o.Dtstart)/period-1) * period)
		return o
	case o.Freq == rrule.YEARLY:
		every *= 12
	}
	periods := ((low.Year()-o.Dtstart.Year())*12+int(low.Month())-int(o.Dtstart.Month()))/every - 1
	if periods < 1 {
		return o
	}
	start := o.Dtstart
	if len(o.Byweekno) == 0 && len(o.Byyearday) == 0 && len(o.Bymonthday) == 0 && len(o.Byweekday) == 0 {
		o.Bymonthday = []int{start.Day()} // as the start says
		if o.Freq == rrule.YEARLY && len(o.Bymonth) == 0 {
			o.Bymonth = []int{int(start.Month())}
		}
	}
	// some months do not have the day of the start
	o.Dtstart = start.AddDate(0, 0, 1-start.Day()).AddDate(0, periods*every, 0)
	return o
}
