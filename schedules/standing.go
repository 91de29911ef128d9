package schedules

import (
	"cmp"
	"slices"
)

// DayWindow is one window occurrence of a broadcast day with what it asks for.
type DayWindow struct {
	Occurrence
	Ordinary  Millis // its length on days on which no clocks change
	Tolerance Millis
	Languages []string
	Clock     Clock
	Stands    bool // it stays as it is published, whatever the definitions say now
}

// Windows are the window occurrences of the input's date, in order of start: those of the published day that stay, and
// the definitions' where none of those is. It is the one answer to what the day's windows are: planner, editor and
// auditor ask here. It fails when a definition cannot be read or names a clock that is not known.
func (in Input) Windows() ([]DayWindow, error) {
	var out []DayWindow
	for _, s := range in.Station.Complete(in.Published).Windows {
		if in.whole || !s.StartAt.After(in.Frozen) {
			out = append(out, in.Standing(s))
		}
	}
	if in.whole {
		return out, nil
	}
	occurrences, err := in.Station.OccurrencesOn(in.Date)
	if err != nil {
		return nil, err
	}
	stand := len(out)
	for _, o := range occurrences {
		if slices.ContainsFunc(out[:stand], func(s DayWindow) bool { return s.overlaps(o) }) {
			continue
		}
		def, _ := in.Station.Window(o.Window)
		clock, ok := in.Clocks[def.Clock]
		if !ok {
			return nil, undefined("station %s: window %s follows clock %q, which is not known", in.Station.ID, o.Window,
				def.Clock)
		}
		out = append(out, DayWindow{Occurrence: o, Ordinary: def.Length, Tolerance: def.Tolerance,
			Languages: in.Station.Allowed(def), Clock: clock})
	}
	slices.SortStableFunc(out, func(a, b DayWindow) int {
		return cmp.Compare(a.StartAt.UnixMilli(),
			b.StartAt.UnixMilli())
	})
	return out, nil
}

// DisjointWindows are the Windows of the day, of which no two overlap. It fails as Windows does, and where two do.
func (in Input) DisjointWindows() ([]DayWindow, error) {
	loc, err := Zone(in.Station.Timezone)
	if err != nil {
		return nil, err
	}
	windows, err := in.Windows()
	if err != nil {
		return nil, err
	}
	for n := 1; n < len(windows); n++ {
		if before, w := windows[n-1], windows[n]; before.EndAt.After(w.StartAt.Time) {
			return nil, undefined("station %s: windows %s and %s overlap at %s: move or shorten one of them", in.Station.ID,
				before.Window, w.Window, w.StartAt.Wall(loc))
		}
	}
	return windows, nil
}

// overlaps reports whether both occurrences share an instant.
func (o Occurrence) overlaps(other Occurrence) bool {
	return o.StartAt.Before(other.EndAt.Time) && other.StartAt.Before(o.EndAt.Time)
}

// Standing is a window as it was published. Of rundowns that do not say what it asked for, the definitions tell, as far
// as they know the window.
func (in Input) Standing(s Slot) DayWindow {
	def, _ := in.Station.Window(s.Window)
	w := DayWindow{Occurrence: s.Occurrence, Tolerance: s.Tolerance, Languages: s.Languages, Stands: true}
	id := cmp.Or(s.Clock, def.Clock)
	var known bool
	if w.Clock, known = in.Published.Clocks[id]; !known {
		w.Clock = in.Clocks[id]
	}
	if now, known := in.Clocks[id]; known && !in.whole { // one day has one clock of an id
		w.Clock = now
	}
	w.Ordinary = Millis{w.EndAt.Sub(w.StartAt.Time)}
	if l := w.Clock.Length; l.Duration > 0 && (l.Duration-w.Ordinary.Duration).Abs() > w.Tolerance.Duration {
		w.Ordinary = l
	}
	return w
}

// FittedClock is the window's clock for the length that it has on that day.
func (w DayWindow) FittedClock(l *Library) Clock {
	return w.Clock.fitted(w.Ordinary.Duration, w.EndAt.Sub(w.StartAt.Time), l)
}

// Complete says of the windows of a rundown of old, which does not, what languages they air: as the definitions have
// it.
func (s Station) Complete(r Rundown) Rundown {
	r.Windows = slices.Clone(r.Windows)
	for i := range r.Windows {
		if w := &r.Windows[i]; len(w.Languages) == 0 {
			def, _ := s.Window(w.Window)
			w.Languages = s.Allowed(def)
		}
	}
	return r
}

// ForPublished is the input for changing r in the windows that it has, not in those of the definitions.
func (in Input) ForPublished(r Rundown) Input {
	in.Published, in.whole = in.Station.Complete(r), true
	if r.Timezone != "" {
		in.Station.Timezone = r.Timezone
	}
	return in
}

// Kept is what stays of a day of those windows: what the input says, and all items of the windows that stand.
func (in Input) Kept(windows []DayWindow) []Item {
	keep := in.Keep
	for _, i := range in.Published.Items {
		stands := slices.ContainsFunc(windows, func(w DayWindow) bool { return w.Stands && w.Contains(i.StartAt.Time) })
		if !in.whole && stands && !slices.ContainsFunc(in.Keep, func(k Item) bool { return k.ID == i.ID }) {
			keep = append(keep[:len(keep):len(keep)], i)
		}
	}
	return keep
}
