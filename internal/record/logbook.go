package record

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/network"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Logbook keeps what aired and compares it with what was planned.
type Logbook struct {
	replica   *replica.Replica
	store     *Records
	now       func() time.Time
	network   *network.Definitions
	planning  *library.Planning
	queues    *Queues
	accounts  *Accounts
	makeGoods *MakeGoods
	sealing   *Sealing
	numbering *Numbering
}

// WithNow is the logbook by another source of time.
func (l *Logbook) WithNow(now func() time.Time) *Logbook {
	other := *l
	other.now = now
	return &other
}

// reconcileTolerance is how far an airing may be from its plan and still be as planned.
const reconcileTolerance = time.Second

// Report stores what a station aired, durably before it returns. A repeated entry changes nothing; another one under a
// sequence that is used is kept beside the first; one that makes no sense is rejected by itself.
func (l *Logbook) Report(ctx context.Context, station string, entries []schedules.AsRun) ([]wire.AsRunResult, error) {
	entries = slices.Clone(entries)
	results := make([]wire.AsRunResult, len(entries))
	var good []store.Entry
	var at []int
	for n, e := range entries {
		e.ReportedAs = 0
		results[n] = wire.AsRunResult{Sequence: e.Sequence, Status: "rejected", Message: cmp.Or(e.Check(), l.tooSoon(e),
			tooFar(e))}
		if results[n].Message != "" {
			continue
		}
		detail, err := text.Said(e.Detail)
		if err != nil {
			results[n].Message = "detail " + err.Error()
			continue
		}
		e.Detail = detail
		entries[n] = e
		body, err := replica.Encode(e)
		if err != nil {
			return nil, err
		}
		when := e.StartedAt.Time
		if when.IsZero() {
			when = l.plannedStart(station, e)
		}
		good = append(good, store.Entry{Station: station, Sequence: e.Sequence, At: when, Body: body})
		at = append(at, n)
	}
	if len(good) == 0 {
		return results, nil
	}
	fresh, err := l.store.Append(ctx, good)
	if err != nil {
		return nil, err
	}
	var old []schedules.AsRun
	var placed []time.Time
	var of []int
	for i, n := range at {
		results[n].Status = "accepted"
		if !fresh[i] {
			old, placed, of = append(old, entries[n]), append(placed, good[i].At), append(of, n)
		}
	}
	if len(old) > 0 {
		given, err := l.keepOthers(ctx, station, old, placed)
		if err != nil {
			return nil, err
		}
		for i, n := range of {
			if given[i] == 0 {
				results[n].Status = "repeated"
			} else {
				results[n].Message = fmt.Sprintf("another report has sequence %d: this one is kept beside it, as %d. Do two "+
					"players report for this station?", entries[n].Sequence, given[i])
			}
		}
	}
	if err := l.sealing.markLate(ctx, station, good); err != nil {
		return nil, err
	}
	if st, err := l.network.Station(station); err == nil {
		l.makeGoods.reported(st, good)
	}
	return results, nil
}

// reportAhead is by how much a station's clock may be ahead of the service's.
const reportAhead = 2 * time.Minute

// tooSoon says that a report tells of what cannot have happened yet, or nothing. A player offers such a report again,
// so that one by a fast clock is taken when its time has come.
func (l *Logbook) tooSoon(e schedules.AsRun) string {
	end := e.EndedAt
	if e.StartedAt.After(end.Time) {
		end = e.StartedAt
	}
	if ahead := end.Sub(l.now()); ahead > reportAhead {
		return fmt.Sprintf("it tells of %s, which is still to come: here it is %s. Check the clock of the station", end,
			schedules.At(l.now()))
	}
	return ""
}

// tooFar says that a sequence is one of those that the service gives itself, or nothing.
func tooFar(e schedules.AsRun) string {
	if e.Sequence >= besideFrom {
		return fmt.Sprintf("sequence must be less than %d", int64(besideFrom))
	}
	return ""
}

// plannedStart places what did not start where it was planned, so that it is found with its day; what is not in any
// queue in memory is placed now.
func (l *Logbook) plannedStart(station string, e schedules.AsRun) time.Time {
	for _, row := range replica.QueuesIn(l.replica).After(station+"/", "") {
		for _, i := range row.Value.Value.Items {
			if i.ID == e.ItemID && i.StartAt != nil {
				return i.StartAt.Time
			}
		}
	}
	return schedules.At(l.now()).Time
}

// AsRun answers what a station reported for [from, to), by sequence.
func (l *Logbook) AsRun(ctx context.Context, station string, from, to time.Time) ([]schedules.AsRun, error) {
	return l.accounts.AsRun(ctx, station, from, to)
}

// Reconcile compares a published day, or one window of it, with what aired. What is still to come is left out, but for
// what was reported of it.
func (l *Logbook) Reconcile(ctx context.Context, station string, date schedules.Date, window string) (
	schedules.Reconciliation, error) {
	q, err := l.queues.StandingQueue(ctx, station, date)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "nothing is published for station %q on %s", station, date)
	}
	if err != nil {
		return schedules.Reconciliation{}, err
	}
	st, err := l.network.Station(station)
	if err != nil {
		return schedules.Reconciliation{}, err
	}
	r, err := l.accounts.outcomes(ctx, st, date)
	return r.Past(window, q.Value.Windows), err
}

// statusEvery is how often an unchanged status is stored again, so that reports each minute do not fill the store.
const statusEvery = 10 * time.Minute

// MaxInstance is how long the name of a player's instance may be.
const MaxInstance = 64

// SetStatus keeps what a station says of itself. Where the station has seen more than the store has, the service signs
// anew, above that.
func (l *Logbook) SetStatus(ctx context.Context, a access.Actor, station string, s wire.Status) error {
	if len(s.Instance) > MaxInstance {
		return fault.Fields(fault.Field{Field: "instance", Message: fmt.Sprintf("must have at most %d characters",
			MaxInstance)})
	}
	s.Station, s.ReceivedAt, s.PublishedRevision, s.Standing = station, schedules.At(l.now()), 0, nil
	if err := l.numbering.Outrun(ctx, station, s); err != nil {
		return err
	}
	return l.replica.Retry(ctx, func() error {
		before, known := replica.StatusesIn(l.replica).Get(station)
		s.Players = reporting(before.Value.Players, s.Instance, s.ReceivedAt)
		if known && sameStanding(before.Value, s) && s.ReceivedAt.Sub(before.Value.ReceivedAt.Time) < statusEvery {
			return nil
		}
		body, err := replica.EncodeStatus(s)
		if err != nil {
			return err
		}
		return l.replica.Commit(ctx, store.Commit{
			Writes: []store.Write{{Kind: replica.KindStatus, ID: station, Expect: before.Revision, Body: body}},
			Origin: a.Origin(l.now(), "station.status", "")})
	})
}

// sameStanding reports whether b tells nothing new but the time and the item on air.
func sameStanding(a, b wire.Status) bool {
	return a.QueueDate == b.QueueDate && a.QueueRevision == b.QueueRevision && a.RecallsSeen == b.RecallsSeen &&
		a.AudioVerified == b.AudioVerified && a.AudioMissing == b.AudioMissing && a.PlayerVersion == b.PlayerVersion &&
		a.Instance == b.Instance && network.SeenBy(a) == network.SeenBy(b) && slices.Equal(a.Alarms, b.Alarms) &&
		slices.Equal(a.Problems, b.Problems)
}

// Status is what a station last said of itself. It fails with NotFound until it has.
func (l *Logbook) Status(station string) (wire.Status, error) {
	row, ok := replica.StatusesIn(l.replica).Get(station)
	if !ok {
		return row.Value, fault.New(fault.NotFound, "station %q has not said how it stands yet", station)
	}
	s := row.Value
	if queue, ok := replica.QueuesIn(l.replica).Get(station + "/" + s.QueueDate); ok {
		s.PublishedRevision = queue.Value.Value.Revision
	}
	return s, nil
}

// Statuses are what at most limit stations whose ids come after the given one last said of themselves, and the last id
// when there are more. One that has said nothing is there with its id alone.
func (l *Logbook) Statuses(after string, limit int) (page []wire.Status, next string) {
	for id := range replica.StationsIn(l.replica).After("", after) {
		if len(page) == limit {
			return page, page[limit-1].Station
		}
		s, err := l.Status(id)
		if err != nil {
			s = wire.Status{Station: id}
		}
		s.Standing = l.network.Standing.Of(id)
		page = append(page, s)
	}
	return page, ""
}

// auditPageFiles is how many files of older changes one page of the audit reads at most: a query that finds little
// would read all of them.
const auditPageFiles = 3

// Audit answers who changed what, when, the newest first, and before which sequence the next page goes on; 0: there is
// none. A page may be shorter than asked for, or empty, though another follows.
func (l *Logbook) Audit(ctx context.Context, q store.AuditQuery) (page []wire.AuditRecord, next int64, err error) {
	q.Newest = true
	limit, err := q.Most()
	if err != nil {
		return nil, 0, err
	}
	reach, err := l.store.AuditReach(ctx, q, auditPageFiles)
	if err != nil {
		return nil, 0, err
	}
	if reach > q.After {
		q.After, next = reach, reach+1
	}
	changes, err := l.store.Audit(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	if len(changes) == limit {
		next = changes[limit-1].Sequence
	}
	out := make([]wire.AuditRecord, len(changes))
	for i, c := range changes {
		out[i] = wire.AuditRecord{Sequence: c.Sequence, At: schedules.At(c.At), By: c.By, Action: c.Action, Reason: c.Reason,
			Kind: c.Kind, ID: c.ID, From: max(c.Revision-1, 0), To: c.Revision, RequestID: c.RequestID}
	}
	return out, next, nil
}

// Chain reads what seals the stations' records.
func (l *Logbook) Chain() Chain { return NewChain(l.store, l.store) }

const playersKept = time.Hour // after its last report, a player is known

const PlayersMost = 8 // that are known of one station

// reporting is who reports for a station after a report of an instance at an instant.
func reporting(known []wire.Player, instance string, at schedules.Instant) []wire.Player {
	if instance == "" { // an older player
		return known
	}
	known = slices.DeleteFunc(slices.Clone(known), func(p wire.Player) bool { return at.Sub(p.Last.Time) > playersKept })
	if n := slices.IndexFunc(known, func(p wire.Player) bool { return p.Instance == instance }); n >= 0 {
		known[n].Last = at
		return known
	}
	if len(known) == PlayersMost {
		slices.SortStableFunc(known, func(a, b wire.Player) int {
			return cmp.Compare(a.Last.UnixMilli(),
				b.Last.UnixMilli())
		})
		known = known[1:]
	}
	return append(known, wire.Player{Instance: instance, First: at, Last: at})
}
