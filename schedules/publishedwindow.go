package schedules

import (
	"cmp"
	"slices"
)

// DayWindow is one window occurrence of a broadcast day with its requirements.
type DayWindow struct {
	Occurrence
	Ordinary  Millis // its length on days on which clocks do not change
	Tolerance Millis
	Languages []string
	Clock     Clock
	Published bool // it stays as published, even if the definitions have changed
	Repeats   *WindowRepeat
	RepeatOf  *RepeatOf // of a published window
}

// Windows returns the window occurrences of the input's date, ordered by start: the published windows that stay, and
// the defined windows that overlap none of those. Planner, editor and auditor all use it. It fails when a definition is
// invalid or names an unknown clock.
func (in Input) Windows() ([]DayWindow, error) {
	var out []DayWindow
	for _, s := range in.Station.Complete(in.Published).Windows {
		if in.publishedOnly || !s.StartAt.After(in.Frozen) {
			out = append(out, in.PublishedWindow(s))
		}
	}
	if in.publishedOnly {
		return out, nil
	}
	occurrences, err := in.Station.AirTimesOn(in.Date)
	if err != nil {
		return nil, err
	}
	stand := len(out)
	for _, o := range occurrences {
		if slices.ContainsFunc(out[:stand], func(s DayWindow) bool { return s.overlaps(o.Occurrence) }) {
			continue
		}
		def := *o.Terms
		clock, ok := in.Clocks[def.Clock]
		if !ok {
			return nil, undefined("station %s: window %s follows clock %q, which is not known", in.Station.ID, def.ID,
				def.Clock)
		}
		out = append(out, DayWindow{Occurrence: o.Occurrence, Ordinary: def.Length, Tolerance: def.Tolerance,
			Languages: in.Station.Allowed(def), Clock: clock, Repeats: def.Repeats})
	}
	slices.SortStableFunc(out, func(a, b DayWindow) int {
		return cmp.Compare(a.StartAt.UnixMilli(),
			b.StartAt.UnixMilli())
	})
	return out, nil
}

// DisjointWindows returns the result of Windows. It fails as Windows does, and when two windows overlap.
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

// overlaps reports whether the occurrences share an instant.
func (o Occurrence) overlaps(other Occurrence) bool {
	return o.StartAt.Before(other.EndAt.Time) && other.StartAt.Before(o.EndAt.Time)
}

// PublishedWindow returns a window as it was published. If the rundown lacks the window's requirements, they come from
// the definitions, as far as those still have the window.
func (in Input) PublishedWindow(s Slot) DayWindow {
	def, _ := in.Station.Window(s.Window)
	w := DayWindow{Occurrence: s.Occurrence, Tolerance: s.Tolerance, Languages: s.Languages, Published: true}
	if w.RepeatOf = s.Repeats; s.Repeats != nil {
		w.Repeats = &WindowRepeat{s.Repeats.Window, s.Repeats.DaysBack}
	}
	id := cmp.Or(s.Clock, def.Clock)
	var known bool
	if w.Clock, known = in.Published.Clocks[id]; !known {
		w.Clock = in.Clocks[id]
	}
	if now, known := in.Clocks[id]; known && !in.publishedOnly { // a plan has one clock per id
		w.Clock = now
	}
	w.Ordinary = Millis{w.EndAt.Sub(w.StartAt.Time)}
	if l := w.Clock.Length; l.Duration > 0 && (l.Duration-w.Ordinary.Duration).Abs() > w.Tolerance.Duration {
		w.Ordinary = l
	}
	return w
}

// FittedClock returns the window's clock, fitted to the window's length on that day.
func (w DayWindow) FittedClock(l *Library) Clock {
	return w.Clock.fitted(w.Ordinary.Duration, w.EndAt.Sub(w.StartAt.Time), l)
}

// Complete adds the languages of each window from the definitions, because rundowns of early versions lack them.
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

// ForPublished returns the input for changing r within its own windows rather than those of the definitions.
func (in Input) ForPublished(r Rundown) Input {
	in.Published, in.publishedOnly = in.Station.Complete(r), true
	if r.Timezone != "" {
		in.Station.Timezone = r.Timezone
	}
	return in
}

// Kept returns the items that stay: those that the input keeps, and all items of the windows that stay as published.
func (in Input) Kept(windows []DayWindow) []Item {
	keep := in.Keep
	for _, i := range in.Published.Items {
		stands := slices.ContainsFunc(windows, func(w DayWindow) bool { return w.Published && w.Contains(i.StartAt.Time) })
		if !in.publishedOnly && stands && !slices.ContainsFunc(in.Keep, func(k Item) bool { return k.ID == i.ID }) {
			keep = append(keep[:len(keep):len(keep)], i)
		}
	}
	return keep
}
