package record

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sync"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// MakeGoods keeps the owed airings and the airings that made them good.
type MakeGoods struct {
	replica  *replica.Replica
	store    replica.Store
	now      func() time.Time
	network  *network.Definitions
	planning *library.Planning
	accounts *Accounts

	mu    sync.Mutex
	owing map[string]missSearch // by station
}

// AsRunReports is the wake-up topic of new as-run entries, which are not documents of any kind.
const AsRunReports = "as-run-reports"

// maxOwed bounds the make-goods that are offered to one day, oldest first. After a long outage the rest waits, so that
// no day consists of make-goods alone.
const maxOwed = 12

// settleEvery is how often a station without new reports is searched for misses.
const settleEvery = 5 * time.Minute

// missSearch is the state of the search for misses at one station.
type missSearch struct {
	from   schedules.Date // every earlier day is settled
	looked time.Time
}

// SettleAll settles every station. It works from the stored state alone, so that a later call makes up for a failed
// one.
func (s *MakeGoods) SettleAll(ctx context.Context) error {
	var failed error
	for id, row := range replica.StationsIn(s.replica).After("", "") {
		if err := s.settle(ctx, row.Value); err != nil {
			failed = errors.Join(failed, fmt.Errorf("make-goods of %s: %w", id, err))
		}
	}
	return failed
}

// reported schedules a new search over the days of the given reports, on the next query, and wakes the background job.
func (s *MakeGoods) reported(st schedules.Station, entries []store.Entry) {
	defer s.replica.Signals.Wake(AsRunReports)
	s.mu.Lock()
	defer s.mu.Unlock()
	o, known := s.owing[st.ID]
	if !known {
		return // all of them will be searched
	}
	o.looked = time.Time{}
	for _, e := range entries {
		if d, err := st.DateAt(e.At); err == nil && d.AddDays(-1).Before(o.from) {
			o.from = d.AddDays(-1) // a window of the day before may run past midnight
		}
	}
	s.owing[st.ID] = o
}

// lastSearch returns the state of the search at a station, and whether the stored make-goods are recent enough.
func (s *MakeGoods) lastSearch(st schedules.Station, today schedules.Date) (o missSearch, recent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, known := s.owing[st.ID]
	if !known {
		o.from = today.AddDays(-int(reportWait/(24*time.Hour)) - 1)
		s.owing[st.ID] = o
	}
	return o, s.now().Sub(o.looked).Abs() < settleEvery
}

// settle stores the new misses and settled make-goods of a station, unless that was done shortly before.
func (s *MakeGoods) settle(ctx context.Context, st schedules.Station) error {
	now := s.now()
	today, err := st.DateAt(now)
	if err != nil {
		return err
	}
	o, recent := s.lastSearch(st, today)
	if recent {
		return nil
	}
	days, err := s.accounts.Account(ctx, st, o.from, today.AddDays(1), "")
	if err != nil {
		return err
	}
	err = s.replica.Retry(ctx, func() error {
		act, err := s.settledDays(ctx, st, o.from, days)
		if err != nil {
			return err
		}
		writes, err := act.writes(st.ID)
		if err != nil || len(writes) == 0 {
			return err
		}
		return s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: access.System.Origin(now, "make-good.settle", "")})
	})
	if err != nil {
		return err
	}
	next := missSearch{o.from, now}
	for i := 0; i < len(days)-1 && closed(days[i]); i++ {
		next.from = o.from.AddDays(i + 1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owing[st.ID] == o { // no report has arrived meanwhile
		s.owing[st.ID] = next
	}
	return nil
}

// closed reports whether every item of a day has an outcome. A late report may still change it.
func closed(day []schedules.AiringRecord) bool {
	return !slices.ContainsFunc(day, func(r schedules.AiringRecord) bool {
		return r.Outcome == schedules.Upcoming || r.Outcome == schedules.Unreported
	})
}

// settledDays opens a make-good for every missed commitment of the days from the given date on, closes those that
// aired, and waives those whose segments may not air again. It stores nothing.
func (s *MakeGoods) settledDays(ctx context.Context, st schedules.Station, from schedules.Date,
	days [][]schedules.AiringRecord) (settling, error) {
	open, err := s.open(ctx, st.ID)
	if err != nil {
		return settling{}, err
	}
	act := settling{now: schedules.At(s.now()), open: map[string]*wire.OwedAiring{}}
	for i := range open {
		act.open[open[i].ID] = &open[i]
	}
	library, campaigns := s.planning.Library(), s.network.AllCampaigns()
	for i, day := range days {
		for _, r := range day {
			id := schedules.MakeGoodID(r.ItemID)
			if r.Owed && library.Committed(r, campaigns) && act.open[id] == nil {
				_, err := s.store.Get(ctx, kindSettled, makeGoodID(st.ID, id))
				switch {
				case fault.Is(err, fault.NotFound):
					act.begin(st.ID, id, from.AddDays(i), r)
				case err != nil:
					return settling{}, err
				}
			}
			act.heard(r)
		}
	}
	for _, m := range open {
		if life, ok := library.Life(m.SegmentID); !ok || life.BlockedBecause != "" || !life.Until.IsZero() &&
			!life.Until.After(s.now()) {
			act.waive(m.ID, access.System.Name, "its segment may not air any more")
		}
	}
	return act, nil
}

// settling is the work of settling one station's make-goods.
type settling struct {
	now     schedules.Instant
	open    map[string]*wire.OwedAiring // by id; a new one has revision 0
	changed []string
}

func (a *settling) begin(station, id string, date schedules.Date, r schedules.AiringRecord) {
	a.open[id] = &wire.OwedAiring{MakeGood: schedules.MakeGood{ID: id, Station: station, SegmentID: r.SegmentID,
		ItemID: r.ItemID, MissedAt: r.PlannedAt},
		Date: date, Verdict: r.Outcome, Detail: r.Detail, State: wire.MakeGoodOwed}
	a.changed = append(a.changed, id)
}

// heard applies one airing: of a make-good, or of an item that was first reported as missed.
func (a *settling) heard(r schedules.AiringRecord) {
	aired := r.Outcome == schedules.AsPlanned || r.Outcome == schedules.Late
	over := r.Outcome != schedules.Upcoming && r.Outcome != schedules.Unreported && r.Outcome != schedules.Extra
	for _, id := range []string{r.MakesGood, schedules.MakeGoodID(r.ItemID)} {
		m := a.open[id]
		switch {
		case m == nil || m.State != wire.MakeGoodOwed:
		case aired:
			m.State, m.By, m.Settled = wire.MakeGoodAired, &wire.MadeGoodBy{Date: r.Date, ItemID: r.ItemID,
				StartAt: r.StartedAt}, a.now
			a.changed = append(a.changed, id)
		case over && id == r.MakesGood && !slices.Contains(m.Tried, r.ItemID):
			m.Tried = append(m.Tried, r.ItemID)
			a.changed = append(a.changed, id)
		}
	}
}

func (a *settling) waive(id, by, reason string) {
	m := a.open[id]
	if m.State == wire.MakeGoodOwed {
		m.State, m.WaivedBy, m.Reason, m.Settled = wire.MakeGoodWaived, by, reason, a.now
		a.changed = append(a.changed, id)
	}
}

// writes returns the writes for all changes. A settled make-good is moved to a kind of its own, so that the list of
// open ones stays short.
func (a *settling) writes(station string) ([]store.Write, error) {
	var out []store.Write
	slices.Sort(a.changed)
	for _, id := range slices.Compact(a.changed) {
		m := a.open[id]
		name, before := makeGoodID(station, id), m.Revision
		if m.State == wire.MakeGoodOwed {
			m.Revision++
			body, err := encodeMakeGood(m)
			if err != nil {
				return nil, err
			}
			out = append(out, store.Write{Kind: KindMakeGood, ID: name, Expect: before, Body: body})
			continue
		}
		m.Revision = 1
		body, err := encodeMakeGood(m)
		if err != nil {
			return nil, err
		}
		out = append(out, store.Write{Kind: kindSettled, ID: name, Body: body})
		if before > 0 {
			out = append(out, store.Write{Kind: KindMakeGood, ID: name, Expect: before, Delete: true})
		}
	}
	return out, nil
}

func makeGoodID(station, id string) string { return station + "/" + id }

// open returns a station's make-goods that are not settled, oldest first.
func (s *MakeGoods) open(ctx context.Context, station string) ([]wire.OwedAiring, error) {
	out, err := readMakeGoods(ctx, s.store, KindMakeGood, station)
	slices.SortFunc(out, oldestFirst)
	return out, err
}

func oldestFirst(a, b wire.OwedAiring) int {
	return cmp.Or(a.MissedAt.Compare(b.MissedAt.Time), strings.Compare(a.ID, b.ID))
}

// current returns a station's make-goods that are not stored as settled, oldest first, including changes that the
// background job has not stored yet. It stores nothing, so that plans and reports work while the store is read-only.
func (s *MakeGoods) current(ctx context.Context, st schedules.Station) ([]wire.OwedAiring, error) {
	today, err := st.DateAt(s.now())
	if err != nil {
		return nil, err
	}
	o, recent := s.lastSearch(st, today)
	if recent {
		return s.open(ctx, st.ID)
	}
	days, err := s.accounts.Account(ctx, st, o.from, today.AddDays(1), "")
	if err != nil {
		return nil, err
	}
	act, err := s.settledDays(ctx, st, o.from, days)
	if err != nil {
		return nil, err
	}
	out := make([]wire.OwedAiring, 0, len(act.open))
	for _, m := range act.open {
		out = append(out, *m)
	}
	slices.SortFunc(out, oldestFirst)
	return out, nil
}

// readMakeGoods returns a station's make-goods of one kind, by id.
func readMakeGoods(ctx context.Context, docs replica.Documents, kind, station string) ([]wire.OwedAiring, error) {
	found, err := replica.List(ctx, docs, kind, station+"/", station+"0") // '0' follows '/'
	if err != nil {
		return nil, err
	}
	out := make([]wire.OwedAiring, len(found))
	for i, d := range found {
		if out[i], err = decodeMakeGood(d); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// plannedAirings returns, for each open make-good, the coming airing that is to make it good. It leaves out those of
// the day but, and includes those of request, whose rundowns are drafted but not stored.
func (s *MakeGoods) plannedAirings(ctx context.Context, st schedules.Station, open []wire.OwedAiring,
	but schedules.Date, request []schedules.Rundown) (map[string]wire.MadeGoodBy, error) {
	if len(open) == 0 {
		return nil, nil
	}
	tried := map[string]bool{}
	for _, m := range open {
		for _, item := range m.Tried {
			tried[item] = true
		}
	}
	now := s.now()
	today, err := st.DateAt(now)
	if err != nil {
		return nil, err
	}
	out := map[string]wire.MadeGoodBy{}
	note := func(r schedules.Rundown, since time.Time) {
		for _, i := range r.Items {
			if i.MakesGood != "" && i.EndAt().After(since) && !tried[i.ID] {
				out[i.MakesGood] = wire.MadeGoodBy{Date: r.Date, ItemID: i.ID, StartAt: i.StartAt}
			}
		}
	}
	claim := func(body []byte, since time.Time) error {
		if !bytes.Contains(body, []byte(`"makes_good":`)) {
			return nil
		}
		r, err := replica.ParsePart[schedules.Rundown](body)
		note(r, since)
		return err
	}
	for _, r := range request {
		if r.Station == st.ID && r.Date != but {
			note(r, now)
		}
	}
	// A published airing counts until its outcome is known, a drafted one while it is in the future.
	published := func(date schedules.Date) error {
		payload, err := s.accounts.payload(ctx, st.ID, date)
		if err != nil {
			return err
		}
		return claim(payload, now.Add(-reportWait))
	}
	first := today.AddDays(-int(reportWait/(24*time.Hour)) - 1)
	for date := first; date.Before(today.AddDays(-1)); date = date.AddDays(1) {
		if date != but {
			if err := published(date); err != nil {
				return nil, err
			}
		}
	}
	drafts, err := replica.List(ctx, s.store, replica.KindRundown, replica.DayID(st.ID, today.AddDays(-2)), st.ID+"0")
	if err != nil {
		return nil, err
	}
	for _, d := range drafts {
		if d.ID == replica.DayID(st.ID, but) {
			continue
		}
		_, day, _ := strings.Cut(d.ID, "/")
		date, err := schedules.ParseDate(day)
		if err != nil {
			return nil, fmt.Errorf("record: rundown %q: %w", d.ID, err)
		}
		if err := claim(d.Body, now); err != nil {
			return nil, err
		}
		if err := published(date); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Owed returns the oldest make-goods that no other day airs, for the given day.
func (s *MakeGoods) Owed(ctx context.Context, st schedules.Station, date schedules.Date, request []schedules.Rundown) (
	[]schedules.MakeGood, error) {
	_, end, err := st.DayBounds(date)
	if err != nil || !end.After(s.now()) {
		return nil, err // past days make nothing good
	}
	open, err := s.current(ctx, st)
	if err != nil {
		return nil, err
	}
	open = slices.DeleteFunc(open, func(m wire.OwedAiring) bool { return m.State != wire.MakeGoodOwed })
	claims, err := s.plannedAirings(ctx, st, open, date, request)
	if err != nil {
		return nil, err
	}
	var out []schedules.MakeGood
	for _, m := range open {
		_, claimed := claims[m.ID]
		seg, known := s.network.Segment(m.SegmentID)
		if claimed || !known || seg.State != schedules.Approved || !m.MissedAt.Before(end) {
			continue
		}
		if out = append(out, m.MakeGood); len(out) == maxOwed {
			break
		}
	}
	return out, nil
}

// committed returns those of the misses of a day that are or were owed: for a missed ident nothing is owed.
func (s *MakeGoods) committed(ctx context.Context, st schedules.Station, missed []schedules.MakeGood) (
	[]schedules.MakeGood, error) {
	if len(missed) == 0 {
		return missed, nil
	}
	current, err := s.current(ctx, st)
	if err != nil {
		return nil, err
	}
	owed := map[string]bool{}
	for _, m := range current {
		owed[m.ID] = true
	}
	out := []schedules.MakeGood{}
	for _, m := range missed {
		if !owed[m.ID] {
			_, err := s.store.Get(ctx, kindSettled, makeGoodID(st.ID, m.ID))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if err != nil {
				continue
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// ofKind returns a station's make-goods of one kind, by id. Each open one names the airing that is to make it good.
func (s *MakeGoods) ofKind(ctx context.Context, kind string, st schedules.Station) ([]wire.OwedAiring, error) {
	current, err := s.current(ctx, st)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(current, func(m wire.OwedAiring) bool {
		return (m.State == wire.MakeGoodOwed) != (kind == KindMakeGood)
	})
	if kind == kindSettled {
		stored, err := readMakeGoods(ctx, s.store, kindSettled, st.ID)
		if err != nil {
			return nil, err
		}
		found = append(found, stored...)
	}
	slices.SortFunc(found, func(a, b wire.OwedAiring) int { return strings.Compare(a.ID, b.ID) })
	if kind == kindSettled {
		return slices.CompactFunc(found, func(a, b wire.OwedAiring) bool { return a.ID == b.ID }), nil
	}
	claims, err := s.plannedAirings(ctx, st, found, schedules.Date{}, nil)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if by, ok := claims[found[i].ID]; ok {
			found[i].State, found[i].By = wire.MakeGoodPlanned, &by
		}
	}
	return found, nil
}
