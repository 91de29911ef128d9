package httpapi

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/idempotency"
	"lifeline/internal/library"
	"lifeline/internal/openapi"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/scheduling"
	"lifeline/internal/webhooks"
	"lifeline/internal/wire"
)

// Parts are what the API serves.
type Parts struct {
	Access     *access.Access
	Library    *library.Library
	Scheduler  *scheduling.Scheduler
	Logbook    *record.Logbook
	Answers    *idempotency.Store
	Windows    *scheduling.Windows
	Media      *access.Media
	Webhooks   *webhooks.Webhooks
	Replica    *replica.Replica
	Keys       []ed25519.PublicKey
	FormerKeys []wire.Key                             // that signed before
	Ready      map[string]func(context.Context) error // what must be reachable, by name
	// what is short, in words; fails with Full when nothing can be stored; nil: not known
	Room      func(context.Context) (short string, err error)
	Now       func() time.Time
	Log       *slog.Logger
	Rate      Rate
	Meter     Meter
	Tracer    Tracer
	Metrics   http.Handler // nil: they are served elsewhere
	PublicURL string       // where the service is reached, with a path where it is below one
	Origins   []string     // other addresses at which browsers reach it

	// ends when the service begins to stop: waits and streams end then, other requests go on; nil: never
	Stopping context.Context
}

// Meter counts what is answered and who waits.
type Meter interface {
	Request(route, method string, status int, took time.Duration)
	Waiting(kind string) (done func())
}

// Tracer begins the trace of a request and answers the function that ends it.
type Tracer interface {
	Begin(r *http.Request, requestID string) (context.Context, func(route string, status int))
}

// Rate is how fast one token may be used: so many requests at once, and then so many a second. Zero does not limit.
type Rate struct {
	PerSecond float64
	Burst     int
	Shared    Allowance // of all replicas, at the same rate; nil: this is the only one
}

type api struct {
	Parts
	outside  outside
	document func() (*openapi.Document, error) // of the routes; made once, when it is first asked for
	requests pace                              // by token
	logins   pace                              // that failed, by address
}

// New is the handler of the whole contract.
func New(p Parts) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	alone := newThrottle(p.Rate.PerSecond, p.Rate.Burst)
	if p.Stopping == nil {
		p.Stopping = context.Background()
	}
	a := &api{Parts: p, outside: newOutside(p.PublicURL, p.Origins), requests: alone,
		logins: newThrottle(1/loginEvery.Seconds(), loginBurst)}
	if p.Rate.Shared != nil {
		a.requests = newSharedThrottle(p.Rate.Shared, alone, p.Log)
	}
	a.document = sync.OnceValues(func() (*openapi.Document, error) {
		doc, err := document(a.routes())
		if err == nil && a.outside.base != "" {
			doc.Servers = []openapi.Server{{URL: a.outside.base}}
		}
		return doc, err
	})
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
	e.NoRoute(a.serve(route{open: true, handle: a.nothingThere}))
	e.NoMethod(a.serve(route{open: true, handle: func(c *call) error {
		return fault.New(fault.NotDone, "%s is not done here", c.r.Method)
	}}))
	return a.guard(e)
}

// nothingThere is the answer at a path that no operation has.
func (a *api) nothingThere(*call) error {
	return fault.New(fault.NotFound, "there is nothing at this path: the service's address is %s",
		cmp.Or(a.PublicURL, "/"))
}

// route is one operation: where it is, who may do it, and what it does.
type route struct {
	method, path string
	open         bool          // needs no token
	signed       bool          // takes a signed address in place of a token
	roles        []access.Role // that may, besides admin
	handle       handler
}

// serve is the one adapter between gin and a handler.
func (a *api) serve(r route) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &call{w: g.Writer, r: g.Request, param: g.Param, meter: a.Meter, stopping: a.Stopping}
		t := trailOf(g.Request)
		t.route, c.actor.RequestID = r.path, t.id
		err := a.answer(c, r)
		t.by = c.actor.Name
		if over := c.over(); over != nil && !g.Writer.Written() {
			err = over
			if c.r.ContentLength != 0 {
				g.Header("Connection", "close") // the rest of the body is not read any more
			}
		}
		err = c.orStopped(err)
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

// answer lets the caller in and handles the call. Another replica may have acknowledged a moment ago what this one does
// not know of: a change is made from all of it, and what is not found is looked for in it once more.
func (a *api) answer(c *call, r route) error {
	err := a.admit(c, r)
	if fault.Is(err, fault.Unauthenticated) && bearer(c.r) != "" {
		if slow := a.slowDown(c, a.logins, addressOf(c.r), "too many logins have failed from this address"); slow != nil {
			return slow
		}
		if err := a.Replica.CatchUp(c.r.Context()); err != nil {
			return err
		}
		err = a.admit(c, r)
	}
	if err != nil {
		return err
	}
	if !r.open {
		if err := c.checkQuery(); err != nil {
			return err
		}
		defer a.whileValid(c)()
	}
	if r.method != http.MethodGet && !r.open {
		if err := a.Replica.CatchUp(c.r.Context()); err != nil {
			return err
		}
		return a.repeatable(c, r.handle)
	}
	err = r.handle(c)
	if fault.Is(err, fault.NotFound) && !r.open {
		known := a.Replica.Sequence()
		if err := a.Replica.CatchUp(c.r.Context()); err != nil {
			return err
		}
		if a.Replica.Sequence() != known {
			return r.handle(c)
		}
	}
	return err
}

// admit finds out who asks and whether they may.
func (a *api) admit(c *call, r route) error {
	if r.open {
		return nil
	}
	id := c.actor.RequestID
	actor, err := a.identify(c, r)
	if err != nil {
		return err
	}
	caller, what := actor.Token, "this token is used faster than is allowed"
	if actor.Address != "" { // one that others know must not use up what the station itself may do
		caller, what = actor.Address+" from "+addressOf(c.r), "this media address is used faster than is allowed"
	}
	if err := a.slowDown(c, a.requests, caller, what); err != nil {
		return err
	}
	actor.RequestID = id
	c.actor = actor
	if actor.Role != access.Admin && !slices.Contains(r.roles, actor.Role) {
		return fault.New(fault.Forbidden, "a token of the role %s may not do this; one of the role %s may", actor.Role,
			orOf(r.roles))
	}
	s := c.param("station")
	if actor.Role != access.StationJob || s == "" {
		return nil
	}
	if s != actor.Station {
		return fault.New(fault.NotFound, "there is no station %q for this token, which is that of station %q", s,
			actor.Station)
	}
	// the others are not for a station to know
	if _, err := a.Scheduler.Network.Station(s); fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no station %q: this token is for it, but no network with it is applied", s)
	}
	return nil
}

// orOf names the roles that may, besides admin, which always may.
func orOf(roles []access.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(append(names, string(access.Admin)), " or ")
}

// identify finds out who asks: by the token or, where there is none, by the address.
func (a *api) identify(c *call, r route) (access.Actor, error) {
	if r.signed && c.r.Header.Get("Authorization") == "" && c.query().Has("sig") {
		return a.identifyByAddress(c)
	}
	return a.Access.Authenticate(bearer(c.r))
}

// identifyByAddress finds out for whom an address was signed. Another replica may have made the token that its list was
// fetched with a moment ago.
func (a *api) identifyByAddress(c *call) (access.Actor, error) {
	actor, err := a.Media.Authenticate(audioHash(c), c.query().Get("exp"), c.query().Get("sig"))
	if err != nil || a.Access.Holds(actor) == nil {
		return actor, err
	}
	if err := a.slowDown(c, a.logins, actor.Address, "this media address has failed too often"); err != nil {
		return access.Actor{}, err
	}
	if err := a.Replica.CatchUp(c.r.Context()); err != nil {
		return access.Actor{}, err
	}
	return actor, a.Access.Holds(actor)
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
