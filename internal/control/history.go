package control

import (
	"context"
	"slices"
	"time"

	"lifeline/internal/store"
	"lifeline/schedules"
)

// historyDays is how far back planning looks: rotation, weekly quotas and the longest separation need no more.
const historyDays = 28

// history is what aired on the station before the day and, for what has not had its turn yet, what is published
// around it; of all stations, where a rule looks across them. The day itself is no part of it, so that planning it
// twice gives the same rundown.
func (s *Scheduler) history(ctx context.Context, in schedules.Input) ([]schedules.Airing, error) {
	start, _, err := in.Station.DayBounds(in.Date)
	if err != nil {
		return nil, err
	}
	out, err := s.airings(ctx, in.Station.ID, in.Date, start)
	if err != nil || !looksAcross(in.Clocks) {
		return out, err
	}
	for id := range s.mirror.stations.after("", "") {
		if id == in.Station.ID {
			continue
		}
		more, err := s.airings(ctx, id, schedules.Date{}, start)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func looksAcross(clocks map[string]schedules.Clock) bool {
	for _, c := range clocks {
		if slices.ContainsFunc(c.Rules, func(r schedules.Rule) bool { return r.Across }) {
			return true
		}
	}
	return false
}

// airings are what a station aired in the days before an instant, and what it is to air around it, but for the day
// that is being planned.
func (s *Scheduler) airings(ctx context.Context, station string, but schedules.Date, start time.Time) ([]schedules.Airing, error) {
	now := s.now()
	entries, err := s.store.Read(ctx, station, start.AddDate(0, 0, -historyDays), start)
	if err != nil {
		return nil, err
	}
	var out []schedules.Airing
	for _, e := range entries {
		r, err := decode[schedules.AsRun](store.Document{Kind: "as-run", ID: station, Body: e.Body})
		if err != nil {
			return nil, err
		}
		if airing, ok := r.Airing(station); ok {
			out = append(out, airing)
		}
	}
	first := schedules.DateOf(start).AddDays(-historyDays)
	if recent := schedules.DateOf(now).AddDays(-2); first.Before(recent) {
		first = recent // of what is longer past, as-run tells
	}
	for day := first; !schedules.DateOf(start).AddDays(8).Before(day); day = day.AddDays(1) {
		if day == but {
			continue
		}
		r, err := s.published(ctx, station, day)
		if err != nil {
			return nil, err
		}
		for _, airing := range r.Airings() {
			if airing.EndAt.After(now) {
				out = append(out, airing)
			}
		}
	}
	return out, nil
}
