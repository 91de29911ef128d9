package control

import (
	"context"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// WithdrawDay takes a published day back: its next revision has no windows and no items, so that the station lets go of
// the queue that it holds and airs its fallback in the hours that the definitions give the day. A day that is withdrawn
// stays as it is. It fails with Invalid without a reason, with NotFound when nothing is published, with Stale unless
// revision, if any, is the latest rundown's, and with Conflict once the first window has begun or is frozen.
func (s *Scheduler) WithdrawDay(ctx context.Context, a Actor, station string, date schedules.Date, revision *int64, reason string) (schedules.Rundown, error) {
	if strings.TrimSpace(reason) == "" {
		return schedules.Rundown{}, fault.Fields(fault.Field{Field: "reason", Message: "must say why the day is withdrawn"})
	}
	var out schedules.Rundown
	err := s.mirror.retry(ctx, func() error {
		st, err := s.Station(station)
		if err != nil {
			return err
		}
		latest, q, base, err := s.standingDay(ctx, station, date)
		if err != nil {
			return err
		}
		if err := checkRevision(revision, latest.rundown.Revision); err != nil {
			return err
		}
		if q.Withdrawn {
			out = base
			return nil
		}
		if !q.ExpiresAt.After(s.now()) {
			return fault.New(fault.Conflict, "%s is over: it can not be withdrawn", date)
		}
		for _, w := range q.Windows {
			switch {
			case !w.StartAt.After(s.now()):
				return fault.New(fault.Conflict, "%s can not be withdrawn: its window %s began at %s. Plan and publish it anew: what has begun or is frozen stays, and the rest is as the definitions have it",
					date, w.Window, stationTime(st, w.StartAt.Time))
			case !w.StartAt.After(s.now().Add(st.Freeze.Duration)):
				return fault.New(fault.Conflict, "%s can not be withdrawn: its window %s at %s is frozen since %s. Plan and publish it anew: what is frozen stays, and the rest is as the definitions have it",
					date, w.Window, stationTime(st, w.StartAt.Time), stationTime(st, w.StartAt.Add(-st.Freeze.Duration)))
			}
		}
		out, err = s.publishNext(ctx, a, latest, schedules.Rundown{Station: station, Date: date, Timezone: st.Timezone, Status: schedules.Withdrawn},
			"queue.withdraw", reason)
		return err
	})
	return out, err
}

// StandingQueue is what a station airs on a day. It fails with NotFound when nothing is published for it, or it was
// withdrawn.
func (s *Scheduler) StandingQueue(ctx context.Context, station string, date schedules.Date) (*Sealed[wire.Queue], error) {
	q, err := s.Queue(ctx, station, date)
	if err == nil && q.Value.Withdrawn {
		return nil, fault.New(fault.NotFound, "nothing is published for station %q on %s: the day was withdrawn", station, date)
	}
	return q, err
}

// definedOn are the windows that the definitions give a day, as far as they can be read.
func (s *Scheduler) definedOn(station string, date schedules.Date) (out []schedules.Slot) {
	st, err := s.Station(station)
	if err != nil {
		return nil
	}
	occurrences, err := st.OccurrencesOn(date)
	if err != nil {
		return nil
	}
	for _, o := range occurrences {
		out = append(out, schedules.Slot{Occurrence: o})
	}
	return out
}

// heldByAnother fails with Conflict when a window that r brings shares an instant with one of another published day.
func (s *Scheduler) heldByAnother(in schedules.Input, r schedules.Rundown) error {
	st, now := in.Station, s.now()
	for _, row := range queuesIn(s.mirror).after(st.ID+"/", "") {
		q := row.value.Value
		if q.Date == r.Date {
			continue
		}
		for _, w := range r.Windows {
			if slices.ContainsFunc(in.Published.Windows, func(p schedules.Slot) bool { return sameSpan(p.Occurrence, w.Occurrence) }) {
				continue // it is on the air as it is
			}
			for _, other := range q.Windows {
				if !other.EndAt.After(now) || !w.StartAt.Before(other.EndAt.Time) || !other.StartAt.Before(w.EndAt.Time) {
					continue
				}
				cure := "Withdraw " + q.Date.String() + ", or plan and publish it anew, then publish this day"
				if !other.StartAt.After(now.Add(st.Freeze.Duration)) {
					cure = "That window has begun or is frozen and stays: publish this day once it is over"
				}
				return fault.New(fault.Conflict, "%s can not be published: its window %s from %s shares time with window %s of %s, which is published until %s. %s",
					r.Date, w.Window, stationTime(st, w.StartAt.Time), other.Window, q.Date, stationTime(st, other.EndAt.Time), cure)
			}
		}
	}
	return nil
}
