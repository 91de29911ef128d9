// Package httpapi serves the HTTP contract. It is the only place that knows gin: a handler gets a call, makes one
// call of a use case, and answers; it returns errors, and one place tells them.
package httpapi

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"lifeline/internal/control"
	"lifeline/internal/fault"
	"lifeline/internal/openapi"
)

// Parts are what the API serves.
type Parts struct {
	Access    *control.Access
	Library   *control.Library
	Scheduler *control.Scheduler
	Logbook   *control.Logbook
	Mirror    *control.Mirror
	Keys      []ed25519.PublicKey
	Ready     map[string]func(context.Context) error // what must be reachable, by name
	Now       func() time.Time
	Log       *slog.Logger
}

type api struct {
	Parts
	document func() (*openapi.Document, error) // of the routes; made once, when it is first asked for
}

// New is the handler of the whole contract.
func New(p Parts) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	a := &api{Parts: p}
	a.document = sync.OnceValues(func() (*openapi.Document, error) { return document(a.routes()) })
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	e.UseRawPath = true
	e.UnescapePathValues = true
	for _, r := range a.routes() {
		e.Handle(r.method, r.path, a.serve(r))
		if r.method == http.MethodGet {
			e.Handle(http.MethodHead, r.path, a.serve(r))
		}
	}
	e.NoRoute(a.serve(route{open: true, handle: func(*call) error {
		return fault.New(fault.NotFound, "there is nothing at this path")
	}}))
	e.NoMethod(func(g *gin.Context) {
		c := &call{w: g.Writer, r: g.Request, actor: control.Actor{RequestID: newRequestID()}}
		p := problemOf(fault.New(fault.Invalid, "%s is not done here", g.Request.Method), c.actor.RequestID)
		p.Type, p.Title, p.Status = problemURN+"method", "Method not allowed", http.StatusMethodNotAllowed
		c.jsonAs(problemType, p.Status, p)
	})
	return e
}

// route is one operation: where it is, who may do it, and what it does.
type route struct {
	method, path string
	open         bool           // needs no token
	roles        []control.Role // that may, besides admin
	handle       handler
}

// serve is the one adapter between gin and a handler.
func (a *api) serve(r route) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &call{w: g.Writer, r: g.Request, param: g.Param}
		c.actor.RequestID = newRequestID()
		h := g.Writer.Header()
		h.Set("X-Request-Id", c.actor.RequestID)
		h.Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				a.Log.Error("handler panicked", "path", c.r.URL.Path, "panic", v, "stack", string(debug.Stack()))
				if !g.Writer.Written() {
					a.fail(c, fmt.Errorf("panic: %v", v))
				}
			}
		}()
		err := a.admit(c, r)
		if err == nil {
			err = r.handle(c)
		}
		switch {
		case err == nil:
		case g.Writer.Written():
			a.Log.Error("answer broken off", "path", c.r.URL.Path, "request_id", c.actor.RequestID, "error", err)
			panic(http.ErrAbortHandler) // what was sent must not look whole
		default:
			a.fail(c, err)
		}
	}
}

// admit finds out who asks and whether they may.
func (a *api) admit(c *call, r route) error {
	if r.open {
		return nil
	}
	id := c.actor.RequestID
	actor, err := a.Access.Authenticate(bearer(c.r))
	if err != nil {
		return err
	}
	actor.RequestID = id
	c.actor = actor
	if actor.Role != control.Admin && !slices.Contains(r.roles, actor.Role) {
		return fault.New(fault.Forbidden, "the role %s may not do this", actor.Role)
	}
	if s := c.param("station"); actor.Role == control.StationJob && s != "" && s != actor.Station {
		return fault.New(fault.NotFound, "there is no station %q", s)
	}
	return nil
}

// bearer is the request's token: Bearer, or the password of Basic with any user name.
func bearer(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}
