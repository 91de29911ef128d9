package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"lifeline/internal/fault"
)

// patience is the time in which a client must send or take leastProgress bytes. Links to stations are slow: a client
// that keeps this pace may continue for hours.
const (
	patience      = 2 * time.Minute
	leastProgress = 4 << 10
)

// serveContent answers with bytes, whole or in the requested ranges.
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

// patientWriter extends the write deadline as bytes are taken, so that a slow client is served and a stuck one cut.
type patientWriter struct {
	http.ResponseWriter
	ctx        context.Context
	controller *http.ResponseController
	progress   int
	refused    int // the status of a failure, whose body is written elsewhere
}

func newPatientWriter(c *call) *patientWriter {
	p := &patientWriter{ResponseWriter: c.w, ctx: c.whileAllowed(), controller: http.NewResponseController(c.w)}
	p.controller.SetReadDeadline(time.Time{}) // the request was read; writers without deadlines need none
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

// patient extends the body's read deadline while the body makes progress.
func patient(c *call) { readPatiently(c, c.whileAllowed()) }

// patientUntil is patient until ctx ends, which then ends a blocked read too. stop must be called before the handler
// returns, since the connection serves the next request then.
func patientUntil(c *call, ctx context.Context) (stop func() bool) {
	controller := readPatiently(c, ctx)
	return context.AfterFunc(ctx, func() { controller.SetReadDeadline(time.Now()) })
}

// readPatiently replaces the body with a patient one.
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
		// The analysis and the answer after a slow body may take their time too.
		r.controller.SetReadDeadline(time.Now().Add(patience))
		r.controller.SetWriteDeadline(time.Now().Add(patience))
	}
	return n, err
}
