package hfcc

import (
	"fmt"
	"strconv"
	"time"

	"lifeline/schedules"
)

// Season is one of the two broadcasting seasons of a year, which ITU Radio Regulations Article 12 lets begin with the
// last Sunday of March (A) and of October (B), at 0100 UTC.
type Season struct {
	Letter byte // 'A' or 'B'
	Year   int  // in which it begins
}

// ParseSeason reads a season such as A26.
func ParseSeason(s string) (Season, error) {
	n, err := strconv.ParseUint(s[min(1, len(s)):], 10, 8)
	if len(s) != 3 || s[0] != 'A' && s[0] != 'B' || err != nil {
		return Season{}, fmt.Errorf("%q is not a season such as A26 or B26", s)
	}
	return Season{s[0], 2000 + int(n)}, nil
}

// SeasonOf is the season in which a day lies.
func SeasonOf(d schedules.Date) Season {
	for _, s := range []Season{{'B', d.Year}, {'A', d.Year}} {
		if !d.Before(s.First()) {
			return s
		}
	}
	return Season{'B', d.Year - 1}
}

// String is the season as HFCC writes it: A26.
func (s Season) String() string { return fmt.Sprintf("%c%02d", s.Letter, s.Year%100) }

// First is the season's first day.
func (s Season) First() schedules.Date {
	month := time.March
	if s.Letter == 'B' {
		month = time.October
	}
	last := time.Date(s.Year, month, 31, 0, 0, 0, 0, time.UTC)
	return schedules.DateOf(last.AddDate(0, 0, -int(last.Weekday())))
}

// Next is the season after s.
func (s Season) Next() Season {
	if s.Letter == 'A' {
		return Season{'B', s.Year}
	}
	return Season{'A', s.Year + 1}
}

// begins reports whether a season begins on a day.
func begins(d schedules.Date) bool { return SeasonOf(d).First() == d }

// weekday is the day's of the week.
func weekday(d schedules.Date) time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}
