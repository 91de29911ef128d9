package network

import (
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// PlausibleAhead is how far ahead of the time a number may be that a service gives.
const PlausibleAhead = 30 * 24 * time.Hour

// Plausible reports whether a station can have seen a number by now: the floor that is raised above it is one that a
// service may number above.
func Plausible(number int64, now time.Time) bool {
	most := now.Add(PlausibleAhead).Unix()
	return number <= most && replica.Floor{}.Raised(now, number).Above <= most
}

// SeenBy are the numbers that a station says it has seen. An older player tells only what it holds.
func SeenBy(s wire.Status) wire.Seen {
	seen := wire.Seen{Recalls: wire.SeenMark{Revision: s.RecallsSeen}, Queues: s.QueueRevision}
	if s.Seen != nil {
		seen.Recalls.Revision = max(seen.Recalls.Revision, s.Seen.Recalls.Revision)
		seen.Recalls.IssuedAt, seen.Fallback = s.Seen.Recalls.IssuedAt, s.Seen.Fallback
		seen.Queues = max(seen.Queues, s.Seen.Queues)
	}
	return seen
}

const playerGone = 2*time.Minute + time.Minute/2 // without a report, a player has stopped: it sends one a minute

// atOnce is how many players report for a station side by side: one that has reported after a later one began is no
// predecessor of it.
func atOnce(known []wire.Player, now time.Time) int {
	live := map[string]bool{}
	for _, a := range known {
		for _, b := range known {
			if a.First.Before(b.First.Time) && a.Last.After(b.First.Time) && now.Sub(a.Last.Time) < playerGone &&
				now.Sub(b.Last.Time) < playerGone {
				live[a.Instance], live[b.Instance] = true, true
			}
		}
	}
	return len(live)
}
