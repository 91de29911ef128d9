package network

import (
	"fmt"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// openMost is how much of a published window may be open, so that the fallback airs, without an alarm. For a short
// window the limit is a quarter of its length.
const openMost = 5 * time.Minute

// openNamed is how many such windows of a day are named; the others are counted.
const openNamed = 3

// TooOpen reports whether too much of a published window is open from now on. open is the total length of the open
// times that are still to come.
func TooOpen(q wire.Queue, w schedules.Slot, now time.Time) (open time.Duration, tooOpen bool) {
	for _, o := range q.Open {
		if o.Window != w.Window || !w.Contains(o.StartAt.Time) {
			continue
		}
		from := o.StartAt.Time
		if from.Before(now) {
			from = now
		}
		open += max(o.EndAt.Sub(from), 0)
	}
	return open, open > w.Tolerance.Duration && open > min(openMost, w.EndAt.Sub(w.StartAt.Time)/4)
}

// openTimes returns a problem for each published window with too much open time, with the length of the fallback that
// airs there.
func (s *StationProblems) openTimes(st schedules.Station) (out []schedules.StationProblem) {
	now := s.now()
	for _, row := range replica.QueuesIn(s.replica).After(st.ID+"/", "") {
		q := row.Value.Value
		if !q.ExpiresAt.After(now) {
			continue
		}
		day, found := q.Date, 0
		for _, w := range q.Windows {
			open, tooOpen := TooOpen(q, w, now)
			if !tooOpen {
				continue
			}
			if found++; found > openNamed {
				continue
			}
			whole := w.EndAt.Sub(w.StartAt.Time)
			cure := "Reinstate and approve what fits there, and it is filled as far as it can be, or plan and publish the day anew"
			if !w.StartAt.After(now.Add(st.Freeze.Duration)) {
				cure = "It has begun or is frozen: reinstate and approve what fits there, and it is filled as far as it can be, " +
					"or plan the day anew and publish it with a correction"
			}
			out = append(out, schedules.StationProblem{Code: "open_time", Date: &day,
				Message: fmt.Sprintf("%s: of window %s from %s, which lasts %s, only %s are planned, and %s of it are open and "+
					"still to come. %s. %s", day, w.Window, StationTime(st, w.StartAt.Time), schedules.FormatLength(whole),
					schedules.FormatLength(min(w.Planned.Duration, whole).Truncate(time.Second)),
					schedules.FormatLength(open.Truncate(time.Second)), s.fallbackThere(st, w, open), cure)})
		}
		if more := found - openNamed; more > 0 {
			out[len(out)-1].Message += fmt.Sprintf(". So are %d more windows of %s", more, day)
		}
	}
	return out
}

// fallbackThere describes what the fallback airs in the open time of a window.
func (s *StationProblems) fallbackThere(st schedules.Station, w schedules.Slot, open time.Duration) string {
	var once time.Duration
	for _, f := range s.AirableFallback(st, w.StartAt.Time) {
		once += f.Recording.AirTime().Duration
	}
	switch {
	case once == 0:
		return "No fallback may air there: it would be silent"
	case once < open:
		return "The fallback airs there, and repeats after " + schedules.FormatLength(once.Truncate(time.Second))
	}
	return "The fallback airs there"
}
