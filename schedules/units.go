package schedules

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Millis is a duration, written as integer milliseconds. The zero value is a duration of 0.
type Millis struct{ time.Duration }

// Ms returns n milliseconds.
func Ms(n int64) Millis { return Millis{time.Duration(n) * time.Millisecond} }

// MarshalJSON writes whole milliseconds, rounded to the nearest.
func (m Millis) MarshalJSON() ([]byte, error) {
	return json.Marshal(m.Round(time.Millisecond).Milliseconds())
}

// UnmarshalJSON reads an integer number of milliseconds. It rejects fractions and values that overflow a Duration.
func (m *Millis) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	n, err := strconv.ParseInt(string(b), 10, 64) // faster than json.Unmarshal; a library has millions of these
	if err != nil {
		return fmt.Errorf("must be a whole number of milliseconds")
	}
	if n > math.MaxInt64/int64(time.Millisecond) || n < math.MinInt64/int64(time.Millisecond) {
		return fmt.Errorf("is too long")
	}
	m.Duration = time.Duration(n) * time.Millisecond
	return nil
}

// instantLayout is RFC 3339 with exactly three digits of a second's fraction.
const instantLayout = "2006-01-02T15:04:05.000Z07:00"

// Instant is a point in time, written in UTC as RFC 3339 with milliseconds. The zero value is "none", written null.
type Instant struct{ time.Time }

// At returns t in UTC, truncated to the millisecond, so that it equals the value read back.
func At(t time.Time) Instant {
	if t.IsZero() {
		return Instant{}
	}
	return Instant{t.UTC().Truncate(time.Millisecond)}
}

// Outlasts reports whether i, as a limit of time, ends later than another one. None never ends.
func (i Instant) Outlasts(other Instant) bool {
	return !other.IsZero() && (i.IsZero() || i.After(other.Time))
}

func (i Instant) String() string {
	if i.IsZero() {
		return "none"
	}
	return i.UTC().Format(instantLayout)
}

// Wall returns the instant in the wall time of a zone, to the second.
func (i Instant) Wall(zone *time.Location) string {
	if i.IsZero() {
		return "none"
	}
	return i.In(zone).Format("2006-01-02 15:04:05 MST")
}

// MarshalJSON writes the instant in UTC, or null.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(i.UTC().Format(instantLayout))
}

// UnmarshalJSON reads RFC 3339 in any zone, or null.
func (i *Instant) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*i = Instant{}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("must be an instant such as 2023-10-27T13:00:00.000Z")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Errorf("must be an instant such as 2023-10-27T13:00:00.000Z")
	}
	if y := t.UTC().Year(); y < 1900 || y > 9999 { // other years cannot be written back, and the year 1 is the zero value
		return fmt.Errorf("must be between the years 1900 and 9999")
	}
	*i = At(t)
	return nil
}

// Date is a calendar day, without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate parses YYYY-MM-DD and rejects days that do not exist.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a day: write YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// DateOf returns the calendar day of t in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// AddDays returns the day n days later; n may be negative.
func (d Date) AddDays(n int) Date {
	return DateOf(time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC))
}

// Before reports whether d is an earlier day than o.
func (d Date) Before(o Date) bool { return d.utc().Before(o.utc()) }

// Compare compares days as cmp.Compare does.
func (d Date) Compare(o Date) int { return d.utc().Compare(o.utc()) }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// IsZero reports whether d is the zero Date, which is no day.
func (d Date) IsZero() bool { return d == Date{} }

func (d Date) String() string {
	if d.Year < 0 || d.Year > 9999 || d.Month < 0 || d.Month > 99 || d.Day < 0 || d.Day > 99 {
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
	digit := func(n int) byte { return byte('0' + n%10) }
	y, m := d.Year, int(d.Month)
	return string([]byte{digit(y / 1000), digit(y / 100), digit(y / 10), digit(y), '-', digit(m / 10), digit(m), '-',
		digit(d.Day / 10), digit(d.Day)})
}

// MarshalText writes YYYY-MM-DD, or an empty text for the zero Date.
func (d Date) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads YYYY-MM-DD, or an empty text as the zero Date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	if err == nil {
		*d = v
	}
	return err
}
