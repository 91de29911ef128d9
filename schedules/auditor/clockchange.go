package auditor

import (
	"time"

	"lifeline/schedules"
)

// nightFade is how much of an item may be faded away in a window that a change of clocks makes shorter or longer.
const nightFade = 30 * time.Second

// refitted reports whether the window has another length than on ordinary days: its clock then fits as far as it can.
func (a *audit) refitted(w *window) bool {
	return w.EndAt.Sub(w.StartAt.Time) != w.Ordinary.Duration
}

// clockChanges checks the lengths of the day's windows against the rule for changes of clocks, from the instants alone:
// a window has another length only where clocks change about it and where it then reaches to the next one, and a window
// that leaves the hour which comes twice before the next one must reach across it.
func (a *audit) clockChanges() {
	next, err := a.in.Station.OccurrencesOn(a.in.Date.AddDays(1))
	if err != nil {
		a.say(true, "rundown", "", "", "%v", err)
		return
	}
	for n := range a.windows {
		w := &a.windows[n]
		def, known := a.in.Station.Window(w.Window)
		zone, err := schedules.Zone(def.Starts.Timezone)
		if !known || err != nil || w.Stands || w.over {
			continue
		}
		var follower *schedules.Occurrence
		switch {
		case n+1 < len(a.windows):
			follower = &a.windows[n+1].Occurrence
		case len(next) > 0:
			follower = &next[0]
		}
		if follower != nil && follower.StartAt.Before(w.EndAt.Time) {
			a.say(true, "window", w.Window, "", "the window of %s runs into window %s", a.wall(w.StartAt), follower.Window)
			continue
		}
		pause := schedules.MaxPause + 1
		alike := false
		if follower != nil {
			pause = follower.StartAt.Sub(w.EndAt.Time)
			other, _ := a.in.Station.Window(follower.Window)
			alike = other.Starts.Timezone == def.Starts.Timezone
		}
		ordinary := w.StartAt.Add(def.Length.Duration)
		back := shift(zone, w.StartAt.Time, w.EndAt.Add(pause))
		switch {
		case a.refitted(w) && shift(zone, w.StartAt.Add(-28*time.Hour), w.EndAt.Add(28*time.Hour)) == 0:
			a.say(true, "window", w.Window, "", "the window of %s has another length than its %s, and no clock changes",
				a.wall(w.StartAt), plainTime(def.Length.Duration))
		case a.refitted(w) && pause > schedules.MaxPause:
			a.say(true, "window", w.Window, "",
				"the window of %s has another length than its %s, and does not reach to the next", a.wall(w.StartAt),
				plainTime(def.Length.Duration))
		case w.EndAt.Equal(ordinary) && alike && back < 0 && pause+back >= 0 && pause+back <= schedules.MaxPause:
			a.say(true, "window", w.Window, "", "the window of %s leaves the time that comes twice to silence",
				a.wall(w.StartAt))
		}
	}
}

// shift is by how much clocks are put forward between two instants; below zero, back.
func shift(zone *time.Location, from, to time.Time) time.Duration {
	_, before := from.In(zone).Zone()
	_, after := to.In(zone).Zone()
	return time.Duration(after-before) * time.Second
}
