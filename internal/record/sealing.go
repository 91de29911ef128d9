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
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Sealing seals the stations' as-run entries into their chains, day by day.
type Sealing struct {
	replica *replica.Replica
	store   *Records
	now     func() time.Time
	links   *Links

	mu  sync.Mutex
	due map[string]time.Time // by station: when its next day is due for sealing
}

// sealGrace is the delay between the end of a day and its sealing. Entries that arrive within it are in the day's link.
const sealGrace = 6 * time.Hour

// reportFresh is the age below which an entry's day cannot be sealed yet. It is shorter than sealGrace by more than the
// clocks of replicas differ.
const reportFresh = 3 * time.Hour

// sealDaysBack bounds how many past days the first sealing of a station seals one by one. The first link covers all
// older ones.
const sealDaysBack = 400

// lateReports marks entries that arrived after their time, within [From, To], was sealed.
type lateReports struct {
	From schedules.Instant `json:"from"`
	To   schedules.Instant `json:"to"`
}

// actionSeal is the audit's name for sealing as-run entries.
const actionSeal = "as-run.seal"

// SealAll seals, for every station, each day that is over and every late entry. It works from the stored state alone,
// so that a later call makes up for a failed one.
func (s *Sealing) SealAll(ctx context.Context) error {
	var failed error
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		err := s.days(ctx, row.Value)
		if mark, ok := lateIn(s.replica).Get(id); ok && err == nil {
			err = s.late(ctx, row.Value, mark)
		}
		if err != nil && !errors.Is(err, replica.ErrRace) { // the winner of the race has sealed it
			failed = errors.Join(failed, fmt.Errorf("seal as-run of %s: %w", id, err))
		}
	}
	return failed
}

// days seals one day after the other, up to the last that is over.
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

// next returns the first unsealed broadcast day and its end. For a station without links that is the day of the oldest
// entry, but at most sealDaysBack days ago and at least two.
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

// records commits a link of as-run entries.
func (s *Sealing) records(ctx context.Context, l wire.Link, records []wire.ChainRecord) error {
	l.Kind, l.Sequences, l.Records = wire.LinkAsRun, hashchain.Sequences(records), hashchain.Records(records)
	writes, err := s.links.Writes(ctx, l)
	if err != nil {
		return err
	}
	return s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: access.System.Origin(s.now(), actionSeal, "")})
}

// late seals entries of days that were already sealed, each day in a new link. It never seals old entries again, since
// that would hide later changes to them.
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
		if !hashchain.Names(named, r.Sequence) && entries[i].At.Before(head.Until.Time) {
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
	return s.replica.Commit(ctx, store.Commit{ // the mark stays if more entries have arrived meanwhile
		Writes: []store.Write{{Kind: KindLate, ID: st.ID, Expect: mark.Revision, Delete: true}},
		Origin: access.System.Origin(s.now(), actionSeal, "")})
}

// sealed returns the sequence ranges of a station's entries that its links name.
func (s *Sealing) sealed(ctx context.Context, station string) (named [][2]int64, err error) {
	for stored, err := range NewHashChain(s.store).Links(ctx, station) {
		if err != nil {
			return nil, err
		}
		l, err := OpenLink(stored.Envelope)
		if err != nil {
			return nil, err
		}
		named = append(named, l.Sequences...)
	}
	return hashchain.Join(named, nil), nil
}

// markLate marks entries that arrived after their day was sealed. It is called after they are stored and before the
// station gets its answer: if it fails, the station sends them again.
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
