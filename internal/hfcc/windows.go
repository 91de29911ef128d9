package hfcc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/schedules"
)

// Terms holds the settings of new windows that a schedule does not contain.
type Terms struct {
	Clock     string
	Tolerance time.Duration
}

// Apply returns the station with the windows of a season's rows. Rows that differ only in frequency form one window.
// The id of a window is the one in the notes ("@evening"), or is derived from season, broadcaster, time and frequency.
// An existing window that agrees with its rows stays unchanged; otherwise it keeps its clock and tolerance. Windows
// that an earlier schedule of the season and broadcaster made, and that are missing from this one, are removed. Apply
// fails, with the line, if a language is unknown, a new window has no clock, or two windows have the same id.
func Apply(st schedules.Station, season Season, rows []Row, terms Terms) (schedules.Station, error) {
	before := st.Windows
	own, err := Rows(st, season, Row{}) // together, because a change of clocks depends on all of them
	if err != nil {
		own = nil // then no window agrees with its rows
	}
	st.Windows = slices.Clone(before)
	named, made := map[string]bool{}, map[string]bool{}
	for _, t := range transmissions(season, rows) {
		if b := t.rows[0].Broadcaster; b != "" {
			made[prefix(season, b)] = true
		}
		var fresh []schedules.Window
		if n := slices.IndexFunc(before, func(w schedules.Window) bool { return w.ID == t.id }); n >= 0 &&
			t.says(before[n], own) {
			fresh = before[n : n+1]
		} else {
			for k, same := range merged(t.rows) {
				id := t.id
				if k > 0 {
					id = fmt.Sprintf("%s-%d", t.id, k+1)
				}
				w, err := window(st, before, id, same, terms)
				if err != nil {
					return st, fmt.Errorf("line %d: %w", same[0].Line, err)
				}
				fresh = append(fresh, w)
			}
		}
		for _, w := range fresh {
			if named[w.ID] {
				return st, fmt.Errorf("line %d: the window %s is made of other rows already", t.rows[0].Line, w.ID)
			}
			named[w.ID] = true
			if n := slices.IndexFunc(st.Windows, func(o schedules.Window) bool { return o.ID == w.ID }); n >= 0 {
				st.Windows[n] = w
			} else if st.Windows = append(st.Windows, w); len(st.Windows) > schedules.MaxList {
				return st, fmt.Errorf("line %d: the rows make more than the %d windows that a station may have: choose those of "+
					"the station by broadcaster, FMO or location", t.rows[0].Line, schedules.MaxList)
			}
		}
	}
	st.Windows = slices.DeleteFunc(st.Windows, func(w schedules.Window) bool {
		for p := range made {
			if strings.HasPrefix(w.ID, p) && !named[w.ID] {
				return true
			}
		}
		return false
	})
	return st, nil
}

// transmission holds the rows of one window.
type transmission struct {
	id   string
	rows []Row
}

// transmissions groups rows by the window that their notes name, or, without one, by all fields but the frequency.
func transmissions(season Season, rows []Row) []transmission {
	var out []transmission
	place := map[string]int{} // counted from 1
	add := func(id string, rows ...Row) {
		if place[id] == 0 {
			out = append(out, transmission{id: id})
			place[id] = len(out)
		}
		t := &out[place[id]-1]
		t.rows = append(t.rows, rows...)
	}
	var unnamed []Row
	for _, r := range rows {
		if id, ok := strings.CutPrefix(r.Notes, "@"); ok {
			add(id, r)
		} else {
			unnamed = append(unnamed, r)
		}
	}
	for _, same := range merged(unnamed) {
		base := fmt.Sprintf("%s%s-%d", prefix(season, same[0].Broadcaster), timeText(same[0].Start.Minutes()),
			same[0].FrequencyKHz)
		id := base
		for n := 2; place[id] > 0; n++ {
			id = fmt.Sprintf("%s-%d", base, n)
		}
		add(id, same...)
	}
	return out
}

// prefix returns the prefix of the ids of windows made for a broadcaster in a season.
func prefix(season Season, broadcaster string) string {
	id := strings.ToLower(season.String()) + "-"
	if broadcaster == "" {
		return id
	}
	return id + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '.'
	}, strings.ToLower(broadcaster)) + "-"
}

// withoutFrequency returns the fields of a row, except the frequency, that define a window, for comparison.
func withoutFrequency(r Row) Row {
	return Row{Start: r.Start, Stop: r.Stop, Days: r.Days, From: r.From, To: r.To, Language: r.Language}
}

// merged groups rows that differ only in frequency, in their order.
func merged(rows []Row) (out [][]Row) {
	place := map[Row]int{}
	for _, r := range rows {
		n, ok := place[withoutFrequency(r)]
		if !ok {
			n = len(out)
			place[withoutFrequency(r)] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], r)
	}
	return out
}

// says reports whether the window gives exactly these rows; own are those of all windows.
func (t transmission) says(w schedules.Window, own []Row) bool {
	own = slices.DeleteFunc(slices.Clone(own), func(r Row) bool { return r.Notes != "@"+w.ID })
	if len(own) != len(t.rows) {
		return false
	}
	for n, r := range t.rows {
		if withoutFrequency(r) != withoutFrequency(own[n]) || r.FrequencyKHz != own[n].FrequencyKHz {
			return false
		}
	}
	return true
}

// window makes a window from rows that differ only in frequency.
func window(st schedules.Station, before []schedules.Window, id string, same []Row, terms Terms) (schedules.Window,
	error) {
	r := same[0]
	w := schedules.Window{ID: id, Clock: terms.Clock, Tolerance: schedules.Millis{Duration: terms.Tolerance}}
	for _, old := range before {
		if old.ID == id {
			w.Clock, w.Tolerance = old.Clock, old.Tolerance
		}
	}
	if w.Clock == "" {
		return w, fmt.Errorf("the window %s is new: say which clock it follows", id)
	}
	var err error
	if w.Languages, err = tags(r.Language, st.Languages); err != nil {
		return w, err
	}
	first, _ := r.first() // a parsed row always has one
	from, until := r.span()
	w.Starts = schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:" + strings.ReplaceAll(first.String(), "-", "") +
		"T" + timeText(r.Start.Minutes()) + "00\nRRULE:" + rule(r.Days), From: &from, Until: &until}
	w.Length = schedules.Millis{Duration: r.Stop - r.Start}
	w.FrequencyKHz = r.FrequencyKHz
	for _, other := range same[1:] {
		w.AlsoKHz = append(w.AlsoKHz, other.FrequencyKHz)
	}
	return w, nil
}

// rule formats days of the week for RFC 5545.
func rule(d Days) string {
	if d == everyDay {
		return "FREQ=DAILY"
	}
	var on []string
	for n, name := range []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"} {
		if d[n] {
			on = append(on, name)
		}
	}
	return "FREQ=WEEKLY;BYDAY=" + strings.Join(on, ",")
}
