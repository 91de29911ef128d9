package record

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/schedules"
)

// reportWait is how long a station may be silent before its unreported items count as missed. Until then it may be on
// the air without a link, and report later.
const reportWait = 7 * 24 * time.Hour

// statusLag is the longest delay between the end of an item and its report, at a station whose status still arrives.
const statusLag = 5 * time.Minute

// Accounts compares published queues with as-run reports.
type Accounts struct {
	replica *replica.Replica
	store   replica.Store
	now     func() time.Time
}

// askedDay reports whether a day's queue is needed.
type askedDay func(day schedules.StationDay, payload []byte) bool

// days returns the broadcast days [from, to) of a station with their published rundowns. It leaves out the rundown of a
// day for which asked, given the day's bounds and its queue's JSON, is false. A nil asked selects every day.
func (a *Accounts) days(ctx context.Context, st schedules.Station, from, to schedules.Date, asked askedDay) (
	[]schedules.StationDay, error) {
	var out []schedules.StationDay
	for date := from; date.Before(to); date = date.AddDays(1) {
		start, end, err := st.DayBounds(date)
		if err != nil {
			return nil, err
		}
		day := schedules.StationDay{Date: date, From: start, To: end}
		payload, err := a.payload(ctx, st.ID, date)
		if err != nil {
			return nil, err
		}
		if len(payload) > 0 && (asked == nil || asked(day, payload)) {
			// A queue's windows and items have the same JSON names as its rundown's.
			if day.Rundown, err = replica.ParsePart[schedules.Rundown](payload); err != nil {
				return nil, err
			}
		}
		out = append(out, day)
	}
	return out, nil
}

// payload returns a published queue's JSON, or nothing when no queue is published.
func (a *Accounts) payload(ctx context.Context, station string, date schedules.Date) ([]byte, error) {
	id := replica.DayID(station, date)
	if row, ok := replica.QueuesIn(a.replica).Get(id); ok {
		return row.Value.Payload.Plain, nil
	}
	d, err := a.store.Get(ctx, replica.KindQueue, id) // too old for the replica
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return replica.PayloadOf(d.Body)
}

// Account returns every airing of the station's days [from, to) with its outcome, one list per day. Unless segment is
// empty, it returns the airings of that segment alone.
func (a *Accounts) Account(ctx context.Context, st schedules.Station, from, to schedules.Date, segment string) (
	[][]schedules.AiringRecord, error) {
	e, err := a.evidence(ctx, st, from, to, segment)
	if err != nil {
		return nil, err
	}
	out := schedules.Account(st.ID, e.days, e.entries, e.now, e.heard, reconcileTolerance)
	out = out[1 : len(out)-1]
	if segment != "" {
		for i := range out {
			out[i] = slices.DeleteFunc(out[i], func(r schedules.AiringRecord) bool { return r.SegmentID != segment })
		}
	}
	return out, nil
}

// outcomes reconciles one day of the station.
func (a *Accounts) outcomes(ctx context.Context, st schedules.Station, date schedules.Date) (schedules.Reconciliation,
	error) {
	e, err := a.evidence(ctx, st, date, date.AddDays(1), "")
	if err != nil {
		return schedules.Reconciliation{}, err
	}
	return schedules.Outcomes(st.ID, e.days, e.entries, e.now, e.heard, reconcileTolerance)[1], nil
}

// accountInput is the input of an account.
type accountInput struct {
	days       []schedules.StationDay // with neighbouring days: a report near midnight may belong to them
	entries    []schedules.AsRun
	now, heard time.Time
}

// evidence gathers the input for the account of the station's days [from, to), for one segment unless segment is empty.
func (a *Accounts) evidence(ctx context.Context, st schedules.Station, from, to schedules.Date, segment string) (
	e accountInput, err error) {
	start, _, err := st.DayBounds(from.AddDays(-1))
	if err != nil {
		return e, err
	}
	_, end, err := st.DayBounds(to)
	if err != nil {
		return e, err
	}
	if e.entries, err = a.AsRun(ctx, st.ID, start, end); err != nil {
		return e, err
	}
	var asked askedDay
	if segment != "" {
		asked = daysAiring(segment, e.entries)
	}
	if e.days, err = a.days(ctx, st, from.AddDays(-1), to.AddDays(1), asked); err != nil {
		return e, err
	}
	e.now = a.now()
	e.heard, err = a.Heard(ctx, st.ID, e.now)
	return e, err
}

// daysAiring selects the days whose queue names the segment, and those on which the station reported it, with the day
// before each.
func daysAiring(segment string, entries []schedules.AsRun) askedDay {
	name := fmt.Appendf(nil, "%q", segment)
	var aired []time.Time
	for _, e := range entries {
		if e.SegmentID == segment {
			aired = append(aired, e.StartedAt.Time)
		}
	}
	return func(day schedules.StationDay, payload []byte) bool {
		return bytes.Contains(payload, name) || slices.ContainsFunc(aired, func(t time.Time) bool {
			return !t.Before(day.From) && t.Before(day.To.AddDate(0, 0, 1)) // a window may run past midnight
		})
	}
}

// AsRun returns a station's as-run entries of [from, to), by sequence.
func (a *Accounts) AsRun(ctx context.Context, station string, from, to time.Time) ([]schedules.AsRun, error) {
	entries, err := a.store.Read(ctx, station, from, to)
	if err != nil {
		return nil, err
	}
	out := make([]schedules.AsRun, len(entries))
	for i, e := range entries {
		if out[i], err = replica.ParsePart[schedules.AsRun](e.Body); err != nil {
			return nil, fmt.Errorf("record: as-run %d of %s: %w", e.Sequence, station, err)
		}
	}
	return out, nil
}

// Heard returns the instant until which missing reports mean missed items.
func (a *Accounts) Heard(ctx context.Context, station string, now time.Time) (time.Time, error) {
	heard := now.Add(-reportWait)
	entries, err := a.store.Read(ctx, station, heard, now.Add(reportWait))
	if err != nil {
		return heard, err
	}
	for _, e := range entries {
		if e.Sequence < firstConflictSequence && e.At.After(heard) { // others may not be the station's word
			heard = e.At
		}
	}
	if row, ok := replica.StatusesIn(a.replica).Get(station); ok {
		if said := row.Value.ReceivedAt.Add(-statusLag); said.After(heard) {
			heard = said
		}
	}
	return heard, nil
}
