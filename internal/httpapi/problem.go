package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// answerForm is the status, type and title for a kind of failure.
type answerForm struct {
	name  string
	title string
}

var answerForms = map[fault.Kind]answerForm{
	fault.Internal:        {"internal", "Internal error"},
	fault.Invalid:         {"invalid", "Invalid input"},
	fault.NotFound:        {"not-found", "Not found"},
	fault.Conflict:        {"conflict", "Conflict with the present state"},
	fault.Stale:           {"stale", "Stale revision"},
	fault.Unconditional:   {"unconditional", "If-Match is required"},
	fault.Unauthenticated: {"unauthenticated", "Not signed in"},
	fault.Forbidden:       {"forbidden", "Not permitted"},
	fault.Unconfirmed:     {"step-up-required", "Confirmation by passkey is required"},
	fault.TooLarge:        {"too-large", "Too large"},
	fault.Unsupported:     {"unsupported", "Unsupported media type"},
	fault.TooMany:         {"too-many", "Too many requests"},
	fault.Full:            {"full", "No space left"},
	fault.Unavailable:     {"unavailable", "Temporarily unavailable"},
	fault.Unsatisfiable:   {"unsatisfiable", "The rules cannot all hold"},
	fault.Gone:            {"gone", "No longer kept"},
	fault.Busy:            {"busy", "In use by another request"},
	fault.Damaged:         {"damaged", "Checksum mismatch"},
	fault.NotDone:         {"method", "Method not allowed"},
	fault.OutOfRange:      {"range", "Range not satisfiable"},
	fault.Unacceptable:    {"unacceptable", "Not available in this format"},
}

// maxDetail bounds the detail of a problem, in bytes.
const maxDetail = 4000

// problemURN is the prefix of every problem's type.
const problemURN = "urn:lifeline:problem:"

// problemOf returns the problem document for err, without internal causes. A body that could not be parsed at all
// (Invalid without fields) is a 400.
func problemOf(err error, requestID string) wire.Problem {
	var e *fault.Error
	if !errors.As(err, &e) {
		e = &fault.Error{}
		var definition *schedules.DefinitionError
		if errors.As(err, &definition) {
			e = &fault.Error{Kind: fault.Conflict, Public: definition.Message}
		}
	}
	s, status := answerForms[e.Kind], wire.StatusOf(e.Kind)
	if e.Kind == fault.Invalid && len(e.Fields) == 0 {
		status = http.StatusBadRequest
	}
	fields := e.Fields
	if e.More > 0 {
		fields = append(slices.Clone(fields), fault.Field{Message: fmt.Sprintf("and %d more", e.More)})
	}
	return wire.Problem{Type: problemURN + s.name, Title: s.title, Status: status, Detail: fault.Cut(e.Public, maxDetail),
		RequestID: requestID, Errors: fields}
}

// problem is problemOf, and logs failures of the service itself.
func (a *Parts) problem(c *call, err error) wire.Problem {
	p := problemOf(err, c.actor.RequestID)
	p.StepUp = c.stepUp
	level := slog.LevelDebug
	switch {
	case errors.Is(err, context.Canceled) && c.r.Context().Err() != nil:
	// the caller has gone: nobody reads the answer
	case p.Status >= 500:
		level = slog.LevelError
	}
	a.Log.Log(c.r.Context(), level, "request failed", "method", c.r.Method, "path", loggedPath(c.r), "status", p.Status,
		"request_id", p.RequestID, "error", err)
	return p
}

// noteRefusal notes on the audit that a request was not permitted, and why. A refusal that cannot be noted stands.
func (a *api) noteRefusal(c *call, err error) {
	p := problemOf(err, c.actor.RequestID)
	if p.Status != http.StatusUnauthorized && p.Status != http.StatusForbidden {
		return
	}
	if fault.Is(err, fault.Unconfirmed) && c.r.Header.Get(wire.AssertionHeader) == "" {
		return // the question whether to do it
	}
	operation := "no operation"
	if route := trailOf(c.r).route; route != "" {
		operation = c.r.Method + " " + route
	}
	reason := cmp.Or(c.noted, p.Detail)
	if err := a.Notes.Refused(context.WithoutCancel(c.r.Context()), c.actor, operation, reason); err != nil {
		a.Log.Error("a refusal was not noted on the audit", "request_id", p.RequestID, "error", err)
	}
}

// restOfBody is how long a request that failed may take to bring the rest of its body; the connection is closed after.
const restOfBody = time.Second

// byScript reports whether a script of a page made a request: its browser would ask for a password.
func byScript(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	_, none := r.Cookie(sessionCookie)
	return mode != "" && mode != "navigate" || r.Header.Get("Origin") != "" || none == nil
}

// fail answers with err as a problem document.
func (a *api) fail(c *call, err error) {
	p := a.problem(c, err)
	h := c.w.Header()
	for _, name := range []string{"ETag", "Cache-Control", "Content-Encoding", "Last-Modified", "Repr-Digest",
		"Content-Disposition", "Accept-Ranges"} {
		h.Del(name)
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{`Bearer realm="lifeline"`}
		if !byScript(c.r) {
			h.Add("Www-Authenticate", `Basic realm="lifeline"`) // ffmpeg reads one per line
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if h.Get("Retry-After") == "" {
			h.Set("Retry-After", "2")
		}
	}
	if c.r.ContentLength != 0 {
		// net/http reads the rest of the body before it sends the answer: a stuck client would not get it.
		http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(restOfBody)) // not every writer has deadlines
	}
	if err := c.jsonAs(apidoc.ProblemType, p.Status, p); err != nil {
		a.Log.Error("a problem could not be told", "error", err)
		return
	}
}
