package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
)

var audioFile = regexp.MustCompile(`^([0-9a-f]{64})\.mp3$`)

// audioHash is the hash that the path names, or nothing where it names none.
func audioHash(c *call) string {
	if m := audioFile.FindStringSubmatch(c.param("file")); m != nil {
		return m[1]
	}
	return ""
}

// audio answers a recording by its hash. A station, by its token or by a signed address, may fetch only what its queues
// and fallback name at that moment: what was taken off them is not there, however young the address.
func (a *api) audio(c *call) error {
	sha256 := audioHash(c)
	if sha256 == "" || c.actor.Role == access.StationJob && !a.Scheduler.Lists.StationHears(c.actor.Station, sha256) {
		return fault.New(fault.NotFound, "there is no such recording")
	}
	return a.serveAudio(c, sha256, "private, max-age=31536000, immutable")
}

// serveAudio answers a recording's bytes, whole or in ranges.
func (a *api) serveAudio(c *call, sha256, cache string) error {
	content, _, err := a.Library.Recordings.Open(c.r.Context(), sha256)
	if err != nil {
		return err
	}
	defer content.Close()
	sum, err := hex.DecodeString(sha256)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "audio/mpeg")
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+sha256+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	return c.content(content)
}

// content answers bytes, whole or in the ranges that are asked for.
func (c *call) content(r io.ReadSeeker) error {
	w := newPatientWriter(c)
	http.ServeContent(w, c.r, "", time.Time{}, r)
	switch w.refused {
	case 0:
		return nil
	case http.StatusPreconditionFailed:
		return fault.New(fault.Stale, "the bytes here are not those that If-Match names")
	}
	return fault.New(fault.OutOfRange, "there are no such bytes")
}

// patience is how long a client may take to bring, or take, the next leastProgress bytes. Links to stations are slow,
// not dead: who keeps to that may be at it for hours.
const (
	patience      = 2 * time.Minute
	leastProgress = 4 << 10
)

// patientWriter moves the write deadline on as bytes are taken, so that slow is allowed and stuck is not.
type patientWriter struct {
	http.ResponseWriter
	ctx        context.Context
	controller *http.ResponseController
	progress   int
	refused    int // a failure's status, which is told elsewhere
}

func newPatientWriter(c *call) *patientWriter {
	p := &patientWriter{ResponseWriter: c.w, ctx: c.whileAllowed(), controller: http.NewResponseController(c.w)}
	p.controller.SetReadDeadline(time.Time{}) // the request was read; not every writer has deadlines, and those need none
	p.controller.SetWriteDeadline(time.Now().Add(patience))
	return p
}

func (w *patientWriter) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.refused = status
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *patientWriter) Write(b []byte) (int, error) {
	if w.refused != 0 {
		return len(b), nil
	}
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.ResponseWriter.Write(b)
	if w.progress += n; w.progress >= leastProgress {
		w.progress = 0
		w.controller.SetWriteDeadline(time.Now().Add(patience))
	}
	return n, err
}

// patient lets the body take its time, as long as it moves on.
func (c *call) patient() { c.readPatiently(c.whileAllowed()) }

// patientUntil is patient until ctx ends, which breaks the body off though it be stuck. stop must be called before the
// handler returns: the connection is another request's then.
func (c *call) patientUntil(ctx context.Context) (stop func() bool) {
	controller := c.readPatiently(ctx)
	return context.AfterFunc(ctx, func() { controller.SetReadDeadline(time.Now()) })
}

// readPatiently makes the body a patient one.
func (c *call) readPatiently(ctx context.Context) *http.ResponseController {
	controller := http.NewResponseController(c.w)
	controller.SetReadDeadline(time.Now().Add(patience)) // as above
	c.r.Body = &patientReader{ReadCloser: c.r.Body, ctx: ctx, controller: controller}
	return controller
}

type patientReader struct {
	io.ReadCloser
	ctx        context.Context
	controller *http.ResponseController
	progress   int
}

func (r *patientReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.ReadCloser.Read(b)
	if r.progress += n; r.progress >= leastProgress || err == io.EOF {
		r.progress = 0
		// What comes after a slow body may take its time too: the analysis, and the answer.
		r.controller.SetReadDeadline(time.Now().Add(patience))
		r.controller.SetWriteDeadline(time.Now().Add(patience))
	}
	return n, err
}
