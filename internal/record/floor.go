package record

import (
	"context"
	"fmt"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Numbering keeps the revisions of signed documents above the highest that stations have seen.
type Numbering struct {
	replica *replica.Replica
	signer  replica.Signer
	now     func() time.Time
	queues  *Queues
}

// RaiseFloor makes the service number all documents that it signs from now on above any that a station may have seen.
// It is called, before a service starts, on a store that was set back to an older state or whose keys change. The
// service then signs the lists again and, when days is set, every published day that is not over, so that they replace
// the documents that stations hold.
func RaiseFloor(ctx context.Context, docs replica.Documents, by, action string, days bool, now time.Time) error {
	var before replica.Floor
	d, err := docs.Get(ctx, replica.KindFloor, replica.FloorID)
	if err == nil {
		before, err = replica.Decode[replica.Floor](d)
	} else if fault.Is(err, fault.NotFound) {
		err = nil
	}
	if err != nil {
		return err
	}
	next := before.Raised(now, 0)
	if days {
		next.Days = next.Above
	}
	write, err := replica.FloorWrite(next, d.Revision)
	if err != nil {
		return err
	}
	_, err = docs.Commit(ctx, store.Commit{Writes: []store.Write{write}, Origin: access.Actor{Name: by}.Origin(now, action,
		"")})
	return err
}

// ahead returns the highest revision that a station has seen and the store has not reached, and describes it. It
// returns "" when there is none, or when no service can have issued that revision yet.
func (s *Numbering) ahead(ctx context.Context, station string, seen wire.Seen) (number int64, saw string, err error) {
	note := func(n int64, format string, args ...any) {
		if n > number && network.Plausible(n, s.now()) {
			number, saw = n, fmt.Sprintf(format, args...)
		}
	}
	beyond := func(m wire.SeenMark, revision int64, issued schedules.Instant) bool {
		return m.Revision > revision || m.Revision == revision && m.IssuedAt.After(issued.Time)
	}
	recalls, _ := replica.RecallsIn(s.replica).Get(replica.RecallsID)
	if own := recalls.Value.Value; beyond(seen.Recalls, own.Revision, own.IssuedAt) {
		note(seen.Recalls.Revision, "revision %d of the recall list, where the service had %d", seen.Recalls.Revision,
			own.Revision)
	}
	fallback, _ := replica.FallbacksIn(s.replica).Get(station)
	if own := fallback.Value.Value; beyond(seen.Fallback, own.Revision, own.IssuedAt) {
		note(seen.Fallback.Revision, "revision %d of its fallback list, where the service had %d", seen.Fallback.Revision,
			own.Revision)
	}
	latest := int64(0)
	for _, row := range replica.QueuesIn(s.replica).After(station+"/", "") {
		latest = max(latest, row.Value.Value.Revision)
	}
	if seen.Queues <= latest {
		return number, saw, nil
	}
	counter, err := s.queues.Counter(ctx, station)
	if err == nil && counter.Revision > 0 {
		latest, err = replica.Decode[int64](counter)
	}
	if err == nil && seen.Queues > latest {
		note(seen.Queues, "revision %d of a day, where the service had %d", seen.Queues, latest)
	}
	return number, saw, err
}

// RaiseAboveSeen raises the floor when a station has seen a higher revision than the store has, and signs the recall
// list again above it, in the same commit. Resign signs the other documents later. Without RaiseAboveSeen the station
// would refuse every later recall.
func (s *Numbering) RaiseAboveSeen(ctx context.Context, station string, status wire.Status) error {
	seen := network.SeenBy(status)
	if _, saw, err := s.ahead(ctx, station, seen); saw == "" || err != nil {
		return err
	}
	return s.replica.Retry(ctx, func() error {
		if err := s.replica.CatchUp(ctx); err != nil { // another replica may have signed what it saw
			return err
		}
		number, saw, err := s.ahead(ctx, station, seen)
		if saw == "" || err != nil {
			return err
		}
		next := s.replica.Floor()
		if number <= next.Above && next.Station == station && s.now().Sub(next.Found.Time) < network.SetBackTold {
			return nil // all that is signed is numbered above it already, and it is told
		}
		if number > next.Above {
			next = next.Raised(s.now(), number)
		}
		next.Days, next.Station, next.Saw, next.Found = next.Above, station, saw, schedules.At(s.now())
		write, err := replica.FloorWrite(next, replica.FloorsIn(s.replica).Revision(replica.FloorID))
		if err != nil {
			return err
		}
		list, err := library.SignRecalls(s.replica, s.signer, next, s.now())
		if err != nil {
			return err
		}
		return s.replica.Commit(ctx, store.Commit{Writes: []store.Write{write, list}, Origin: access.System.Origin(s.now(),
			"recalls.raise", "station "+station+" had seen "+saw)})
	})
}
