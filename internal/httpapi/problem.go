package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"lifeline/internal/fault"
	"lifeline/internal/wire"
)

// standing is how a kind of failure is told over HTTP.
type standing struct {
	status int
	name   string
	title  string
}

var standings = map[fault.Kind]standing{
	fault.Internal:        {http.StatusInternalServerError, "internal", "Something went wrong here"},
	fault.Invalid:         {http.StatusUnprocessableEntity, "invalid", "The input is wrong"},
	fault.NotFound:        {http.StatusNotFound, "not-found", "Not found"},
	fault.Conflict:        {http.StatusConflict, "conflict", "The state does not allow it"},
	fault.Stale:           {http.StatusPreconditionFailed, "stale", "The change starts from an old revision"},
	fault.Unconditional:   {http.StatusPreconditionRequired, "unconditional", "If-Match is needed"},
	fault.Unauthenticated: {http.StatusUnauthorized, "unauthenticated", "Who is asking?"},
	fault.Forbidden:       {http.StatusForbidden, "forbidden", "Not allowed"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "too-large", "Too large"},
	fault.Unsupported:     {http.StatusUnsupportedMediaType, "unsupported", "Wrong media type"},
	fault.TooMany:         {http.StatusTooManyRequests, "too-many", "Too many requests"},
	fault.Full:            {http.StatusInsufficientStorage, "full", "No space left"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "unavailable", "Out of reach for the moment"},
	fault.Unsatisfiable:   {http.StatusUnprocessableEntity, "unsatisfiable", "The rules cannot all hold"},
	fault.Gone:            {http.StatusGone, "gone", "No longer kept"},
	fault.Busy:            {http.StatusLocked, "busy", "Another request works on it"},
	fault.Damaged:         {wire.StatusChecksumMismatch, "damaged", "The bytes are not those that were announced"},
	fault.NotDone:         {http.StatusMethodNotAllowed, "method", "Method not allowed"},
	fault.OutOfRange:      {http.StatusRequestedRangeNotSatisfiable, "range", "No such bytes"},
}

// problemURN begins the type of every problem.
const problemURN = "urn:lifeline:problem:"

// problemOf tells err to the caller, without an internal cause. A body that could not be read at all (Invalid without
// fields) is a 400.
func problemOf(err error, requestID string) wire.Problem {
	var e *fault.Error
	if !errors.As(err, &e) {
		e = &fault.Error{}
	}
	s := standings[e.Kind]
	if e.Kind == fault.Invalid && len(e.Fields) == 0 {
		s.status = http.StatusBadRequest
	}
	return wire.Problem{Type: problemURN + s.name, Title: s.title, Status: s.status, Detail: e.Public,
		RequestID: requestID, Errors: e.Fields}
}

// problem is what the caller is told of err. What is nobody's fault but ours is logged.
func (a *api) problem(c *call, err error) wire.Problem {
	p := problemOf(err, c.actor.RequestID)
	level := slog.LevelDebug
	switch {
	case errors.Is(err, context.Canceled) && c.r.Context().Err() != nil:
		// the caller has gone: nobody hears the answer
	case p.Status >= 500:
		level = slog.LevelError
	}
	a.Log.Log(c.r.Context(), level, "request failed", "method", c.r.Method, "path", c.r.URL.Path, "status", p.Status,
		"request_id", p.RequestID, "error", err)
	return p
}

// fail answers err as a problem document.
func (a *api) fail(c *call, err error) {
	p := a.problem(c, err)
	h := c.w.Header()
	for _, name := range []string{"ETag", "Cache-Control", "Content-Encoding", "Last-Modified", "Repr-Digest",
		"Content-Disposition", "Accept-Ranges"} {
		h.Del(name)
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{`Bearer realm="lifeline"`, `Basic realm="lifeline"`} // ffmpeg reads one of a line
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "2")
		}
	}
	if err := c.jsonAs(problemType, p.Status, p); err != nil {
		a.Log.Error("a problem could not be told", "error", err)
		return
	}
}
