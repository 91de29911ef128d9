package library

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Segments reads, finds, creates and edits segments.
type Segments struct{ *core }

// SegmentFilter selects segments. Zero fields select everything.
type SegmentFilter struct {
	// prefixes of words, or parts of text without spaces; all of them must occur in id, title, voice, series or tags
	Words          string
	Kind           schedules.Kind
	Language       string
	State          schedules.State
	Script, Tag    string
	SHA256         string // of the recording
	ExpiringBefore time.Time
	After          string // id of the last segment of the previous page
	Limit          int
}

// Get returns the segment. It fails with NotFound.
func (l *Segments) Get(id string) (schedules.Segment, error) {
	row, ok := replica.SegmentsIn(l.replica).Get(id)
	if !ok {
		return schedules.Segment{}, fault.New(fault.NotFound, "there is no segment %q", id)
	}
	return row.Value, nil
}

// AirableOn returns the stations that have a window which allows a language, by id.
func (l *Segments) AirableOn(language string) []string {
	out := []string{}
	for id, row := range replica.StationsIn(l.replica).After("", "") {
		if slices.ContainsFunc(row.Value.AllTerms(), func(w schedules.Window) bool {
			return schedules.Speaks(language, row.Value.Allowed(w))
		}) {
			out = append(out, id)
		}
	}
	return out
}

// mostTwins bounds the answer of SameRecording.
const mostTwins = 20

// SameRecording returns the other segments with the recording of s, by id, at most mostTwins.
func (l *Segments) SameRecording(s schedules.Segment) (out []wire.SameRecording) {
	if s.Recording == nil || s.Recording.SHA256 == "" {
		return nil
	}
	q := SegmentFilter{SHA256: s.Recording.SHA256}.query(search.Wanted{})
	for _, row := range replica.SegmentsIn(l.replica).Find(q, mostTwins+1, nil) {
		if row.Value.ID != s.ID && len(out) < mostTwins {
			out = append(out, wire.SameRecording{ID: row.Value.ID, State: row.Value.State})
		}
	}
	return out
}

// Having returns the segments that have or had a recording.
func (l *Segments) Having(sha256 string) (out []schedules.Segment) {
	for _, field := range []search.Field{replica.ByRecording, replica.ByPrevious} {
		q := search.Query{Terms: []search.Term{{Field: field, Value: sha256}}}
		for _, row := range replica.SegmentsIn(l.replica).Find(q, math.MaxInt, nil) {
			out = append(out, row.Value)
		}
	}
	return out
}

// List lists segments by id. next is the id after which to continue, or empty.
func (l *Segments) List(f SegmentFilter) (out []schedules.Segment, next string) {
	wanted := search.Parse(f.Words)
	if wanted.Nothing {
		return nil, ""
	}
	var keep func(schedules.Segment) bool
	if len(wanted.Parts) > 0 {
		keep = func(s schedules.Segment) bool { return wanted.In(replica.Searched(s)) }
	}
	rows := replica.SegmentsIn(l.replica).Find(f.query(wanted), f.Limit+1, keep)
	out = make([]schedules.Segment, 0, min(len(rows), f.Limit))
	for _, row := range rows[:cap(out)] {
		out = append(out, row.Value)
	}
	if len(rows) > f.Limit {
		next = out[f.Limit-1].ID
	}
	return out, next
}

// query returns the query of the index.
func (f SegmentFilter) query(w search.Wanted) search.Query {
	q := search.Query{Prefixes: w.Prefixes, EndsBefore: f.ExpiringBefore, After: f.After}
	for _, word := range w.Whole {
		q.Terms = append(q.Terms, search.Term{Field: search.Word, Value: word})
	}
	for _, t := range []search.Term{{Field: replica.ByKind, Value: string(f.Kind)}, {Field: replica.ByLanguage,
		Value: strings.ToLower(f.Language)},
		{Field: replica.ByState, Value: string(f.State)}, {Field: replica.ByScript, Value: f.Script}, {Field: replica.ByTag,
			Value: f.Tag}, {Field: replica.ByRecording, Value: f.SHA256}} {
		if t.Value != "" {
			q.Terms = append(q.Terms, t)
		}
	}
	return q
}

// SegmentPatch changes editorial metadata.
type SegmentPatch func(*schedules.Segment)

// CheckEdit fails as Edit would for the patched s.
func (l *Segments) CheckEdit(s schedules.Segment, patch SegmentPatch) error {
	patch(&s)
	return l.check(s)
}

// check fails with Invalid and lists all faults of s.
func (l *Segments) check(s schedules.Segment) error {
	return replica.Invalid(append(s.Problems(), l.sensitiveOnlyFallbacks(s)...))
}

// mostFormer bounds the former persons of a segment.
const mostFormer = 500

// errUnchanged means that a change has no effect, so that it makes no revision.
var errUnchanged = errors.New("library: nothing changes")

// Edit changes a segment's editorial metadata. It fails with Stale unless revision (nil: any) is the latest. An
// approved segment needs a new approval after a change that another person must approve (needingApproval).
func (l *Segments) Edit(ctx context.Context, a access.Actor, id string, revision *int64, patch SegmentPatch) (
	schedules.Segment, error) {
	return l.change(ctx, a, id, revision, "segment.edit", "", func(s *schedules.Segment) error {
		before := *s
		was, err := replica.Encode(before)
		if err != nil {
			return err
		}
		patch(s)
		s.ID, s.State, s.Recording = before.ID, before.State, before.Recording
		s.UploadedBy, s.UploadedByID, s.Edits = before.UploadedBy, before.UploadedByID, before.Edits
		s.Recall, s.Approval = before.Recall, before.Approval
		s.FormerPersons = formerPersons(before, s.Persons)
		counts := needingApproval(before, *s)
		if before.State == schedules.Approved && len(counts) > 0 {
			s.State = schedules.Pending
		}
		switch {
		case !s.Sensitive:
			s.GuardedSince = schedules.Instant{}
		case !before.Sensitive:
			s.GuardedSince = schedules.At(l.now())
		}
		if err := l.check(*s); err != nil {
			return err
		}
		if len(s.FormerPersons) > mostFormer {
			return fault.Fields(fault.Field{Field: "persons", Message: fmt.Sprintf("have changed too often: there would be "+
				"more than %d former ones, by whom a recall finds the segment", mostFormer)})
		}
		if is, err := replica.Encode(*s); err != nil || bytes.Equal(is, was) {
			return cmp.Or(err, errUnchanged)
		}
		l.edited(s, a, counts)
		return nil
	})
}

// formerPersons returns whom a segment named before that now names persons.
func formerPersons(before schedules.Segment, persons []string) (former []string) {
	for _, p := range slices.Concat(before.FormerPersons, before.Persons) {
		if !slices.Contains(persons, p) && !slices.Contains(former, p) {
			former = append(former, p)
		}
	}
	return former
}

// change reads a segment, changes it, and commits it with the writes that belong to the same action.
func (l *Segments) change(ctx context.Context, a access.Actor, id string, revision *int64, action, reason string,
	f func(*schedules.Segment) error, also ...func(schedules.Segment) ([]store.Write, error)) (schedules.Segment, error) {
	var s schedules.Segment
	err := l.replica.Retry(ctx, func() error {
		row, ok := replica.SegmentsIn(l.replica).Get(id)
		if !ok {
			return fault.New(fault.NotFound, "there is no segment %q", id)
		}
		if err := replica.CheckRevision(revision, row.Revision); err != nil {
			return err
		}
		if e, erased := replica.ErasureOf(l.replica, id); erased {
			return fault.New(fault.Gone, "segment %q was erased (erasure %s), and nothing brings it back: what is to air has "+
				"another id", id, e.ID)
		}
		s = row.Value
		if err := f(&s); errors.Is(err, errUnchanged) {
			s.Revision = row.Revision
			return nil
		} else if err != nil {
			return err
		}
		s.Revision = row.Revision + 1
		body, err := replica.Encode(s)
		if err != nil {
			return err
		}
		writes := []store.Write{{Kind: replica.KindSegment, ID: id, Expect: row.Revision, Body: body}}
		for _, more := range also {
			ws, err := more(s)
			if err != nil {
				return err
			}
			writes = append(writes, ws...)
		}
		return l.replica.Commit(ctx, store.Commit{Writes: writes, Origin: a.Origin(l.now(), action, reason)})
	})
	return s, err
}

// Create creates a segment from a received recording: pending, or rejected. It fails with Invalid, and with Conflict if
// the id is taken; it then stores nothing.
func (l *Segments) Create(ctx context.Context, a access.Actor, s schedules.Segment, r Received) (schedules.Segment,
	error) {
	err := l.CheckNew(a, s)
	if err == nil {
		err = replica.RefuseErased(l.replica, r.recording.SHA256)
	}
	if err != nil {
		return s, err
	}
	r.assign(&s, a)
	s.Edits = nil
	l.edited(&s, a, append([]string{"audio"}, needingApproval(schedules.Segment{}, s)...))
	s.Revision = 1
	body, err := replica.Encode(s)
	if err != nil {
		return s, err
	}
	writes, err := l.waveformWrite(ctx, r)
	if err != nil {
		return s, err
	}
	err = l.replica.Commit(ctx, store.Commit{
		Writes: append(writes, store.Write{Kind: replica.KindSegment, ID: s.ID, Body: body}),
		Origin: a.Origin(l.now(), "segment.upload", s.Recording.SHA256)})
	if errors.Is(err, replica.ErrRace) {
		return s, idTaken(s.ID)
	}
	return s, err
}

// NewSegmentID returns an id for a segment whose producer chose none.
func NewSegmentID() string { return "s-" + replica.NewID() }

// CheckNew fails as Create would, before any audio is sent.
func (l *Segments) CheckNew(a access.Actor, s schedules.Segment) error {
	if err := l.check(s); err != nil {
		return err
	}
	if err := l.inScope(a, s); err != nil {
		return err
	}
	if replica.SegmentsIn(l.replica).Revision(s.ID) != 0 {
		return idTaken(s.ID)
	}
	return nil
}

// inScope fails with Forbidden if the actor may not change s.
func (l *Segments) inScope(a access.Actor, s schedules.Segment) error {
	body, err := replica.Encode(s)
	if err != nil {
		return err
	}
	return l.replica.Scope(a.Person, store.Write{Kind: replica.KindSegment, ID: s.ID, Body: body})
}

func idTaken(id string) error {
	return fault.New(fault.Conflict, "a segment %q exists already: choose another id, or send its new audio to that "+
		"segment", id)
}

// Replace gives a segment a new recording, which needs a new approval. The segment keeps the hash of the old one.
func (l *Segments) Replace(ctx context.Context, a access.Actor, id string, revision *int64, r Received) (
	schedules.Segment, error) {
	return l.change(ctx, a, id, revision, "segment.audio", r.recording.SHA256, func(s *schedules.Segment) error {
		if s.State == schedules.Recalled {
			return fault.New(fault.Conflict, "segment %q is recalled: reinstate it before it gets new audio", id)
		}
		if err := replica.RefuseErased(l.replica, r.recording.SHA256); err != nil {
			return err
		}
		if s.Recording != nil && s.Recording.SHA256 != r.recording.SHA256 {
			s.Previous = append(s.Previous[:len(s.Previous):len(s.Previous)], s.Recording.SHA256)
		}
		r.assign(s, a)
		l.edited(s, a, []string{"audio"})
		return nil
	}, func(schedules.Segment) ([]store.Write, error) { return l.waveformWrite(ctx, r) })
}

// AwaitAnalysis returns a segment once its analysis is complete, or in its present state when ctx ends.
func (l *Segments) AwaitAnalysis(ctx context.Context, id string) (schedules.Segment, error) {
	for {
		signal := l.replica.Signals.On(replica.Topic(replica.KindSegment, id))
		s, err := l.Get(id)
		if err != nil || s.State != schedules.Analysing {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, nil
		case <-signal:
		}
	}
}
