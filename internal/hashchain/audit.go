package hashchain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Audit is what a proof says of the audit.
type Audit struct {
	Entries int `json:"audit"` // sealed ones
	// from then on, entries are sealed soon after they are made; those of the time before were sealed as they stood then
	Since    *schedules.Instant `json:"audit_since,omitempty"`
	Open     int                `json:"audit_open,omitempty"` // entries that are not sealed yet
	Replaced []Replaced         `json:"audit_replaced,omitempty"`
	// the last link of the audit that a link of a station names; nobody but an earlier run misses those after it
	Named int64 `json:"audit_named,omitempty"`
	// the last restore of a backup, or acceptance of an older database, that entries of the audit tell of
	Restored *schedules.Instant `json:"audit_restored,omitempty"`
}

// Replaced are entries of the audit that an erasure took texts from.
type Replaced struct {
	Erasure string            `json:"erasure"`
	At      schedules.Instant `json:"at"`
	Entries [][2]int64        `json:"entries"` // sequences, as ranges [first, last]
}

// tookFrom returns a function that reports whether erasures took texts from an entry.
func tookFrom(erasures []Replaced) func(sequence int64) bool {
	return func(sequence int64) bool {
		return slices.ContainsFunc(erasures, func(r Replaced) bool {
			return slices.ContainsFunc(r.Entries, func(of [2]int64) bool { return of[0] <= sequence && sequence <= of[1] })
		})
	}
}

func (a *Audit) add(o Audit) {
	a.Entries += o.Entries
	a.Open += o.Open
	a.Replaced = append(a.Replaced, o.Replaced...)
	if o.Since != nil {
		a.Since, a.Restored = o.Since, o.Restored
	}
	a.Named = max(a.Named, o.Named)
}

// anchor is what a link of a station says of the last link of the audit.
type anchor struct {
	number int64
	sha256 string
}

// anchors have the first link of a station that says each.
type anchors map[anchor]wire.Link

func (all anchors) add(others anchors) {
	for a, l := range others {
		if _, has := all[a]; !has {
			all[a] = l
		}
	}
}

// anchored checks that the chain of the audit still has the links that the stations' links name. It tells of the first
// that it does not have: those after it differ too.
func (v *verifier) anchored() {
	var first anchor
	for a := range v.anchors {
		v.proof.Named = max(v.proof.Named, a.number)
		if v.seen[a.number] != a.sha256 && (first.number == 0 || a.number < first.number) {
			first = a
		}
	}
	if l := v.anchors[first]; first.number > 0 {
		v.differs(l.Date, "link %d of the audit is gone, or is not the one with which the audit ended when link %d of "+
			"station %s was sealed at %s", first.number, l.Number, l.Station, l.SealedAt)
	}
}

// LastOf returns the last sequence of a link of records; 0 if it has none.
func LastOf(l wire.Link) int64 {
	if len(l.Sequences) == 0 {
		return 0
	}
	return l.Sequences[len(l.Sequences)-1][1]
}

// lastAudit returns the last sequence of the audit that is sealed, or 0.
func (v *verifier) lastAudit() int64 {
	if len(v.audits) == 0 {
		return 0
	}
	return LastOf(v.audits[len(v.audits)-1])
}

// audit checks the entries of the audit: each link seals those that follow the entries of the link before, and no entry
// is missing since the chain began.
func (v *verifier) audit(ctx context.Context) error {
	if len(v.audits) == 0 {
		return v.unchained(ctx)
	}
	v.proof.Since = &v.audits[0].SealedAt
	entries, last, named := entriesOf{source: v.source, next: 1, end: v.lastAudit()}, int64(0), map[string]namedLink{}
	for _, l := range v.audits {
		records, err := entries.through(ctx, LastOf(l))
		if err != nil {
			return err
		}
		v.proof.Entries += len(records)
		v.linksGone(records, named)
		v.setBack(records)
		v.changes(l.Date, records)
		if !v.is(l.Records, Records(records)) {
			v.differs(l.Date, "the audit was changed since %s: %s", l.SealedAt, missing(l.Sequences, records))
		} else {
			v.gapless(l.Date, last, records)
		}
		last = LastOf(l)
	}
	open, err := v.source.Audit(ctx, last+1, last+mostOpen)
	if v.proof.Open = len(open); err != nil {
		return err
	}
	if v.whole {
		v.gapless(v.last.Date, last, open)
	}
	v.linksGone(open, named)
	v.setBack(open)
	v.changes(v.last.Date, open)
	return v.tellGone(ctx, named)
}

// ends have the number of the last link of each chain.
type ends map[string]int64

// KindLink is the kind of the documents that links are stored as: STATION/NUMBER/DATE.
const KindLink = "chain-link"

// namedLink is a link that an entry of the audit names.
type namedLink struct {
	number, entry int64
	date          schedules.Date
}

// linksGone adds to named, for each chain, the first link behind its end that entries of the audit say was made.
func (v *verifier) linksGone(records []wire.ChainRecord, named map[string]namedLink) {
	for _, r := range records {
		var change struct{ Kind, ID string }
		if !bytes.Contains(r.Body, []byte(KindLink)) || json.Unmarshal(r.Body, &change) != nil || change.Kind != KindLink {
			continue
		}
		parts := strings.Split(change.ID, "/")
		if len(parts) != 3 {
			continue
		}
		station := parts[0]
		number, err := strconv.ParseInt(parts[1], 10, 64)
		date, noDate := schedules.ParseDate(parts[2])
		if err != nil || noDate != nil || station == wire.AuditChain || number <= v.ends[station] {
			continue
		}
		if first, some := named[station]; !some || number < first.number {
			named[station] = namedLink{number, r.Sequence, date}
		}
	}
}

// ActionSetBack is the action of the change with which a store begins that was set back to an older state.
const ActionSetBack = "store.set-back"

// setBack takes from entries of the audit when the store was set back.
func (v *verifier) setBack(records []wire.ChainRecord) {
	for _, r := range records {
		var change struct{ Action string }
		if bytes.Contains(r.Body, []byte(ActionSetBack)) && json.Unmarshal(r.Body, &change) == nil &&
			change.Action == ActionSetBack {
			at := schedules.At(time.UnixMilli(r.AtMs).UTC())
			v.proof.Restored = &at
		}
	}
}

// changes holds entries of the audit against the signatures of the programs that made them.
func (v *verifier) changes(date schedules.Date, records []wire.ChainRecord) {
	if v.signed == nil {
		v.signed = NewChanges(v.keys, tookFrom(v.proof.Replaced))
	}
	for _, r := range sorted(records) {
		h, err := ChangeOf(r)
		if err != nil {
			v.differs(date, "entry %d of the audit cannot be read: %v", r.Sequence, err)
			continue
		}
		if problem := v.signed.Problem(h); problem != "" {
			v.differs(date, "%s", problem)
		}
	}
}

// tellGone tells of links that entries of the audit name, unless the chain grew by them while it was read.
func (v *verifier) tellGone(ctx context.Context, named map[string]namedLink) error {
	for station, l := range named {
		head, err := v.source.Head(ctx, station)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if head.Number < l.number {
			v.proof.Differences = append(v.proof.Differences, Difference{Station: station, Date: l.date,
				What: fmt.Sprintf("link %d is gone: entry %d of the audit says that it was made", l.number, l.entry)})
		}
	}
	return nil
}

// auditUnchained is the time that entries of the audit span at most before it has its first link: they are sealed
// within ten minutes.
const auditUnchained = 15 * time.Minute

// unchained tells that the audit has no chain, where the programs that keep it make one.
func (v *verifier) unchained(ctx context.Context) error {
	if v.station != wire.AuditChain || !v.whole {
		return nil
	}
	since, chains, err := v.source.ChainsAudit(ctx)
	if err != nil || !chains {
		return err
	}
	entries, err := v.source.Audit(ctx, 1, mostOpen)
	if err != nil || len(entries) == 0 {
		return err
	}
	inOrder := sorted(entries)
	first, last := time.UnixMilli(inOrder[0].AtMs), time.UnixMilli(inOrder[len(inOrder)-1].AtMs)
	if since.After(first) {
		first = since
	}
	if last.Sub(first) > auditUnchained {
		v.differs(schedules.DateOf(first.UTC()), "the audit has entries since %s, and no chain: its links are gone",
			schedules.At(first))
	}
	return nil
}

// mostOpen bounds the entries that are looked at though they are not sealed yet.
const mostOpen = 5000

// gapless checks that no entry is missing after the entry last. Entries from before the chain began may be: stores that
// kept no older records removed them.
func (v *verifier) gapless(date schedules.Date, last int64, records []wire.ChainRecord) {
	for _, r := range sorted(records) {
		if r.Sequence != last+1 && r.AtMs >= v.proof.Since.UnixMilli() {
			v.differs(date, "entry %d of the audit was gone before it was sealed", last+1)
			return
		}
		last = r.Sequence
	}
}

// entriesOf reads the entries of the audit in order, many at once.
type entriesOf struct {
	source    Source
	next, end int64 // what is not read yet
	held      []wire.ChainRecord
}

// through returns the next entries, up to the sequence last.
func (e *entriesOf) through(ctx context.Context, last int64) (out []wire.ChainRecord, err error) {
	for {
		n := slices.IndexFunc(e.held, func(r wire.ChainRecord) bool { return r.Sequence > last })
		if n >= 0 {
			out, e.held = append(out, e.held[:n]...), e.held[n:]
			return out, nil
		}
		out, e.held = append(out, e.held...), nil
		if e.next > last {
			return out, nil
		}
		page, err := e.source.Audit(ctx, e.next, e.end)
		if err != nil {
			return nil, err
		}
		e.held = sorted(page)
		if len(page) == 0 {
			e.next = e.end + 1
		} else if first, next := e.held[0].Sequence, e.held[len(page)-1].Sequence+1; first < e.next || next > e.end+1 {
			return nil, fault.New(fault.Invalid, "the audit was asked for its entries %d to %d, and answered with %d to %d",
				e.next, e.end, first, next-1)
		} else {
			e.next = next
		}
	}
}
