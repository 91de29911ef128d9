package record

import (
	"context"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Queues reads what is published.
type Queues struct {
	replica *replica.Replica
	store   replica.Documents
}

// Counter is the document that counts a station's revisions; at revision 0 before the first.
func (s *Queues) Counter(ctx context.Context, station string) (store.Document, error) {
	d, err := s.store.Get(ctx, replica.KindCounter, station)
	if fault.Is(err, fault.NotFound) {
		return store.Document{}, nil
	}
	return d, err
}

// Await is Queue, held back while its revision is known and ctx lasts. date is asked for at every look, since
// "today" changes.
func (s *Queues) Await(ctx context.Context, station string, date func() schedules.Date, known int64) (
	*replica.Sealed[wire.Queue], error) {
	return replica.Await(ctx, s.replica, replica.Topic(replica.KindQueue, station), known,
		func() (*replica.Sealed[wire.Queue], int64, error) {
			q, err := s.Queue(context.WithoutCancel(ctx), station, date())
			if err != nil {
				return nil, 0, err
			}
			return q, q.Value.Revision, nil
		})
}

// Queue is what a station airs on a day. It fails with NotFound when nothing is published for it.
func (s *Queues) Queue(ctx context.Context, station string, date schedules.Date) (*replica.Sealed[wire.Queue], error) {
	id := replica.DayID(station, date)
	if row, ok := replica.QueuesIn(s.replica).Get(id); ok {
		return row.Value, nil
	}
	d, err := s.store.Get(ctx, replica.KindQueue, id) // older than what the replica keeps
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "nothing is published for station %q on %s", station, date)
	}
	if err != nil {
		return nil, err
	}
	return replica.SharedQueue(d.Body)
}

// StandingQueue is what a station airs on a day. It fails with NotFound when nothing is published for it, or it was
// withdrawn.
func (s *Queues) StandingQueue(ctx context.Context, station string, date schedules.Date) (*replica.Sealed[wire.Queue],
	error) {
	q, err := s.Queue(ctx, station, date)
	if err == nil && q.Value.Withdrawn {
		return nil, fault.New(fault.NotFound, "nothing is published for station %q on %s: the day was withdrawn", station,
			date)
	}
	return q, err
}
