package control

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	playersKept = time.Hour                     // after its last report, a player is known
	playersMost = 8                             // that are known of one station
	playerGone  = 2*time.Minute + time.Minute/2 // without a report, a player has stopped: it sends one a minute
)

// reporting is who reports for a station after a report of an instance at an instant.
func reporting(known []wire.Player, instance string, at schedules.Instant) []wire.Player {
	if instance == "" { // an older player
		return known
	}
	known = slices.DeleteFunc(slices.Clone(known), func(p wire.Player) bool { return at.Sub(p.Last.Time) > playersKept })
	if n := slices.IndexFunc(known, func(p wire.Player) bool { return p.Instance == instance }); n >= 0 {
		known[n].Last = at
		return known
	}
	if len(known) == playersMost {
		slices.SortStableFunc(known, func(a, b wire.Player) int { return cmp.Compare(a.Last.UnixMilli(), b.Last.UnixMilli()) })
		known = known[1:]
	}
	return append(known, wire.Player{Instance: instance, First: at, Last: at})
}

// atOnce is how many players report for a station side by side: one that has reported after a later one began is no
// predecessor of it.
func atOnce(known []wire.Player, now time.Time) int {
	live := map[string]bool{}
	for _, a := range known {
		for _, b := range known {
			if a.First.Before(b.First.Time) && a.Last.After(b.First.Time) && now.Sub(a.Last.Time) < playerGone && now.Sub(b.Last.Time) < playerGone {
				live[a.Instance], live[b.Instance] = true, true
			}
		}
	}
	return len(live)
}

// crowded says that several players report for a station now.
func (s *Scheduler) crowded(st schedules.Station) []schedules.StationProblem {
	row, _ := statusesIn(s.mirror).get(st.ID)
	n := atOnce(row.value.Players, s.now())
	if n < 2 {
		return nil
	}
	return []schedules.StationProblem{{Code: "two_players", Message: fmt.Sprintf("%d players report for this station, and each airs its queue: two machines have its token, or a copy of "+
		"its state directory. Stop all but one. This ends by itself %d seconds after the others have stopped", n, int(playerGone.Seconds()))}}
}
