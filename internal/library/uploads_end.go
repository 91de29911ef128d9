package library

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// finish makes a complete upload its segment's recording. It may be called again after any failure, and by several
// replicas at once: the recording is assigned once. The analysis runs later, because it can take minutes, and the
// client that sent the last byte would not wait.
func (l *Uploads) finish(ctx context.Context, a access.Actor, u Upload) (Upload, error) {
	parts := &partsReader{ctx: ctx, audio: l.audio, parts: u.Parts}
	defer parts.close()
	received, err := l.recordings.storeUnanalysed(ctx, parts)
	if err != nil {
		return u, err
	}
	if u.SHA256 != "" && u.SHA256 != received.recording.SHA256 {
		return u, l.giveUp(ctx, a, u, fault.New(fault.Damaged, "the bytes that arrived are not those that were announced: "+
			"their SHA-256 is %s", received.recording.SHA256))
	}
	if err := l.assign(ctx, a, u, received); err != nil {
		switch fault.KindOf(err) {
		case fault.Internal, fault.Unavailable, fault.Full:
			return u, err
		}
		return u, l.giveUp(ctx, a, u, err)
	}
	l.uploaded.take(l.now(), uploader(a), u.Length, math.MaxInt64)
	u.DoneAt = schedules.At(l.now())
	return u, l.keep(ctx, a, &u, "upload.done")
}

// assign gives the segment its recording, unless it already has it from this upload.
func (l *Uploads) assign(ctx context.Context, a access.Actor, u Upload, r Received) error {
	has := func() bool {
		s, err := l.segments.Get(u.Segment.ID)
		return err == nil && a.Is(l.replica, s.UploadedByID, s.UploadedBy) && s.Recording != nil &&
			s.Recording.SHA256 == r.recording.SHA256 && s.Revision > u.Replaces
	}
	if has() {
		return nil
	}
	var err error
	if u.Replaces != 0 {
		_, err = l.segments.Replace(ctx, a, u.Segment.ID, &u.Replaces, r)
	} else {
		_, err = l.segments.Create(ctx, a, u.Segment, r)
	}
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Stale) { // an equal upload may have been first
		if late := l.replica.CatchUp(ctx); late != nil {
			return late
		}
		if has() {
			return nil
		}
	}
	return err
}

// giveUp abandons an upload that cannot become a recording, and returns the reason.
func (l *Uploads) giveUp(ctx context.Context, a access.Actor, u Upload, why error) error {
	u.DoneAt, u.Problem = schedules.At(l.now()), why.Error()
	var f *fault.Error
	if errors.As(why, &f) {
		u.Problem = f.Public
	}
	return errors.Join(why, l.keep(ctx, a, &u, "upload.fail"))
}

// Sweep finishes complete uploads that were not finished, and removes the parts of ended ones.
func (l *Uploads) Sweep(ctx context.Context, lock *replica.WorkLock) error {
	var failed error
	for id, row := range uploadsIn(l.replica).After("", "") {
		u, now := row.Value, l.now()
		u.Revision = row.Revision
		last := u.ExpiresAt.Add(-uploadLife)
		ended := u.DoneAt.Time
		if u.DoneAt.IsZero() {
			ended = u.ExpiresAt.Time
		}
		switch {
		case u.DoneAt.IsZero() && u.Offset() == u.Length && now.Sub(last) > uploadRest:
			err := lock.Do(ctx, "upload/"+id, 0, func(ctx context.Context) error {
				_, err := l.finish(ctx, access.Actor{Name: u.By, Person: u.ByID}, u)
				return err
			})
			if !errors.Is(err, replica.ErrElsewhere) {
				failed = errors.Join(failed, err)
			}
		case now.Sub(ended) > partsLinger:
			failed = errors.Join(failed, l.remove(ctx, id, u, ended))
		}
	}
	return failed
}

// uploadRest is the time for which a complete upload is left to its own request.
const uploadRest = time.Minute

// remove deletes the data of an ended upload, except for parts that are in use elsewhere or were put again since.
func (l *Uploads) remove(ctx context.Context, id string, u Upload, ended time.Time) error {
	named := l.referenced(id)
	for _, p := range u.Parts {
		if named(p.SHA256) {
			continue
		}
		if _, err := l.audio.DeleteOlder(ctx, p.SHA256, ended); err != nil {
			return err
		}
	}
	err := l.replica.Commit(ctx, store.Commit{
		Writes: []store.Write{{Kind: KindUpload, ID: id, Expect: u.Revision, Delete: true}},
		Origin: access.System.Origin(l.now(), "upload.remove", "")})
	if errors.Is(err, replica.ErrRace) { // another replica did it
		return nil
	}
	return err
}

// partsReader reads consecutive parts.
type partsReader struct {
	ctx   context.Context
	audio replica.Audio
	parts []Part
	open  blob.Content
}

func (r *partsReader) Read(b []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.parts) == 0 {
				return 0, io.EOF
			}
			var err error
			if r.open, _, err = r.audio.Open(r.ctx, r.parts[0].SHA256); err != nil {
				return 0, err
			}
			r.parts = r.parts[1:]
		}
		n, err := r.open.Read(b)
		if err != io.EOF {
			return n, err
		}
		if err := r.close(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (r *partsReader) close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}

// UploadsOf returns the ids of the uploads, finished or not, whose segments pass of.
func UploadsOf(m *replica.Replica, of func(schedules.Segment) bool) (ids []string) {
	for id, row := range uploadsIn(m).After("", "") {
		if of(row.Value.Segment) {
			ids = append(ids, id)
		}
	}
	return ids
}

// PartsOf returns the hashes of the pieces of an upload that are in the audio store.
func PartsOf(m *replica.Replica, id string) (sha256 []string) {
	row, _ := uploadsIn(m).Get(id)
	for _, p := range row.Value.Parts {
		sha256 = append(sha256, p.SHA256)
	}
	return sha256
}

// UploadsWith returns the ids of the uploads that have a piece with that hash.
func UploadsWith(m *replica.Replica, sha256 string) (ids []string) {
	for id, row := range uploadsIn(m).After("", "") {
		if slices.ContainsFunc(row.Value.Parts, func(p Part) bool { return p.SHA256 == sha256 }) {
			ids = append(ids, id)
		}
	}
	return ids
}
