package scheduling

import (
	"context"
	"slices"
	"time"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// LeaseIssuer answers requests of stations, signing the nonce of the request with the answer: leases, which permit a
// station to air sensitive segments, and freshness, which tells it the time and the newest revisions.
type LeaseIssuer struct {
	*core
	lease time.Duration // how long a lease lasts
}

// leaseLate is an allowance for a lease that was issued shortly after a recall without knowledge of it (the store's
// timeout), and for the offset between a station's clock and the service's.
const leaseLate = 10 * time.Second

// Issue returns a new lease for a station: the sensitive segments in its queues and its fallback list that may air now.
// It fails with Unavailable while the store cannot be reached, because a recall may then be unknown here: leases expire
// rather than being renewed from an older state.
func (s *LeaseIssuer) Issue(ctx context.Context, station, nonce string) (replica.Signed[wire.Lease], error) {
	if _, err := s.network.Station(station); err != nil {
		return replica.Signed[wire.Lease]{}, err
	}
	now := s.now() // read before CatchUp, so that every recall until then is known
	if err := s.replica.CatchUp(ctx); err != nil {
		return replica.Signed[wire.Lease]{}, err
	}
	l := wire.Lease{Schema: wire.LeaseSchema, Station: station, Nonce: nonce, IssuedAt: schedules.At(now),
		ExpiresAt: schedules.At(now.Add(s.lease)),
		Segments:  s.leasable(station, now)}
	envelope, err := replica.SignJSON(s.signer, wire.LeaseType, l)
	return replica.Signed[wire.Lease]{Value: l, Envelope: replica.NewText(envelope)}, err
}

// freshDays is for how many days after its date a published day is included in a station's freshness.
const freshDays = 3

// Freshness returns, signed, the service's time and the newest revisions of the documents that a station pulls. It
// fails with Unavailable while the store cannot be reached, because there may then be newer revisions.
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
	envelope, err := replica.SignJSON(s.signer, wire.FreshnessType, f)
	return replica.NewText(envelope), err
}

// leasable returns the sensitive segments that are in the station's documents and may still air.
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
		if known && seg.Sensitive && seg.State == schedules.Approved && life.BlockedBecause == "" && (life.Until.IsZero() ||
			life.Until.After(now)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ends returns the latest instant at which a station without a link stops airing a recalled sensitive segment: it
// starts no item of it after its lease, and an item that it airs then plays to its end. bound is false if the station's
// list was published before the segment became sensitive, because such a list requires no lease.
func (s *LeaseIssuer) ends(segment string, published, recalled schedules.Instant, length time.Duration) (
	at schedules.Instant, bound bool) {
	seg, known := s.network.Segment(segment)
	if !known || !seg.Sensitive || published.Before(seg.GuardedSince.Time) {
		return at, false
	}
	return schedules.At(recalled.Add(s.lease + leaseLate + length)), true
}
