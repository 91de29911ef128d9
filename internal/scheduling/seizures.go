package scheduling

import (
	"cmp"
	"context"
	"slices"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Seizures shuts out stations that others have taken, and says what those hold.
type Seizures struct {
	*core
	leases *LeaseIssuer
}

// Seize shuts a station out as access.Seize does, and returns what whoever has it may hold: all days that the service
// still holds for it, and every recording that these and its fallback name. Without the station nobody knows which of
// them had reached it. It fails with NotFound.
func (s *Seizures) Seize(ctx context.Context, a access.Actor, station, reason string) (wire.Seizure, error) {
	if _, err := s.network.Station(station); err != nil {
		return wire.Seizure{}, err
	}
	now := s.now()
	out, err := access.Seize(ctx, s.replica, a, station, reason, now)
	if err != nil {
		return out, err
	}
	out.LeaseUntil = schedules.At(now.Add(s.leases.lease))
	if status, ok := replica.StatusesIn(s.replica).Get(station); ok {
		out.LastContact = status.Value.ReceivedAt
	}
	out.Queues, out.Segments = []wire.HeldQueue{}, []wire.HeldSegment{}
	held := map[string]bool{}
	note := func(items []wire.QueueItem) {
		for _, i := range items {
			if !held[i.SegmentID] {
				held[i.SegmentID] = true
				seg, _ := s.network.Segment(i.SegmentID)
				out.Segments = append(out.Segments, wire.HeldSegment{ID: i.SegmentID, Title: cmp.Or(i.Title, seg.Title),
					Sensitive: i.Sensitive || seg.Sensitive, Persons: seg.Persons})
			}
		}
	}
	for _, row := range replica.QueuesIn(s.replica).After(station+"/", "") {
		q := row.Value.Value
		out.Queues = append(out.Queues, wire.HeldQueue{Date: q.Date, Revision: q.Revision})
		out.HeldUntil = &q.Date
		note(q.Items)
		note(q.Fallback)
	}
	if row, ok := replica.FallbacksIn(s.replica).Get(station); ok {
		note(row.Value.Value.Items)
	}
	slices.SortFunc(out.Segments, sensitiveFirst)
	return out, nil
}

// sensitiveFirst puts sensitive segments first.
func sensitiveFirst(a, b wire.HeldSegment) int {
	if a.Sensitive != b.Sensitive {
		if a.Sensitive {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.ID, b.ID)
}
