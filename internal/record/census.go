package record

import (
	"time"

	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Census holds current counts, taken from memory.
type Census struct {
	Segments map[schedules.State]int
	Queues   int
	Stations []wire.Status // of stations that have reported a status
	Sequence int64         // of the change feed

	// Problems counts the standing problems of each station, by code.
	Problems map[string]map[string]int
	// Published is for how long from now on every window of each station is published.
	Published map[string]time.Duration
}

// Census returns the current counts.
func (l *Logbook) Census() Census {
	c := Census{Segments: map[schedules.State]int{}, Sequence: l.replica.Sequence(), Problems: map[string]map[string]int{},
		Published: map[string]time.Duration{}}
	for _, s := range []schedules.State{schedules.Analysing, schedules.Rejected, schedules.Pending, schedules.Approved,
		schedules.Recalled} {
		if n := replica.SegmentsIn(l.replica).Count(replica.ByState, string(s)); n > 0 {
			c.Segments[s] = n
		}
	}
	for range replica.QueuesIn(l.replica).After("", "") {
		c.Queues++
	}
	for id, row := range replica.StationsIn(l.replica).After("", "") {
		c.Published[id] = max(0, l.network.StationProblems.PublishedUntil(row.Value).Sub(l.now()))
		c.Problems[id] = map[string]int{"no_fallback": 0, "fallback_reserve": 0, "fallback_ends": 0, "definition": 0,
			"left_behind": 0,
			"held_twice":  0, "open_time": 0,
			"store_set_back": 0, "implausible": 0, "two_players": 0, "mass_recall": 0, "token_ends": 0,
			"order_stopped": 0, "order_unconfirmed": 0, "day_unplanned": 0, "day_unpublished": 0, "day_withdrawn": 0,
			"day_stands_in": 0}
		for code := range network.DoubtCodes {
			c.Problems[id][code] = 0
		}
		for _, p := range l.network.StationProblems.Of(id) {
			c.Problems[id][p.Code]++
		}
		if s, err := l.Status(id); err == nil {
			c.Stations = append(c.Stations, s)
		}
	}
	return c
}
