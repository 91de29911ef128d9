package auditor

import (
	"slices"
	"time"

	"lifeline/schedules"
)

// clockChangeFade is how much of an item may be faded out in a window that a change of clocks shortens or lengthens.
const clockChangeFade = 30 * time.Second

// refitted reports whether the window's length differs from that of ordinary days. Its clock is then fitted to it.
func (a *audit) refitted(w *window) bool {
	return w.EndAt.Sub(w.StartAt.Time) != w.Ordinary.Duration
}

// clockChanges checks the lengths of the day's windows against the rule for changes of clocks, using instants alone. A
// window may have another length only near a change of clocks and only if it then reaches the next window. A window
// that would leave the repeated hour open before the next one must extend across it.
func (a *audit) clockChanges() {
	today, err := a.in.Station.AirTimesOn(a.in.Date)
	if err != nil {
		a.add(true, "rundown", "", "", "%v", err)
		return
	}
	next, err := a.in.Station.AirTimesOn(a.in.Date.AddDays(1))
	if err != nil {
		a.add(true, "rundown", "", "", "%v", err)
		return
	}
	terms := func(o schedules.Occurrence) (schedules.Window, bool) {
		for _, x := range slices.Concat(today, next) {
			if x.Occurrence.Window == o.Window && x.StartAt.Equal(o.StartAt.Time) {
				return *x.Terms, true
			}
		}
		return a.in.Station.Window(o.Window)
	}
	for n := range a.windows {
		w := &a.windows[n]
		def, known := terms(w.Occurrence)
		zone, err := schedules.Zone(def.Starts.Timezone)
		if !known || err != nil || w.Published || w.over {
			continue
		}
		var follower *schedules.Occurrence
		switch {
		case n+1 < len(a.windows):
			follower = &a.windows[n+1].Occurrence
		case len(next) > 0:
			follower = &next[0].Occurrence
		}
		if follower != nil && follower.StartAt.Before(w.EndAt.Time) {
			a.add(true, "window", w.Window, "", "the window of %s runs into window %s", a.wall(w.StartAt), follower.Window)
			continue
		}
		pause := schedules.MaxPause + 1
		alike := false
		if follower != nil {
			pause = follower.StartAt.Sub(w.EndAt.Time)
			other, _ := terms(*follower)
			alike = other.Starts.Timezone == def.Starts.Timezone
		}
		ordinary := w.StartAt.Add(def.Length.Duration)
		back := shift(zone, w.StartAt.Time, w.EndAt.Add(pause))
		switch {
		case a.refitted(w) && shift(zone, w.StartAt.Add(-28*time.Hour), w.EndAt.Add(28*time.Hour)) == 0:
			a.add(true, "window", w.Window, "", "the window of %s has another length than its %s, and no clock changes",
				a.wall(w.StartAt), plainTime(def.Length.Duration))
		case a.refitted(w) && pause > schedules.MaxPause:
			a.add(true, "window", w.Window, "",
				"the window of %s has another length than its %s, and does not reach to the next", a.wall(w.StartAt),
				plainTime(def.Length.Duration))
		case w.EndAt.Equal(ordinary) && alike && back < 0 && pause+back >= 0 && pause+back <= schedules.MaxPause:
			a.add(true, "window", w.Window, "", "the window of %s leaves the time that comes twice to silence",
				a.wall(w.StartAt))
		}
	}
}

// shift returns by how much clocks are put forward between two instants; it is negative if they are put back.
func shift(zone *time.Location, from, to time.Time) time.Duration {
	_, before := from.In(zone).Zone()
	_, after := to.In(zone).Zone()
	return time.Duration(after-before) * time.Second
}
