package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// trail collects facts about a request while it is served, for the log, the metrics and the answer.
type trail struct {
	id    string // of the request
	route string // path template; empty if no route matches
	by    string // name of the token; empty if the caller is unknown
}

type trailKey struct{}

func trailOf(r *http.Request) *trail {
	t, _ := r.Context().Value(trailKey{}).(*trail)
	return t
}

// guard wraps every request: it assigns an id, sets the security headers, refuses other sites, recovers from panics,
// and records the request in the log and the metrics.
func (a *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &trail{id: newRequestID()}
		ctx, end := a.Tracer.Begin(r, t.id)
		r = r.WithContext(context.WithValue(ctx, trailKey{}, t))
		out := &watched{ResponseWriter: w, located: a.outside.located}
		start := time.Now()
		secure(out.Header(), t.id, a.outside.overTLS(r))
		defer func() {
			if v := recover(); v != nil {
				a.recovered(out, r, v)
			}
			took := time.Since(start)
			end(t.route, out.status)
			a.Meter.Request(t.route, r.Method, out.status, took)
			a.logRequest(r, t, out, took)
		}()
		if err := a.outside.sameOrigin(r); err != nil {
			a.refuse(out, r, err)
			return
		}
		in, moved := a.outside.inside(r)
		if moved != "" {
			http.Redirect(out, r, moved, http.StatusPermanentRedirect)
			return
		}
		next.ServeHTTP(out, in)
	})
}

// policies are the headers of every answer, by canonical name.
var policies = http.Header{
	"X-Content-Type-Options":       {"nosniff"},
	"X-Frame-Options":              {"DENY"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
}

// secure sets the headers of every answer. A handler may replace the policy for its own page.
func secure(h http.Header, id string, tls bool) {
	h.Set("X-Request-Id", id)
	maps.Copy(h, policies)
	if tls {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// recovered ends a request whose handler panicked. It aborts an answer that has begun, so that the answer does not look
// complete.
func (a *api) recovered(w *watched, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	a.Log.Error("handler panicked", "request_id", trailOf(r).id, "panic", v, "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	a.refuse(w, r, fmt.Errorf("panic: %v", v))
}

// refuse answers with a failure outside of any route.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	c := &call{w: w, r: r}
	c.actor.RequestID, c.actor.Remote = trailOf(r).id, a.outside.remoteOf(r)
	a.noteRefusal(c, err)
	a.fail(c, err)
}

// loggedPath returns the path of a request as logs have it: of a route with the id of a person, the pattern of the
// route, and nothing of a path that no route has and that may hold such an id.
func loggedPath(r *http.Request) string {
	t := trailOf(r)
	path := strings.ToLower(r.URL.Path)
	switch {
	case t != nil && strings.Contains(t.route, "/:person"):
		return t.route
	case (t == nil || t.route == "") && (strings.Contains(path, "persons") || strings.Contains(path, "people")):
		return "(a path of persons that no route has)"
	}
	return r.URL.Path
}

// logRequest logs a request: changes and failures at info, reads at debug. It logs paths and not queries, since queries
// can contain signatures.
func (a *api) logRequest(r *http.Request, t *trail, w *watched, took time.Duration) {
	level := slog.LevelDebug
	if w.status >= http.StatusBadRequest || r.Method != http.MethodGet && r.Method != http.MethodHead {
		level = slog.LevelInfo
	}
	if !a.Log.Enabled(r.Context(), level) {
		return
	}
	a.Log.LogAttrs(r.Context(), level, "request", slog.String("request_id", t.id), slog.String("method", r.Method),
		slog.String("path", loggedPath(r)),
		slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("by", t.by),
		slog.String("remote", a.outside.remoteOf(r)))
}

// watched records status and size of an answer.
type watched struct {
	http.ResponseWriter
	status  int
	bytes   int64
	located func(http.Header) // rewrites paths in the headers before they are sent
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.located(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Flush and Unwrap give access to flushing and deadlines of the wrapped writer.
func (w *watched) Flush() { http.NewResponseController(w.ResponseWriter).Flush() }

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
