package scheduling

import (
	"context"
	"slices"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// LeaseIssuer answers the requests of stations that name a nonce, and signs the nonce with the answer: leases, by which
// they may air what is sensitive, and freshness, by which they know the time and what is new.
type LeaseIssuer struct {
	*core
	lease time.Duration // how long one lasts
}

// leaseLate is by how much a lease may have been issued after a recall that it knows nothing of (the store's patience),
// and a station's clock may be off the service's.
const leaseLate = 10 * time.Second

// Issue is a fresh lease for a station: of the sensitive segments in its queues and its fallback those that may air
// now. It fails with Unavailable while the store is out of reach, since a recall may then be unknown here: leases run
// out rather than be renewed from an older state.
func (s *LeaseIssuer) Issue(ctx context.Context, station, nonce string) (replica.Sealed[wire.Lease], error) {
	if _, err := s.network.Station(station); err != nil {
		return replica.Sealed[wire.Lease]{}, err
	}
	now := s.now() // before it is known that nothing was recalled by then
	if err := s.replica.CatchUp(ctx); err != nil {
		return replica.Sealed[wire.Lease]{}, err
	}
	l := wire.Lease{Schema: wire.LeaseSchema, Station: station, Nonce: nonce, IssuedAt: schedules.At(now),
		ExpiresAt: schedules.At(now.Add(s.lease)),
		Segments:  s.leasable(station, now)}
	envelope, err := replica.SealJSON(s.sealer, wire.LeaseType, l)
	return replica.Sealed[wire.Lease]{Value: l, Envelope: replica.NewText(envelope)}, err
}

// freshDays is for how many days after its date a published day is named in a station's freshness.
const freshDays = 3

// Freshness tells a station the service's time and the newest revisions of what it pulls. It fails with Unavailable
// while the store is out of reach, since there may then be newer ones.
func (s *LeaseIssuer) Freshness(ctx context.Context, station, nonce string) (replica.Text, error) {
	if _, err := s.network.Station(station); err != nil {
		return replica.Text{}, err
	}
	if err := s.replica.CatchUp(ctx); err != nil {
		return replica.Text{}, err
	}
	now := s.now()
	recalls, _ := replica.RecallsIn(s.replica).Get(replica.RecallsID)
	fallback, _ := replica.FallbacksIn(s.replica).Get(station)
	f := wire.Freshness{Schema: wire.FreshnessSchema, Station: station, Nonce: nonce, At: schedules.At(now),
		Recalls: recalls.Value.Value.Revision, Fallback: fallback.Value.Value.Revision, Queues: map[string]int64{}}
	for _, row := range replica.QueuesIn(s.replica).After(station+"/", "") {
		if q := row.Value.Value; !q.Date.AddDays(freshDays).Before(schedules.DateOf(now)) {
			f.Queues[q.Date.String()] = q.Revision
		}
	}
	envelope, err := replica.SealJSON(s.sealer, wire.FreshnessType, f)
	return replica.NewText(envelope), err
}

// leasable are the sensitive segments that a station was given and that may still air.
func (s *LeaseIssuer) leasable(station string, now time.Time) []string {
	found := map[string]bool{}
	note := func(items []wire.QueueItem) {
		for _, i := range items {
			found[i.SegmentID] = true
		}
	}
	for _, row := range replica.QueuesIn(s.replica).After(station+"/", "") {
		note(row.Value.Value.Items)
		note(row.Value.Value.Fallback)
	}
	if row, ok := replica.FallbacksIn(s.replica).Get(station); ok {
		note(row.Value.Value.Items)
	}
	library, ids := s.planning.Library(), []string{}
	for id := range found {
		seg, known := library.Segment(id)
		life, _ := library.Life(id)
		if known && seg.Sensitive && seg.State == schedules.Approved && life.Dead == "" && (life.Until.IsZero() ||
			life.Until.After(now)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ends is when at the latest a station that nobody reaches has aired the last of a recalled sensitive segment: it
// begins nothing of it after its lease, and what it then airs ends. It is not bound to when the list that the station
// holds was published before the segment became sensitive.
func (s *LeaseIssuer) ends(segment string, published, recalled schedules.Instant, length time.Duration) (
	at schedules.Instant, bound bool) {
	seg, known := s.network.Segment(segment)
	if !known || !seg.Sensitive || published.Before(seg.GuardedSince.Time) {
		return at, false
	}
	return schedules.At(recalled.Add(s.lease + leaseLate + length)), true
}
