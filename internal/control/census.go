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

	// Standing counts what stands against each station, by code.
	Standing map[string]map[string]int
}

// Census takes one.
func (l *Logbook) Census() Census {
	c := Census{Segments: map[schedules.State]int{}, Sequence: l.mirror.Sequence(), Standing: map[string]map[string]int{}}
	for _, s := range []schedules.State{schedules.Analysing, schedules.Rejected, schedules.Pending, schedules.Approved, schedules.Recalled} {
		if n := segmentsIn(l.mirror).count(byState, string(s)); n > 0 {
			c.Segments[s] = n
		}
	}
	for range queuesIn(l.mirror).after("", "") {
		c.Queues++
	}
	for id := range stationsIn(l.mirror).after("", "") {
		c.Standing[id] = map[string]int{"no_fallback": 0, "fallback_ends": 0, "definition": 0, "left_behind": 0, "held_twice": 0,
			"store_set_back": 0, "implausible": 0, "two_players": 0}
		for _, p := range l.scheduler.Standing(id) {
			c.Standing[id][p.Code]++
		}
		if s, err := l.Status(id); err == nil {
			c.Stations = append(c.Stations, s)
		}
	}
	return c
}
