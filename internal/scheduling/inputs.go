package scheduling

import (
	"context"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// inputs gathers what planning a day depends on.
type inputs struct {
	*core
	rundowns  *Rundowns
	sketches  *sketches
	accounts  *record.Accounts
	makeGoods *record.MakeGoods
}

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
func (s *inputs) history(ctx context.Context, in schedules.Input, o outlook) ([]schedules.Airing, error) {
	start, _, err := in.Station.DayBounds(in.Date)
	if err != nil {
		return nil, err
	}
	drafts := func(st schedules.Station, to schedules.Date) (map[schedules.Date]sketch, error) {
		if o.published {
			return nil, nil
		}
		return s.sketches.drafts(ctx, st, in.Date.AddDays(-historyDays), to, o.request)
	}
	before, err := drafts(in.Station, in.Date)
	if err != nil {
		return nil, err
	}
	out, err := s.airings(ctx, in.Station, in.Date, start, before)
	if err != nil || !looksAcross(in.Clocks) {
		return out, err
	}
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if id == in.Station.ID {
			continue
		}
		before, err := drafts(row.Value, in.Date.AddDays(1))
		if err != nil {
			return nil, err
		}
		more, err := s.airings(ctx, row.Value, schedules.Date{}, start, before)
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
// that is being planned. What it has not told of yet, without a link, counts as published until it counts as missed. Of
// a day that is drafted, what starts from now on is as the draft says.
func (s *inputs) airings(ctx context.Context, st schedules.Station, but schedules.Date, start time.Time,
	drafts map[schedules.Date]sketch) ([]schedules.Airing, error) {
	entries, err := s.accounts.AsRun(ctx, st.ID, start.AddDate(0, 0, -historyDays), start)
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
	heard, err := s.accounts.Heard(ctx, st.ID, now)
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
		q, err := s.queues.Queue(ctx, st.ID, date)
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

// gather gathers what planning a day depends on.
func (s *inputs) gather(ctx context.Context, station string, date schedules.Date, o outlook) (schedules.Input, error) {
	st, err := s.network.Station(station)
	if err != nil {
		return schedules.Input{}, err
	}
	in := schedules.Input{Station: st, Date: date, Clocks: map[string]schedules.Clock{}, Library: s.planning.Library()}
	for _, w := range st.Windows {
		if c, ok := replica.ClocksIn(s.replica).Get(w.Clock); ok {
			in.Clocks[w.Clock] = c.Value
		}
	}
	if in.Published, err = s.rundowns.published(ctx, station, date); err != nil {
		return in, err
	}
	in.Over = s.now()
	in.Frozen = in.Over.Add(st.Freeze.Duration)
	in.Campaigns = s.network.AllCampaigns()
	if in.Owed, err = s.makeGoods.Owed(ctx, st, date, o.request); err != nil {
		return in, err
	}
	in.History, err = s.history(ctx, in, o)
	return in, err
}
