package scheduling

import (
	"bytes"
	"context"
	"slices"

	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// People reports which segments name a person and when each station has them off the air.
type People struct {
	*core
	leases *LeaseIssuer
}

// Person returns the segments that name a person, where each station is to air them and, for the recalled ones, the
// latest instant at which it may still air them. It fails with NotFound if no segment names the person.
func (s *People) Person(ctx context.Context, id string) (wire.Person, error) {
	rows, err := s.replica.Naming(id)
	if err != nil {
		return wire.Person{}, err
	}
	list, _ := replica.RecallsIn(s.replica).Get(replica.RecallsID)
	out := wire.Person{ID: id, Recalls: list.Value.Value.Revision, Segments: []wire.PersonSegment{},
		Stations: []wire.PersonStation{}}
	since, recalled, others := map[string]schedules.Instant{}, map[string]schedules.Instant{}, map[string]bool{}
	for _, r := range list.Value.Value.Segments {
		since[r.SegmentID] = r.RecalledAt
	}
	for _, row := range rows {
		out.Segments = append(out.Segments, wire.PersonSegment{ID: row.Value.ID, Kind: row.Value.Kind,
			State: row.Value.State})
		if at, ok := since[row.Value.ID]; ok {
			recalled[row.Value.ID] = at
		} else {
			others[row.Value.ID] = true
		}
	}
	for _, row := range replica.StationsIn(s.replica).After("", "") {
		standing, err := s.offAirBy(ctx, row.Value, recalled, out.Recalls)
		if err != nil {
			return out, err
		}
		s.schedule(row.Value, others, &standing)
		out.Stations = append(out.Stations, standing)
		if standing.OffBy.After(out.OffBy.Time) {
			out.OffBy = standing.OffBy
		}
	}
	return out, nil
}

// schedule sets where a station is to air the segments, by its published days as they are now and by its fallback.
func (s *People) schedule(st schedules.Station, segments map[string]bool, out *wire.PersonStation) {
	now := s.now()
	for _, row := range replica.QueuesIn(s.replica).After(st.ID+"/", "") {
		if row.Value.Value.Withdrawn {
			continue
		}
		for i := range row.Value.Value.Items {
			it := &row.Value.Value.Items[i]
			if !segments[it.SegmentID] || !endOf(*it).After(now) {
				continue
			}
			out.Airings++
			if out.NextAt.IsZero() || it.StartAt.Before(out.NextAt.Time) {
				out.NextAt = *it.StartAt
			}
		}
	}
	out.Fallback = slices.ContainsFunc(st.Fallback, func(id string) bool { return segments[id] })
}

// offAirBy returns a station's state with regard to the recalled segments. For a station that has not acknowledged the
// recall, the instant follows from its fallback list and from every published revision of the days that are not over,
// because the service cannot know which revision the station holds.
func (s *People) offAirBy(ctx context.Context, st schedules.Station, recalled map[string]schedules.Instant,
	revision int64) (wire.PersonStation, error) {
	out := wire.PersonStation{Station: st.ID}
	status, known := replica.StatusesIn(s.replica).Get(st.ID)
	if known {
		out.LastContact = status.Value.ReceivedAt
	}
	if len(recalled) == 0 {
		return out, nil
	}
	out.Acknowledged = known && status.Value.RecallsSeen == revision // a higher one was never shown to it
	if out.Acknowledged {
		return out, nil
	}
	now := s.now()
	latest := func(at schedules.Instant) {
		if at.After(now) && at.After(out.OffBy.Time) {
			out.OffBy = at
		}
	}
	today, err := st.DateAt(now)
	if err != nil {
		return out, err
	}
	published, err := replica.List(ctx, s.store, replica.KindRevision, replica.DayID(st.ID, today.AddDays(-1)), st.ID+"0")
	if err != nil {
		return out, err
	}
	for _, d := range published {
		if !names(d.Body, recalled) {
			continue
		}
		r, err := replica.Decode[schedules.Rundown](d)
		if err != nil {
			return out, err
		}
		for _, i := range r.Items {
			at, off := recalled[i.SegmentID]
			if !off || r.Status != schedules.Published {
				continue
			}
			end := schedules.At(i.EndAt().Time)
			if by, bound := s.leases.ends(i.SegmentID, r.PublishedAt, at, i.Duration.Duration); bound && by.Before(end.Time) {
				end = by
			}
			latest(end)
		}
	}
	for _, id := range st.Fallback {
		at, off := recalled[id]
		if !off {
			continue
		}
		seg, _ := s.network.Segment(id)
		before := at // end of issue of the lists that are valid for fallbackDays
		if by, bound := s.leases.ends(id, at, at, seg.Recording.AirTime().Duration); bound {
			latest(by)
			before = seg.GuardedSince // lists issued before the segment was sensitive require no lease
		}
		if !before.IsZero() {
			latest(schedules.At(before.AddDate(0, 0, fallbackDays)))
		}
	}
	return out, nil
}

// names reports whether a stored rundown contains any of the segments.
func names(body []byte, segments map[string]schedules.Instant) bool {
	for id := range segments {
		if bytes.Contains(body, []byte(`"`+id+`"`)) {
			return true
		}
	}
	return false
}
