package httpapi

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/idempotency"
)

// repeatable serves a POST with an Idempotency-Key. It stores the first answer durably before it sends it, and repeats
// it to requests with the same token, path and body. It refuses another body under the same key, and a second request
// while the first is running (the draft "The Idempotency-Key HTTP Header Field").
func (a *api) repeatable(c *call, handle handler) error {
	key := c.r.Header.Get("Idempotency-Key")
	if c.r.Method != http.MethodPost || key == "" {
		return handle(c)
	}
	if len(key) > idempotency.LongestKey {
		return fault.Fields(fault.Field{Field: "Idempotency-Key", Message: fmt.Sprintf("must be at most %d bytes",
			idempotency.LongestKey)})
	}
	c.print = newPrint(c.r)
	if !c.print.parts {
		b, err := c.read()
		if err != nil {
			return err
		}
		c.print.Write(b)
		c.print.whole = true
		c.r.Body, c.r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	}
	kept, first, err := a.Answers.Begin(c.r.Context(), c.actor, secretOf(c.r), c.r.Method, c.r.URL.EscapedPath(), key)
	if err != nil {
		if dry, wrong := c.query().flag("dry_run"); wrong == nil && dry &&
			problemOf(err, "").Status >= http.StatusInternalServerError {
			return handle(c) // nothing can be stored now, and a dry run changes nothing: repeating it is safe
		}
		return err
	}
	if kept != nil {
		return a.repeat(c, kept)
	}
	return a.first(c, handle, first)
}

// first runs the request and keeps its answer. After a failure of the service, or a body that was not read completely,
// the key can be used again.
func (a *api) first(c *call, handle handler, first *idempotency.FirstRequest) error {
	w := c.w
	buffer := &answerBuffer{real: w, status: http.StatusOK}
	done := false
	defer func() { // a panic continues
		c.w = w
		if !done {
			a.warn(c, first.Drop(c.r.Context()))
		}
	}()
	c.w = buffer
	c.r.Header.Del("Accept-Encoding") // the answer is kept uncompressed
	if err := handle(c); err != nil {
		if problemOf(err, "").Status >= http.StatusInternalServerError || !c.print.whole {
			return err
		}
		a.fail(c, err)
	}
	done = true
	answer := idempotency.Answer{Status: buffer.status, Header: map[string]string{}, Body: buffer.body.Bytes(),
		Print: c.print.Sum(nil), Bytes: c.print.bytes}
	for _, name := range []string{"Content-Type", "ETag", "Location", "Cache-Control", "Retry-After"} {
		if v := w.Header().Get(name); v != "" {
			answer.Header[name] = v
		}
	}
	a.warn(c, first.Keep(c.r.Context(), answer)) // the request is done: failing now would be worse
	w.WriteHeader(buffer.status)
	w.Write(buffer.body.Bytes()) // the client may be gone, which is no error of the service
	return nil
}

func (a *api) warn(c *call, err error) {
	if err != nil {
		a.Log.Warn("the answer to an Idempotency-Key could not be kept", "request_id", c.actor.RequestID, "error", err)
	}
}

// repeat answers with the first answer, if the body is the same.
func (a *api) repeat(c *call, kept *idempotency.Answer) error {
	if c.print.parts {
		patient(c)
		if err := c.print.readParts(http.MaxBytesReader(c.w, c.r.Body, kept.Bytes+c.most), c.r); err != nil {
			return err
		}
	}
	if subtle.ConstantTimeCompare(c.print.Sum(nil), kept.Print) != 1 {
		return fault.Fields(fault.Field{Field: "Idempotency-Key",
			Message: "was used for another request, with a different body or query"})
	}
	h := c.w.Header()
	for name, v := range kept.Header {
		h.Set(name, v)
	}
	h.Set("Idempotency-Replayed", "true")
	c.w.WriteHeader(kept.Status)
	c.w.Write(kept.Body) // as above
	return nil
}

// print is the hash that identifies a request. For a multipart body it covers the names and contents of the parts,
// since the boundary differs with each sending.
type print struct {
	hash.Hash
	parts bool
	whole bool // the whole body was hashed
	bytes int64
}

func newPrint(r *http.Request) *print {
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	p := &print{Hash: sha256.New(), parts: t == "multipart/form-data"}
	fmt.Fprintf(p, "%s\x00%s\x00", r.URL.RawQuery, t)
	return p
}

func (p *print) Write(b []byte) (int, error) {
	p.bytes += int64(len(b))
	return p.Hash.Write(b)
}

// of returns a reader that also hashes a part. A nil print returns the part itself.
func (p *print) of(part *multipart.Part) io.Reader {
	if p == nil {
		return part
	}
	fmt.Fprintf(p, "\x00%s\x00%s\x00%s\x00", part.FormName(), part.FileName(), part.Header.Get("Content-Type"))
	return io.TeeReader(part, p)
}

// end notes that the last part was read.
func (p *print) end() {
	if p != nil {
		p.whole = true
	}
}

func (p *print) readParts(body io.ReadCloser, r *http.Request) error {
	r.Body = body
	mr, err := r.MultipartReader()
	if err != nil {
		return fault.Wrap(fault.Unsupported, err, "send multipart/form-data")
	}
	for {
		part, err := mr.NextPart()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			_, err = io.Copy(io.Discard, p.of(part))
		}
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil // longer than the first body: the prints differ
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "the upload did not arrive completely: send it again")
		}
	}
}

// answerBuffer holds the answer until it is stored. It uses the headers of the real writer.
type answerBuffer struct {
	real   http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (b *answerBuffer) Header() http.Header { return b.real.Header() }

func (b *answerBuffer) WriteHeader(status int) { b.status = status }

func (b *answerBuffer) Unwrap() http.ResponseWriter { return b.real } // gives access to deadlines

func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
