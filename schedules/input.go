package schedules

import (
	"fmt"
	"slices"
	"time"
)

// Input is everything that a plan depends on. Nothing in it is changed by planning. The order of its lists does not
// matter, except where a list is an order (a clock's positions, a station's fallback).
type Input struct {
	Station   Station
	Date      Date
	Clocks    map[string]Clock
	Library   *Library
	History   []Airing   // of all stations, in any order; what aired or is published. Airings in this day's own windows are ignored
	Owed      []MakeGood // of this station
	Campaigns []Campaign
	Keep      []Item // items that stay as they are: frozen, locked, aired, or asked for
	Seed      uint64

	// Published is what the day is published as. Its windows that start by Frozen stay as they are there, whatever the
	// definitions say now: nothing is planned in them, and what the definitions would put over them gives way.
	Published Rundown
	Frozen    time.Time
	Over      time.Time // what has ended by then makes nothing good that is owed

	whole bool  // all windows of Published stay, and no others are there
	mend  *mend // all that is planned; nil: the day
	order int   // in which other order the day is planned; 0: the first
}

// day is the planned broadcast day with its window occurrences.
type day struct {
	station    *Station
	date       Date
	loc        *time.Location
	start, end int64 // Unix ms
	windows    []window
}

// window is one occurrence with its clock.
type window struct {
	Occurrence
	def        Window
	start, end int64
	tolerance  int64
	clock      Clock // fitted to the occurrence
	asked      Clock // as it is defined
	languages  []string
	rules      *ruleset
	stands     bool // as it is published: nothing is planned in it
}

// day expands the windows of the input's date. It fails, before any planning, on definitions that cannot be read.
func (in Input) day() (*day, error) {
	if in.Library == nil {
		return nil, fmt.Errorf("schedules: plan %s %s: no library", in.Station.ID, in.Date)
	}
	loc, err := Zone(in.Station.Timezone)
	if err != nil {
		return nil, fmt.Errorf("schedules: plan %s %s: %w", in.Station.ID, in.Date, err)
	}
	start, end := dayBounds(in.Date, loc)
	d := &day{station: &in.Station, date: in.Date, loc: loc, start: start.UnixMilli(), end: end.UnixMilli()}
	windows, err := in.Windows()
	if err != nil {
		return nil, fmt.Errorf("schedules: plan %s: %w", in.Date, err)
	}
	compiled := map[string]*ruleset{}
	for _, x := range windows {
		w := window{Occurrence: x.Occurrence, start: x.StartAt.UnixMilli(), end: x.EndAt.UnixMilli(),
			def:       Window{ID: x.Window, Length: x.Ordinary, Tolerance: x.Tolerance},
			tolerance: x.Tolerance.Milliseconds(), asked: x.Clock, clock: x.fitted(in.Library), languages: x.Languages, stands: x.Stands}
		if n := len(d.windows); n > 0 && d.windows[n-1].end > w.start {
			return nil, undefined("station %s: windows %s and %s overlap at %s: move or shorten one of them", in.Station.ID,
				d.windows[n-1].Window, w.Window, w.StartAt.In(loc).Format("2006-01-02 15:04:05 MST"))
		}
		d.windows = append(d.windows, w)
	}
	for i := range d.windows {
		w := &d.windows[i]
		if compiled[w.clock.ID] == nil {
			compiled[w.clock.ID] = compileRules(in.Library, d, w.clock)
		}
		w.rules = compiled[w.clock.ID]
	}
	for _, a := range sortedKeys(compiled) {
		for _, b := range sortedKeys(compiled) {
			if a != b {
				compiled[a].borrow(compiled[b])
			}
		}
	}
	return d, nil
}

// week is the station's week, Monday to Monday, around the day.
func (d *day) week() [2]int64 {
	monday := d.date.AddDays(-(int(d.date.utc().Weekday()) + 6) % 7)
	start, _ := dayBounds(monday, d.loc)
	_, end := dayBounds(monday.AddDays(6), d.loc)
	return [2]int64{start.UnixMilli(), end.UnixMilli()}
}

// dayparts are the instances of the daypart that the day's windows can touch; those that adjoin are joined.
func (d *day) dayparts(p Daypart) [][2]int64 {
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

// own reports whether the airing lies in one of the day's own windows.
func (d *day) own(start int64) bool {
	return slices.ContainsFunc(d.windows, func(w window) bool { return start >= w.start && start < w.end })
}
