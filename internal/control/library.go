package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Library keeps segments, their recordings, and scripts.
type Library struct {
	mirror   *Mirror
	audio    Audio
	sealer   Sealer
	analyse  Analyser
	now      func() time.Time
	limits   LibraryLimits
	turns    turns
	progress sync.Map      // id of a segment -> Progress of its analysis
	workers  chan struct{} // bounds how many recordings are analysed at once
}

// LibraryLimits bound what one upload may cost.
type LibraryLimits struct {
	MaxBytes    int64 // of one recording
	MaxWaiting  int64 // bytes that unfinished uploads may take together
	Concurrency int   // recordings analysed at once

	// Room fails with Full unless there is room for an upload of so many bytes; nil does not look.
	Room func(ctx context.Context, bytes int64) error
}

// NewLibrary keeps segments in m and their bytes in audio.
func NewLibrary(m *Mirror, audio Audio, sealer Sealer, analyse Analyser, now func() time.Time, l LibraryLimits) *Library {
	return &Library{mirror: m, audio: audio, sealer: sealer, analyse: analyse, now: now, limits: l,
		turns: turns{held: map[string]*turn{}}, workers: make(chan struct{}, l.Concurrency)}
}

// MaxBytes is how large a recording may be.
func (l *Library) MaxBytes() int64 { return l.limits.MaxBytes }

// SegmentFilter selects segments. Zero fields select everything.
type SegmentFilter struct {
	Words          string // beginnings of words or parts of what has no spaces: all of them in id, title, voice, series or tags
	Kind           schedules.Kind
	Language       string
	State          schedules.State
	Script, Tag    string
	SHA256         string // of the recording
	ExpiringBefore time.Time
	After          string // id of the last segment of the page before
	Limit          int
}

// Segment fails with NotFound.
func (l *Library) Segment(id string) (schedules.Segment, error) {
	row, ok := segmentsIn(l.mirror).get(id)
	if !ok {
		return schedules.Segment{}, fault.New(fault.NotFound, "there is no segment %q", id)
	}
	return row.value, nil
}

// AirableOn are the stations with a window that allows a language, by id.
func (l *Library) AirableOn(language string) []string {
	out := []string{}
	for id, row := range stationsIn(l.mirror).after("", "") {
		if slices.ContainsFunc(row.value.Windows, func(w schedules.Window) bool { return schedules.Speaks(language, row.value.Allowed(w)) }) {
			out = append(out, id)
		}
	}
	return out
}

// Segments lists by id. next is the id to go on after, or empty.
func (l *Library) Segments(f SegmentFilter) (out []schedules.Segment, next string) {
	wanted := search.Parse(f.Words)
	if wanted.Nothing {
		return nil, ""
	}
	var keep func(schedules.Segment) bool
	if len(wanted.Parts) > 0 {
		keep = func(s schedules.Segment) bool { return wanted.In(searched(s)) }
	}
	rows := segmentsIn(l.mirror).find(f.query(wanted), f.Limit+1, keep)
	out = make([]schedules.Segment, 0, min(len(rows), f.Limit))
	for _, row := range rows[:cap(out)] {
		out = append(out, row.value)
	}
	if len(rows) > f.Limit {
		next = out[f.Limit-1].ID
	}
	return out, next
}

// query is what the index is asked.
func (f SegmentFilter) query(w search.Wanted) search.Query {
	q := search.Query{Prefixes: w.Prefixes, EndsBefore: f.ExpiringBefore, After: f.After}
	for _, word := range w.Whole {
		q.Terms = append(q.Terms, search.Term{Field: search.Word, Value: word})
	}
	for _, t := range []search.Term{{Field: byKind, Value: string(f.Kind)}, {Field: byLanguage, Value: strings.ToLower(f.Language)},
		{Field: byState, Value: string(f.State)}, {Field: byScript, Value: f.Script}, {Field: byTag, Value: f.Tag}, {Field: byRecording, Value: f.SHA256}} {
		if t.Value != "" {
			q.Terms = append(q.Terms, t)
		}
	}
	return q
}

// SegmentPatch changes editorial metadata; nil fields stay.
type SegmentPatch func(*schedules.Segment)

// CheckEdit fails as Edit would for what the patch makes of s.
func (l *Library) CheckEdit(s schedules.Segment, patch SegmentPatch) error {
	patch(&s)
	return l.check(s)
}

// check fails with Invalid, naming everything that is wrong with s.
func (l *Library) check(s schedules.Segment) error {
	return invalid(append(s.Problems(), l.mirror.lastResorts(s)...))
}

// Edit changes a segment's editorial metadata. It fails with Stale unless revision (nil: any) is the latest. An
// approved segment that now says something else (kind, language, script, persons), or protects the persons in it less
// (not sensitive any more, a longer consent), needs approval anew.
func (l *Library) Edit(ctx context.Context, a Actor, id string, revision *int64, patch SegmentPatch) (schedules.Segment, error) {
	return l.change(ctx, a, id, revision, "segment.edit", "", func(s *schedules.Segment) error {
		before := *s
		patch(s)
		s.ID, s.State, s.Recording, s.UploadedBy = before.ID, before.State, before.Recording, before.UploadedBy
		if before.State == schedules.Approved && (!saysTheSame(before, *s) || s.WeakerThan(&before)) {
			s.State = schedules.Pending
		}
		switch {
		case !s.Sensitive:
			s.GuardedSince = schedules.Instant{}
		case !before.Sensitive:
			s.GuardedSince = schedules.At(l.now())
		}
		return l.check(*s)
	})
}

func saysTheSame(a, b schedules.Segment) bool {
	sameScript := a.Script == b.Script || a.Script != nil && b.Script != nil && a.Script.ID == b.Script.ID &&
		a.Script.Version == b.Script.Version && slices.Equal(a.Script.Passages, b.Script.Passages)
	return a.Kind == b.Kind && a.Language == b.Language && sameScript && slices.Equal(a.Persons, b.Persons)
}

// change reads a segment, changes it and commits it with what else belongs to the same act.
func (l *Library) change(ctx context.Context, a Actor, id string, revision *int64, action, reason string,
	f func(*schedules.Segment) error, also ...func(schedules.Segment) ([]store.Write, error)) (schedules.Segment, error) {
	var s schedules.Segment
	err := l.mirror.retry(ctx, func() error {
		row, ok := segmentsIn(l.mirror).get(id)
		if !ok {
			return fault.New(fault.NotFound, "there is no segment %q", id)
		}
		if err := checkRevision(revision, row.revision); err != nil {
			return err
		}
		s = row.value
		if err := f(&s); err != nil {
			return err
		}
		s.Revision = row.revision + 1
		body, err := encode(s)
		if err != nil {
			return err
		}
		writes := []store.Write{{Kind: kindSegment, ID: id, Expect: row.revision, Body: body}}
		for _, more := range also {
			ws, err := more(s)
			if err != nil {
				return err
			}
			writes = append(writes, ws...)
		}
		return l.mirror.Commit(ctx, store.Commit{Writes: writes, Origin: a.origin(l.now(), action, reason)})
	})
	return s, err
}

// invalid is an Invalid failure that lists the problems, or nil.
func invalid(problems []schedules.Problem) error {
	fields := make([]fault.Field, len(problems))
	for i, p := range problems {
		fields[i] = fault.Field{Field: p.Field, Message: p.Message}
	}
	return fault.Fields(fields...)
}

// newID makes an id that nobody can guess or collide with.
func newID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}
