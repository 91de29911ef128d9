package planner

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"lifeline/schedules"
)

// day is the planned broadcast day with its window occurrences.
type day struct {
	station    *schedules.Station
	date       schedules.Date
	loc        *time.Location
	start, end int64 // Unix ms
	windows    []window
}

// window is a window occurrence with its clock.
type window struct {
	schedules.Occurrence
	def          schedules.Window
	start, end   int64
	tolerance    int64
	clock        schedules.Clock // fitted to the occurrence
	definedClock schedules.Clock // as defined
	languages    []string
	rules        *ruleset
	published    bool // stays as published: nothing is planned in it
	repeats      bool // repeats another window: nothing is planned in it
	repeatOf     *schedules.RepeatOf
}

// day expands the windows of the input's date. It fails if a definition cannot be read.
func (j *job) day() (*day, error) {
	loc, err := schedules.Zone(j.Station.Timezone)
	if err != nil {
		return nil, fmt.Errorf("planner: plan %s %s: %w", j.Station.ID, j.Date, err)
	}
	start, end := j.Date.Bounds(loc)
	d := &day{station: &j.Station, date: j.Date, loc: loc, start: start.UnixMilli(), end: end.UnixMilli()}
	windows, err := j.DisjointWindows()
	if err != nil {
		return nil, fmt.Errorf("planner: plan %s: %w", j.Date, err)
	}
	j.Keep = j.Kept(windows)
	compiled := map[string]*ruleset{}
	repeating := j.Repeating(windows)
	for n, x := range windows {
		w := window{Occurrence: x.Occurrence, start: x.StartAt.UnixMilli(), end: x.EndAt.UnixMilli(),
			def:       schedules.Window{ID: x.Window, Length: x.Ordinary, Tolerance: x.Tolerance},
			tolerance: x.Tolerance.Milliseconds(), definedClock: x.Clock, clock: x.FittedClock(j.Library),
			languages: x.Languages, published: x.Published, repeats: repeating[n], repeatOf: x.RepeatOf}
		if j.anew != nil && j.anew.Window == x.Window && j.anew.StartAt.Equal(x.StartAt.Time) {
			w.published = false
			w.clock.Positions = slices.DeleteFunc(slices.Clone(w.clock.Positions), func(p schedules.Position) bool {
				return !j.catalogue.airable(&p, &w)
			})
		}
		d.windows = append(d.windows, w)
	}
	for i := range d.windows {
		w := &d.windows[i]
		if compiled[w.clock.ID] == nil {
			compiled[w.clock.ID] = compileRules(j.catalogue, d, w.clock)
		}
		w.rules = compiled[w.clock.ID]
	}
	clocks := slices.Sorted(maps.Keys(compiled))
	for _, a := range clocks {
		for _, b := range clocks {
			if a != b {
				compiled[a].borrow(compiled[b])
			}
		}
	}
	return d, nil
}

// week returns the station's week, Monday to Monday, around the day.
func (d *day) week() [2]int64 {
	monday := d.date.AddDays(-(int(d.date.Weekday()) + 6) % 7)
	start, _ := monday.Bounds(d.loc)
	_, end := monday.AddDays(6).Bounds(d.loc)
	return [2]int64{start.UnixMilli(), end.UnixMilli()}
}

// dayparts returns the periods of the daypart that the day's windows can touch. Adjoining periods are joined.
func (d *day) dayparts(p schedules.Daypart) [][2]int64 {
	var out [][2]int64
	for n := -1; n <= 2; n++ {
		from, until := p.On(d.date.AddDays(n), d.loc)
		a, b := from.UnixMilli(), until.UnixMilli()
		if k := len(out); k > 0 && out[k-1][1] >= a {
			out[k-1][1] = b
			continue
		}
		out = append(out, [2]int64{a, b})
	}
	return out
}

// own reports whether an airing that starts at start lies in one of the day's own windows.
func (d *day) own(start int64) bool {
	return slices.ContainsFunc(d.windows, func(w window) bool { return start >= w.start && start < w.end })
}

// lengthOf returns the index and the field of the length of a window: one of the station, or after those an extra one.
func (d *day) lengthOf(window string) (index int, field string) {
	if k := slices.IndexFunc(d.station.Windows, func(w schedules.Window) bool { return w.ID == window }); k >= 0 {
		return k, fmt.Sprintf("windows[%d].length_ms", k)
	}
	k := slices.IndexFunc(d.station.Exceptions, func(e schedules.Exception) bool {
		return e.Extra && e.Window == window && e.Date == d.date
	})
	if k < 0 {
		return -1, ""
	}
	return len(d.station.Windows) + k, fmt.Sprintf("exceptions[%d].length_ms", k)
}
