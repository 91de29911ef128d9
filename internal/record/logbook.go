package record

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
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

// Logbook stores as-run reports and compares them with what was planned.
type Logbook struct {
	replica        *replica.Replica
	store          *Records
	now            func() time.Time
	network        *network.Definitions
	planning       *library.Planning
	queues         *Queues
	accounts       *Accounts
	makeGoods      *MakeGoods
	sealing        *Sealing
	numbering      *Numbering
	authentication *Authentication
}

// WithNow returns a copy of the logbook with another clock.
func (l *Logbook) WithNow(now func() time.Time) *Logbook {
	other := *l
	other.now = now
	return &other
}

// reconcileTolerance is the largest deviation of an airing that still counts as planned.
const reconcileTolerance = time.Second

// Report stores as-run entries durably before it returns. A repeated entry changes nothing; an entry with other content
// under a known sequence is kept beside the first; a senseless entry is rejected by itself. If the station has a key of
// its own, which did not sign the report, all entries are kept beside the record, and rejected: the station sends them
// again until its key signs them.
func (l *Logbook) Report(ctx context.Context, station string, entries []schedules.AsRun) ([]wire.AsRunResult, error) {
	authenticity, why := l.authentication.unsigned(station)
	return l.report(ctx, station, entries, authenticity, why)
}

// ReportSigned does the same with the entries in an envelope of type wire.AsRunType, whose payload is r.
func (l *Logbook) ReportSigned(ctx context.Context, station string, envelope []byte, r wire.SignedAsRun) (
	[]wire.AsRunResult, error) {
	authenticity, why := l.authentication.signed(station, r.Station, wire.AsRunType, envelope)
	return l.report(ctx, station, r.Entries, authenticity, why)
}

func (l *Logbook) report(ctx context.Context, station string, entries []schedules.AsRun,
	authenticity schedules.Authenticity, why string) ([]wire.AsRunResult, error) {
	entries = slices.Clone(entries)
	results := make([]wire.AsRunResult, len(entries))
	var good []store.Entry
	var at []int
	for n, e := range entries {
		e.ReportedAs, e.Authenticity = 0, authenticity
		results[n] = wire.AsRunResult{Sequence: e.Sequence, Status: "rejected", Message: cmp.Or(e.Check(), l.tooSoon(e),
			implausible(e))}
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
	fresh := make([]bool, len(good))
	if entries[at[0]].Counts() {
		var err error
		if fresh, err = l.store.Append(ctx, good); err != nil {
			return nil, err
		}
	}
	if err := l.storeResults(ctx, station, why, entries, good, at, fresh, results); err != nil {
		return nil, err
	}
	if authenticity == schedules.Signed && slices.Contains(fresh, true) { // others may be sent again by anybody
		if err := l.authentication.noteSigned(ctx, station); err != nil {
			return nil, err
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

// storeResults writes the results of the entries at, of which fresh are stored as good, and keeps the others beside the
// record. why is the reason why a report is not the station's own.
func (l *Logbook) storeResults(ctx context.Context, station, why string, entries []schedules.AsRun, good []store.Entry,
	at []int, fresh []bool, results []wire.AsRunResult) error {
	var old []schedules.AsRun
	var placed []time.Time
	var of []int
	for i, n := range at {
		results[n].Status = "accepted"
		if !fresh[i] {
			old, placed, of = append(old, entries[n]), append(placed, good[i].At), append(of, n)
		}
	}
	if len(old) == 0 {
		return nil
	}
	given, err := l.storeConflicts(ctx, station, old, placed)
	if err != nil {
		return err
	}
	twice := int64(0)
	for i, n := range of {
		switch {
		case !entries[n].Counts():
			results[n].Status = "rejected"
			results[n].Message = "it is kept beside the record, and does not count: " + why
		case given[i] == 0:
			results[n].Status = "repeated"
		default:
			twice = entries[n].Sequence
			results[n].Message = fmt.Sprintf("another report has sequence %d: this one is kept beside it, as %d. Do two "+
				"players report for this station?", twice, given[i])
		}
	}
	switch authenticity := entries[at[0]].Authenticity; {
	case !entries[at[0]].Counts():
		return l.authentication.doubt(ctx, station, codeOf(authenticity), "a report of what aired: "+why)
	case twice > 0:
		return l.authentication.doubt(ctx, station, network.SequenceTwice, fmt.Sprintf("sequence %d", twice))
	}
	return nil
}

// reportAhead is how far a station's clock may run ahead of the service's.
const reportAhead = 2 * time.Minute

// tooSoon returns the reason for rejecting a report of the future, or "". The player sends a rejected report again, so
// that the service accepts it once its time has come.
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

// The bounds of an airing. A clock without a battery shows 1970 after a power failure.
const (
	firstYear   = 1970
	longestItem = schedules.MaxWindow + time.Minute
)

// implausible returns the reason for rejecting times or a sequence that no player can have, or "".
func implausible(e schedules.AsRun) string {
	switch {
	case e.Sequence >= firstConflictSequence:
		return fmt.Sprintf("sequence must be less than %d", int64(firstConflictSequence))
	case !e.StartedAt.IsZero() && e.StartedAt.Year() < firstYear || !e.EndedAt.IsZero() && e.EndedAt.Year() < firstYear:
		return fmt.Sprintf("started_at and ended_at must not be before the year %d", firstYear)
	case e.EndedAt.Sub(e.StartedAt.Time) > longestItem && !e.StartedAt.IsZero():
		return fmt.Sprintf("it lasted from %s to %s, and no item lasts longer than %s", e.StartedAt, e.EndedAt,
			schedules.FormatLength(schedules.MaxWindow))
	}
	return ""
}

// plannedStart returns the planned start of an item that did not start, so that the entry is filed under its day. It
// returns the current time for an item of no queue in memory.
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

// AsRun returns a station's as-run entries of [from, to), by sequence.
func (l *Logbook) AsRun(ctx context.Context, station string, from, to time.Time) ([]schedules.AsRun, error) {
	return l.accounts.AsRun(ctx, station, from, to)
}

// Reconcile compares a published day, or one window of it, with the as-run entries. It leaves out future items that no
// entry names.
func (l *Logbook) Reconcile(ctx context.Context, station string, date schedules.Date, window string) (
	schedules.Reconciliation, error) {
	q, err := l.queues.PublishedQueue(ctx, station, date)
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
	if err != nil {
		return r, err
	}
	r = r.Past(window, q.Value.Windows)
	r.MakeGoods, err = l.makeGoods.committed(ctx, st, r.MakeGoods)
	return r, err
}

// statusEvery is how often an unchanged status is stored again. Storing every minute's status would fill the store:
// those between are kept in memory alone.
const statusEvery = 10 * time.Minute

// MaxInstance bounds the length of a player instance's name, in bytes.
const MaxInstance = 64

// SetStatus stores a station's status. When the station has seen higher revisions than the store has, the service signs
// its documents again above them. It fails with Conflict, storing nothing but the doubt, if the station has a key of
// its own.
func (l *Logbook) SetStatus(ctx context.Context, a access.Actor, station string, s wire.Status) error {
	authenticity, why := l.authentication.unsigned(station)
	if authenticity != "" {
		return l.authentication.refuse(ctx, station, codeOf(authenticity), why)
	}
	return l.setStatus(ctx, a, station, s, schedules.Instant{})
}

// SetSignedStatus does the same with the status in an envelope of type wire.StatusType, whose payload is s. It fails
// with Conflict, storing nothing but the doubt, if the station's key did not sign it, or signed a later one.
func (l *Logbook) SetSignedStatus(ctx context.Context, a access.Actor, station string, envelope []byte,
	s wire.SignedStatus) error {
	authenticity, why := l.authentication.signed(station, s.Station, wire.StatusType, envelope)
	if authenticity == "" {
		return l.setStatus(ctx, a, station, s.Status, schedules.Instant{})
	}
	if authenticity != schedules.Signed {
		return l.authentication.refuse(ctx, station, codeOf(authenticity), why)
	}
	repeated, old := l.authentication.checkOrder(station, s.SignedAt)
	switch {
	case old != "":
		return l.authentication.refuse(ctx, station, network.OldStatus, old)
	case repeated:
		return nil
	}
	if err := l.setStatus(ctx, a, station, s.Status, s.SignedAt); err != nil {
		return err
	}
	return l.authentication.noteSigned(ctx, station)
}

// setStatus stores a status that is the station's own. signedAt is zero unless the station's key signed it.
func (l *Logbook) setStatus(ctx context.Context, a access.Actor, station string, s wire.Status,
	signedAt schedules.Instant) error {
	if len(s.Instance) > MaxInstance {
		return fault.Fields(fault.Field{Field: "instance", Message: fmt.Sprintf("must have at most %d characters",
			MaxInstance)})
	}
	s.Station, s.ReceivedAt, s.PublishedRevision, s.CurrentProblems = station, schedules.At(l.now()), 0, nil
	s.StandingOrder = nil
	if err := l.numbering.RaiseAboveSeen(ctx, station, s); err != nil {
		return err
	}
	if l.authentication.acknowledged(station, &s, !signedAt.IsZero()) {
		if err := l.authentication.doubt(ctx, station, network.RecallNotShown, fmt.Sprintf("revision %d of the recall list",
			s.RecallsSeen+1)); err != nil {
			return err
		}
	}
	return l.replica.Retry(ctx, func() error {
		statuses := replica.StatusesIn(l.replica)
		before, _ := statuses.Get(station)
		s.Players = reporting(before.Value.Players, s.Instance, s.ReceivedAt)
		s.AlarmsSince = alarmsSince(before.Value, s)
		stored, known := statuses.Stored(station)
		if known && sameStatus(stored.Value, s) && s.ReceivedAt.Sub(stored.Value.ReceivedAt.Time) < statusEvery {
			statuses.Hear(s)
			return nil
		}
		body, err := replica.EncodeStatus(s)
		if err != nil {
			return err
		}
		writes := []store.Write{{Kind: replica.KindStatus, ID: station, Expect: stored.Revision, Body: body}}
		if !signedAt.IsZero() {
			row, _ := replica.DoubtsIn(l.replica).Get(station)
			row.Value.SignedAt = signedAt
			write, err := l.authentication.write(station, row.Value)
			if err != nil {
				return err
			}
			writes = append(writes, write)
		}
		return l.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(l.now(), "station.status", "")})
	})
}

// figures are the numbers and durations in an alarm, which grow while it stands.
var figures = regexp.MustCompile(`[0-9]+(?:[.0-9]*(?:ms|µs|ns|h|m|s)?)*`)

// alarmsSince are the instants from which the alarms of s stand: of those that the status before it had, too, as far as
// that knew it, and else the report's.
func alarmsSince(before, s wire.Status) (since []schedules.Instant) {
	known := map[string]schedules.Instant{}
	for i, alarm := range before.Alarms {
		at := before.ReceivedAt
		if i < len(before.AlarmsSince) {
			at = before.AlarmsSince[i]
		}
		known[alarm], known[figures.ReplaceAllString(alarm, "#")] = at, at
	}
	for _, alarm := range s.Alarms {
		at, ok := known[alarm]
		if !ok {
			at, ok = known[figures.ReplaceAllString(alarm, "#")]
		}
		if !ok {
			at = s.ReceivedAt
		}
		since = append(since, at)
	}
	return since
}

// sameStatus reports whether b differs from a only in its time and the item on air.
func sameStatus(a, b wire.Status) bool {
	return a.QueueDate == b.QueueDate && a.QueueRevision == b.QueueRevision && a.RecallsSeen == b.RecallsSeen &&
		a.AudioVerified == b.AudioVerified && a.AudioMissing == b.AudioMissing && a.PlayerVersion == b.PlayerVersion &&
		a.Instance == b.Instance && network.SeenBy(a) == network.SeenBy(b) && slices.Equal(a.Alarms, b.Alarms) &&
		slices.Equal(a.Problems, b.Problems)
}

// Status returns a station's last status. It fails with NotFound before the first.
func (l *Logbook) Status(station string) (wire.Status, error) {
	row, ok := replica.StatusesIn(l.replica).Get(station)
	if !ok {
		return row.Value, fault.New(fault.NotFound, "station %q has not sent a status yet", station)
	}
	s := row.Value
	l.authentication.describeKey(&s)
	if queue, ok := replica.QueuesIn(l.replica).Get(station + "/" + s.QueueDate); ok {
		s.PublishedRevision = queue.Value.Value.Revision
	}
	return s, nil
}

// Statuses returns the last status of at most limit stations after the given id, and the last id of the page when more
// follow. A station without a status appears with its id alone.
func (l *Logbook) Statuses(after string, limit int) (page []wire.Status, next string) {
	for id, row := range replica.StationsIn(l.replica).After("", after) {
		if len(page) == limit {
			return page, page[limit-1].Station
		}
		s, err := l.Status(id)
		if err != nil {
			s = wire.Status{Station: id}
			l.authentication.describeKey(&s)
		}
		s.CurrentProblems = l.network.StationProblems.Of(id)
		s.StandingOrder = l.network.StationProblems.Standing(row.Value)
		page = append(page, s)
	}
	return page, ""
}

// auditPageFiles bounds the files of older changes that one page of the audit reads. Without it a query with few
// matches would read all files.
const auditPageFiles = 3

// Audit returns changes, the newest first, and the sequence before which the next page starts, or 0 on the last page. A
// page may be short or empty although another follows.
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
		out[i] = replica.AuditRecord(c)
	}
	return out, next, nil
}

// Chain returns a reader of the stations' chains.
func (l *Logbook) Chain() HashChain { return NewHashChain(l.store) }

const playersKept = time.Hour // how long a player is known after its last report

const PlayersMost = 8 // the most players that are known for one station

// reporting returns the players known to report for a station, after a report of an instance at an instant.
func reporting(known []wire.Player, instance string, at schedules.Instant) []wire.Player {
	if instance == "" { // an older player sends none
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
