package network

import (
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
)

// PlausibleAhead is how far ahead of the present time the numbers of a service may be.
const PlausibleAhead = 30 * 24 * time.Hour

// Plausible reports whether a station can have seen a number by now: a floor raised above it must still be within the
// numbers of a service.
func Plausible(number int64, now time.Time) bool {
	most := now.Add(PlausibleAhead).Unix()
	return number <= most && replica.Floor{}.Raised(now, number).Above <= most
}

// SeenBy returns the numbers that a station claims to have seen. An older player reports only those of its documents.
func SeenBy(s wire.Status) wire.Seen {
	seen := wire.Seen{Recalls: wire.SeenMark{Revision: s.RecallsSeen}, Queues: s.QueueRevision}
	if s.Seen != nil {
		seen.Recalls.Revision = max(seen.Recalls.Revision, s.Seen.Recalls.Revision)
		seen.Recalls.IssuedAt, seen.Fallback = s.Seen.Recalls.IssuedAt, s.Seen.Fallback
		seen.Queues = max(seen.Queues, s.Seen.Queues)
	}
	return seen
}

// a player without a report for so long has stopped: it sends one a minute
const playerGone = 2*time.Minute + time.Minute/2

// playersAtOnce returns how many players report for a station at the same time. A player that reported after a later
// one began is not its predecessor.
func playersAtOnce(known []wire.Player, now time.Time) int {
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
