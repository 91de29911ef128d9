package schedules

import (
	"fmt"
	"time"
)

// TimeOfDay is a wall time in minutes after midnight, from 0 to 1440, written HH:MM. 24:00 is the end of the day.
type TimeOfDay int

// ParseTimeOfDay reads HH:MM.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return 0, fmt.Errorf("%q is not a time of day: write HH:MM, at most 24:00", s)
	}
	return TimeOfDay(t.Hour()*60 + t.Minute()), nil
}

func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", int(t)/60, int(t)%60) }

// MarshalText writes HH:MM.
func (t TimeOfDay) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads HH:MM.
func (t *TimeOfDay) UnmarshalText(b []byte) error {
	v, err := ParseTimeOfDay(string(b))
	if err == nil {
		*t = v
	}
	return err
}

// Daypart is the part [From, Until) of every day in the station's wall time. A daypart that ends at or before its start
// continues into the next day: 22:00-06:00, and also 06:00-00:00.
type Daypart struct {
	From  TimeOfDay `json:"from"`
	Until TimeOfDay `json:"until"`
}

func (d Daypart) String() string { return d.From.String() + "-" + d.Until.String() }

// On returns the daypart that begins on day, as instants in loc.
func (d Daypart) On(day Date, loc *time.Location) (start, end time.Time) {
	last := day
	if d.Until <= d.From {
		last = day.AddDays(1)
	}
	return Resolve(day.utc().Add(time.Duration(d.From)*time.Minute), loc),
		Resolve(last.utc().Add(time.Duration(d.Until)*time.Minute), loc)
}

// Contains reports whether [start, end) lies entirely within the daypart of one day, or of consecutive days whose
// dayparts adjoin.
func (d Daypart) Contains(start, end time.Time, loc *time.Location) bool {
	reach := start
	for day := DateOf(start.In(loc)).AddDays(-2); !day.utc().After(end.UTC().AddDate(0, 0, 2)); day = day.AddDays(1) {
		from, until := d.On(day, loc)
		if !from.After(reach) && until.After(reach) {
			reach = until
		}
		if !reach.Before(end) && reach.After(start) {
			return true
		}
	}
	return false
}
