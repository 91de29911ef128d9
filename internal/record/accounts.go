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

// silence is how long a station may say nothing before what it should have aired counts as missed. Until then it may
// well be on the air without a link, and report later.
const silence = 7 * 24 * time.Hour

// statusLag is how long after the end of an item a station that says how it stands may still be sending its report.
const statusLag = 5 * time.Minute

// Accounts tell what became of what was published.
type Accounts struct {
	replica *replica.Replica
	store   replica.Store
	now     func() time.Time
}

// askedDay says whether a day's queue matters.
type askedDay func(day schedules.StationDay, payload []byte) bool

// days are the broadcast days [from, to) of a station with what was published for them. asked tells by the
// day's bounds and its queue's JSON whether the queue matters; nil: all of them do.
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
			// A queue's windows and items are its rundown's, under the same names.
			if day.Rundown, err = replica.ParsePart[schedules.Rundown](payload); err != nil {
				return nil, err
			}
		}
		out = append(out, day)
	}
	return out, nil
}

// payload is a published queue's JSON; none when nothing is published.
func (a *Accounts) payload(ctx context.Context, station string, date schedules.Date) ([]byte, error) {
	id := replica.DayID(station, date)
	if row, ok := replica.QueuesIn(a.replica).Get(id); ok {
		return row.Value.Payload.Plain, nil
	}
	d, err := a.store.Get(ctx, replica.KindQueue, id) // older than what the replica keeps
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return replica.PayloadOf(d.Body)
}

// Account tells what became of each airing of the station's days [from, to), day by day, of segment alone unless it is
// empty.
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

// outcomes is the station's day against what aired.
func (a *Accounts) outcomes(ctx context.Context, st schedules.Station, date schedules.Date) (schedules.Reconciliation,
	error) {
	e, err := a.evidence(ctx, st, date, date.AddDays(1), "")
	if err != nil {
		return schedules.Reconciliation{}, err
	}
	return schedules.Outcomes(st.ID, e.days, e.entries, e.now, e.heard, reconcileTolerance)[1], nil
}

// evidence is what an account of some days rests on.
type evidence struct {
	days       []schedules.StationDay // with the days beside them, since a report near midnight may be of their windows
	entries    []schedules.AsRun
	now, heard time.Time
}

// evidence gathers what the account of the station's days [from, to) rests on, of segment alone unless it is empty.
func (a *Accounts) evidence(ctx context.Context, st schedules.Station, from, to schedules.Date, segment string) (
	e evidence, err error) {
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
		asked = asksFor(segment, e.entries)
	}
	if e.days, err = a.days(ctx, st, from.AddDays(-1), to.AddDays(1), asked); err != nil {
		return e, err
	}
	e.now = a.now()
	e.heard, err = a.Heard(ctx, st.ID, e.now)
	return e, err
}

// asksFor keeps the days whose queue names the segment, or in or after which the station reported it.
func asksFor(segment string, entries []schedules.AsRun) askedDay {
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

// AsRun is what a station reported for [from, to), by sequence.
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

// Heard is until when what the station says nothing of was missed.
func (a *Accounts) Heard(ctx context.Context, station string, now time.Time) (time.Time, error) {
	heard := now.Add(-silence)
	entries, err := a.store.Read(ctx, station, heard, now.Add(silence))
	if err != nil {
		return heard, err
	}
	for _, e := range entries {
		if e.At.After(heard) {
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
