package record

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/archive"
	"lifeline/internal/hashchain"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Redactor removes texts from records without breaking the proof: where a link of a chain contains the hash of what it
// changes, a new link says which hash takes its place.
type Redactor struct {
	records *Records
	links   *Links
	erase   func(ctx context.Context, sha256 string) error
	now     func() time.Time
	sealed  map[string]*sealedHashes // by station
}

// sealedHashes are what the links of a station contain.
type sealedHashes struct {
	documents map[string]bool // hashes of queues and rundowns, and those that took their place
	asRun     []wire.Link
	audits    []auditSpan
	lastAudit int64
	erased    map[wire.ErasedHash]bool
}

// auditSpan are the sequences of the entries that a link of the audit seals.
type auditSpan struct {
	first, last int64
	date        schedules.Date
}

// NewRedactor returns a Redactor for one pass over a store. erase removes a file of older records.
func NewRedactor(r *Records, l *Links, erase func(ctx context.Context, sha256 string) error) *Redactor {
	return &Redactor{records: r, links: l, erase: erase, now: r.now, sealed: map[string]*sealedHashes{}}
}

// in returns what the links of a station contain.
func (r *Redactor) in(ctx context.Context, station string) (*sealedHashes, error) {
	if h := r.sealed[station]; h != nil {
		return h, nil
	}
	h := &sealedHashes{documents: map[string]bool{}, erased: map[wire.ErasedHash]bool{}}
	for stored, err := range NewHashChain(r.records).Links(ctx, station) {
		if err != nil {
			return nil, err
		}
		l, err := OpenLink(stored.Envelope)
		if err != nil {
			return nil, err
		}
		h.add(l)
	}
	r.sealed[station] = h
	return h, nil
}

func (h *sealedHashes) add(l wire.Link) {
	switch l.Kind {
	case wire.LinkQueue:
		h.documents[l.Queue], h.documents[l.Rundown] = true, true
	case wire.LinkAsRun:
		h.asRun = append(h.asRun, l)
	case wire.LinkAudit:
		h.audits = append(h.audits, auditSpan{h.lastAudit + 1, hashchain.LastOf(l), l.Date})
		h.lastAudit = hashchain.LastOf(l)
	}
	for _, e := range l.Erased {
		h.erased[e], h.documents[e.Is] = true, true
	}
}

// Replace stores w, a new body of the document d of a station, with the link that says so if d is sealed.
func (r *Redactor) Replace(ctx context.Context, station string, date schedules.Date, d store.Document, body []byte,
	erasure string) error {
	writes := []store.Write{{Kind: d.Kind, ID: d.ID, Expect: d.Revision, Body: body}}
	h, err := r.in(ctx, station)
	if err != nil {
		return err
	}
	l := wire.Link{Station: station, Kind: wire.LinkErasure, Date: date, Erasure: erasure,
		Erased: []wire.ErasedHash{{Was: hashchain.Hash(d.Body), Is: hashchain.Hash(body)}}}
	if h.documents[l.Erased[0].Was] {
		more, err := r.links.Writes(ctx, l)
		if err != nil {
			return err
		}
		writes = append(writes, more...)
	}
	if err := r.commit(ctx, erasure, writes...); err != nil {
		return err
	}
	if len(writes) > 1 {
		h.add(l)
	}
	return nil
}

func (r *Redactor) commit(ctx context.Context, erasure string, writes ...store.Write) error {
	return r.records.replica.Commit(ctx, store.Commit{Writes: writes,
		Origin: access.System.Origin(r.now(), ActionErase, erasure)})
}

// ActionErase is the action of the changes by which an erasure removes texts.
const ActionErase = "erasure.redact"

// Audit replaces texts in the audit trail by what clean makes of them, and returns how many changes had some.
func (r *Redactor) Audit(ctx context.Context, clean func(store.Change) store.Change, erasure string) (found int,
	err error) {
	cleaned := func(c store.Change) (store.Change, bool) {
		next := clean(c)
		return next, next != c
	}
	for after := int64(0); ; {
		page, err := r.records.Store.Audit(ctx, store.AuditQuery{After: after, Limit: 500})
		if err != nil {
			return found, err
		}
		if len(page) == 0 {
			break
		}
		var changed []store.Change
		for _, c := range page {
			after = c.Sequence
			if c, is := cleaned(c); is {
				changed = append(changed, c)
			}
		}
		if found += len(changed); len(changed) > 0 {
			if err := r.sealAudit(ctx, nil, changed, erasure); err != nil {
				return found, err
			}
			if err := r.records.Store.Redact(ctx, changed, nil); err != nil {
				return found, err
			}
		}
	}
	n, err := redactFiles(ctx, r, auditFiles, erasure, archive.ParseChange, archive.AppendChange, whenChanged, cleaned,
		func(all, is []store.Change) error { return r.sealAudit(ctx, all, is, erasure) })
	return found + n, err
}

// sealAudit adds the links that say which hashes take the place of those of the audit, once is takes the place of its
// entries. held are entries that are next to each other, as they are now, for links whose entries they are. Entries
// that no link has yet are sealed first, as they are now: otherwise others could do so while they change.
func (r *Redactor) sealAudit(ctx context.Context, held, is []store.Change, erasure string) error {
	h, err := r.in(ctx, wire.AuditChain)
	if err != nil {
		return err
	}
	if h.lastAudit < is[len(is)-1].Sequence {
		for more := true; more; {
			if more, err = (auditChain{r.records, r.links}).seal(ctx, true); err != nil {
				return err
			}
		}
		delete(r.sealed, wire.AuditChain)
		if h, err = r.in(ctx, wire.AuditChain); err != nil {
			return err
		}
	}
	for _, l := range h.audits {
		own := within(is, l.first, l.last)
		if len(own) == 0 {
			continue
		}
		was := within(held, l.first, l.last)
		if len(held) == 0 || held[0].Sequence > l.first || held[len(held)-1].Sequence < l.last {
			if was, err = r.records.span(ctx, l.first, l.last, auditLinkMost); err != nil {
				return err
			}
		}
		next := slices.Clone(was)
		for _, c := range own {
			if at, ok := slices.BinarySearchFunc(next, c, byChange); ok {
				next[at] = c
			}
		}
		var records [3][]wire.ChainRecord
		for i, changes := range [][]store.Change{was, next, own} {
			if records[i], err = auditRecords(changes); err != nil {
				return err
			}
		}
		if err := r.replaced(ctx, h, wire.Link{Station: wire.AuditChain, Date: l.date, Erasure: erasure,
			Sequences: hashchain.Sequences(records[2]), Erased: []wire.ErasedHash{{Was: hashchain.Records(records[0]),
				Is: hashchain.Records(records[1])}}}); err != nil {
			return err
		}
	}
	return nil
}

// within returns the changes with the sequences [first, last].
func within(changes []store.Change, first, last int64) []store.Change {
	from, _ := slices.BinarySearchFunc(changes, store.Change{Sequence: first}, byChange)
	to, _ := slices.BinarySearchFunc(changes, store.Change{Sequence: last + 1}, byChange)
	return changes[from:to]
}

func byChange(a, b store.Change) int { return cmp.Compare(a.Sequence, b.Sequence) }

// replaced commits a link of an erasure, unless the chain has it or nothing changes.
func (r *Redactor) replaced(ctx context.Context, h *sealedHashes, l wire.Link) error {
	if h.erased[l.Erased[0]] || l.Erased[0].Is == l.Erased[0].Was {
		return nil
	}
	l.Kind = wire.LinkErasure
	writes, err := r.links.Writes(ctx, l)
	if err == nil {
		err = r.commit(ctx, l.Erasure, writes...)
	}
	if err == nil {
		h.add(l)
	}
	return err
}

// AsRun replaces texts in the reports of a station likewise.
func (r *Redactor) AsRun(ctx context.Context, station string, clean func(within, name, value string) string,
	erasure string) (found int, err error) {
	cleaned := func(e store.Entry) (store.Entry, bool) {
		was := e.Body
		e.Body = text.InStrings(was, clean)
		return e, !bytes.Equal(was, e.Body)
	}
	young, err := r.records.Store.Read(ctx, station, time.Time{}, farFuture)
	if err != nil {
		return 0, err
	}
	var was, is []store.Entry
	for _, e := range young {
		if c, changed := cleaned(e); changed {
			was, is = append(was, e), append(is, c)
		}
	}
	if len(is) > 0 {
		if err := r.seal(ctx, station, is, erasure); err != nil {
			return 0, err
		}
		if err := r.records.Store.Redact(ctx, nil, is); err != nil {
			return 0, err
		}
	}
	n, err := redactFiles(ctx, r, asRunFiles+station+"/", erasure, archive.ParseEntry, archive.AppendEntry, whenAired,
		cleaned, func(_, is []store.Entry) error { return r.seal(ctx, station, is, erasure) })
	return len(was) + n, err
}

// farFuture is after every report.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// seal adds the link that says which hashes take the place of those of the reports, once is takes theirs.
func (r *Redactor) seal(ctx context.Context, station string, is []store.Entry, erasure string) error {
	h, err := r.in(ctx, station)
	if err != nil {
		return err
	}
	for _, day := range h.asRun {
		if !slices.ContainsFunc(is, func(e store.Entry) bool { return hashchain.Names(day.Sequences, e.Sequence) }) {
			continue
		}
		held, err := r.records.Read(ctx, station, day.From.Time, day.To.Time)
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(e store.Entry) bool { return !hashchain.Names(day.Sequences, e.Sequence) })
		own := slices.DeleteFunc(slices.Clone(is), func(e store.Entry) bool {
			return !hashchain.Names(day.Sequences, e.Sequence)
		})
		if err := r.replaced(ctx, h, wire.Link{Station: station, Date: day.Date, Erasure: erasure,
			Erased: []wire.ErasedHash{{Was: hashchain.Records(chainRecords(held)),
				Is: hashchain.Records(chainRecords(mergeEntries(own, held)))}}}); err != nil {
			return err
		}
	}
	return nil
}

// redactFiles writes the files of older records anew whose records have texts to erase.
func redactFiles[T any](ctx context.Context, r *Redactor, prefix, erasure string, parse func([]byte) (T, error),
	add func([]byte, T) ([]byte, error), when func(T) (int64, time.Time), clean func(T) (T, bool),
	before func(all, is []T) error) (found int, err error) {
	docs, err := replica.List(ctx, r.records.Store, KindRecords, prefix, prefix+"~")
	if err != nil {
		return 0, err
	}
	for _, d := range docs {
		f, err := replica.Decode[recordFile](d)
		if err != nil {
			return found, err
		}
		all, err := readRecords(ctx, r.records.audio, f, parse)
		if err != nil {
			return found, err
		}
		var is []T
		cleaned := slices.Clone(all)
		for i, one := range all {
			if c, changed := clean(one); changed {
				is, cleaned[i] = append(is, c), c
			}
		}
		if len(is) == 0 {
			continue
		}
		found += len(is)
		if err := before(all, is); err != nil {
			return found, err
		}
		next, err := writeRecords(ctx, r.records.audio, cleaned, when, add)
		if err == nil {
			err = r.records.name(ctx, store.Write{Kind: KindRecords, ID: d.ID, Expect: d.Revision}, next)
		}
		if err == nil {
			err = r.erase(ctx, f.SHA256)
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// Stations returns the stations that have a chain or for which one is due.
func (r *Redactor) Stations(ctx context.Context) ([]string, error) {
	return NewHashChain(r.records).Stations(ctx)
}

// DayOf returns the station and day of the id of a queue or rundown. ok is false if it is not one.
func DayOf(id string) (station string, date schedules.Date, ok bool) {
	station, rest, _ := strings.Cut(id, "/")
	day, _, _ := strings.Cut(rest, "/")
	date, err := schedules.ParseDate(day)
	return station, date, err == nil
}
