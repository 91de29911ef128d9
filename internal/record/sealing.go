package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sync"

	"lifeline/internal/access"
	"lifeline/internal/chain"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Sealing puts the stations' as-run reports into their chains, day by day.
type Sealing struct {
	replica *replica.Replica
	store   replica.Store
	now     func() time.Time
	links   *Links

	mu  sync.Mutex
	due map[string]time.Time // when the next day of a station is to be sealed
}

// sealGrace is how long after its end a day is sealed: what is reported in time is in its link.
const sealGrace = 6 * time.Hour

// reportFresh is how young a report is whose day cannot be sealed yet. It is shorter than sealGrace by more than the
// clocks of replicas differ.
const reportFresh = 3 * time.Hour

// sealDaysBack bounds how many days the first sealing of a station goes back one by one; what is older is in the first
// link.
const sealDaysBack = 400

// lateReports mark that reports for a time that was sealed have come in: those of [From, To].
type lateReports struct {
	From schedules.Instant `json:"from"`
	To   schedules.Instant `json:"to"`
}

// actionSeal is how the audit names what seals as-run reports.
const actionSeal = "as-run.seal"

// SealAll seals what each station reported of every day that is over, and what has come late. It is level-triggered.
func (s *Sealing) SealAll(ctx context.Context) error {
	var failed error
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		err := s.days(ctx, row.Value)
		if mark, ok := lateIn(s.replica).Get(id); ok && err == nil {
			err = s.late(ctx, row.Value, mark)
		}
		if err != nil && !errors.Is(err, replica.ErrRace) { // who won it has done the work
			failed = errors.Join(failed, fmt.Errorf("seal as-run of %s: %w", id, err))
		}
	}
	return failed
}

// days seals one day after the other, as far as they are over.
func (s *Sealing) days(ctx context.Context, st schedules.Station) error {
	s.mu.Lock()
	due := s.due[st.ID]
	s.mu.Unlock()
	for !s.now().Before(due) {
		head, _, err := chainHead(ctx, s.store, st.ID)
		if err != nil {
			return err
		}
		date, to, err := s.next(ctx, st, head.Until)
		if err != nil {
			return err
		}
		if due = to.Add(sealGrace); s.now().Before(due) {
			break
		}
		entries, err := s.store.Read(ctx, st.ID, head.Until.Time, to)
		if err != nil {
			return err
		}
		records := chainRecords(entries)
		if err := s.records(ctx, wire.Link{Station: st.ID, Date: date, From: head.Until, To: schedules.At(to)},
			records); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due[st.ID] = due
	return nil
}

// next is the first broadcast day that is not sealed, and its end. The first of all is that of the oldest report,
// and at the latest one that can be sealed at once.
func (s *Sealing) next(ctx context.Context, st schedules.Station, sealed schedules.Instant) (schedules.Date, time.Time,
	error) {
	since := sealed.Time
	if since.IsZero() {
		since = s.now().AddDate(0, 0, -2)
		entries, err := s.store.Read(ctx, st.ID, time.Time{}, since)
		if err != nil {
			return schedules.Date{}, since, err
		}
		for _, e := range entries {
			if e.At.Before(since) {
				since = e.At
			}
		}
		if oldest := s.now().AddDate(0, 0, -sealDaysBack); since.Before(oldest) {
			since = oldest
		}
	}
	date, err := st.DateAt(since)
	if err != nil {
		return date, since, err
	}
	_, to, err := st.DayBounds(date)
	return date, to, err
}

// records commits a link of as-run reports.
func (s *Sealing) records(ctx context.Context, l wire.Link, records []wire.ChainRecord) error {
	l.Kind, l.Sequences, l.Records = wire.LinkAsRun, chain.Sequences(records), chain.Records(records)
	writes, err := s.links.Writes(ctx, l)
	if err != nil {
		return err
	}
	return s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: access.System.Origin(s.now(), actionSeal, "")})
}

// late seals what was reported for days that were sealed already, each day in a link of its own. What was sealed
// before is never sealed anew, so that nothing changed since is passed off as right.
func (s *Sealing) late(ctx context.Context, st schedules.Station, mark replica.Row[lateReports]) error {
	head, _, err := chainHead(ctx, s.store, st.ID)
	if err != nil {
		return err
	}
	entries, err := s.store.Read(ctx, st.ID, mark.Value.From.Time, mark.Value.To.Add(time.Millisecond))
	if err != nil {
		return err
	}
	named, err := s.sealed(ctx, st.ID)
	if err != nil {
		return err
	}
	days := map[schedules.Date][]wire.ChainRecord{}
	for i, r := range chainRecords(entries) {
		if !chain.Names(named, r.Sequence) && entries[i].At.Before(head.Until.Time) {
			date, err := st.DateAt(entries[i].At)
			if err != nil {
				return err
			}
			days[date] = append(days[date], r)
		}
	}
	for _, date := range slices.SortedFunc(maps.Keys(days), func(a, b schedules.Date) int {
		return cmp.Compare(a.String(),
			b.String())
	}) {
		from, to, err := st.DayBounds(date)
		if err != nil {
			return err
		}
		if err := s.records(ctx, wire.Link{Station: st.ID, Date: date, From: schedules.At(from), To: schedules.At(to),
			Late: true}, days[date]); err != nil {
			return err
		}
	}
	return s.replica.Commit(ctx, store.Commit{ // it stays where more has come in meanwhile
		Writes: []store.Write{{Kind: KindLate, ID: st.ID, Expect: mark.Revision, Delete: true}},
		Origin: access.System.Origin(s.now(), actionSeal, "")})
}

// sealed are the sequences of a station's reports that a link names.
func (s *Sealing) sealed(ctx context.Context, station string) (named [][2]int64, err error) {
	for stored, err := range NewChain(s.store, s.store).Links(ctx, station) {
		if err != nil {
			return nil, err
		}
		l, err := OpenLink(stored.Envelope)
		if err != nil {
			return nil, err
		}
		named = append(named, l.Sequences...)
	}
	return chain.Join(named, nil), nil
}

// markLate has reports sealed that came in after their day was. It is called once they are stored, and before the
// station hears that they are: should it fail, they are sent again.
func (s *Sealing) markLate(ctx context.Context, station string, entries []store.Entry) error {
	now := s.now()
	old := slices.DeleteFunc(slices.Clone(entries), func(e store.Entry) bool { return e.At.After(now.Add(-reportFresh)) })
	if len(old) == 0 {
		return nil
	}
	head, _, err := chainHead(ctx, s.store, station)
	if err != nil {
		return err
	}
	var late lateReports
	for _, e := range old {
		if !e.At.Before(head.Until.Time) {
			continue
		}
		at := schedules.At(e.At)
		if late.From.IsZero() || at.Before(late.From.Time) {
			late.From = at
		}
		if at.After(late.To.Time) {
			late.To = at
		}
	}
	if late.From.IsZero() {
		return nil
	}
	return s.replica.Retry(ctx, func() error {
		mark := late
		before, err := s.store.Get(ctx, KindLate, station)
		switch {
		case err == nil:
			was, err := replica.Decode[lateReports](before)
			if err != nil {
				return err
			}
			if was.From.Before(mark.From.Time) {
				mark.From = was.From
			}
			if was.To.After(mark.To.Time) {
				mark.To = was.To
			}
		case !fault.Is(err, fault.NotFound):
			return err
		}
		body, err := replica.Encode(mark)
		if err != nil {
			return err
		}
		return s.replica.Commit(ctx, store.Commit{
			Writes: []store.Write{{Kind: KindLate, ID: station, Expect: before.Revision, Body: body}},
			Origin: access.System.Origin(now, "as-run.late", "")})
	})
}
