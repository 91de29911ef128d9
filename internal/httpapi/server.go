package httpapi

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"lifeline/internal/access"
	"lifeline/internal/access/signin"
	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
)

type api struct {
	Parts
	outside  outside
	document *documentTexts // of the routes
	requests pace           // per token
	logins   pace           // failed ones, per address
	codes    pace           // enrolments, per address
	signIns  pace           // tried ones, per address
	held     *held
}

// New returns the handler of the whole contract.
func New(p Parts) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	alone := newThrottle(p.Rate.PerSecond, p.Rate.Burst)
	if p.Stopping == nil {
		p.Stopping = context.Background()
	}
	a := &api{Parts: p, outside: newOutside(p), requests: alone,
		held:   &held{open: map[string]int{}},
		logins: newThrottle(1/loginEvery.Seconds(), loginBurst), codes: newThrottle(1/loginEvery.Seconds(), loginBurst),
		signIns: newThrottle(1/loginEvery.Seconds(), loginBurst)}
	if p.Rate.Shared != nil {
		a.requests = newSharedThrottle(p.Rate.Shared, alone, p.Log)
	}
	a.document = newDocumentTexts(func() (*openapi.Document, error) {
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
		e.Handle(r.Method, r.Path, a.serve(r))
		if r.Method == http.MethodGet {
			e.Handle(http.MethodHead, r.Path, a.serve(r))
		}
	}
	e.NoRoute(a.serve(route{a.noOperation, apidoc.Route{Open: true}}))
	e.NoMethod(a.serve(route{func(c *call) error {
		return fault.New(fault.NotDone, "this path does not support %s", c.r.Method)
	}, apidoc.Route{Open: true}}))
	return a.guard(e)
}

// noOperation answers for a path without an operation.
func (a *Parts) noOperation(*call) error {
	return fault.New(fault.NotFound, "this path does not exist: the address of the service is %s",
		cmp.Or(a.PublicURL, "/"))
}

// route is a handler with its declaration.
type route struct {
	handle handler
	apidoc.Route
}

// serve adapts a handler to gin.
func (a *api) serve(r route) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &call{w: g.Writer, r: g.Request, param: g.Param, meter: a.Meter, most: r.Whole(),
			stopping: a.Stopping, held: a.held}
		t := trailOf(g.Request)
		t.route, c.actor.RequestID, c.actor.Remote = r.Path, t.id, a.outside.remoteOf(g.Request)
		err := a.answer(c, r)
		t.by = c.actor.Name
		if over := c.over(); over != nil && !g.Writer.Written() {
			err = over
		}
		err = c.orStopped(err)
		switch {
		case err == nil:
		case g.Writer.Written():
			a.Log.Error("answer broken off", "path", loggedPath(c.r), "request_id", c.actor.RequestID, "error", err)
			panic(http.ErrAbortHandler) // a truncated answer must not look complete
		default:
			a.noteRefusal(c, err)
			a.fail(c, err)
		}
	}
}

// answer authorizes the caller and handles the call. This replica may lag behind another that has just acknowledged a
// change: before a change, and after NotFound, it first catches up.
func (a *api) answer(c *call, r route) error {
	err := a.admit(c, r)
	if fault.Is(err, fault.Unauthenticated) && !errors.Is(err, signin.ErrOtherBrowser) && secretOf(c.r) != "" {
		slow := a.limitPace(c, a.logins, a.outside.addressOf(c.r), "too many logins have failed from this address")
		if slow != nil {
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
	if !r.Open {
		if err := c.checkQuery(); err != nil {
			return err
		}
		defer a.whileValid(c)()
	}
	if r.Method != http.MethodGet && !r.Open {
		if err := a.Replica.CatchUp(c.r.Context()); err != nil {
			return err
		}
		if err := (stepUps{&a.Parts}).confirmed(c, r); err != nil {
			return err
		}
		return a.repeatable(c, r.handle)
	}
	err = r.handle(c)
	if fault.Is(err, fault.NotFound) && !r.Open {
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

// admit identifies the caller and checks the roles.
func (a *api) admit(c *call, r route) error {
	if r.Open {
		return nil
	}
	if err := a.requirePrivate(c); err != nil {
		return err
	}
	id := c.actor.RequestID
	actor, err := a.identify(c, r)
	if err != nil {
		return err
	}
	caller, what := actor.Token, "this token is used faster than is allowed"
	if actor.Address != "" { // a shared address must not use up the station's own allowance
		caller, what = actor.Address+" from "+a.outside.addressOf(c.r), "this media address is used faster than is allowed"
	}
	if err := a.limitPace(c, a.requests, caller, what); err != nil {
		return err
	}
	actor.RequestID, actor.Remote = id, c.actor.Remote
	c.actor = actor
	if len(actor.May) > 0 && !slices.Contains(actor.May, r.ID) {
		return fault.New(fault.Forbidden, "this token is limited to %s: use another one", strings.Join(actor.May, ", "))
	}
	if r.BySession && actor.Session == "" {
		return fault.New(fault.Forbidden, "only persons who are signed in do this, and no token: sign in")
	}
	if !permitted(actor, r) {
		return fault.New(fault.Forbidden, "a token of the role %s is not permitted to do this: use a token of the "+
			"role %s", actor.Role, orOf(r.Roles))
	}
	s := c.param("station")
	if actor.Role != access.StationJob || s == "" {
		return nil
	}
	if s != actor.Station {
		return fault.New(fault.NotFound, "there is no station %q for this token, which is that of station %q", s,
			actor.Station)
	}
	// a station must not learn which other stations exist
	if _, err := a.Scheduler.Network.Station(s); fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no station %q: this token is for it, but no network with it is applied", s)
	}
	return nil
}

// permitted reports whether the role of an actor, and the limits of the token, permit an operation.
func permitted(a access.Actor, r route) bool {
	return (a.Has(access.Admin) || slices.ContainsFunc(r.Roles, a.Has)) &&
		(len(a.May) == 0 || slices.Contains(a.May, r.ID)) && (a.Session != "" || !r.BySession)
}

// requirePrivate fails with Forbidden where others could read what a call carries.
func (a *api) requirePrivate(c *call) error {
	if a.outside.private(c.r) {
		return nil
	}
	return fault.New(fault.Forbidden, "the service takes no token from another machine without TLS: come by https. A "+
		"proxy that ends TLS is named by --trusted-proxies where the service runs, and sends X-Forwarded-Proto: https")
}

// orOf lists the allowed roles besides admin, which is always allowed.
func orOf(roles []access.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(append(names, string(access.Admin)), " or ")
}

// identify identifies the caller by the token or, without one, by the signed address.
func (a *api) identify(c *call, r route) (access.Actor, error) {
	if r.Signed && c.r.Header.Get("Authorization") == "" && c.query().Has("sig") {
		return a.identifyByAddress(c)
	}
	secret := secretOf(c.r)
	if signin.Is(secret) {
		return a.identifySession(c, secret)
	}
	return a.Access.Authenticate(secret)
}

// identifyByAddress identifies the caller for whom an address was signed. Another replica may have just created the
// token for which it was signed.
func (a *api) identifyByAddress(c *call) (access.Actor, error) {
	actor, err := a.Media.Authenticate(audioHash(c), c.query().Get("exp"), c.query().Get("sig"))
	if err != nil || a.Access.Holds(actor) == nil {
		return actor, err
	}
	if err := a.limitPace(c, a.logins, actor.Address, "this media address has failed too often"); err != nil {
		return access.Actor{}, err
	}
	if err := a.Replica.CatchUp(c.r.Context()); err != nil {
		return access.Actor{}, err
	}
	return actor, a.Access.Holds(actor)
}

// bearer returns the request's token: Bearer, or the password of Basic with any user name.
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
