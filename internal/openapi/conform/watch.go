package conform

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
)

// recorded bounds how much of a body that is not JSON is kept for the check: none of it is looked at but its length.
const recorded = 1 << 10

// Watch serves with next, and reports every answer that differs from the document. Answers that are streamed go on
// being streamed.
func (c *Contract) Watch(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK
		}
		if rec.broken {
			return
		}
		a := Answer{rec.status, rec.Header(), rec.body.Bytes()}
		if rec.Header().Get("Content-Encoding") == "gzip" && len(a.Body) > 0 {
			var err error
			if a.Body, err = unzipped(a.Body); err != nil {
				report(fmt.Errorf("%s %s: the body is not gzip: %w", r.Method, r.URL.Path, err))
				return
			}
		}
		if err := c.Check(r.Method, r.URL.EscapedPath(), a); err != nil {
			report(fmt.Errorf("%s %s: %d: %w: %.2000s", r.Method, r.URL, rec.status, err, a.Body))
		}
	})
}

func unzipped(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// recorder keeps an answer while it is sent.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	broken bool // the caller went away in the middle
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if isJSON(r.Header().Get("Content-Type")) || r.body.Len() < recorded {
		r.body.Write(b)
	}
	n, err := r.ResponseWriter.Write(b)
	r.broken = r.broken || err != nil
	return n, err
}

// Flush and Unwrap let streams and deadlines through.
func (r *recorder) Flush() { http.NewResponseController(r.ResponseWriter).Flush() }

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
