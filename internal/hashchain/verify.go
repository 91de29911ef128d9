package hashchain

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Stored is one stored link. Number and Date are the keys under which it is stored.
type Stored struct {
	Number   int64
	Date     schedules.Date
	Envelope []byte
}

// Source reads a chain and the data that it covers.
type Source interface {
	// Stations returns the stations that have a chain or should have one, and wire.AuditChain unless the chain of the
	// audit may not be read.
	Stations(ctx context.Context) ([]string, error)
	// Head returns the head of a chain. It fails with NotFound if there is no chain.
	Head(ctx context.Context, station string) (wire.ChainHead, error)
	// Links returns all links, by number.
	Links(ctx context.Context, station string) iter.Seq2[Stored, error]
	// Records returns the as-run reports of [from, to).
	Records(ctx context.Context, station string, from, to time.Time) ([]wire.ChainRecord, error)
	// Audit returns the first entries of the audit with the sequences [first, last], in order, and none only if there are
	// none.
	Audit(ctx context.Context, first, last int64) ([]wire.ChainRecord, error)
	// Queue returns the envelope of a day's queue. It fails with NotFound.
	Queue(ctx context.Context, station string, date schedules.Date) ([]byte, error)
	// Rundown returns a published rundown as it is stored. It fails with NotFound, and with Unsupported if its exact bytes
	// are not available.
	Rundown(ctx context.Context, station string, date schedules.Date, revision int64) ([]byte, error)
	// Published returns the days of a station that have a published queue, or a published rundown where those are read.
	Published(ctx context.Context, station string) ([]schedules.Date, error)
	// ChainsAudit reports whether the programs that keep the record chain the audit, and since when, if that is known: of
	// older stores they did not before the store was upgraded.
	ChainsAudit(ctx context.Context) (since time.Time, chains bool, err error)
	// Unsealed reports whether a late report has no link yet.
	Unsealed(ctx context.Context, station string) (bool, error)
}

// Difference is one deviation from the sealed state.
type Difference struct {
	Station string         `json:"station"`
	Date    schedules.Date `json:"date"`
	What    string         `json:"what"`
	SetBack bool           `json:"set_back,omitempty"` // the chain has no longer the end that was seen earlier
}

func (d Difference) String() string { return fmt.Sprintf("%s %s: %s", d.Station, d.Date, d.What) }

// Proof is the extent and the result of a verification.
type Proof struct {
	Stations int `json:"stations"`
	Links    int `json:"links"`
	Days     int `json:"days"` // of as-run reports
	Records  int `json:"records"`
	Queues   int `json:"queues"`
	Rundowns int `json:"rundowns"`
	// documents and days of reports from which texts were erased, as links of the chain say
	Erased int `json:"erased,omitempty"`
	Audit
	Differences []Difference `json:"differences"` // by station and day
	// keep these: a chain that is cut off later no longer reaches them
	Heads []wire.ChainHead `json:"heads"`
	// chains that were there at the earlier run, of which it kept no end: somebody may have cut them off
	Unkept []string `json:"unkept,omitempty"`

	anchors anchors // of the stations' chains
	ends    ends
}

// Verify checks the chains of all stations, with the public keys, and the data that they cover. known are heads seen
// earlier, which the chains must still contain. Verify fails only if something cannot be read.
func Verify(ctx context.Context, s Source, keys []ed25519.PublicKey, known []wire.ChainHead) (Proof, error) {
	p := Proof{Differences: []Difference{}, Heads: []wire.ChainHead{}, anchors: anchors{}, ends: ends{}}
	stations, err := s.Stations(ctx)
	if err != nil {
		return p, err
	}
	for _, k := range known {
		if !slices.Contains(stations, k.Station) {
			stations = append(stations, k.Station)
		}
	}
	slices.Sort(stations)
	if at := slices.Index(stations, wire.AuditChain); at >= 0 { // last, so that it has what the other chains name
		stations = append(slices.Delete(stations, at, at+1), wire.AuditChain)
	}
	for _, station := range stations {
		part, err := verifyStation(ctx, s, keys, known, p, station)
		if err != nil {
			return p, fmt.Errorf("chain: %s: %w", station, err)
		}
		if p.add(part); station != wire.AuditChain {
			p.Stations++
		}
	}
	slices.SortStableFunc(p.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Date.String(), b.Date.String()))
	})
	return p, nil
}

func (p *Proof) add(o Proof) {
	p.Links += o.Links
	p.Days += o.Days
	p.Records += o.Records
	p.Queues += o.Queues
	p.Rundowns += o.Rundowns
	p.Erased += o.Erased
	p.Audit.add(o.Audit)
	p.anchors.add(o.anchors)
	maps.Copy(p.ends, o.ends)
	p.Differences = append(p.Differences, o.Differences...)
	p.Heads = append(p.Heads, o.Heads...)
	p.Unkept = append(p.Unkept, o.Unkept...)
}

// maxLooks bounds how often Verify rereads a chain that grows meanwhile.
const maxLooks = 10

// verifyStation checks one chain. others is what the chains before it proved.
func verifyStation(ctx context.Context, s Source, keys []ed25519.PublicKey, known []wire.ChainHead, others Proof,
	station string) (Proof, error) {
	for range maxLooks {
		v := verifier{source: s, keys: keys, station: station, whole: true, seen: map[int64]string{},
			erased: map[string]string{}, proof: Proof{anchors: anchors{}, ends: ends{}}}
		if station == wire.AuditChain {
			v.anchors, v.ends = others.anchors, maps.Clone(others.ends)
		}
		head, err := v.readHead(ctx)
		if err != nil {
			return Proof{}, err
		}
		if err := v.run(ctx, head, known); err != nil {
			return Proof{}, err
		}
		if now, err := v.readHead(ctx); err != nil || now == head {
			return v.proof, err
		}
	}
	return Proof{}, fault.New(fault.Unavailable, "the chain grows faster than it is read")
}

// verifier checks one station.
type verifier struct {
	source  Source
	keys    []ed25519.PublicKey
	station string
	proof   Proof

	first  wire.Link
	last   wire.Link // the last valid link
	hash   string    // of its envelope
	until  schedules.Instant
	whole  bool // all links are valid
	asRun  []wire.Link
	queues []wire.Link
	audits []wire.Link
	named  [][2]int64       // sequences
	seen   map[int64]string // hashes of the links that are known heads
	// of the audit: what the stations' links say of its links
	anchors anchors
	ends    ends
	signed  *Changes
	erased  map[string]string // by the hash of sealed data: that of the same data without erased texts
}

// is reports whether data with the hash got is what was sealed with the hash sealed, or the same without the texts that
// erasures of the chain removed.
func (v *verifier) is(sealed, got string) bool {
	for range len(v.erased) + 1 {
		if sealed == got {
			return true
		}
		next, erased := v.erased[sealed]
		if !erased {
			break
		}
		sealed = next
	}
	return false
}

func (v *verifier) differs(date schedules.Date, format string, args ...any) {
	v.proof.Differences = append(v.proof.Differences, Difference{Station: v.station, Date: date,
		What: fmt.Sprintf(format, args...)})
}

// readHead returns the zero ChainHead if there is no chain.
func (v *verifier) readHead(ctx context.Context) (wire.ChainHead, error) {
	head, err := v.source.Head(ctx, v.station)
	if fault.Is(err, fault.NotFound) {
		return wire.ChainHead{}, nil
	}
	return head, err
}

func (v *verifier) run(ctx context.Context, head wire.ChainHead, known []wire.ChainHead) error {
	for _, k := range known {
		if k.Station == v.station {
			v.seen[k.Number] = ""
		}
	}
	for a := range v.anchors {
		v.seen[a.number] = ""
	}
	for stored, err := range v.source.Links(ctx, v.station) {
		if err != nil {
			return err
		}
		if v.whole = v.link(stored); !v.whole {
			break // later links have no valid predecessor
		}
	}
	if v.whole {
		v.proof.ends[v.station] = v.last.Number
	} else {
		v.proof.ends[v.station] = math.MaxInt64 // it differs already
	}
	for _, check := range []func(context.Context) error{v.days, v.rundowns, v.audit} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if !v.whole {
		return nil
	}
	if err := errors.Join(v.latestQueues(ctx), v.unlinked(ctx)); err != nil {
		return err
	}
	v.head(head, known)
	v.unkept(known)
	v.anchored()
	return nil
}

// link checks that a link follows the previous one.
func (v *verifier) link(s Stored) bool {
	payload, err := sign.Verify(s.Envelope, wire.LinkType, v.keys...)
	if err != nil {
		v.differs(s.Date, "link %d was changed: %v", s.Number, err)
		return false
	}
	var l wire.Link
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil || l.Schema != wire.LinkSchema {
		v.differs(s.Date, "link %d cannot be read: %v", s.Number, err)
		return false
	}
	switch {
	case s.Number != v.last.Number+1:
		v.differs(s.Date, "link %d is missing", v.last.Number+1)
	case l.Station != v.station || l.Number != s.Number || l.Date != s.Date:
		v.differs(s.Date, "link %d belongs to another chain: it is of %s, number %d, of %s", s.Number, l.Station, l.Number,
			l.Date)
	case l.Previous != v.hash:
		v.differs(cmp.Or(v.last.Date, s.Date), "link %d was changed, or is not the one that link %d was made after",
			v.last.Number, s.Number)
	case l.Kind == wire.LinkAsRun && !l.Late && len(v.asRun) > 0 && !l.From.Equal(v.until.Time):
		v.differs(s.Date, "link %d begins at %s, the one before ended at %s", s.Number, l.From, v.until)
	case l.Kind == wire.LinkAudit && (len(l.Sequences) == 0 || l.Sequences[0][0] <= v.lastAudit()):
		v.differs(s.Date, "link %d does not follow the entries of the links before it", s.Number)
	default:
		v.take(l, s.Envelope)
		return true
	}
	return false
}

func (v *verifier) take(l wire.Link, envelope []byte) {
	if v.last.Number == 0 {
		v.first = l
	}
	v.last, v.hash = l, Hash(envelope)
	if _, asked := v.seen[l.Number]; asked {
		v.seen[l.Number] = v.hash
	}
	v.proof.Links++
	if l.AuditNumber > 0 {
		v.proof.anchors.add(anchors{anchor{l.AuditNumber, l.AuditSHA256}: l})
	}
	switch l.Kind {
	case wire.LinkAudit:
		v.audits = append(v.audits, l)
	case wire.LinkQueue:
		v.queues = append(v.queues, l)
	case wire.LinkErasure:
		if v.station == wire.AuditChain {
			v.proof.Replaced = append(v.proof.Replaced, Replaced{l.Erasure, l.SealedAt, l.Sequences})
		} else {
			v.proof.Erased += len(l.Erased)
		}
		for _, e := range l.Erased {
			v.erased[e.Was] = e.Is
		}
	case wire.LinkAsRun:
		v.asRun = append(v.asRun, l)
		v.named = Join(v.named, l.Sequences)
		if !l.Late {
			v.until = l.To
		}
	}
}

// head checks that the chain ends at its head, and that no known head was cut off.
func (v *verifier) head(head wire.ChainHead, known []wire.ChainHead) {
	for _, k := range known {
		if k.Station == v.station && v.seen[k.Number] != k.SHA256 {
			v.differs(v.last.Date, "link %d differs from the one when the chain was last verified, or is gone", k.Number)
			v.proof.Differences[len(v.proof.Differences)-1].SetBack = true
		}
	}
	if is := (wire.ChainHead{Station: v.station, Number: v.last.Number, SHA256: v.hash,
		Until: v.until}); v.last.Number > 0 {
		v.proof.Heads = append(v.proof.Heads, is)
		if head != is {
			v.differs(v.last.Date, "the chain ends with link %d; its head says %d: links are gone, or the head was changed",
				is.Number, head.Number)
		}
	} else if head.Number > 0 {
		v.differs(schedules.Date{}, "the whole chain of %d links is gone", head.Number)
	}
}

// unkept tells of a chain of which the earlier run kept no end, although others', unless it began since: its first link
// then names a link of the audit that the earlier run saw last, or a later one.
func (v *verifier) unkept(known []wire.ChainHead) {
	of := func(station string) int {
		return slices.IndexFunc(known, func(h wire.ChainHead) bool { return h.Station == station })
	}
	if len(known) == 0 || v.last.Number == 0 || of(v.station) >= 0 {
		return
	}
	if audit := of(wire.AuditChain); audit < 0 || v.first.AuditNumber < known[audit].Number {
		v.proof.Unkept = append(v.proof.Unkept, v.station)
	}
}

// days checks the as-run reports of all links.
func (v *verifier) days(ctx context.Context) error {
	pending, err := v.source.Unsealed(ctx, v.station)
	if err != nil {
		return err
	}
	for _, l := range v.asRun {
		records, err := v.source.Records(ctx, v.station, l.From.Time, l.To.Time)
		if err != nil {
			return err
		}
		v.proof.Days++
		own := make([]wire.ChainRecord, 0, len(records))
		for _, r := range records {
			if Names(l.Sequences, r.Sequence) {
				own = append(own, r)
			} else if v.whole && !l.Late && !pending && !Names(v.named, r.Sequence) {
				v.differs(l.Date, "entry %d was added after the day was sealed", r.Sequence)
			}
		}
		v.proof.Records += len(own)
		if !v.is(l.Records, Records(own)) {
			v.differs(l.Date, "the as-run entries were changed since %s: %s", l.SealedAt, missing(l.Sequences, own))
		}
	}
	return nil
}

// missing lists the sequences that do not exist.
func missing(ranges [][2]int64, records []wire.ChainRecord) string {
	has := Sequences(records)
	for _, r := range ranges {
		for n := r[0]; n <= r[1]; n++ {
			if !Names(has, n) {
				return fmt.Sprintf("entry %d is gone", n)
			}
		}
	}
	return fmt.Sprintf("one of %d says something else", len(records))
}

// rundowns checks the rundowns of all published revisions.
func (v *verifier) rundowns(ctx context.Context) error {
	for _, l := range v.queues {
		body, err := v.source.Rundown(ctx, v.station, l.Date, l.Revision)
		switch {
		case fault.Is(err, fault.Unsupported):
			return nil
		case fault.Is(err, fault.NotFound):
			v.differs(l.Date, "the rundown of revision %d is gone", l.Revision)
			continue
		case err != nil:
			return err
		}
		v.proof.Rundowns++
		if !v.is(l.Rundown, Hash(body)) {
			v.differs(l.Date, "the rundown of revision %d was changed since it was published at %s", l.Revision, l.SealedAt)
		}
	}
	return nil
}

// latestQueues checks the queue of every day, which must be that of the day's last publication.
func (v *verifier) latestQueues(ctx context.Context) error {
	latest := map[schedules.Date]wire.Link{}
	for _, l := range v.queues {
		latest[l.Date] = l
	}
	for date, l := range latest {
		envelope, err := v.source.Queue(ctx, v.station, date)
		switch {
		case fault.Is(err, fault.NotFound):
			v.differs(date, "the queue of revision %d is gone", l.Revision)
			continue
		case err != nil:
			return err
		}
		v.proof.Queues++
		if !v.is(l.Queue, Hash(envelope)) {
			v.differs(date, "the queue is not the one that was published last, of revision %d at %s", l.Revision, l.SealedAt)
		}
	}
	return nil
}

// reportsUnlinked is the time that reports of a station span at most before its chain has its first link: a day of
// reports is sealed soon after it is over.
const reportsUnlinked = 3 * 24 * time.Hour

// unlinked tells of published days, and of reports, that no link of the chain names.
func (v *verifier) unlinked(ctx context.Context) error {
	if v.station == wire.AuditChain {
		return nil
	}
	published, err := v.source.Published(ctx, v.station)
	if err != nil {
		return err
	}
	for _, date := range published {
		if !slices.ContainsFunc(v.queues, func(l wire.Link) bool { return l.Date == date }) {
			v.differs(date, "the day is published, and the chain has no link of it: links are gone, or the "+
				"day was not published by the service")
		}
	}
	if v.last.Number > 0 || len(published) > 0 {
		return nil
	}
	reports, err := v.source.Records(ctx, v.station, time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || len(reports) == 0 {
		return err
	}
	byTime := func(a, b wire.ChainRecord) int { return cmp.Compare(a.AtMs, b.AtMs) }
	first := time.UnixMilli(slices.MinFunc(reports, byTime).AtMs)
	last := time.UnixMilli(slices.MaxFunc(reports, byTime).AtMs)
	if last.Sub(first) > reportsUnlinked {
		v.differs(schedules.DateOf(first.UTC()), "%d reports are stored, the first of %s, and the chain has no link: its "+
			"links are gone", len(reports), schedules.At(first))
	}
	return nil
}
