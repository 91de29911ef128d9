package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"lifeline/internal/fault"
)

// patience is how long a client may take to bring, or take, the next leastProgress bytes. Links to stations are slow,
// not dead: who keeps to that may be at it for hours.
const (
	patience      = 2 * time.Minute
	leastProgress = 4 << 10
)

// serveContent answers bytes, whole or in the ranges that are asked for.
func serveContent(c *call, r io.ReadSeeker) error {
	w := newPatientWriter(c)
	http.ServeContent(w, c.r, "", time.Time{}, r)
	switch w.refused {
	case 0:
		return nil
	case http.StatusPreconditionFailed:
		return fault.New(fault.Stale, "If-Match does not name the present file")
	}
	return fault.New(fault.OutOfRange, "the file does not have the requested range")
}

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
func patient(c *call) { readPatiently(c, c.whileAllowed()) }

// patientUntil is patient until ctx ends, which breaks the body off though it be stuck. stop must be called before the
// handler returns: the connection is another request's then.
func patientUntil(c *call, ctx context.Context) (stop func() bool) {
	controller := readPatiently(c, ctx)
	return context.AfterFunc(ctx, func() { controller.SetReadDeadline(time.Now()) })
}

// readPatiently makes the body a patient one.
func readPatiently(c *call, ctx context.Context) *http.ResponseController {
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
