package record

import (
	"context"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Queues reads published queues.
type Queues struct {
	replica *replica.Replica
	store   replica.Documents
}

// Counter returns the document that counts a station's revisions, at revision 0 before the first.
func (s *Queues) Counter(ctx context.Context, station string) (store.Document, error) {
	d, err := s.store.Get(ctx, replica.KindCounter, station)
	if fault.Is(err, fault.NotFound) {
		return store.Document{}, nil
	}
	return d, err
}

// Await returns Queue's answer. It waits, until ctx ends, while the queue's revision is still the known one. It calls
// date before each look, since "today" changes.
func (s *Queues) Await(ctx context.Context, station string, date func() schedules.Date, known int64) (
	*replica.Signed[wire.Queue], error) {
	return replica.Await(ctx, s.replica, replica.Topic(replica.KindQueue, station), known,
		func() (*replica.Signed[wire.Queue], int64, error) {
			q, err := s.Queue(context.WithoutCancel(ctx), station, date())
			if err != nil {
				return nil, 0, err
			}
			return q, q.Value.Revision, nil
		})
}

// Queue returns the queue that is published for a day. It fails with NotFound.
func (s *Queues) Queue(ctx context.Context, station string, date schedules.Date) (*replica.Signed[wire.Queue], error) {
	id := replica.DayID(station, date)
	if row, ok := replica.QueuesIn(s.replica).Get(id); ok {
		return row.Value, nil
	}
	d, err := s.store.Get(ctx, replica.KindQueue, id) // too old for the replica
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "nothing is published for station %q on %s", station, date)
	}
	if err != nil {
		return nil, err
	}
	return replica.SharedQueue(d.Body)
}

// PublishedQueue returns the queue that is published for a day. It fails with NotFound when none is, or when it was
// withdrawn.
func (s *Queues) PublishedQueue(ctx context.Context, station string, date schedules.Date) (*replica.Signed[wire.Queue],
	error) {
	q, err := s.Queue(ctx, station, date)
	if err == nil && q.Value.Withdrawn {
		return nil, fault.New(fault.NotFound, "nothing is published for station %q on %s: the day was withdrawn", station,
			date)
	}
	return q, err
}
