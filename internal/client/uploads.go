package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Recording is a recording to upload in pieces, with the segment that it becomes or replaces.
type Recording struct {
	Audio    io.ReaderAt // a request that was refused early may continue to read while the next one does
	Length   int64
	SHA256   string             // of all of Audio
	Meta     any                // its JSON must be valid as a new segment; nil if the recording replaces another
	Replaces *schedules.Segment // the segment that gets the recording as its new one

	most int64 // maximum bytes of one request, if a proxy limits it; 0: unlimited
}

const (
	uploadTries = 10               // without progress
	uploadPause = 5 * time.Second  // maximum pause between two tries
	uploadStall = time.Minute      // without progress, after which a connection counts as dead
	uploadBusy  = 10 * time.Minute // that the service may take to assemble a large recording
	uploadSmall = 512 << 10        // bytes of a request if a proxy refuses the whole length
)

// UploadInPieces uploads a recording by tus, over several connections if necessary, and returns its segment. It resumes
// what an earlier call, in this process or another, left of the same recording. It calls progress with the number of
// bytes that the service has or is being sent.
func (c LibraryCalls) UploadInPieces(ctx context.Context, r Recording, progress func(bytes int64)) (schedules.Segment,
	error) {
	var at string // empty until the service has a place for it
	var offset, furthest int64
	moved := time.Now()
	for tries := 0; ; {
		var segment string
		var err error
		if at == "" {
			if at, offset, err = c.place(ctx, r); err == nil {
				furthest = offset
				continue
			}
		} else {
			segment, offset, err = c.advance(ctx, r, at, offset, progress)
		}
		switch {
		case segment != "":
			return c.Segment(ctx, segment)
		case errors.As(err, new(proxyRefusal)) && r.most == 0:
			r.most = uploadSmall
			continue
		case err != nil && !passing(err):
			return schedules.Segment{}, err
		case offset > furthest:
			if furthest, tries, moved = offset, 0, time.Now(); err == nil {
				continue
			}
		case fault.Is(err, fault.Busy) && time.Since(moved) < uploadBusy:
			tries = min(tries, uploadTries-1)
		}
		if tries++; tries > uploadTries {
			return schedules.Segment{}, err
		}
		select {
		case <-ctx.Done():
			return schedules.Segment{}, ctx.Err()
		case <-time.After(min(uploadPause, 50*time.Millisecond<<tries)):
		}
	}
}

// uploadEnded is an error after which an upload cannot go on; a new upload may succeed.
type uploadEnded struct{ error }

func (g uploadEnded) Unwrap() error { return g.error }

// passing reports whether an error may be resolved by a retry.
func passing(err error) bool {
	if fault.Lasts(err) || errors.As(err, new(uploadEnded)) {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Conflict, fault.Busy, fault.Damaged, fault.TooMany:
		return true
	}
	return false
}

// place finds an incomplete upload of the same recording, or begins one.
func (c LibraryCalls) place(ctx context.Context, r Recording) (at string, offset int64, err error) {
	left, err := list[wire.UploadState](ctx, c.caller, wire.Uploads(), nil)
	if err != nil {
		return "", 0, err
	}
	for _, u := range left {
		if u.SHA256 == r.SHA256 && u.Length == r.Length && schedules.ValidID(u.ID) && within(u.Offset, r) {
			return wire.Uploads(u.ID), u.Offset, nil
		}
	}
	at, err = c.begin(ctx, r)
	return at, 0, err
}

// advance sends a piece from offset on. It returns the segment's id after the last piece, and otherwise the new offset.
func (c LibraryCalls) advance(ctx context.Context, r Recording, at string, offset int64, progress func(int64)) (
	segment string, stands int64, err error) {
	segment, err = c.piece(ctx, r, at, offset, progress)
	if segment != "" || err != nil && !passing(err) {
		return segment, offset, err
	}
	stands, asked := c.offset(ctx, at)
	if err != nil && fault.Is(asked, fault.Gone) {
		return "", offset, uploadEnded{err} // err contains the reason
	}
	if asked == nil && !within(stands, r) {
		asked = fault.Lasting(fault.New(fault.Unavailable, "the server at %s says that it has %d of %d bytes", c.base,
			stands, r.Length))
	}
	if asked != nil {
		return "", offset, asked
	}
	return "", stands, err
}

func (c LibraryCalls) begin(ctx context.Context, r Recording) (at string, err error) {
	h := tusHeader()
	h.Set("Upload-Length", strconv.FormatInt(r.Length, 10))
	texts := "sha256 " + base64.StdEncoding.EncodeToString([]byte(r.SHA256))
	if r.Replaces != nil {
		h.Set("If-Match", strconv.Quote(strconv.FormatInt(r.Replaces.Revision, 10)))
		texts += ",replaces " + base64.StdEncoding.EncodeToString([]byte(r.Replaces.ID))
	} else {
		meta, err := json.Marshal(r.Meta)
		if err != nil {
			return "", fmt.Errorf("client: upload: %w", err)
		}
		texts += ",meta " + base64.StdEncoding.EncodeToString(meta)
	}
	h.Set("Upload-Metadata", texts)
	resp, err := c.Do(ctx, Request{Method: http.MethodPost, Path: wire.Uploads(), Header: h})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	id := path.Base(resp.Header.Get("Location")) // its path may begin with the path of the address
	if !schedules.ValidID(id) {
		return "", fault.Lasting(fault.New(fault.Unavailable, "the server at %s names no place for the upload", c.base))
	}
	return wire.Uploads(id), nil
}

// within reports whether offset is valid for an upload of r.
func within(offset int64, r Recording) bool { return 0 <= offset && offset <= r.Length }

// piece sends the rest from offset on, up to the maximum size of a request, and returns the segment's id if that was
// all.
func (c LibraryCalls) piece(ctx context.Context, r Recording, at string, offset int64, progress func(int64)) (
	segment string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(uploadStall, func() { cancel(errStalled) })
	defer stalled.Stop()
	h := tusHeader()
	h.Set("Upload-Offset", strconv.FormatInt(offset, 10))
	length := r.Length - offset
	if r.most > 0 {
		length = min(length, r.most)
	}
	sent := &counted{r: io.NewSectionReader(r.Audio, offset, length), at: offset, tell: func(n int64) {
		stalled.Reset(uploadStall)
		progress(n)
	}}
	resp, err := c.Do(ctx, Request{Method: http.MethodPatch, Path: at, Stream: sent, Length: length,
		ContentType: "application/offset+octet-stream", Header: h})
	if errors.Is(context.Cause(ctx), errStalled) {
		return "", fault.Wrap(fault.Unavailable, errStalled, "the service at %s does not answer", c.base)
	}
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if at := resp.Header.Get("Content-Location"); at != "" {
		if segment = path.Base(at); !schedules.ValidID(segment) {
			return "", fault.Lasting(fault.New(fault.Unavailable, "the server at %s names no segment after the upload", c.base))
		}
		return segment, nil
	}
	return "", nil
}

var errStalled = errors.New("client: an upload stalled")

// offset returns the number of bytes that have arrived.
func (c LibraryCalls) offset(ctx context.Context, at string) (int64, error) {
	resp, err := c.Do(ctx, Request{Method: http.MethodHead, Path: at, Header: tusHeader()})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("client: upload: %w", err)
	}
	return n, nil
}

func tusHeader() http.Header { return http.Header{"Tus-Resumable": {wire.TusVersion}} }

// counted reports the position of its reader.
type counted struct {
	r    io.Reader
	at   int64
	tell func(int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.at += int64(n)
	c.tell(c.at)
	return n, err
}
