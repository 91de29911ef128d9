package control

import (
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Census counts what is there now, from memory.
type Census struct {
	Segments map[schedules.State]int
	Queues   int
	Stations []wire.Status // of stations that have said how they stand
	Sequence int64         // of the change feed
}

// Census takes one.
func (l *Logbook) Census() Census {
	c := Census{Segments: map[schedules.State]int{}, Sequence: l.mirror.Sequence()}
	for _, s := range []schedules.State{schedules.Analysing, schedules.Rejected, schedules.Pending, schedules.Approved, schedules.Recalled} {
		if n := l.mirror.segments.count(byState, string(s)); n > 0 {
			c.Segments[s] = n
		}
	}
	for range l.mirror.queues.after("", "") {
		c.Queues++
	}
	for id := range l.mirror.stations.after("", "") {
		if s, err := l.Status(id); err == nil {
			c.Stations = append(c.Stations, s)
		}
	}
	return c
}
