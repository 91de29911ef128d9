package control

import (
	"context"
	"slices"
	"time"

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
	out, err := s.airings(ctx, in.Station, in.Date, start)
	if err != nil || !looksAcross(in.Clocks) {
		return out, err
	}
	for id, row := range s.mirror.stations.after("", "") {
		if id == in.Station.ID {
			continue
		}
		more, err := s.airings(ctx, row.value, schedules.Date{}, start)
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
// that is being planned. What it has not told of yet, without a link, counts as published until it counts as missed.
func (s *Scheduler) airings(ctx context.Context, st schedules.Station, but schedules.Date, start time.Time) ([]schedules.Airing, error) {
	entries, err := s.accounts.asRun(ctx, st.ID, start.AddDate(0, 0, -historyDays), start)
	if err != nil {
		return nil, err
	}
	var out []schedules.Airing
	told := make(map[string]bool, len(entries))
	for _, r := range entries {
		told[r.ItemID] = true
		if airing, ok := r.Airing(st.ID); ok {
			out = append(out, airing)
		}
	}
	heard, err := s.accounts.heard(ctx, st.ID, s.now())
	if err != nil {
		return nil, err
	}
	first := schedules.DateOf(start).AddDays(-historyDays)
	if recent := schedules.DateOf(heard).AddDays(-2); first.Before(recent) {
		first = recent // of what is longer past, as-run tells
	}
	days, err := s.accounts.days(ctx, st, first, schedules.DateOf(start).AddDays(9), nil)
	if err != nil {
		return nil, err
	}
	for _, day := range days {
		if day.Date == but {
			continue
		}
		for n, airing := range day.Rundown.Airings() {
			if airing.EndAt.After(heard) && !told[day.Rundown.Items[n].ID] {
				out = append(out, airing)
			}
		}
	}
	return out, nil
}
