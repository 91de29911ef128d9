package schedules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// MaxSpan is the longest stretch of time for which occurrences are expanded in one call.
const MaxSpan = 3 * 366 * 24 * time.Hour

// recurrence is a Recurrence that was read. Its times are floating: wall times written as if they were UTC.
type recurrence struct {
	loc         *time.Location
	start       time.Time
	option      *rrule.ROption // nil: the start, or the additions, alone
	additions   []time.Time
	exceptions  map[int64]bool
	from, until time.Time // season, floating; zero: open
}

// parse reads the lines DTSTART, RRULE, RDATE and EXDATE. It refuses what has no sound meaning in wall time:
// frequencies below a day, COUNT together with UNTIL, zones inside the lines.
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
			return nil, fmt.Errorf("%q is not a line of the form RRULE:FREQ=DAILY", line)
		}
		switch strings.ToUpper(name) {
		case "DTSTART":
			if !p.start.IsZero() {
				return nil, fmt.Errorf("more than one DTSTART")
			}
			if p.start, err = p.floating(value); err != nil {
				return nil, err
			}
		case "RRULE":
			if rule != "" {
				return nil, fmt.Errorf("more than one RRULE")
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
			return nil, fmt.Errorf("%q is not understood: use DTSTART, RRULE, RDATE and EXDATE, with the zone in the field timezone", name)
		}
	}
	if y := p.start.Year(); !p.start.IsZero() && (y < 1970 || y > 2200) {
		return nil, fmt.Errorf("DTSTART must lie in the years 1970 to 2200")
	}
	if p.start.IsZero() {
		return nil, fmt.Errorf("a DTSTART line is missing, such as DTSTART:20230901T130000")
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

// floating reads a date with time, and with Z the UTC time that is then shown as the zone's wall time.
func (p *recurrence) floating(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(rrule.LocalDateTimeFormat, s); err == nil {
		return t, nil
	}
	t, err := time.Parse(rrule.DateTimeFormat, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date with time such as 20230901T130000", s)
	}
	return asWall(t, p.loc), nil
}

// asWall is what clocks in loc show at t, written as UTC.
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
			return nil, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		switch name {
		case "UNTIL":
			t, err := time.Parse(rrule.DateFormat, v)
			if err == nil {
				t = t.Add(24*time.Hour - time.Second) // a day is meant to its end
			} else if t, err = p.floating(v); err != nil {
				return nil, err
			}
			until = t
			continue
		case "FREQ":
			if v == "HOURLY" || v == "MINUTELY" || v == "SECONDLY" {
				return nil, fmt.Errorf("FREQ=%s does not follow a wall clock: use FREQ=DAILY with BYHOUR and BYMINUTE", v)
			}
		case "INTERVAL", "COUNT":
			if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 100_000 {
				return nil, fmt.Errorf("%s must be a whole number from 1 to 100000", name)
			}
		}
		parts = append(parts, part)
	}
	if !seen["FREQ"] {
		return nil, fmt.Errorf("FREQ is missing")
	}
	if seen["COUNT"] && seen["UNTIL"] {
		return nil, fmt.Errorf("COUNT and UNTIL exclude each other")
	}
	o, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return nil, fmt.Errorf("RRULE: %w", err)
	}
	if err := meaningful(o, seen); err != nil {
		return nil, err
	}
	o.Dtstart, o.Until = p.start, until
	if _, err := rrule.NewRRule(*o); err != nil {
		return nil, fmt.Errorf("RRULE: %w", err)
	}
	return o, nil
}

// meaningful refuses what RFC 5545 rules out, and days that no year has: the library would look for one until the
// year 9999.
func meaningful(o *rrule.ROption, seen map[string]bool) error {
	days := o.Freq == rrule.DAILY || o.Freq == rrule.WEEKLY
	switch {
	case seen["BYEASTER"]:
		return fmt.Errorf("BYEASTER is not part of RFC 5545")
	case seen["BYYEARDAY"] && o.Freq != rrule.YEARLY, seen["BYWEEKNO"] && o.Freq != rrule.YEARLY:
		return fmt.Errorf("BYYEARDAY and BYWEEKNO need FREQ=YEARLY")
	case seen["BYMONTHDAY"] && o.Freq == rrule.WEEKLY:
		return fmt.Errorf("BYMONTHDAY does not go with FREQ=WEEKLY")
	case seen["BYSETPOS"] && days:
		return fmt.Errorf("BYSETPOS needs FREQ=MONTHLY or FREQ=YEARLY")
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
	return fmt.Errorf("no year has such a day")
}

// between lists the instants in [from, to), ascending, each once.
func (p *recurrence) between(from, to time.Time) ([]time.Time, error) {
	if to.Sub(from) > MaxSpan {
		return nil, fmt.Errorf("occurrences are expanded for at most %d days at once", MaxSpan/(24*time.Hour))
	}
	ruled, err := p.ruled(from, to)
	if err != nil {
		return nil, err
	}
	walls := append(ruled, p.additions...)
	if p.option == nil {
		walls = append(walls, p.start)
	}
	var out []time.Time
	for _, w := range walls {
		if p.exceptions[w.Unix()] || !p.inSeason(w) {
			continue
		}
		if t := Resolve(w, p.loc); !t.Before(from) && t.Before(to) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal), nil
}

// ruled lists the wall times of the rule, excluded ones too, that can land in [from, to): no zone is further off than
// wallReach.
func (p *recurrence) ruled(from, to time.Time) ([]time.Time, error) {
	if p.option == nil {
		return nil, nil
	}
	low, high := from.UTC().Add(-2*wallReach), to.UTC().Add(2*wallReach)
	o := *p.option
	o.Dtstart = bringForward(o, low)
	r, err := rrule.NewRRule(o)
	if err != nil {
		return nil, fmt.Errorf("RRULE: %w", err)
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

// bringForward moves the start of a rule that repeats without end by whole periods to just before low, so that the
// expansion of a rule that began years ago does not walk through them. What it yields from low on is the same.
func bringForward(o rrule.ROption, low time.Time) time.Time {
	days := max(o.Interval, 1)
	switch {
	case o.Count != 0:
		return o.Dtstart
	case o.Freq == rrule.DAILY:
	case o.Freq == rrule.WEEKLY:
		days *= 7
	default:
		return o.Dtstart
	}
	period := time.Duration(days) * 24 * time.Hour
	if n := low.Sub(o.Dtstart)/period - 1; n > 0 {
		return o.Dtstart.Add(n * period)
	}
	return o.Dtstart
}
