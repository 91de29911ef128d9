package schedules

import "time"

// Occurrences returns the occurrences of the station's windows that start in [from, to), ordered by start and window
// id, with changes of clocks applied (ClockChange). Planner, API and player all use this expansion. It fails when a
// recurrence or the zone is invalid, or when the interval is longer than MaxSpan.
func (s Station) Occurrences(from, to time.Time) ([]Occurrence, error) {
	all, err := s.AirTimes(from, to)
	var out []Occurrence
	for _, a := range all {
		out = append(out, a.Occurrence)
	}
	return out, err
}

// date sets the broadcast day of each occurrence. The occurrences must be ordered by start.
func date(occurrences []AirTime, loc *time.Location) {
	var d Date
	var start, end time.Time
	for i := range occurrences {
		t := occurrences[i].StartAt.Time
		if d.IsZero() || t.Before(start) || !t.Before(end) {
			d = dateAt(t, loc)
			start, end = d.Bounds(loc)
		}
		occurrences[i].Date = d
	}
}

// OccurrencesOn returns the occurrences that start in the station's broadcast day d. The last one may end in the next
// day.
func (s Station) OccurrencesOn(d Date) ([]Occurrence, error) {
	start, end, err := s.DayBounds(d)
	if err != nil {
		return nil, undefined("station %s: %v", s.ID, err)
	}
	return s.Occurrences(start, end)
}

// Window returns the station's window with that id. On special days it may have other terms: AirTimes has those.
func (s Station) Window(id string) (Window, bool) {
	for _, w := range s.Windows {
		if w.ID == id {
			return w, true
		}
	}
	return Window{}, false
}

// Allowed returns the languages that the window may air: its own, or else the station's.
func (s Station) Allowed(w Window) []string {
	if len(w.Languages) > 0 {
		return w.Languages
	}
	return s.Languages
}
