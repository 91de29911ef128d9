package schedules

import "time"

// Occurrences are those of the station's windows that start in [from, to), by StartAt, then window id, as changes of
// clocks make them (ClockChange). It is the one expansion that planner, API and player use. It fails when a window's
// recurrence or the zone cannot be read.
func (s Station) Occurrences(from, to time.Time) ([]Occurrence, error) {
	out, _, err := s.expand(from, to)
	return out, err
}

// date gives each occurrence, in order of start, its broadcast day.
func date(occurrences []Occurrence, loc *time.Location) {
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

// OccurrencesOn are the occurrences of the station's broadcast day d: those that start in it, even where they end in
// the next.
func (s Station) OccurrencesOn(d Date) ([]Occurrence, error) {
	start, end, err := s.DayBounds(d)
	if err != nil {
		return nil, undefined("station %s: %v", s.ID, err)
	}
	return s.Occurrences(start, end)
}

// Window is the station's window of that id.
func (s Station) Window(id string) (Window, bool) {
	for _, w := range s.Windows {
		if w.ID == id {
			return w, true
		}
	}
	return Window{}, false
}

// Allowed are the languages that the window may air: its own, or else the station's.
func (s Station) Allowed(w Window) []string {
	if len(w.Languages) > 0 {
		return w.Languages
	}
	return s.Languages
}
