package scheduling

import (
	"context"
	"fmt"

	"lifeline/internal/fault"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Rundowns reads the rundowns of the stations' days, and numbers their revisions.
type Rundowns struct{ *core }

// drafted returns the latest rundown of a day. It fails with NotFound if there is none, and with Stale unless revision
// is nil or the latest.
func (s *Rundowns) drafted(ctx context.Context, station string, date schedules.Date, revision *int64) (latestRundown,
	error) {
	latest, err := s.latest(ctx, station, date)
	if err == nil && latest.document == 0 {
		err = fault.New(fault.NotFound, "station %q has no rundown for %s: plan it first", station, date)
	}
	if err == nil {
		err = replica.CheckRevision(revision, latest.rundown.Revision)
	}
	return latest, err
}

// nextRevisions numbers rundowns of one day in order, of which the last becomes the latest, and returns the writes that
// store them. Revisions count up over all days of a station, so that a number identifies one queue of it. A rundown
// with the same items as the latest one, or as base, the day's published rundown, keeps the revision in which those
// items were planned.
func (s *Rundowns) nextRevisions(ctx context.Context, before latestRundown, base schedules.Rundown,
	next ...schedules.Rundown) ([]schedules.Rundown, []store.Write, error) {
	var last int64
	var err error
	counter := before.counter
	station, date := next[0].Station, next[0].Date
	if counter == nil {
		latest, err := s.queues.Counter(ctx, station)
		if err != nil {
			return nil, nil, err
		}
		counter = &latest
	}
	if counter.Revision > 0 {
		if last, err = replica.Decode[int64](*counter); err != nil {
			return nil, nil, err
		}
	}
	last = max(last, s.replica.Floor().Above)
	var writes []store.Write
	var body []byte
	for n := range next {
		r := &next[n]
		last++
		r.Revision, r.Planned = last, last
		for _, was := range []schedules.Rundown{base, before.rundown} {
			if was.Revision > 0 && sameItems(was.Items, r.Items) {
				r.Planned = plannedIn(was)
			}
		}
		if r.Items == nil {
			r.Items = []schedules.Item{}
		}
		if r.Windows == nil {
			r.Windows = []schedules.Slot{}
		}
		if r.Warnings == nil {
			r.Warnings = []schedules.Warning{}
		}
		if body, err = replica.Encode(*r); err != nil {
			return nil, nil, err
		}
		writes = append(writes, store.Write{Kind: replica.KindRevision, ID: replica.RevisionID(station, date, last),
			Body: body})
	}
	return next, append(writes,
		store.Write{Kind: replica.KindCounter, ID: station, Expect: counter.Revision, Body: fmt.Appendf(nil, "%d", last)},
		store.Write{Kind: replica.KindRundown, ID: replica.DayID(station, date), Expect: before.document, Body: body}), nil
}

// Diff returns the differences between two revisions of a day.
func (s *Rundowns) Diff(ctx context.Context, station string, date schedules.Date, from,
	to int64) ([]schedules.ItemChange, error) {
	a, err := s.Rundown(ctx, station, date, from)
	if err != nil {
		return nil, err
	}
	b, err := s.Rundown(ctx, station, date, to)
	if err != nil {
		return nil, err
	}
	return schedules.Diff(a, b), nil
}

// publishedDay returns the latest rundown of a published day, its queue, and the rundown of that queue.
func (s *Rundowns) publishedDay(ctx context.Context, station string, date schedules.Date) (latest latestRundown,
	q wire.Queue, base schedules.Rundown, err error) {
	if latest, err = s.latest(ctx, station, date); err != nil {
		return latest, q, base, err
	}
	signed, err := s.queues.Queue(ctx, station, date)
	if err != nil {
		return latest, q, base, err
	}
	base, err = s.Rundown(ctx, station, date, signed.Value.Revision)
	return latest, signed.Value, base, err
}

// Rundown returns a revision of a station's day, or the latest for revision 0. It fails with NotFound if there is none.
func (s *Rundowns) Rundown(ctx context.Context, station string, date schedules.Date, revision int64) (schedules.Rundown,
	error) {
	kind, id := replica.KindRundown, replica.DayID(station, date)
	if revision != 0 {
		kind, id = replica.KindRevision, replica.RevisionID(station, date, revision)
	}
	d, err := s.store.Get(ctx, kind, id)
	if fault.Is(err, fault.NotFound) {
		if revision != 0 {
			newest, err := s.Rundown(ctx, station, date, 0)
			if err != nil {
				return schedules.Rundown{}, err
			}
			return schedules.Rundown{}, fault.New(fault.NotFound, "station %q has no revision %d of its rundown for %s: the "+
				"newest is %d", station, revision, date, newest.Revision)
		}
		return schedules.Rundown{}, fault.New(fault.NotFound, "station %q has no rundown for %s: plan it first%s", station,
			date, s.unplanned(station, date))
	}
	if err != nil {
		return schedules.Rundown{}, err
	}
	return replica.Decode[schedules.Rundown](d)
}

// unplanned says why a standing order has not planned a day, and what airs in its place, or "".
func (s *Rundowns) unplanned(station string, date schedules.Date) string {
	row, _ := replica.StandingAccountsIn(s.replica).Get(station)
	day := row.Value.Day(date)
	if day.Why == "" {
		return ""
	}
	out := ". The standing order could not: " + day.Why
	if day.StandsIn != "" {
		out += ". " + network.StandsInWords(day)
	}
	return out
}

func (s *Rundowns) latest(ctx context.Context, station string, date schedules.Date) (latestRundown, error) {
	d, err := s.store.Get(ctx, replica.KindRundown, replica.DayID(station, date))
	if fault.Is(err, fault.NotFound) {
		return latestRundown{}, nil
	}
	if err != nil {
		return latestRundown{}, err
	}
	r, err := replica.Decode[schedules.Rundown](d)
	return latestRundown{rundown: r, document: d.Revision}, err
}

// frozen returns the published items of windows that have started or start within the station's freeze.
func (s *Rundowns) frozen(ctx context.Context, station string, date schedules.Date) ([]schedules.Item, error) {
	r, err := s.published(ctx, station, date)
	if err != nil || r.Station == "" {
		return nil, err
	}
	st, err := s.network.Station(station)
	if err != nil {
		return nil, err
	}
	return frozenItems(r, s.now().Add(st.Freeze.Duration)), nil
}

// published returns the rundown of a station's queue, or the zero Rundown if there is none.
func (s *Rundowns) published(ctx context.Context, station string, date schedules.Date) (schedules.Rundown, error) {
	q, err := s.queues.Queue(ctx, station, date)
	if fault.Is(err, fault.NotFound) {
		return schedules.Rundown{}, nil
	}
	if err != nil {
		return schedules.Rundown{}, err
	}
	return s.Rundown(ctx, station, date, q.Value.Revision)
}
