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

// inputs gathers the inputs of planning.
type inputs struct {
	*core
	rundowns  *Rundowns
	summaries *rundownSummaries
	accounts  *record.Accounts
	makeGoods *record.MakeGoods
}

// historyDays is how many days back planning looks, enough for rotation, weekly quotas and the longest separation.
const historyDays = 28

// otherDays selects which unaired rundowns of other days a plan takes into account.
type otherDays struct {
	published bool                // only published rundowns count, no drafts
	request   []schedules.Rundown // drafts of the same request that are not stored
}

// history returns the airings on the station before the day and, of times that have not come yet, those drafted or
// published for earlier days and those published for later days. If a rule looks across stations, it includes the
// airings of all stations, with their drafts of the day itself. The station's own day and the drafts of later days are
// excluded, so that planning the day twice gives the same rundown.
func (s *inputs) history(ctx context.Context, in schedules.Input, o otherDays) ([]schedules.Airing, error) {
	start, _, err := in.Station.DayBounds(in.Date)
	if err != nil {
		return nil, err
	}
	drafts := func(st schedules.Station, to schedules.Date) (map[schedules.Date]rundownSummary, error) {
		if o.published {
			return nil, nil
		}
		return s.summaries.drafts(ctx, st, in.Date.AddDays(-historyDays), to, o.request)
	}
	before, err := drafts(in.Station, in.Date)
	if err != nil {
		return nil, err
	}
	out, err := s.airings(ctx, in.Station, in.Date, start, before)
	if err != nil || !rulesAcrossStations(in.Clocks) {
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

func rulesAcrossStations(clocks map[string]schedules.Clock) bool {
	for _, c := range clocks {
		if slices.ContainsFunc(c.Rules, func(r schedules.Rule) bool { return r.Across }) {
			return true
		}
	}
	return false
}

// airings returns what a station aired in the days before start, and what it is to air around start, except for the day
// but, which is being planned. An item without a report, for example because the station has no link, counts as
// published until it counts as missed. On a day with a draft, the draft replaces what is published from now on.
func (s *inputs) airings(ctx context.Context, st schedules.Station, but schedules.Date, start time.Time,
	drafts map[schedules.Date]rundownSummary) ([]schedules.Airing, error) {
	entries, err := s.accounts.AsRun(ctx, st.ID, start.AddDate(0, 0, -historyDays), start)
	if err != nil {
		return nil, err
	}
	entries, _ = schedules.Counted(entries)
	var out []schedules.Airing
	reported := make(map[string]bool, len(entries))
	for _, r := range entries {
		reported[r.ItemID] = true
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
		first = recent // as-run reports cover earlier days
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
			for _, i := range summarizeQueue(q.Value).items {
				if i.airing.EndAt.After(heard) && !reported[i.id] && !(drafted && !i.airing.StartAt.Before(now)) {
					out = append(out, i.airing)
				}
			}
		}
		out = append(out, draft.ahead(now)...)
	}
	return out, nil
}

// gather returns the inputs for planning a day.
func (s *inputs) gather(ctx context.Context, station string, date schedules.Date, o otherDays) (schedules.Input,
	error) {
	st, err := s.network.Station(station)
	if err != nil {
		return schedules.Input{}, err
	}
	in := schedules.Input{Station: st, Date: date, Clocks: map[string]schedules.Clock{}, Library: s.planning.Library()}
	for _, clock := range st.ClocksUsed() {
		if c, ok := replica.ClocksIn(s.replica).Get(clock); ok {
			in.Clocks[clock] = c.Value
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
	if in.Repeated, err = s.repeated(ctx, in, o); err != nil {
		return in, err
	}
	in.History, err = s.history(ctx, in, o)
	return in, err
}

// repeated returns the rundowns of the days that windows of the input's day repeat, as far as there are any. Where only
// published days count, a draft counts for a day that is not published.
func (s *inputs) repeated(ctx context.Context, in schedules.Input, o otherDays) (out []schedules.Rundown, err error) {
	days, err := in.RepeatedDays()
	if err != nil {
		return nil, nil // planning fails with the same error, which tells more there
	}
	for _, back := range days {
		date := in.Date.AddDays(-back)
		n := slices.IndexFunc(o.request, func(r schedules.Rundown) bool { return r.Date == date })
		if n >= 0 {
			out = append(out, o.request[n])
			continue
		}
		var r schedules.Rundown
		if o.published {
			if r, err = s.rundowns.published(ctx, in.Station.ID, date); err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
		}
		if r.Station == "" {
			latest, err := s.rundowns.latest(ctx, in.Station.ID, date)
			if err != nil {
				return nil, err
			}
			r = latest.rundown
		}
		if r.Station != "" && r.Status != schedules.Withdrawn {
			out = append(out, r)
		}
	}
	return out, nil
}
