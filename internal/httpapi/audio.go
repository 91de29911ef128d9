package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"time"

	"lifeline/internal/control"
	"lifeline/internal/fault"
)

var audioFile = regexp.MustCompile(`^([0-9a-f]{64})\.mp3$`)

// audio answers a recording by its hash. A station may fetch only what its queues and fallback name.
func (a *api) audio(c *call) error {
	m := audioFile.FindStringSubmatch(c.param("file"))
	if m == nil || c.actor.Role == control.StationJob && !a.Scheduler.StationHears(c.actor.Station, m[1]) {
		return fault.New(fault.NotFound, "there is no such recording")
	}
	return a.serveAudio(c, m[1], "private, max-age=31536000, immutable")
}

// serveAudio answers a recording's bytes, whole or in ranges.
func (a *api) serveAudio(c *call, sha256, cache string) error {
	content, _, err := a.Library.Audio(c.r.Context(), sha256)
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
	http.ServeContent(&patientWriter{c.w, http.NewResponseController(c.w)}, c.r, "", time.Time{}, content)
	return nil
}

// downloadPatience is how long a client that fetches audio may take nothing. Links to stations are slow, not dead.
const downloadPatience = 2 * time.Minute

// patientWriter moves the write deadline on with every write, so that slow is allowed and stuck is not.
type patientWriter struct {
	http.ResponseWriter
	controller *http.ResponseController
}

func (w *patientWriter) Write(b []byte) (int, error) {
	w.controller.SetWriteDeadline(time.Now().Add(downloadPatience)) // not every writer has one; those need none
	return w.ResponseWriter.Write(b)
}

// patient lets the body take its time, as long as something arrives.
func (c *call) patient() {
	c.r.Body = &patientReader{ReadCloser: c.r.Body, ctx: context.Background(), controller: http.NewResponseController(c.w)}
}

// patientUntil is patient until ctx ends, which breaks the body off though it be stuck. stop must be called before the
// handler returns: the connection is another request's then.
func (c *call) patientUntil(ctx context.Context) (stop func() bool) {
	controller := http.NewResponseController(c.w)
	c.r.Body = &patientReader{ReadCloser: c.r.Body, ctx: ctx, controller: controller}
	return context.AfterFunc(ctx, func() { controller.SetReadDeadline(time.Now()) })
}

type patientReader struct {
	io.ReadCloser
	ctx        context.Context
	controller *http.ResponseController
}

func (r *patientReader) Read(b []byte) (int, error) {
	r.controller.SetReadDeadline(time.Now().Add(uploadPatience)) // as above
	if err := r.ctx.Err(); err != nil {                          // the end came before this deadline
		return 0, err
	}
	return r.ReadCloser.Read(b)
}
