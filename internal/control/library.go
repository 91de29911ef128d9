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
	Words          string // all of them, in title, id, voice, series or tags
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
	row, ok := l.mirror.segments.get(id)
	if !ok {
		return schedules.Segment{}, fault.New(fault.NotFound, "there is no segment %q", id)
	}
	return row.value, nil
}

// Segments lists by id. next is the id to go on after, or empty.
func (l *Library) Segments(f SegmentFilter) (out []schedules.Segment, next string) {
	words := strings.Fields(strings.ToLower(f.Words))
	for _, row := range l.mirror.segments.after("", f.After) {
		if !f.matches(row.value, words) {
			continue
		}
		if len(out) == f.Limit {
			return out, out[len(out)-1].ID
		}
		out = append(out, row.value)
	}
	return out, ""
}

func (f SegmentFilter) matches(s schedules.Segment, words []string) bool {
	expires, _ := s.ExpiresAt()
	switch {
	case f.Kind != "" && s.Kind != f.Kind,
		f.Language != "" && !strings.EqualFold(s.Language, f.Language),
		f.State != "" && s.State != f.State,
		f.Script != "" && (s.Script == nil || s.Script.ID != f.Script),
		f.SHA256 != "" && (s.Recording == nil || s.Recording.SHA256 != f.SHA256),
		f.Tag != "" && !slices.Contains(s.Tags, f.Tag),
		!f.ExpiringBefore.IsZero() && (expires.IsZero() || !expires.Before(f.ExpiringBefore)):
		return false
	}
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join(append([]string{s.ID, s.Title, s.Voice, s.Series}, s.Tags...), "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
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
		row, ok := l.mirror.segments.get(id)
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
