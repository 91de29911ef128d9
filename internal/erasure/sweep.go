package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/idempotency"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// settling is how long after the confirmation of an erasure its recordings may still be read for a render.
const settling = 2 * time.Minute

// Outdated returns the instant before which rendered windows may have something that was erased.
func (s *Erasures) Outdated() (before time.Time) {
	for _, row := range replica.ErasuresIn(s.replica).After("", "") {
		e := row.Value
		if !e.Decided() {
			continue
		}
		for _, at := range []time.Time{e.DecidedAt.Add(settling), e.DoneAt.Time} {
			if at.After(s.now()) {
				at = s.now()
			}
			if at.After(before) {
				before = at
			}
		}
	}
	return before
}

// pause is the time between two passes of an erasure that waits for something: the repair of a queue, or the end of a
// day. It doubles from pass to pass.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 15 * time.Minute
)

// due reports whether an erasure is to have another pass now.
func (s *Erasures) due(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting[id]
	if s.now().Before(w.until) {
		return false
	}
	w.pause = min(max(2*w.pause, firstPause), longestPause)
	w.until = s.now().Add(w.pause)
	s.waiting[id] = w
	return true
}

// wait is when an erasure has its next pass.
type wait struct {
	until time.Time
	pause time.Duration
}

// Sweep continues every confirmed erasure until nothing is left. Each pass compares what is with what should be, so
// that the next one completes an interrupted one.
func (s *Erasures) Sweep(ctx context.Context, lock *replica.WorkLock) error {
	var failed error
	for id, row := range replica.ErasuresIn(s.replica).After("", "") {
		if e := row.Value; e.State != replica.ErasureConfirmed && e.State != replica.ErasurePurging || !s.due(id) {
			continue
		}
		err := lock.Do(ctx, "erasure/"+id, 0, func(ctx context.Context) error { return s.pass(ctx, id) })
		if err != nil && !errors.Is(err, replica.ErrElsewhere) && !errors.Is(err, replica.ErrRace) {
			failed = errors.Join(failed, fmt.Errorf("erasure %s: %w", id, err))
		}
	}
	return failed
}

func (s *Erasures) pass(ctx context.Context, id string) error {
	row, _ := replica.ErasuresIn(s.replica).Get(id)
	e := row.Value
	if e.State == replica.ErasureConfirmed {
		if err := s.erase(ctx, &e); err != nil {
			return err
		}
		if err := s.keep(ctx, e, &row); err != nil || e.State != replica.ErasurePurging {
			return err
		}
	}
	if e.State != replica.ErasurePurging {
		return nil
	}
	e.Left = nil
	if err := s.records.Purge(ctx); fault.Is(err, fault.Unsupported) {
		var said *fault.Error
		if errors.As(err, &said) {
			e.Left = []string{said.Public}
		}
	} else if err != nil {
		return err
	}
	e.State, e.DoneAt = replica.ErasureDone, schedules.At(s.now())
	return s.keep(ctx, e, &row)
}

// keep stores e unless nothing changed.
func (s *Erasures) keep(ctx context.Context, e replica.ErasureDoc, row *replica.Row[replica.ErasureDoc]) error {
	was, err := replica.Encode(row.Value)
	if err != nil {
		return err
	}
	body, err := replica.Encode(e)
	if err != nil || bytes.Equal(was, body) {
		return err
	}
	err = s.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: replica.KindErasure, ID: e.ID,
		Expect: row.Revision, Body: body}}, Origin: access.System.Origin(s.now(), record.ActionErase, e.ID)})
	row.Value, row.Revision = e, row.Revision+1
	return err
}

// erase removes what it can, and notes in e what is left. If nothing is, the texts leave e too.
func (s *Erasures) erase(ctx context.Context, e *replica.ErasureDoc) error {
	if err := s.removeAudio(ctx, *e); err != nil {
		return err
	}
	if err := s.removeMember(ctx, *e); err != nil {
		return err
	}
	p := &pass{Erasures: s, e: *e, clean: newCleaner(*e), waits: map[string]bool{},
		redactor: record.NewRedactor(s.records, s.links, s.audio.Erase)}
	if err := p.documents(ctx); err != nil {
		return err
	}
	stations, err := p.redactor.Stations(ctx)
	if err != nil {
		return err
	}
	for _, station := range stations {
		if _, err := p.redactor.AsRun(ctx, station, p.clean.clean, e.ID); err != nil {
			return err
		}
	}
	if _, err := p.redactor.Audit(ctx, p.clean.change, e.ID); err != nil {
		return err
	}
	if e.Left = slices.Sorted(maps.Keys(p.waits)); len(e.Left) > 0 {
		return nil
	}
	e.Reason = p.clean.clean("reason", e.Reason)
	e.AskedBy, e.DecidedBy = p.clean.clean("by", e.AskedBy), p.clean.clean("by", e.DecidedBy)
	e.Texts, e.Person, e.Uploads, e.State = nil, "", nil, replica.ErasurePurging
	return nil
}

// removeAudio removes the recordings, their waveforms, and the uploads with their pieces.
func (s *Erasures) removeAudio(ctx context.Context, e replica.ErasureDoc) error {
	gone := []string{}
	for _, r := range e.Recordings {
		gone = append(gone, r.SHA256)
		if err := s.remove(ctx, library.KindWaveform, r.SHA256, e.ID); err != nil {
			return err
		}
	}
	for _, id := range e.Uploads {
		gone = append(gone, library.PartsOf(s.replica, id)...)
	}
	for _, sha := range gone {
		if err := s.audio.Erase(ctx, sha); err != nil {
			return err
		}
	}
	for _, id := range e.Uploads {
		if err := s.remove(ctx, library.KindUpload, id, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a document if it is there.
func (s *Erasures) remove(ctx context.Context, kind, id, erasure string) error {
	d, err := s.records.Get(ctx, kind, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: kind, ID: id, Expect: d.Revision,
		Delete: true}}, Origin: access.System.Origin(s.now(), record.ActionErase, erasure)})
}

// removeMember takes the names from a person who worked with the service.
func (s *Erasures) removeMember(ctx context.Context, e replica.ErasureDoc) error {
	row, ok := replica.PersonsIn(s.replica).Get(e.Member)
	if e.Member == "" || ok && row.Value.Name == memberName(e.Member) {
		return nil
	}
	return s.members.Forget(ctx, access.System, e.Member, memberName(e.Member), record.ActionErase)
}

// pass is one pass over the documents of the store.
type pass struct {
	*Erasures
	e        replica.ErasureDoc
	clean    cleaner
	redactor *record.Redactor
	waits    map[string]bool // what it leaves for later, in words
}

// few is the number of documents that are read at once: days are large.
const few = 64

// untouched are the kinds whose documents have no texts, or are erased in another way. Answers are encrypted with what
// only their callers know.
var untouched = []string{replica.KindRecalls, library.KindWaveform, record.KindHead, record.KindRecords,
	record.KindLink, idempotency.KindAnswer, replica.KindFormat}

func (p *pass) documents(ctx context.Context) error {
	for _, kind := range p.replica.Kinds {
		if slices.Contains(untouched, kind.Name) {
			continue
		}
		for after := ""; ; {
			docs, err := p.records.List(ctx, kind.Name, after, few)
			if err != nil {
				return err
			}
			for _, d := range docs {
				after = d.ID
				if d.Kind == replica.KindErasure && d.ID == p.e.ID {
					continue
				}
				if err := p.document(ctx, kind, d); err != nil && !fault.Is(err, fault.Stale) {
					return err
				}
			}
			if len(docs) < few {
				break
			}
		}
	}
	return nil
}

func (p *pass) document(ctx context.Context, kind replica.Kind, d store.Document) error {
	body, err := p.cleaned(kind, d)
	if err != nil || bytes.Equal(body, d.Body) {
		return err
	}
	station, date, ofDay := record.DayOf(d.ID)
	if kind.Signed {
		if d.Kind != replica.KindQueue {
			p.waits[fmt.Sprintf("the signed document %s %s, until it is issued again", d.Kind, d.ID)] = true
			return nil
		}
		if !p.over(station, date) {
			p.waits[fmt.Sprintf("the queue of %s on %s, until that day is over", station, date)] = true
			return nil
		}
	}
	if ofDay && (d.Kind == replica.KindQueue || d.Kind == replica.KindRevision) {
		return p.redactor.Replace(ctx, station, date, d, body, p.e.ID)
	}
	return p.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: d.Kind, ID: d.ID, Expect: d.Revision,
		Body: body}}, Origin: access.System.Origin(p.now(), record.ActionErase, p.e.ID)})
}

// late is how long after its end a day may still be on the air somewhere: items may overrun it.
const late = time.Hour

// over reports whether a day of a station has ended. Players hold its queue until then, and refuse another one of the
// same revision.
func (p *pass) over(station string, date schedules.Date) bool {
	row, ok := replica.StationsIn(p.replica).Get(station)
	if !ok {
		return true
	}
	_, end, err := row.Value.DayBounds(date)
	return err == nil && p.now().After(end.Add(late))
}

// cleaned returns the body of a document without the texts; that of d itself if it has none.
func (p *pass) cleaned(kind replica.Kind, d store.Document) ([]byte, error) {
	switch {
	case d.Kind == replica.KindRundown || d.Kind == replica.KindRevision:
		r, err := replica.Decode[schedules.Rundown](d)
		body := d.Body
		if err == nil && p.clean.rundown(&r) {
			body, err = replica.Encode(r)
		}
		return text.InStrings(body, p.clean.clean), err
	case d.Kind == replica.KindQueue:
		return signedAgain(p, d, wire.QueueType, func(q *wire.Queue) bool {
			items, fallback := p.clean.items(q.Items), p.clean.items(q.Fallback)
			return items || fallback
		})
	case d.Kind == replica.KindFallback:
		return signedAgain(p, d, wire.FallbackType, func(f *wire.Fallback) bool { return p.clean.items(f.Items) })
	case kind.Signed:
		payload, err := replica.PayloadOf(d.Body)
		if err == nil && !bytes.Equal(text.InStrings(payload, p.clean.clean), payload) {
			return nil, nil // it differs, and is issued again by its own use case
		}
		return d.Body, err
	}
	return text.InStrings(d.Body, p.clean.clean), nil
}

// signedAgain returns a signed document without the texts, signed with the present key.
func signedAgain[T any](p *pass, d store.Document, payloadType string, items func(*T) bool) ([]byte, error) {
	payload, err := replica.PayloadOf(d.Body)
	if err != nil {
		return nil, err
	}
	v, err := replica.Parse[T](payload)
	if err != nil {
		return nil, fmt.Errorf("erasure: %s %s: %w", d.Kind, d.ID, err)
	}
	next := payload
	if items(&v) {
		if next, err = replica.Encode(v); err != nil {
			return nil, err
		}
	}
	if next = text.InStrings(next, p.clean.clean); bytes.Equal(next, payload) {
		return d.Body, nil
	}
	return p.signer.Sign(payloadType, next)
}

// places returns where the recordings and segments of e are, as far as it can be told at once.
func (s *Erasures) places(ctx context.Context, e replica.ErasureDoc) (where []string) {
	for _, r := range e.Recordings {
		content, size, err := s.audio.Open(ctx, r.SHA256)
		if err != nil {
			continue
		}
		where = append(where, fmt.Sprintf("the audio %s of segment %s, %d bytes", r.SHA256, r.Segment, size))
		_ = content.Close() // only its size counts
	}
	c := newCleaner(e)
	for id, row := range replica.QueuesIn(s.replica).After("", "") {
		q := row.Value.Value
		if slices.ContainsFunc(slices.Concat(q.Items, q.Fallback), func(i wire.QueueItem) bool {
			return c.segments[i.SegmentID]
		}) {
			where = append(where, "the queue "+id)
		}
	}
	for id, row := range replica.FallbacksIn(s.replica).After("", "") {
		if slices.ContainsFunc(row.Value.Value.Items, func(i wire.QueueItem) bool { return c.segments[i.SegmentID] }) {
			where = append(where, "the fallback list of "+id)
		}
	}
	if n := len(e.Uploads); n > 0 {
		where = append(where, fmt.Sprintf("%d uploads", n))
	}
	return where
}
