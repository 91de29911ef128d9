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

// Repair publishes anew every queue of today and later in which something still to come may not air any more, such
// as a recalled segment. Nothing else in it changes if that can be helped.
func (s *Scheduler) Repair(ctx context.Context) error {
	var failed error
	now := s.now()
	for id, row := range s.mirror.queues.after("", "") {
		if len(s.leaving(row.value.Value, now)) == 0 {
			continue
		}
		if err := s.repairDay(ctx, row.value.Value.Station, row.value.Value.Date); err != nil {
			failed = errors.Join(failed, fmt.Errorf("repair %s: %w", id, err))
		}
	}
	return failed
}

// leaving are the ids of the items of a queue that have not begun and must go, with their whole chains: what was
// recalled or rejected, at once; what may not air for another reason (its validity was shortened, its audio
// replaced), until its window is frozen.
func (s *Scheduler) leaving(q wire.Queue, now time.Time) map[string]bool {
	st, err := s.Station(q.Station)
	if err != nil || !q.ExpiresAt.After(now) {
		return nil
	}
	library := s.prepare()
	items, chains := map[string]bool{}, map[string]bool{}
	for _, i := range q.Items {
		if i.StartAt.Before(now) {
			continue
		}
		window, _ := st.Window(i.Window)
		place := schedules.Place{Languages: st.Allowed(window), StartAt: i.StartAt.Time, EndAt: i.StartAt.Add(i.Duration.Duration), SHA256: i.Audio.SHA256}
		if s.offAir(i.SegmentID) || library.Airable(i.SegmentID, place) != nil && !frozenAt(q.Windows, i, now.Add(st.Freeze.Duration)) {
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

// offAir reports whether a segment was taken off the air: recalled, or rejected.
func (s *Scheduler) offAir(segment string) bool {
	seg, ok := s.segment(segment)
	return !ok || seg.State == schedules.Recalled || seg.State == schedules.Rejected
}

// frozenAt reports whether the item's window starts by the horizon.
func frozenAt(windows []schedules.Slot, i wire.QueueItem, horizon time.Time) bool {
	for _, w := range windows {
		if w.Window == i.Window && !i.StartAt.Before(w.StartAt.Time) && i.StartAt.Before(w.EndAt.Time) {
			return !w.StartAt.After(horizon)
		}
	}
	return false
}

// repairDay replans a published day around the items that must go and publishes the result: first with everything
// else in its place, then with the windows that they leave open to change. Where no plan is found the items go all the
// same, and the station airs its fallback in their place.
func (s *Scheduler) repairDay(ctx context.Context, station string, date schedules.Date) error {
	return retry(func() error {
		latest, err := s.latest(ctx, station, date)
		if err != nil {
			return err
		}
		base, err := s.published(ctx, station, date)
		if err != nil {
			return err
		}
		in, err := s.input(ctx, station, date)
		if err != nil {
			return err
		}
		q, err := s.Queue(ctx, station, date)
		if err != nil {
			return err
		}
		in.Seed = base.Seed
		now := s.now()
		leaving := s.leaving(q.Value, now)
		gone := func(i schedules.Item) bool { return leaving[i.ID] }
		rest := slices.DeleteFunc(slices.Clone(base.Items), gone)
		open := map[string]bool{}
		for _, i := range base.Items {
			open[i.Window] = open[i.Window] || gone(i)
		}
		untouched := slices.DeleteFunc(slices.Clone(rest), func(i schedules.Item) bool {
			return open[i.Window] && !i.Locked && i.StartAt.After(now)
		})
		next := base
		next.Items = rest
		for _, keep := range [][]schedules.Item{rest, untouched} {
			in.Keep = keep
			plan, planErr := in.Plan()
			if planErr == nil {
				next = plan.Rundown
				err = nil
				break
			}
			err = planErr
		}
		if err != nil {
			next.Warnings = append(slices.Clone(base.Warnings), schedules.Warning{Code: "gap",
				Message: "a segment was taken off the air and nothing could take its place: the station airs its fallback there: " + err.Error()})
		}
		_, err = s.publishNext(ctx, System, latest, next, "queue.repair", "something in it may not air any more")
		return err
	})
}
