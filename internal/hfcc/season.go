package hfcc

import (
	"fmt"
	"strconv"
	"time"

	"lifeline/schedules"
)

// Season is one of the two broadcasting seasons of a year. By ITU Radio Regulations Article 12 they begin on the last
// Sunday of March (A) and of October (B), at 0100 UTC.
type Season struct {
	Letter byte // 'A' or 'B'
	Year   int  // the year in which it begins
}

// ParseSeason parses a season such as A26.
func ParseSeason(s string) (Season, error) {
	n, err := strconv.ParseUint(s[min(1, len(s)):], 10, 8)
	if len(s) != 3 || s[0] != 'A' && s[0] != 'B' || err != nil {
		return Season{}, fmt.Errorf("%q is not a season such as A26 or B26", s)
	}
	return Season{s[0], 2000 + int(n)}, nil
}

// SeasonOf returns the season of a day.
func SeasonOf(d schedules.Date) Season {
	for _, s := range []Season{{'B', d.Year}, {'A', d.Year}} {
		if !d.Before(s.First()) {
			return s
		}
	}
	return Season{'B', d.Year - 1}
}

// String formats the season as HFCC writes it: A26.
func (s Season) String() string { return fmt.Sprintf("%c%02d", s.Letter, s.Year%100) }

// First returns the season's first day.
func (s Season) First() schedules.Date {
	month := time.March
	if s.Letter == 'B' {
		month = time.October
	}
	last := time.Date(s.Year, month, 31, 0, 0, 0, 0, time.UTC)
	return schedules.DateOf(last.AddDate(0, 0, -int(last.Weekday())))
}

// Next returns the season after s.
func (s Season) Next() Season {
	if s.Letter == 'A' {
		return Season{'B', s.Year}
	}
	return Season{'A', s.Year + 1}
}

// begins reports whether a season begins on a day.
func begins(d schedules.Date) bool { return SeasonOf(d).First() == d }

// weekday returns the day of the week.
func weekday(d schedules.Date) time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}
