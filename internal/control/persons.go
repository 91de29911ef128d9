package control

import (
	"bytes"
	"context"

	"lifeline/internal/fault"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// naming are the segments that name a person, by id. It fails with NotFound when none does.
func (m *Mirror) naming(person string) (out []*held[schedules.Segment], err error) {
	out = segmentsIn(m).find(search.Query{Terms: []search.Term{{Field: byPerson, Value: person}}}, 0, nil)
	if len(out) == 0 {
		err = fault.New(fault.NotFound, "no segment names the person %q", person)
	}
	return out, err
}

// RecallPerson takes every segment that names a person off the air everywhere, now: all of them and the signed list
// change in one commit, and whatever airs in one chain with them leaves the queues too. It fails with NotFound, and with
// Conflict when all are recalled already. Each is reinstated by itself, and takes two people then.
func (l *Library) RecallPerson(ctx context.Context, a Actor, person, reason string) error {
	if err := needReason(reason); err != nil {
		return err
	}
	return l.mirror.retry(ctx, func() error {
		rows, err := l.mirror.naming(person)
		if err != nil {
			return err
		}
		var writes []store.Write
		var recalled []schedules.Segment
		for _, row := range rows {
			s := row.value
			if s.State == schedules.Recalled {
				continue
			}
			s.State, s.Revision = schedules.Recalled, row.revision+1
			body, err := encode(s)
			if err != nil {
				return err
			}
			writes = append(writes, store.Write{Kind: kindSegment, ID: s.ID, Expect: row.revision, Body: body})
			recalled = append(recalled, s)
		}
		if len(recalled) == 0 {
			return fault.New(fault.Conflict, "every segment that names the person %q is recalled already", person)
		}
		list, err := l.recallsWithAll(recalled...)
		if err != nil {
			return err
		}
		return l.mirror.Commit(ctx, store.Commit{Writes: append(writes, list...), Origin: a.origin(l.now(), "person.recall", person+": "+reason)})
	})
}

// Person tells which segments name a person, and of those that are recalled when at the latest each station has them off
// the air. It fails with NotFound.
func (s *Scheduler) Person(ctx context.Context, id string) (wire.Person, error) {
	rows, err := s.mirror.naming(id)
	if err != nil {
		return wire.Person{}, err
	}
	list, _ := recallsIn(s.mirror).get(recallsID)
	out := wire.Person{ID: id, Recalls: list.value.Value.Revision, Segments: []wire.PersonSegment{}, Stations: []wire.PersonStation{}}
	since, recalled := map[string]schedules.Instant{}, map[string]schedules.Instant{}
	for _, r := range list.value.Value.Segments {
		since[r.SegmentID] = r.RecalledAt
	}
	for _, row := range rows {
		out.Segments = append(out.Segments, wire.PersonSegment{ID: row.value.ID, Kind: row.value.Kind, State: row.value.State})
		if at, ok := since[row.value.ID]; ok {
			recalled[row.value.ID] = at
		}
	}
	for _, row := range stationsIn(s.mirror).after("", "") {
		standing, err := s.offAirBy(ctx, row.value, recalled, out.Recalls)
		if err != nil {
			return out, err
		}
		out.Stations = append(out.Stations, standing)
		if standing.OffBy.After(out.OffBy.Time) {
			out.OffBy = standing.OffBy
		}
	}
	return out, nil
}

// offAirBy is how a station stands to what was recalled. Of one that has not acknowledged it is found by every revision
// that was ever published for a day not over, since nobody knows which it holds, and by its fallback.
func (s *Scheduler) offAirBy(ctx context.Context, st schedules.Station, recalled map[string]schedules.Instant, revision int64) (wire.PersonStation, error) {
	out := wire.PersonStation{Station: st.ID}
	status, known := statusesIn(s.mirror).get(st.ID)
	if known {
		out.LastContact = status.value.ReceivedAt
	}
	out.Acknowledged = known && status.value.RecallsSeen >= revision
	if out.Acknowledged || len(recalled) == 0 {
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
	published, err := under(ctx, s.store, kindRevision, dayID(st.ID, today.AddDays(-1)), st.ID+"0")
	if err != nil {
		return out, err
	}
	for _, d := range published {
		if !names(d.Body, recalled) {
			continue
		}
		r, err := decode[schedules.Rundown](d)
		if err != nil {
			return out, err
		}
		for _, i := range r.Items {
			at, off := recalled[i.SegmentID]
			if !off || r.Status != schedules.Published {
				continue
			}
			end := schedules.At(i.EndAt().Time)
			if by, bound := s.leaseEnds(i.SegmentID, r.PublishedAt, at, i.Duration.Duration); bound && by.Before(end.Time) {
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
		seg, _ := s.segment(id)
		before := at // what was issued before is good for so long
		if by, bound := s.leaseEnds(id, at, at, seg.Recording.AirTime().Duration); bound {
			latest(by)
			before = seg.GuardedSince // and what was issued before it was sensitive needs no lease
		}
		if !before.IsZero() {
			latest(schedules.At(before.AddDate(0, 0, fallbackDays)))
		}
	}
	return out, nil
}

// names reports whether a stored rundown has any of the segments.
func names(body []byte, segments map[string]schedules.Instant) bool {
	for id := range segments {
		if bytes.Contains(body, []byte(`"`+id+`"`)) {
			return true
		}
	}
	return false
}
