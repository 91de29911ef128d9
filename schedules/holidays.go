package schedules

import (
	"slices"
)

// Holiday is a day that a calendar names.
type Holiday struct {
	Date Date   `json:"date"`
	Name string `json:"name"`
}

// Kept is a holiday for which WithHolidays adds no exception.
type Kept struct {
	Holiday
	Why string // Has or NoStart
}

// Why WithHolidays adds no exception for a holiday.
const (
	Has     = "there is an exception already"
	NoStart = "no window of it starts then"
)

// WithHolidays returns the station with an exception of the given terms on each holiday, and the holidays without one:
// those on which the station has an exception of the same window already, and those on which no such window starts.
// The exceptions have the names of the holidays.
func (s Station) WithHolidays(days []Holiday, terms Exception) (Station, []Kept, error) {
	var kept []Kept
	s.Exceptions = slices.Clone(s.Exceptions)
	ordinary := s.Ordinary()
	for _, day := range days {
		starts, err := ordinary.OccurrencesOn(day.Date)
		if err != nil {
			return s, kept, err
		}
		switch {
		case slices.ContainsFunc(s.Exceptions, func(e Exception) bool {
			return e.Date == day.Date && e.Window == terms.Window && !e.Extra
		}):
			kept = append(kept, Kept{day, Has})
		case !slices.ContainsFunc(starts, func(o Occurrence) bool {
			return terms.Window == "" || o.Window == terms.Window
		}):
			kept = append(kept, Kept{day, NoStart})
		default:
			e := terms
			e.Date, e.Name = day.Date, day.Name
			s.Exceptions = append(s.Exceptions, e)
		}
	}
	slices.SortStableFunc(s.Exceptions, func(a, b Exception) int { return a.Date.Compare(b.Date) })
	return s, kept, nil
}
