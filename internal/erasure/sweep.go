package erasure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
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

// Sweep continues every confirmed erasure until nothing is left, one at a time: two would undo what the other writes in
// the records. Each pass compares what is with what should be, so that the next one completes an interrupted one.
func (s *Erasures) Sweep(ctx context.Context, lock *replica.WorkLock) error {
	var failed error
	for id, row := range replica.ErasuresIn(s.replica).After("", "") {
		if e := row.Value; e.State != replica.ErasureConfirmed && e.State != replica.ErasurePurging || !s.due(id) {
			continue
		}
		err := lock.Do(ctx, "erasure", 0, func(ctx context.Context) error { return s.pass(ctx, id) })
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
	p := &pass{Erasures: s, e: *e, clean: newCleaner(s.replica, *e), waits: map[string]bool{},
		redactor: record.NewRedactor(s.records, s.links, s.audio.Erase)}
	if err := p.removeAudio(ctx); err != nil {
		return err
	}
	if err := s.removeMember(ctx, *e); err != nil {
		return err
	}
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
	e.Reason = p.clean.clean("", "reason", e.Reason)
	e.AskedBy, e.DecidedBy = p.clean.clean("", "by", e.AskedBy), p.clean.clean("", "by", e.DecidedBy)
	forget(e)
	e.Uploads, e.State = nil, replica.ErasurePurging
	return nil
}

// removeAudio removes the recordings, their waveforms, and the uploads with their pieces. What a segment that stays, or
// another upload, has too is not removed: of recordings, p then waits for it.
func (p *pass) removeAudio(ctx context.Context) error {
	for _, r := range p.e.Recordings {
		if by := p.keptBy(r.SHA256, r.Segment); by != "" {
			p.waits[fmt.Sprintf("the audio %s of segment %s, while %s has it too", r.SHA256, r.Segment, by)] = true
			continue
		}
		if err := p.remove(ctx, library.KindWaveform, r.SHA256, p.e.ID); err != nil {
			return err
		}
		if err := p.audio.Erase(ctx, r.SHA256); err != nil {
			return err
		}
	}
	for _, id := range p.e.Uploads {
		for _, sha := range library.PartsOf(p.replica, id) {
			if p.keptBy(sha, "") != "" {
				continue
			}
			if err := p.audio.Erase(ctx, sha); err != nil {
				return err
			}
		}
		if err := p.remove(ctx, library.KindUpload, id, p.e.ID); err != nil {
			return err
		}
	}
	return nil
}

// keptBy says who needs an audio that is not erased with the rest; "": nobody. It is a former recording of segment
// former, if that is not empty, which does not keep it.
func (p *pass) keptBy(sha, former string) string {
	if id := stays(p.replica, p.clean, sha, former); id != "" {
		return "segment " + id
	}
	others := library.UploadsWith(p.replica, sha)
	for _, id := range others {
		if !slices.Contains(p.e.Uploads, id) {
			return "upload " + id
		}
	}
	return ""
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

// removeMember takes the names from a person who worked with the service, and all by which the person signed in.
func (s *Erasures) removeMember(ctx context.Context, e replica.ErasureDoc) error {
	if e.Member == "" {
		return nil
	}
	row, ok := replica.PersonsIn(s.replica).Get(e.Member)
	belongings := signin.Belongings(s.replica, e.Member)
	if ok && row.Value.Name == memberName(e.Member) && len(belongings) == 0 {
		return nil
	}
	return s.members.Forget(ctx, access.System.Origin(s.now(), record.ActionErase, e.ID), e.Member, memberName(e.Member),
		belongings)
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
	record.KindLink, idempotency.KindAnswer, replica.KindFormat, replica.KindCounter, replica.KindFloor,
	replica.KindTurn, replica.KindBaseline, access.KindKeys, access.KindUse, signin.KindChallenge}

// ofAccess are the kinds of documents that say who may do what. Only the erasure of a member changes those of the
// member: a text that looks like an id would lock somebody out.
var ofAccess = []string{access.KindToken, replica.KindPerson, signin.KindHolder, signin.KindCode, signin.KindSession}

func (p *pass) documents(ctx context.Context) error {
	return p.each(ctx, func(kind replica.Kind, d store.Document) error {
		if err := p.document(ctx, kind, d); err != nil && !fault.Is(err, fault.Stale) {
			return err
		}
		return nil
	})
}

// each calls f for every document that may have texts.
func (p *pass) each(ctx context.Context, f func(replica.Kind, store.Document) error) error {
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
				if err := f(kind, d); err != nil {
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
	if d.Kind == access.KindWaiting {
		if gone, err := p.asksForErased(d); gone || err != nil {
			return cmp.Or(err, p.remove(ctx, d.Kind, d.ID, p.e.ID))
		}
	}
	body, err := p.cleaned(kind, d)
	if err != nil || bytes.Equal(body, d.Body) {
		return err
	}
	if left := p.unreadable(d, body); left != "" {
		p.waits[left] = true
		return nil
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

// asksForErased reports whether a change that waits for a second person would write something erased. It ends: without
// that it would not be what somebody asked for.
func (p *pass) asksForErased(d store.Document) (bool, error) {
	writes, err := access.WaitingWrites(d)
	for _, w := range writes {
		if w.Kind == replica.KindSegment && p.clean.segments[w.ID] {
			return true, nil
		}
		if kind, ok := p.replica.Kinds.Find(w.Kind); ok && !w.Delete {
			body, err := p.cleaned(kind, store.Document{Kind: w.Kind, ID: w.ID, Body: w.Body})
			if err != nil || !bytes.Equal(body, w.Body) {
				return true, err
			}
		}
	}
	return false, err
}

// unreadable says that a document could not be read any more with another body, so that it stays as it is; "": it can.
func (p *pass) unreadable(d store.Document, body []byte) string {
	if body == nil {
		return "" // it is issued again
	}
	next := d
	next.Body = body
	if len(p.replica.Kinds.Problems(next)) <= len(p.replica.Kinds.Problems(d)) {
		return ""
	}
	return fmt.Sprintf("%s %s, which nobody could read without these texts: change it by hand", d.Kind, d.ID)
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
	case slices.Contains(ofAccess, d.Kind):
		return p.ofMember(d)
	case d.Kind == replica.KindErasure:
		return p.ofErasure(d)
	case d.Kind == replica.KindPeople:
		return p.ofMakers(d), nil
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

// ofMember returns the body of a document of access, without the names of the member that is erased if it is theirs.
func (p *pass) ofMember(d store.Document) ([]byte, error) {
	var of struct {
		Person string `json:"person"`
	}
	err := json.Unmarshal(d.Body, &of)
	if err != nil || p.e.Member == "" || d.Kind == replica.KindPerson {
		return d.Body, err
	}
	return text.InStrings(d.Body, func(within, member, value string) string {
		if member != "name" || of.Person != p.e.Member && within != "approved" {
			return value
		}
		return p.clean.replaced(value)
	}), nil
}

// ofMakers returns the body of who made whose access without the texts. The names of tokens that still let somebody in
// stay: by them it is known who stands behind such a token.
func (p *pass) ofMakers(d store.Document) []byte {
	return text.InStrings(d.Body, func(within, member, value string) string {
		if access.HasToken(p.replica, value) {
			return value
		}
		return p.clean.clean(within, member, value)
	})
}

// ofErasure returns the body of another erasure without the texts. What it searches for stays until it is done; if
// nobody has decided on it, it is dropped, and says so.
func (p *pass) ofErasure(d store.Document) ([]byte, error) {
	other, err := replica.Decode[replica.ErasureDoc](d)
	if err != nil {
		return nil, err
	}
	if other.State == replica.ErasureAsked && slices.ContainsFunc(other.Texts, func(t string) bool {
		return p.clean.replaced(t) != t
	}) {
		other.State, other.DecidedBy, other.DecidedAt = replica.ErasureDropped, store.System, schedules.At(p.now())
		other.Left = []string{fmt.Sprintf("dropped, because erasure %s removed a name that it searched for: ask again for "+
			"what is left", p.e.ID)}
		forget(&other)
		if d.Body, err = replica.Encode(other); err != nil {
			return nil, err
		}
	}
	return text.InStrings(d.Body, func(within, member, value string) string {
		if member == "person" {
			return value
		}
		return p.clean.clean(within, member, value)
	}), nil
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
	c := newCleaner(s.replica, e)
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

// counted returns e with the number of documents that each of its names would go from now.
func (s *Erasures) counted(ctx context.Context, e wire.Erasure) (wire.Erasure, error) {
	if len(e.Names) == 0 {
		return e, nil
	}
	p := &pass{Erasures: s, e: replica.ErasureDoc{ID: e.ID, Member: e.Member}, waits: map[string]bool{}}
	cleaners := make([]cleaner, len(e.Names))
	for i, n := range e.Names {
		cleaners[i] = newCleaner(s.replica, replica.ErasureDoc{Texts: []string{n.Name}, Member: e.Member})
	}
	err := p.each(ctx, func(kind replica.Kind, d store.Document) error {
		body := d.Body
		if kind.Signed {
			var err error
			if body, err = replica.PayloadOf(d.Body); err != nil {
				return err
			}
		}
		for i, c := range cleaners {
			has := d.Kind == replica.KindPerson && d.ID == e.Member
			if p.clean = c; slices.Contains(ofAccess, d.Kind) {
				next, err := p.ofMember(d)
				if err != nil {
					return err
				}
				has = has || !bytes.Equal(next, body)
			} else {
				has = !bytes.Equal(text.InStrings(body, c.clean), body)
			}
			if has {
				e.Names[i].Documents++
			}
		}
		return nil
	})
	return e, err
}
