package control

import (
	"context"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// historyDays is how far back planning looks: rotation, weekly quotas and the longest separation need no more.
const historyDays = 28

// outlook is what planning takes for granted of days that have not aired.
type outlook struct {
	published bool                // nothing but what is published: no draft counts
	request   []schedules.Rundown // what the same request has drafted, but not stored
}

// history is what aired on the station before the day and, for what has not had its turn yet, what is drafted or
// published for the days before it and published for those after it; of all stations, where a rule looks across them,
// with the drafts of the day itself. The station's day is no part of it, nor are drafts of later days, so that planning
// the day twice gives the same rundown.
func (s *Scheduler) history(ctx context.Context, in schedules.Input, o outlook) ([]schedules.Airing, error) {
	start, _, err := in.Station.DayBounds(in.Date)
	if err != nil {
		return nil, err
	}
	drafts := func(st schedules.Station, to schedules.Date) (map[schedules.Date]sketch, error) {
		if o.published {
			return nil, nil
		}
		return s.drafts(ctx, st, in.Date.AddDays(-historyDays), to, o.request)
	}
	before, err := drafts(in.Station, in.Date)
	if err != nil {
		return nil, err
	}
	out, err := s.airings(ctx, in.Station, in.Date, start, before)
	if err != nil || !looksAcross(in.Clocks) {
		return out, err
	}
	for id, row := range stationsIn(s.mirror).after("", "") {
		if id == in.Station.ID {
			continue
		}
		before, err := drafts(row.value, in.Date.AddDays(1))
		if err != nil {
			return nil, err
		}
		more, err := s.airings(ctx, row.value, schedules.Date{}, start, before)
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
// that is being planned. What it has not told of yet, without a link, counts as published until it counts as missed. Of a
// day that is drafted, what starts from now on is as the draft says.
func (s *Scheduler) airings(ctx context.Context, st schedules.Station, but schedules.Date, start time.Time, drafts map[schedules.Date]sketch) ([]schedules.Airing, error) {
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
	now := s.now()
	heard, err := s.accounts.heard(ctx, st.ID, now)
	if err != nil {
		return nil, err
	}
	first := schedules.DateOf(start).AddDays(-historyDays)
	if recent := schedules.DateOf(heard).AddDays(-2); first.Before(recent) {
		first = recent // of what is longer past, as-run tells
	}
	for date := first; date.Before(schedules.DateOf(start).AddDays(9)); date = date.AddDays(1) {
		if date == but {
			continue
		}
		q, err := s.Queue(ctx, st.ID, date)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		draft, drafted := drafts[date]
		if err == nil {
			for _, i := range sketchQueue(q.Value).items {
				if i.airing.EndAt.After(heard) && !told[i.id] && !(drafted && !i.airing.StartAt.Before(now)) {
					out = append(out, i.airing)
				}
			}
		}
		out = append(out, draft.ahead(now)...)
	}
	return out, nil
}
