package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Repair publishes anew every queue of today and later in which something still to come may not air any more: its
// segment was recalled, its validity or its consent shortened, its audio replaced. Nothing else changes if that can be
// helped. What may air, but under closer bounds than the queue says, stays and is told so.
func (s *Scheduler) Repair(ctx context.Context, claims *Claims) error {
	if len(s.broken()) == 0 {
		return nil
	}
	return claims.do(ctx, "repair", 0, func(ctx context.Context) error {
		var failed error
		for _, q := range s.broken() {
			if err := s.repairDay(ctx, q.Station, q.Date); err != nil {
				failed = errors.Join(failed, fmt.Errorf("repair %s %s: %w", q.Station, q.Date, err))
			}
		}
		return failed
	})
}

// broken are the queues that need repair.
func (s *Scheduler) broken() []wire.Queue {
	var out []wire.Queue
	for _, row := range s.mirror.queues.after("", "") {
		if q := row.value.Value; len(s.leaving(q, s.now())) > 0 || s.lax(q, s.now()) {
			out = append(out, q)
		}
	}
	return out
}

// leaving are the ids of the items of a queue that have not begun and may not air any more, with their whole chains.
func (s *Scheduler) leaving(q wire.Queue, now time.Time) map[string]bool {
	st, err := s.Station(q.Station)
	if err != nil || !q.ExpiresAt.After(now) {
		return nil
	}
	library := s.prepare()
	items, chains := map[string]bool{}, map[string]bool{}
	for _, i := range q.Items {
		window, _ := st.Window(i.Window)
		place := schedules.Place{Languages: st.Allowed(window), StartAt: i.StartAt.Time, EndAt: i.StartAt.Add(i.Duration.Duration), SHA256: i.Audio.SHA256}
		if !i.StartAt.Before(now) && library.Airable(i.SegmentID, place) != nil {
			items[i.ID] = true
			chains[i.Chain] = i.Chain != ""
		}
	}
	for _, i := range q.Items {
		if chains[i.Chain] && !i.StartAt.Before(now) {
			items[i.ID] = true
		}
	}
	return items
}

// lax reports whether the queue says of an item that has not begun that it may air until later than its segment may, or
// that it needs no lease when it does.
func (s *Scheduler) lax(q wire.Queue, now time.Time) bool {
	if !q.ExpiresAt.After(now) {
		return false
	}
	library := s.prepare()
	return slices.ContainsFunc(q.Items, func(i wire.QueueItem) bool {
		seg, known := library.Segment(i.SegmentID)
		life, _ := library.Life(i.SegmentID)
		return known && !i.StartAt.Before(now) && (seg.Sensitive && !i.Sensitive || laxer(i.NotAfter, life.Until))
	})
}

// laxer reports whether a lets something air for longer than b does.
func laxer(a, b schedules.Instant) bool { return !b.IsZero() && (a.IsZero() || a.After(b.Time)) }

// repairDay replans a published day with the fewest changes and publishes the result. Where no plan is found the items
// go all the same, and the station airs its fallback in their place.
func (s *Scheduler) repairDay(ctx context.Context, station string, date schedules.Date) error {
	return s.mirror.retry(ctx, func() error {
		latest, err := s.latest(ctx, station, date)
		if err != nil {
			return err
		}
		q, err := s.Queue(ctx, station, date)
		if err != nil {
			return err
		}
		left := len(s.leaving(q.Value, s.now()))
		if left == 0 && !s.lax(q.Value, s.now()) {
			return nil // somebody was faster
		}
		base, err := s.Rundown(ctx, station, date, q.Value.Revision)
		if err != nil {
			return err
		}
		in, err := s.input(ctx, station, date, outlook{published: true})
		if err != nil {
			return err
		}
		in.Seed = base.Seed
		in.Owed = slices.DeleteFunc(in.Owed, func(m schedules.MakeGood) bool { // nothing new is begun
			return !slices.ContainsFunc(base.Items, func(i schedules.Item) bool { return i.MakesGood == m.ID })
		})
		next := base
		if left == 0 {
			next.Items = slices.Clone(base.Items)
		} else if plan, _, err := in.Replan(base, s.now()); err == nil {
			next = plan.Rundown
		} else {
			next.Warnings = append(slices.Clone(base.Warnings), schedules.Warning{Code: "gap",
				Message: "a segment was taken off the air and nothing could take its place: the station airs its fallback there: " + err.Error()})
		}
		leaving := s.leaving(q.Value, s.now()) // whatever the plan says, these do not stay
		next.Items = slices.DeleteFunc(slices.Clone(next.Items), func(i schedules.Item) bool { return leaving[i.ID] })
		for n := range next.Items {
			i := &next.Items[n]
			if life, _ := in.Library.Life(i.SegmentID); !i.StartAt.Before(s.now()) && laxer(i.NotAfter, life.Until) {
				i.NotAfter = life.Until
			}
		}
		_, err = s.publishNext(ctx, System, latest, next, "queue.repair", "something in it may not air any more")
		return err
	})
}
