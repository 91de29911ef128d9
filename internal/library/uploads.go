package library

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Uploads receives recordings in pieces.
type Uploads struct {
	*core
	segments   *Segments
	recordings *Recordings
	locks      uploadLocks
}

// Upload is a recording that arrives in pieces, over any number of connections and restarts. The received data is
// stored as parts in the audio store, so that any replica can continue after another.
type Upload struct {
	ID       string            `json:"id"`
	Revision int64             `json:"-"`
	By       string            `json:"by"`
	ByID     string            `json:"by_id,omitempty"` // of the person; none for a token that belongs to no person
	Segment  schedules.Segment `json:"segment"`         // the resulting segment; only the id if it replaces a recording
	// revision of the segment whose recording it replaces; 0 means that the segment is new
	Replaces  int64             `json:"replaces"`
	Length    int64             `json:"length"`            // in bytes
	SHA256    string            `json:"sha256,omitempty"`  // announced by the producer
	Metadata  string            `json:"metadata"`          // as received
	Parts     []Part            `json:"parts,omitempty"`   // in order
	ExpiresAt schedules.Instant `json:"expires_at"`        // every part extends it
	DoneAt    schedules.Instant `json:"done_at"`           // when it became the segment's recording, or was abandoned
	Problem   string            `json:"problem,omitempty"` // why it was abandoned
}

// Part is a piece of an upload, stored under its own hash.
type Part struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Done reports whether the upload has become its segment's recording.
func (u Upload) Done() bool { return !u.DoneAt.IsZero() && u.Problem == "" }

// Offset returns the number of bytes that have arrived.
func (u Upload) Offset() (n int64) {
	for _, p := range u.Parts {
		n += p.Bytes
	}
	return n
}

const (
	uploadLife = 24 * time.Hour // an upload without progress is then abandoned
	partBytes  = 8 << 20        // the most that a crash can lose
	maxParts   = 8192           // of one upload
	// time from an upload's end to the removal of its parts: by then, a caller that has put the same bytes also refers to
	// them
	partsLinger = 10 * time.Minute
)

// maxOwnUploads is the most unfinished uploads of one person.
const maxOwnUploads = 1000

// Start begins an upload of length bytes that becomes u.Segment, or the new recording of the segment with that id at
// revision u.Replaces. It fails before any audio is sent: as Create or Replace would, with TooLarge, also if the
// caller's own unfinished uploads use their share, and with Full if all unfinished uploads use all of their space, or
// there is no room for another.
func (l *Uploads) Start(ctx context.Context, a access.Actor, u Upload) (Upload, error) {
	if u.Length > l.limits.MaxBytes {
		return u, fault.New(fault.TooLarge, "a recording may have at most %d bytes", l.limits.MaxBytes)
	}
	if err := l.checkTarget(a, u); err != nil {
		return u, err
	}
	var waiting, own int64
	uploads := 0
	for _, row := range uploadsIn(l.replica).After("", "") {
		if row.Value.DoneAt.IsZero() && l.now().Before(row.Value.ExpiresAt.Time) {
			waiting += row.Value.Length
			if a.Is(l.replica, row.Value.ByID, row.Value.By) {
				own += row.Value.Length
				uploads++
			}
		}
	}
	if most := l.limits.MaxOwn; most > 0 && own+u.Length > most || uploads >= maxOwnUploads {
		return u, fault.New(fault.TooLarge, "your unfinished uploads would be %d with %d bytes together, and one person may "+
			"have %d with %d bytes: finish or cancel some first", uploads+1, own+u.Length, maxOwnUploads, most)
	}
	if err := l.mayUpload(a, 0, own+u.Length); err != nil { // counted when it is complete
		return u, err
	}
	if waiting+u.Length > l.limits.MaxWaiting {
		return u, fault.New(fault.Full, "unfinished uploads fill the space that they may take: finish or cancel some first")
	}
	if l.limits.Room != nil {
		if err := l.limits.Room(ctx, u.Length); err != nil {
			return u, err
		}
	}
	u.ID, u.By, u.ByID, u.ExpiresAt = replica.NewID(), a.Name, a.Person, schedules.At(l.now().Add(uploadLife))
	return u, l.keep(ctx, a, &u, "upload.start")
}

func (l *Uploads) checkTarget(a access.Actor, u Upload) error {
	if u.Replaces == 0 {
		return l.segments.CheckNew(a, u.Segment)
	}
	s, err := l.segments.Get(u.Segment.ID)
	if err != nil {
		return err
	}
	if err := l.segments.inScope(a, s); err != nil {
		return err
	}
	return replica.CheckRevision(&u.Replaces, s.Revision)
}

// Get fails with NotFound unless a began the upload, and with Gone if the upload was abandoned.
func (l *Uploads) Get(a access.Actor, id string) (Upload, error) {
	row, ok := uploadsIn(l.replica).Get(id)
	u := row.Value
	u.Revision = row.Revision
	switch {
	case !ok || !a.Is(l.replica, u.ByID, u.By):
		return Upload{}, fault.New(fault.NotFound, "there is no upload %q", id)
	case u.Problem != "":
		return u, fault.New(fault.Gone, "the upload was given up: %s", u.Problem)
	case u.DoneAt.IsZero() && !l.now().Before(u.ExpiresAt.Time):
		return Upload{}, fault.New(fault.Gone, "this upload was inactive for more than %s and was given up: begin it again",
			uploadLife)
	}
	return u, nil
}

// List lists a's unfinished uploads, by id.
func (l *Uploads) List(a access.Actor) []Upload {
	out := []Upload{}
	for id := range uploadsIn(l.replica).After("", "") {
		if u, err := l.Get(a, id); err == nil && !u.Done() {
			out = append(out, u)
		}
	}
	return out
}

// Append adds the bytes of r to the upload, which must be at offset; otherwise it fails with Conflict. If r fails, the
// bytes received so far are kept. With verify, which is called at r's end, either all of r is kept or nothing. A
// complete upload immediately becomes its segment's recording.
func (l *Uploads) Append(ctx context.Context, a access.Actor, id string, offset int64, r io.Reader,
	verify func() error) (Upload, error) {
	u, err := l.Get(a, id)
	if err != nil || u.Done() && offset == u.Length {
		return u, err
	}
	if at := u.Offset(); at != offset {
		return u, fault.New(fault.Conflict, "the upload continues at byte %d, not %d", at, offset)
	}
	ctx = context.WithoutCancel(ctx) // keep the received bytes even if the client has gone
	in := &pieceReader{r: bufio.NewReaderSize(r, 64<<10)}
	var added []Part
	keep := func() error {
		if len(added) == 0 {
			return nil
		}
		u.Parts = append(u.Parts[:len(u.Parts):len(u.Parts)], added...)
		u.ExpiresAt, added = schedules.At(l.now().Add(uploadLife)), nil
		return l.keep(ctx, a, &u, "upload.append")
	}
	for left := u.Length - offset; left > 0 && in.more(); {
		if len(u.Parts)+len(added) == maxParts {
			return u, fault.New(fault.TooLarge, "the upload came in more than %d pieces: send larger ones", maxParts)
		}
		in.left = min(left, partBytes)
		stored, err := l.audio.Put(ctx, in, partBytes)
		if err != nil {
			return u, err
		}
		added, left = append(added, Part{stored.SHA256, stored.Bytes}), left-stored.Bytes
		if verify == nil {
			if err := keep(); err != nil {
				return u, err
			}
		}
	}
	switch {
	case in.broken == nil && in.more():
		return u, l.giveUp(ctx, a, u, fault.New(fault.TooLarge, "more bytes arrived than the %d announced", u.Length))
	case in.broken != nil:
		return u, fault.Wrap(fault.Invalid, in.broken, "the piece arrived incomplete: continue from byte %d", u.Offset())
	case verify != nil:
		if err := verify(); err != nil {
			return u, err
		}
		if err := keep(); err != nil {
			return u, err
		}
	}
	if u.Offset() < u.Length {
		return u, nil
	}
	return l.finish(ctx, a, u)
}

// Cancel abandons an upload.
func (l *Uploads) Cancel(ctx context.Context, a access.Actor, id string) error {
	u, err := l.Get(a, id)
	if err != nil {
		return err
	}
	if !u.DoneAt.IsZero() {
		return fault.New(fault.Conflict, "this upload is done: recall its segment instead")
	}
	u.DoneAt, u.Problem = schedules.At(l.now()), "it was cancelled"
	return l.keep(ctx, a, &u, "upload.cancel")
}

// keep stores u and updates its revision. It fails with Conflict if another replica was faster.
func (l *Uploads) keep(ctx context.Context, a access.Actor, u *Upload, action string) error {
	body, err := replica.Encode(u)
	if err != nil {
		return err
	}
	err = l.replica.Commit(ctx, store.Commit{
		Writes: []store.Write{{Kind: KindUpload, ID: u.ID, Expect: u.Revision, Body: body}},
		Origin: a.Origin(l.now(), action, fmt.Sprintf("%s, %d of %d bytes", u.Segment.ID, u.Offset(), u.Length))})
	if errors.Is(err, replica.ErrRace) {
		return fault.Wrap(fault.Conflict, err, "another request has sent to this upload: ask for its offset")
	}
	if err != nil {
		return err
	}
	u.Revision++
	return nil
}
